"""Links between pages that carry choices along.

Streamlit drops from a link every parameter that a widget of the page one leaves is bound to, so `by=` would never
arrive at a page that has the same choice. Such choices travel packed in one parameter, and are unpacked on arrival;
period and filters, which no widget is bound to (`pages.ui.place`), stand in the link as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAPIException

from analytics.registry import DIMENSIONS
from pages.ui import place

PACKED = "with"
FORMER, EXAMPLE = "The brief: ", "Example: "  # how the names of shipped examples began, and begin
BOUND = ("by", "mode", "start_from", "week", "section", "run", "decision")


def page_link(page: str, label: str, icon: str, choices: Mapping[str, str | Sequence[str]]) -> None:
    """A link that opens another page with `choices` made there."""
    frozen = {"as_of": st.query_params["as_of"]} if "as_of" in st.query_params else {}
    st.page_link(page, label=label, icon=icon, query_params={**frozen, **pack(choices)})


def pack(choices: Mapping[str, str | Sequence[str]]) -> dict[str, str | Sequence[str]]:
    """The parameters of a link that makes these choices."""
    packed = {key: value for key, value in choices.items() if key in BOUND}
    plain = {key: value for key, value in choices.items() if key not in BOUND}
    return {**plain, PACKED: json.dumps(packed, ensure_ascii=False)} if packed else plain


def arrive() -> None:
    """Take over what a link brought, before any widget of this page is made. What is not understood is left out.

    Links of earlier versions brought period and filters packed too.
    """
    _take_new_name()
    if PACKED not in st.query_params:
        return
    text = st.query_params[PACKED]
    del st.query_params[PACKED]
    for key, value in _unpacked(text).items():
        words = isinstance(value, str) or (isinstance(value, list) and all(isinstance(v, str) for v in value))
        if words and (key in place.PERIOD or place.is_filter(key)):
            st.query_params[key] = value
        elif words and key in BOUND:
            st.session_state[key] = value = _new_name(value)
            with suppress(StreamlitAPIException):  # bound on this very page already: the widget writes it itself
                st.query_params[key] = _label(key, value)


def _take_new_name() -> None:
    asked = st.query_params.get("start_from", "")
    if (name := _new_name(asked)) != asked:
        st.session_state["start_from"] = name
        with suppress(StreamlitAPIException):
            st.query_params["start_from"] = name


def _new_name(value: Any) -> Any:
    """What an example that a link of an earlier version names is called today."""
    return EXAMPLE + value.removeprefix(FORMER) if isinstance(value, str) and value.startswith(FORMER) else value


def unpack() -> dict[str, list[str]]:
    """The choices that a link carries packed, as the address would say them; the text itself where it is none."""
    text = st.query_params.get(PACKED)
    if text is None:
        return {}
    found = {}
    for key, value in _unpacked(text).items():
        known = _label(key, value) if isinstance(value, str | list) else str(value)
        found[key] = [known] if isinstance(known, str) else list(map(str, known))
    return found or {PACKED: [text]}


def _unpacked(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _label(key: str, value: str | list[str]) -> str | list[str]:
    """A choice as the address bar writes it: the widget's label."""
    return DIMENSIONS[value].label if key == "by" and isinstance(value, str) and value in DIMENSIONS else value


def forget_unoffered(key: str, options: Sequence[str]) -> None:
    """Forget what a link asked of a widget where it is not among its options any more."""
    asked = st.session_state.get(key)
    if asked is not None and asked not in options:
        del st.session_state[key]
