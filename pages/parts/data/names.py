"""What the log does not say or says oddly: model names, and who and what a row belongs to."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from data import dimensions
from data.ledger import Ledger
from data.loading.attribution_rules import RULES
from data.prices import report as price_report
from data.prices.book import PriceBook
from pages.parts.data import alias_form, attribution_form
from pages.ui import exports, shell
from pages.ui import format as fmt


def show_names(view: Ledger) -> None:
    st.caption(
        "What each logged name is taken for. A name that is taken wrongly, or not found, gets an alias below."
        " In it, a * stands for anything."
    )
    frame = price_report.names(view, PriceBook.load(shell.state()))
    keep = [
        "provider",
        "host",
        "model_raw",
        "canonical_provider",
        "model",
        "matched_by",
        "found",
        "attempts",
        "cost_usd",
    ]
    exports.table(
        frame[keep].assign(matched_by=frame["matched_by"].map(fmt.in_quotes, na_action="ignore")),
        name="model-names",
        units={"cost_usd": "USD", "attempts": "attempts"},
        labels={
            "model_raw": "Name in the log",
            "model": "Taken for",
            "canonical_provider": "Provider",
            "cost_usd": "Spend, USD",
        },
    )
    st.subheader("Aliases", anchor=False)
    alias_form.manage(view)


def meaning_answer(view: Ledger) -> str:
    """The section's title: what says whose work a row is."""
    rules = len(RULES.all(shell.state()))
    if not rules:
        return "The log alone says whose work a row is: no rule adds to it"
    return f"{fmt.count_of(rules, 'rule')} {'says' if rules == 1 else 'say'} what the log does not"


def show_meaning(view: Ledger) -> None:
    st.caption(
        "Rules say what the log does not: which team, feature, customer, task type, criticality or data class"
        " a row belongs to. Tried in order; the first that matches a column wins. They apply to rows already "
        "loaded, and taking one away restores what the log said."
    )
    attribution_form.manage(view)
    own_dimensions(view)


def own_dimensions(view: Ledger) -> None:
    """Keys of the tags as dimensions: what is declared, and a form to add one or take one away."""
    st.subheader("Your own dimensions", anchor=False)
    st.caption(
        "A key of the log's tags (a request tag, a metadata key) becomes a column: from then on it splits and filters "
        "in Explore, in budgets, in chargeback and on the command line, at the cost of any other column."
    )
    known = dimensions.free_dimensions(view)
    if known:
        rows = [{"Dimension": dimensions.PREFIX + one.name, "Key of the tags": one.tag} for one in known]
        exports.table(pd.DataFrame(rows), name="own-dimensions")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        tag = st.selectbox(
            "Key of the tags",
            attribution_form.offered_tags(view),
            index=None,
            accept_new_options=True,
            key="dimension_tag",
            width=260,
            help="Dots descend into nested keys. An entry such as cost:42 of a list of request tags counts too.",
        )
        name = st.text_input("Called", key="dimension_name", placeholder="cost_center", width=200)
        if st.button("Add the dimension", icon=":material/add:", key="dimension_add"):
            with shell.errors(), st.spinner("Reading it from the rows already loaded"):
                rows_with_it = dimensions.add(shell.ledger(), shell.state(), name, tag or "")
                st.toast(f"{fmt.count(rows_with_it)} attempts carry it.", icon=":material/check_circle:")
                st.rerun()
        if known:
            gone = st.selectbox("Remove", [one.name for one in known], index=None, key="dimension_gone", width=160)
            if gone and st.button("Remove it", key="dimension_remove"):
                with shell.errors():
                    dimensions.remove(shell.ledger(), shell.state(), gone)
                    st.rerun()
