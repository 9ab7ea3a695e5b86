"""Saved views in the sidebar: the page as it stands kept under a name, opened by all who use this store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from urllib.parse import urlencode

import streamlit as st

from data import people, wording
from data.errors import BatonError
from data.saved_views import VIEWS, SavedView, keep_view, open_with
from pages.ui import format as fmt
from pages.ui import shell
from pages.ui.navigation import PAGES

TITLES = {path: title for entries in PAGES.values() for _, title, _, path in entries}
OPEN = "views_open"
TOLD = "views_told"
OPENED, CLOSED, DELETED = "Open the dashboard with it", "No longer open with it", "Delete"


@st.fragment
def menu(path: str) -> None:
    """Open a saved view, keep this one, say with which one the dashboard opens; `path` is the page's own."""
    with st.popover("Views", icon=":material/bookmark:", key=OPEN, on_change="rerun", width="stretch") as body:
        if not body.open:
            return
        with shell.errors():
            kept, may = VIEWS.all(shell.state()), people.acting().may("documents")
            if not kept:
                st.caption("No view is saved yet: a view is a page with its period, filters and choices.")
            for name, view in kept.items():
                _row(name, view, may)
            if may:
                _keep(path)


def _row(name: str, view: SavedView, may: bool) -> None:
    """A link that loads the page anew: to the page one is on no other link can bring what its widgets hold."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        address = f"./{view.page}?{urlencode(view.query, doseq=True)}"
        st.html(f'<a href="{escape(address)}">{escape(wording.visible(name))}</a>', width="stretch")
        told = "starts" if view.start else ""
        st.caption(f"{TITLES.get(view.page, '')} {told}".strip(), width="content")
        if may:
            st.menu_button(
                "Change",
                [CLOSED if view.start else OPENED, DELETED],
                key=f"view_menu_{name}",
                type="tertiary",
                help=fmt.md(f"What to do with {name}"),
                on_click=_change,
                args=(name,),
            )


def _keep(path: str) -> None:
    st.divider()
    st.text_input("Save this view as", key="view_name", placeholder="a name")
    query = {key: st.query_params.get_all(key) for key in st.query_params if key != "as_of"}
    st.button("Save", key="view_save", icon=":material/bookmark_add:", on_click=_save, args=(path, query))
    if TOLD in st.session_state:
        st.error(fmt.md(st.session_state.pop(TOLD)), icon=":material/error:")


def _save(path: str, query: dict[str, list[str]]) -> None:
    with _told():
        keep_view(shell.state(), st.session_state["view_name"], path, query)
        st.session_state["view_name"] = ""


def _change(name: str) -> None:
    chosen = st.session_state[f"view_menu_{name}"]
    with _told():
        if chosen == DELETED:
            VIEWS.forget(shell.state(), name)
        else:
            open_with(shell.state(), name if chosen == OPENED else None)


@contextmanager
def _told() -> Iterator[None]:
    """What a callback could not do is said where it was asked for."""
    try:
        yield
    except BatonError as error:
        st.session_state[TOLD] = str(error)
