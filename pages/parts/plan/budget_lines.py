"""The budgets of the plan: each against its forecast in words, added and changed in a dialog."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import pandas as pd
import streamlit as st

from analytics.bridges import bridge
from analytics.budgets import budgets
from analytics.budgets.budget import BUDGETS, find_budget
from data import wording
from data.ledger import Ledger
from data.state import State
from pages.parts.plan.budget_form import NOUNS, dialog
from pages.parts.plan.scope_words import scope_text
from pages.ui import document_list, drill, exports, finance_charts, shell
from pages.ui import format as fmt
from pages.ui.period import DAYS

BADGES = {"under": "within"}


def budget_lines(view: Ledger, found: list[budgets.Status]) -> None:
    st.subheader("Budgets", anchor=False)
    if not found:
        st.caption("No budget is set. A name, an amount, a period and whom it is for make one.")
    manage(view, {one.budget.name: in_words(one) for one in found})
    if found:
        to_actual(found)
        with st.expander("Table: budgets", icon=":material/table:"):
            status_table(found)


@st.fragment
def manage(view: Ledger, words: dict[str, str]) -> None:
    """The budgets in words, each with its menu; only a save runs the page anew."""
    document_list.rows(BUDGETS, words, partial(dialog, view), add="Add a budget")


def in_words(one: budgets.Status) -> str:
    """A budget in a line: what it allows whom, how far it is used up, how likely it is not enough."""
    budget = one.budget
    of = (
        f"{fmt.usd(budget.amount_usd)} a {NOUNS[budget.period]} for {scope_text(budget.filters) or 'the whole company'}"
    )
    said = [of]
    if one.spent_share is not None:
        said.append(
            f"{fmt.share(one.spent_share)} spent with {fmt.share(one.elapsed_share)} of the {NOUNS[budget.period]} gone"
        )
    if one.chance_of_overrun is not None:
        said.append(f"chance of overrun {fmt.odds(one.chance_of_overrun)}")
    if one.runs_out:
        said.append(one.runs_out.words)
    return f"**{fmt.md(budget.name)}** {_badge(one)} {fmt.md('; '.join(said))}."


def _badge(one: budgets.Status) -> str:
    reached = {"hard": one.budget.hard, "soft": one.budget.soft}
    if one.state in reached:
        return f":orange-badge[past {fmt.md(wording.percent(reached[one.state]))}]"
    return ":red-badge[over]" if one.state == "over" else f":gray-badge[{BADGES.get(one.state, one.state)}]"


def status_table(found: list[budgets.Status]) -> None:
    rows = [
        {
            "Budget": s.budget.name,
            "For": scope_text(s.budget.filters) or "the whole company",
            "Period": s.budget.period,
            "Amount": s.budget.amount_usd,
            "Spent": s.spent_usd,
            "Forecast": s.outlook.p50,
            "Overrun": fmt.odds(s.chance_of_overrun),
            "Runs out": s.runs_out.words if s.runs_out else fmt.MISSING,
            "State": s.state,
            "Of budget": s.spent_share,
            "Of time": s.elapsed_share,
            "From": s.outlook.start,
            "Days left": s.outlook.days_left,
            "Forecast less budget": s.variance_usd,
            "Overlaps": ", ".join(s.overlaps),
        }
        for s in found
    ]
    dollars = ("Amount", "Spent", "Forecast", "Forecast less budget")
    units = dict.fromkeys(dollars, "USD whole") | {"Of budget": "share", "Of time": "share"}
    exports.table(pd.DataFrame(rows), name="budget-status", units=units, whole=True)


@shell.cached(reads=("budget",))
def from_budget(view: Ledger, state: State, name: str) -> dict | None:
    result = bridge.of_budget(view, find_budget(state, name))
    return result and bridge.json_form(result)


def to_actual(found: list[budgets.Status]) -> None:
    """Budget to actual for one budget: what it allowed for, and what drove spend since the period before."""
    running = {s.budget.name: s for s in found if s.state not in ("ended", "not started")}
    if not running:
        return
    with st.expander(
        "From budget to actual", icon=":material/compare_arrows:", key="to_actual_open", on_change="rerun"
    ) as opened:
        if not opened.open:
            return
        name = st.selectbox("Budget", list(running), key="bridge_budget", width=240)
        told = from_budget(shell.view(), name)
        if not told:
            st.caption("The period has no whole day yet.")
            return
        meaning = (
            f"The budget for the days gone, {fmt.usd(told['start_usd'])}, against {fmt.usd(told['end_usd'])} "
            "spent. The allowance is the budget against as many days before the period; the other bars say why "
            "spend left those."
        )
        behind = {driver["label"]: rows_of(running[name]) for driver in told["drivers"]}
        shell.chart(
            finance_charts.drivers(told, shell.palette()),
            alt=meaning,
            key="to_actual",
            on_select=drill.open_on_click("to_actual", "explore", behind),
        )
        st.caption(fmt.md(f"{meaning} A click on a bar opens what was spent."))


def rows_of(one: budgets.Status) -> dict[str, str | Sequence[str]]:
    """The link to what a budget's scope has spent in its period so far."""
    last = one.outlook.known_until - timedelta(days=1)
    return {
        **one.budget.filters,
        "window": DAYS,
        "from": f"{one.outlook.start:%Y-%m-%d}",
        "to": f"{last:%Y-%m-%d}",
    }
