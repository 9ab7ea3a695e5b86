"""Links between pages that carry choices along.

Streamlit drops from a link every parameter that a widget of the page one leaves is bound to, so `model=` would never
arrive at a page that has the same filter. Choices therefore travel packed in one parameter, and are unpacked on
arrival.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import streamlit as st

from analytics.registry import DIMENSIONS

PACKED = "with"
CHOICES = (
    "window",
    "team",
    "model",
    "task_type",
    "environment",
    "feature",
    "provider",
    "data_class",
    "by",
    "mode",
    "start_from",
    "week",
)


def page_link(page: str, label: str, icon: str, choices: Mapping[str, str | Sequence[str]], **params: str) -> None:
    """A link that sets widgets of the other page: `choices` by widget key (one of `CHOICES`), further `params` as they
    are.
    """
    packed = json.dumps(
        {key: value if isinstance(value, str) else list(value) for key, value in choices.items()}, ensure_ascii=False
    )
    frozen = {"as_of": st.query_params["as_of"]} if "as_of" in st.query_params else {}
    st.page_link(page, label=label, icon=icon, query_params={**frozen, **params, PACKED: packed})


def arrive() -> None:
    """Take over what a link brought, before any widget of this page is made. What is not understood is left out."""
    if PACKED not in st.query_params:
        return
    text = st.query_params[PACKED]
    del st.query_params[PACKED]
    try:
        brought = json.loads(text)
    except ValueError:
        return
    for key, value in brought.items() if isinstance(brought, dict) else ():
        if key in CHOICES and (
            isinstance(value, str) or (isinstance(value, list) and all(isinstance(v, str) for v in value))
        ):
            st.session_state[key] = value
            st.query_params[key] = _label(key, value)


def _label(key: str, value: str | list[str]) -> str | list[str]:
    """A choice as the address bar writes it: the widget's label."""
    if key == "by" and isinstance(value, str) and value in DIMENSIONS:
        return DIMENSIONS[value].label
    return value.upper() if value == "mtd" else value.capitalize() if value == "all" else value


def offered(key: str, options: Sequence[str]) -> None:
    """Forget what a link asked of a widget where it is not among its options any more."""
    asked = st.session_state.get(key)
    if isinstance(asked, list):
        st.session_state[key] = [value for value in asked if value in options]
    elif asked is not None and asked not in options:
        del st.session_state[key]
