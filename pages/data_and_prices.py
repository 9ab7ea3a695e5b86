"""Data and prices: can I trust these numbers?"""

from __future__ import annotations

import streamlit as st

from data.ledger import Ledger
from pages.parts.data import bills, files, names, prices, sources, trust
from pages.ui import format as fmt
from pages.ui import loading, shell

SECTIONS = {
    "load": "Load",
    "sources": "Sources",
    "batches": "Batches",
    "coverage": "Coverage",
    "prices": "Prices",
    "names": "Model names",
    "meaning": "Meaning",
    "bills": "Against the bill",
}
SHOW = {
    "load": lambda view: loading.panel(),
    "sources": sources.show_sources,
    "batches": files.show_batches,
    "coverage": trust.show_coverage,
    "prices": prices.show_prices,
    "names": names.show_names,
    "meaning": names.show_meaning,
    "bills": bills.show_bills,
}


def answer(view: Ledger) -> str:
    """How far the numbers can be trusted, in one sentence."""
    known = shell.standing(view)
    if known is None:
        return "Load a usage log to begin"
    aside = int(files.batches(view)["rejected"].sum())
    text = f"{fmt.share(known.priced_share)} of {fmt.count(known.attempts)} attempts have a known cost"
    if known.without_caveat_share is not None and known.without_caveat_share < 1:
        text += f", {fmt.share(known.without_caveat_share)} of the dollars without caveat"
    text += f"; {fmt.count_of(aside, 'record')} set aside" if aside else "; no record was set aside"
    return "; ".join([text, *trust.quiet(view)])


# The sections that ask something else than the page.
ANSWERS = {"bills": bills.answer, "sources": sources.answer, "meaning": names.meaning_answer}

view = shell.view()
title = st.container()
section = st.segmented_control(
    "Section",
    list(SECTIONS),
    format_func=lambda name: SECTIONS[name],
    default="load" if shell.standing(view) is None else "batches",
    required=True,
    key="section",
    bind="query-params",
    label_visibility="collapsed",
)
with title:
    shell.header(ANSWERS.get(section or "", answer)(view) or answer(view), view)
with shell.errors():
    SHOW[section or "load"](view)
