"""What the address asks of a page that the page cannot follow: said once, at its top, never left out in silence.

Streamlit takes a value that a bound widget does not offer out of the address without a word, and leaves a parameter
alone that nobody reads. Its own account of both is asked for here, in this one place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state.query_params import _coerce_value_for_query_url, parse_url_param

from pages.ui import format as fmt
from pages.ui import links, place, shell

PAGE = "page_of_the_address"
LONGEST = 60  # signs of a value that are said


@contextmanager
def follow(path: str) -> Iterator[None]:
    """Around a page's run: on arrival, say what of its address it did not follow; `path` is the page's own."""
    top = st.container()
    came = st.session_state.get(PAGE) != path
    asked = {name: st.query_params.get_all(name) for name in st.query_params} | links.unpack() if came else {}
    place.forget_what_was_read()
    # Where the page ends early, what it would have read further down is not known.
    st.session_state[place.AT_AN_EARLY_END] = partial(_tell, top, path, asked, ended_early=True)
    yield
    st.session_state.pop(place.AT_AN_EARLY_END, None)
    _tell(top, path, asked, ended_early=False)


def _tell(top: st.delta_generator.DeltaGenerator, path: str, asked: Mapping[str, list[str]], ended_early: bool) -> None:
    st.session_state[PAGE] = path
    shown = {name: _widget_value(name, values) for name, values in asked.items()}
    refused = {name: asked[name] for name, follows in shown.items() if follows is False or place.was_refused(name)}
    unread = {name: asked[name] for name, follows in shown.items() if follows is None and not place.was_read(name)}
    told = []
    if refused:
        told.append(f"The link asks for {_named(refused)}, which this page does not offer; it shows its usual choice.")
    if unread and not ended_early and shell.standing(shell.view()) is not None:
        told.append(f"The link also says {_named(unread)}, which changes nothing on this page.")
    if told:
        top.warning(fmt.md(" ".join(told)), icon=":material/link_off:")


def _named(asked: Mapping[str, Sequence[str]]) -> str:
    parts = [f"{name.replace('_', ' ')} “{_short(', '.join(values))}”" for name, values in asked.items()]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _widget_value(name: str, asked: list[str]) -> bool | None:
    """Whether the widget bound to a parameter shows what was asked for; None where no widget is bound to it."""
    context = get_script_run_ctx()
    if context is None or name not in st.session_state:
        return None
    state = context.session_state._state
    binding = state.query_params.get_binding_for_param(name)
    known = state._new_widget_state.widget_metadata.get(binding.widget_id) if binding else None
    if known is None:
        return None
    try:
        wanted = _coerce_value_for_query_url(parse_url_param(asked, known.value_type), known.value_type)
    except (ValueError, TypeError):
        return False
    given = known.serializer(st.session_state[name])
    # A number input of whole numbers gives 24, an address is read as 24.0.
    whole = known.value_type == "double_value" and isinstance(given, int)
    shown = _coerce_value_for_query_url(float(given) if whole else given, known.value_type)
    return _as_list(wanted) == _as_list(shown)


def _as_list(value: str | list[str]) -> list[str]:
    return sorted(value) if isinstance(value, list) else [value]
