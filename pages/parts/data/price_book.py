"""The list prices in force and their age; another edition is compared in dollars, then accepted or refused."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from data import people
from data.ledger import Ledger
from data.loading import reprice
from data.loading.price_effect import Effect, price_effect
from data.prices import editions, refresh
from data.prices.refresh import Proposal
from data.sources.price_download import download
from pages.ui import document_list, exports, shell
from pages.ui import format as fmt

PROPOSED = "proposed_prices"
UNITS = dict.fromkeys(("before_usd", "after_usd", "change_usd", "list_change_usd"), "USD")
LABELS = {
    "price_before": "Price now, USD per 1M tokens",
    "price_after": "Price then, USD per 1M tokens",
    "before_usd": "28 days now, USD",
    "after_usd": "28 days then, USD",
    "change_usd": "Change, USD",
    "list_change_usd": "Change at list prices, USD",
}


def show_price_book(view: Ledger) -> None:
    """What holds, what held before, and the way to another edition."""
    st.subheader("List prices", anchor=False)
    held = editions.choice(view.home)
    origin = f", from {held.in_force.origin}" if held.in_force.origin else ""
    st.caption(fmt.md(f"In force: {held.in_force.told}{origin}. Rows keep the price they were loaded with."))
    if held.in_force.origin == editions.BEFORE_UPDATE:
        newer = f"The installed package has {editions.of_package().told}"
        st.info(fmt.md(f"{newer}. They hold once they are compared and accepted."), icon=":material/update:")
    if told := st.session_state.pop("price_book_told", ""):
        st.success(fmt.md(told), icon=":material/check_circle:")
    if not people.acting().may("price book"):
        st.caption("An admin refreshes them.")
        return
    _ask()
    if proposal := st.session_state.get(PROPOSED):
        _compare(view, proposal)
    with st.container(horizontal=True):
        if held.before and st.button("Put the list prices before back", icon=":material/undo:", key="price_book_undo"):
            with shell.errors():
                before = refresh.take_back(shell.ledger(), shell.state())
                _done(f"{before.told} is in force again.")
        if st.button("Reprice all rows by the prices in force", icon=":material/sync:", key="price_book_reprice"):
            with shell.errors(), st.spinner("Pricing the rows anew"):
                _done(document_list.what_changed(reprice.reprice(shell.ledger(), shell.state()), "repriced"))


def _ask() -> None:
    """Another edition: a file, the address that the package updates itself from, or the package's own."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        file = st.file_uploader(
            "genai-prices' data file (prices/new_data/v2/data.json)", type="json", key="price_book_file", width=420
        )
        today = datetime.now(UTC).date()
        day = st.date_input("Downloaded on", today, max_value=today, key="price_book_day", width=160)
        if st.button("Compare the file", disabled=not file, key="price_book_compare", icon=":material/compare:"):
            with shell.errors():
                people.require("price book")
                if file:
                    st.session_state[PROPOSED] = refresh.read(file.getvalue(), day, file.name)
    with st.container(horizontal=True):
        if st.button("Download and compare", key="price_book_download", icon=":material/cloud_download:"):
            with shell.errors(), st.spinner("Asking for it"):
                people.require("price book")
                st.session_state[PROPOSED] = download()
        if editions.choice(shell.ledger().home).in_force.sha256 and st.button(
            "Compare the installed package's", key="price_book_package", icon=":material/inventory_2:"
        ):
            st.session_state[PROPOSED] = refresh.of_package()


def _compare(view: Ledger, proposal: Proposal) -> None:
    """The difference in dollars, and the two answers to it."""
    with shell.errors(), st.spinner("Pricing the last 28 days by both"):
        effect = price_effect(view, shell.state(), proposal.catalogue)
        st.write(f"**{fmt.md(proposal.edition.told)}**: {fmt.md(effect.sentence)}")
        if len(effect.rows):
            exports.table(effect.rows, name="price-book-difference", units=UNITS, labels=LABELS)
        accept, refuse = st.columns(2)
        if accept.button("Put it in force", type="primary", key="price_book_accept", icon=":material/check:"):
            _accept(proposal, effect)
        if refuse.button("Refuse it", key="price_book_refuse", icon=":material/close:"):
            refresh.refuse(shell.state(), proposal, effect.before, effect.told)
            st.session_state.pop(PROPOSED)
            _done(f"{proposal.edition.told} was refused; nothing was changed.")


def _accept(proposal: Proposal, effect: Effect) -> None:
    st.session_state.pop(PROPOSED)  # an edition that was put in force meanwhile asks for another look
    refresh.accept(shell.ledger(), shell.state(), proposal, effect.before, effect.told)
    _done(f"{proposal.edition.told} is in force for what is loaded from now on; reprice the rows to apply it to them.")


def _done(sentence: str) -> None:
    st.session_state["price_book_told"] = sentence
    st.rerun()
