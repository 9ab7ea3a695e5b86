"""What the log does not say or says oddly: model names, and who and what a row belongs to."""

from __future__ import annotations

import streamlit as st

from data.ledger import Ledger
from data.loading import attribution_rules, reprice
from data.prices import aliases
from data.prices import report as price_report
from data.prices.book import PriceBook
from pages.ui import editing, exports, shell


def show_names(view: Ledger) -> None:
    st.caption(
        "What each logged name is taken for. A name that is taken wrongly, or not found, gets an alias below;"
        " `*` stands for anything."
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
        frame[keep],
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
    columns = {
        "pattern": st.column_config.TextColumn("Name in the log (or pattern)", required=True),
        "model": st.column_config.TextColumn("Stands for model", required=True),
        "provider": "Only for provider",
        "price_provider": "Priced as sold by",
        "note": "Note",
    }
    editing.documents(
        aliases.ALIASES,
        columns,
        to_row=lambda b: b,
        to_body=lambda r, stored: {k: str(v) for k, v in r.items()},
        key="aliases",
        after=lambda: editing.what_changed(reprice.reprice(shell.ledger(), shell.state()), "renamed and repriced"),
    )


def show_meaning(view: Ledger) -> None:
    st.caption(
        "Rules say what the log does not: which team, feature, customer, task type, criticality or data class"
        " a row belongs to. Tried in order; the first that matches a column wins. They apply to rows already "
        "loaded, and taking one away restores what the log said."
    )
    columns = {
        "order": st.column_config.NumberColumn("Order", default=0, step=1),
        "field": st.column_config.TextColumn("When this field", help="A column, or tags.KEY", required=True),
        "op": st.column_config.SelectboxColumn(
            "Matches", options=["equals", "prefix", "contains", "glob", "regex"], default="equals", required=True
        ),
        "pattern": st.column_config.TextColumn("This", required=True),
        "set": st.column_config.SelectboxColumn("Set", options=list(attribution_rules.ATTRIBUTION), required=True),
        "value": st.column_config.TextColumn("To", required=True),
        "note": "Note",
    }
    editing.documents(
        attribution_rules.RULES,
        columns,
        to_row=lambda b: b,
        key="rules",
        to_body=lambda r, stored: {k: int(v) if k == "order" else str(v) for k, v in r.items()},
        after=lambda: editing.what_changed(reprice.reapply_meaning(shell.ledger(), shell.state()), "changed"),
    )
