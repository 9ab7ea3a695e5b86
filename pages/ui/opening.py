"""Opening another page with choices made there, from the sidebar, a dialog or before the page itself has begun."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import streamlit as st

from data.errors import BatonError
from data.saved_views import start_view
from pages.ui import shell

ASKED = "page_to_open"
STARTED = "opened_once"


def ask(path: str, query: Mapping[str, str | Sequence[str]]) -> None:
    """The next run opens the page at `path` with these parameters, none of them bound to a widget that stands."""
    st.session_state[ASKED] = (path, dict(query))


def ask_for_start(path: str) -> None:
    """The start page that the team has marked, once a visit, for an address that asks for nothing."""
    if STARTED in st.session_state:
        return
    st.session_state[STARTED] = True
    if path or st.query_params:
        return
    try:
        view = start_view(shell.state())
    except BatonError:  # one that cannot be read is told where views are listed
        return
    if view is not None:
        ask(view.page, view.query)


def go_on(pages: Iterable[Any]) -> None:
    """Switch to the page that was asked for, if one was; `pages` are Streamlit's."""
    path, query = st.session_state.pop(ASKED, (None, {}))
    for page in pages:
        if page.url_path == path:
            st.switch_page(page, query_params=query)
