"""Baton: entry, navigation, page chrome and the sign-in gate; nothing else."""

from __future__ import annotations

import streamlit as st

from data.errors import BatonError
from pages.ui import format as fmt
from pages.ui import shell
from pages.ui.navigation import PAGES


def gate() -> None:
    """Ask for sign-in where the operator configured a provider in .streamlit/secrets.toml; otherwise local use needs none."""
    try:
        configured = "auth" in st.secrets
    except FileNotFoundError:
        configured = False
    if configured and not st.user.is_logged_in:
        st.title("Sign in to Baton", anchor=False)
        st.button("Sign in", on_click=st.login, type="primary")
        st.stop()


def brand() -> None:
    """The name at the top of the sidebar, in the colours of the theme: a baton and its word."""
    palette = shell.palette()
    st.logo(
        '<svg xmlns="http://www.w3.org/2000/svg" width="104" height="32" viewBox="0 0 104 32">'
        f'<path d="M5 26 L23 7" stroke="{palette.primary}" stroke-width="3" stroke-linecap="round"/><circle cx="5" cy="26" r="4" fill="{palette.more}"/>'
        f'<text x="34" y="24" font-family="sans-serif" font-size="23" font-weight="600" fill="{palette.text}">Baton</text></svg>',
        size="large",
    )


def status() -> None:
    """The bottom of the sidebar: what the ledger holds."""
    with st.sidebar:
        try:
            known = shell.facts(shell.view())
        except BatonError:
            return
        if known["attempts"]:
            st.caption(
                f"{fmt.count(known['attempts'])} attempts, {fmt.day(known['first_day'])} to {fmt.day(known['last_day'])}"
            )
            loaded = "" if known["loaded"] is None else f"Last load {known['loaded']:%d %b %Y %H:%M} UTC, "
            st.caption(f"{loaded}data version {shell.view().snapshot()}")
        else:
            st.caption("The ledger is empty.")


st.set_page_config(page_title="Baton", page_icon=":material/music_note:", layout="wide", initial_sidebar_state=220)
gate()
brand()
page = st.navigation(
    {
        group: [
            st.Page(f"pages/{file}.py", title=title, icon=icon, url_path=path or None, default=not path)
            for file, title, icon, path in entries
        ]
        for group, entries in PAGES.items()
    },
    expanded=True,
)
with shell.errors():
    page.run()
status()
