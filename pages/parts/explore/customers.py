"""What customers pay against what they cost, on Explore by customer: the answer, and the table to type it into."""

from __future__ import annotations

import streamlit as st

from analytics.billing.customer_income import INCOMES, Margins, margins
from analytics.scope import ClosedScope
from data.ledger import Ledger
from data.state import State
from pages.ui import editing, exports, shell
from pages.ui import format as fmt

LABELS = {
    "customer_id": "Customer",
    "income_usd": "Pays, USD",
    "cost_usd": "Costs, USD",
    "left_usd": "Left, USD",
}


@shell.cached(reads=("customer_income",))
def margins_of(view: Ledger, state: State, scope: ClosedScope) -> Margins:
    return margins(view, state, scope)


def customers(view: Ledger, scope: ClosedScope) -> None:
    """Who costs more than they pay; computed for who opens it, and for nobody who reads some teams' rows alone: a part
    of a customer's cost against all of their income is no margin."""
    if view.teams:
        return
    with st.expander(
        "Which customers cost more than they pay?", icon=":material/balance:", key="margins", on_change="rerun"
    ) as opened:
        if not opened.open:
            return
        found = margins_of(view, scope)
        if found.rows.empty:
            st.caption("No income is known: type or paste what each customer pays a month, by their name in the log.")
        else:
            st.write(fmt.md(answer(found)))
            units = dict.fromkeys(("income_usd", "cost_usd", "left_usd"), "USD")
            exports.table(found.rows, name="customer-margins", units=units, labels=LABELS)
            st.caption(fmt.md(stands_on(found)))
        editing.documents(
            INCOMES,
            {"usd_month": st.column_config.NumberColumn("Pays, USD a month", min_value=0.0, format="dollar")},
            to_row=lambda body: {"usd_month": body.get("usd_month")},
            to_body=lambda row, stored: row,
            after=lambda: "Saved; margins follow it from now on.",
            key="customer_income",
        )


def answer(found: Margins) -> str:
    """Who loses money, in a sentence."""
    losing, every = found.losing, fmt.count_of(len(found.rows), "customer")
    if losing.empty:
        return f"None of {every} with a known income costs more than they pay."
    first = losing.iloc[0]
    verb = "costs" if len(losing) == 1 else "cost"
    return (
        f"{fmt.count(len(losing))} of {every} with a known income {verb} more than they pay, by "
        f"{fmt.usd(-losing['left_usd'].sum())} in all; most of it {first['customer_id']}, by "
        f"{fmt.usd(-first['left_usd'])}."
    )


def stands_on(found: Margins) -> str:
    """What the answer stands on, and whom it leaves out."""
    told = f"On {fmt.count_of(found.days, 'whole day')} of the log: income by the day, less what the requests cost."
    if found.others:
        told += f" {fmt.count_of(found.others, 'customer')} without a known income cost {fmt.usd(found.others_usd)}."
    return told + (f" {fmt.usd(found.without_usd)} names no customer." if found.without_usd else "")
