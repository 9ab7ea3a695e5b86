"""Baton: entry, navigation, page chrome and the sign-in gate; nothing else."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import streamlit as st

from data.errors import BatonError
from pages.ui import address, contrast, how_computed, opening, saved_views, search_box, shell, sign_in, theme_watch
from pages.ui import format as fmt
from pages.ui.navigation import PAGES


def brand() -> None:
    """The name at the top of the sidebar, in the colours of the theme: a baton and its word."""
    palette = shell.palette()
    st.logo(
        '<svg xmlns="http://www.w3.org/2000/svg" width="104" height="32" viewBox="0 0 104 32">'
        f'<path d="M5 26 L23 7" stroke="{palette.primary}" stroke-width="3" stroke-linecap="round"/>'
        f'<circle cx="5" cy="26" r="4" fill="{palette.more}"/>'
        f'<text x="34" y="24" font-family="sans-serif" font-size="23" font-weight="600" '
        f'fill="{palette.text}">Baton</text></svg>',
        size="large",
    )


def status() -> None:
    """The bottom of the sidebar: what the ledger holds."""
    try:
        view = shell.view()  # outside of the sidebar: what it says of the link belongs to the page
        known = shell.standing(view)
    except BatonError:
        return
    with st.sidebar:
        if known is not None:
            st.caption(f"{fmt.count_of(known.attempts, 'attempt')}, {fmt.days(known.first_day, known.last_day)}")
            loaded = "" if known.loaded is None else f"Last load {fmt.day(known.loaded)} {known.loaded:%H:%M} UTC, "
            st.caption(f"{loaded}data version {view.snapshot()}")
        else:
            st.caption("The ledger is empty.")


st.set_page_config(
    page_title="Baton",
    page_icon=str(Path(__file__).parent / "pages/ui/baton.svg"),
    layout="wide",
    initial_sidebar_state=220,
)
contrast.readable_in_the_dark()
person = sign_in.gate()
brand()
pages = {
    group: [
        st.Page(
            f"pages/{file}.py",
            title=title,
            icon=icon,
            url_path=path or None,
            default=not path,
            visibility="visible" if person.may_open(file) else "hidden",  # links to it stay links, and are refused
        )
        for file, title, icon, path in entries
    ]
    for group, entries in PAGES.items()
}
page = st.navigation(pages, expanded=True)
opening.ask_for_start(page.url_path)
opening.go_on(chain.from_iterable(pages.values()))
with st.sidebar:
    search_box.button()
    saved_views.menu(page.url_path)
    theme_watch.redraw_on_switch()
sign_in.show_person(person)
with shell.errors():
    sign_in.check_page(person, page.url_path)
    st.session_state[how_computed.PATH] = page.url_path
    with address.follow(page.url_path):
        status()  # before the page, which may end its run where it has no answer
        page.run()
