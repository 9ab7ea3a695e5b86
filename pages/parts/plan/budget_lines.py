"""The budgets of the plan: each against its forecast, edited in a table."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from analytics.bridges import bridge
from analytics.budgets import budgets
from analytics.budgets.budget import BUDGETS, PERIODS, SCOPES, Budget, check_budget, clashes, find_budget, save
from analytics.registry import DIMENSIONS
from data.dimensions import PREFIX, free_dimensions
from data.errors import BadInput
from data.ledger import Ledger
from data.state import State
from pages.parts.plan.scope_words import scope_of, scope_text
from pages.ui import editing, exports, filters, finance_charts, shell
from pages.ui import format as fmt

NOUNS = dict(zip(PERIODS, ("day", "week", "month", "quarter", "year"), strict=True))
MORE = {
    "start_weekday": st.column_config.NumberColumn("Start weekday", default=1, min_value=1, max_value=7, step=1),
    "start_day": st.column_config.NumberColumn("Start day", default=1, min_value=1, max_value=28, step=1),
    "start_month": st.column_config.NumberColumn("Start month", default=1, min_value=1, max_value=12, step=1),
    "starts": st.column_config.DateColumn("Valid from"),
    "ends": st.column_config.DateColumn("Valid to, excluded"),
    "soft": st.column_config.NumberColumn("Soft", default=0.8, format="percent"),
    "hard": st.column_config.NumberColumn("Hard", default=1.0, format="percent"),
    "currency": st.column_config.TextColumn("Currency", default="USD"),
    "usd_rate": st.column_config.NumberColumn("USD for one"),
    "usd_rate_on": st.column_config.DateColumn("Rate of"),
    "note": st.column_config.TextColumn("Note"),
}


OPEN_VALUES = ("key_alias", "user_id", "customer_id")  # too many to list: typed, not chosen


def budget_lines(view: Ledger, found: list[budgets.Status]) -> None:
    st.subheader("Budgets", anchor=False)
    if found:
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
        states = dict.fromkeys(s.state for s in found)
        st.caption(fmt.md("; ".join(f"{name}: {budgets.STATES[name]}" for name in states) + "."))
        to_actual(found)
    add_budget(view)
    edit_budgets()


def add_budget(view: Ledger) -> None:
    """A new budget in four fields; the rest is in the table of all budgets."""
    with st.expander("Add a budget", icon=":material/add:"), st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name", key="budget_name", width=180)
        amount = st.number_input("Amount, USD", min_value=0.0, value=None, key="budget_amount", width=130)
        period = st.selectbox("Per", PERIODS, index=2, key="budget_period", format_func=NOUNS.__getitem__, width=110)
        by = st.selectbox(
            "For",
            ["", *SCOPES, *(PREFIX + one.name for one in free_dimensions(view))],
            key="budget_by",
            width=170,
            format_func=lambda n: DIMENSIONS[n].label if n else "The whole company",
        )
        values: list[str] = []
        if by in OPEN_VALUES:
            typed = st.text_input("Which, with commas between", key="budget_typed", width=220)
            values = [part.strip() for part in typed.split(",") if part.strip()]
        elif by:
            values = st.multiselect("Which", filters.options(view, by), key="budget_values", width=220)
        if st.button("Add budget", icon=":material/add:", key="budget_add"):
            with shell.errors():
                if by and not values:
                    raise BadInput(f"Name the {DIMENSIONS[by].label.lower()} that the budget is for.")
                if name.strip() in BUDGETS.all(shell.state()):
                    raise BadInput(f"There is a budget {name.strip()!r} already; change it in the table below.")
                scope = {by: tuple(values)} if by else {}
                budget = check_budget(name=name.strip(), amount=amount or 0, period=period, filters=scope)
                say_overlaps([budget], {budget.name: save(shell.state(), budget)})
                st.toast(fmt.md(f"{budget.name} is saved."), icon=":material/check_circle:")
                st.rerun()


def edit_budgets() -> None:
    """Every budget with all of its fields, as a table."""
    kept = BUDGETS.all(shell.state())
    with st.expander("All budgets, to change or remove", icon=":material/edit:", expanded=False):
        flat = [budget.model_dump() | {"scope": scope_text(budget.filters)} for budget in kept.values()]
        saved = editing.frame(
            flat,
            ["name", "amount", "period", "scope", *MORE],
            dates=("starts", "ends", "usd_rate_on"),
            numbers=("amount", "soft", "hard", "usd_rate", "start_day", "start_month", "start_weekday"),
        )
        columns = {
            "name": st.column_config.TextColumn("Budget", required=True, pinned=True, width=120),
            "amount": st.column_config.NumberColumn("Amount", required=True, min_value=0.01, width=85),
            "period": st.column_config.SelectboxColumn(
                "Period", options=list(PERIODS), default="monthly", required=True, width=80
            ),
            "scope": st.column_config.TextColumn(
                "For", width=200, help=f"team=search, platform; model=gpt-5.2. Of {', '.join(SCOPES)}, tag:NAME."
            ),
            **MORE,
        }
        edited = editing.table(saved, columns, key=f"budgets_{shell.state().version('budget')}")
        if st.button("Save budgets", icon=":material/save:"):
            with shell.errors():
                store(edited)
                st.rerun()


@shell.cached(reads=("budget",))
def from_budget(view: Ledger, state: State, name: str) -> dict | None:
    result = bridge.of_budget(view, find_budget(state, name))
    return result and bridge.json_form(result)


def to_actual(found: list[budgets.Status]) -> None:
    """Budget to actual for one budget: what it allowed for, and what drove spend since the period before."""
    running = [s.budget.name for s in found if s.state not in ("ended", "not started")]
    if not running:
        return
    with st.expander(
        "From budget to actual", icon=":material/compare_arrows:", key="to_actual_open", on_change="rerun"
    ) as opened:
        if not opened.open:
            return
        name = st.selectbox("Budget", running, key="bridge_budget", width=240)
        told = from_budget(shell.view(), name)
        if not told:
            st.caption("The period has no whole day yet.")
            return
        meaning = (
            f"The budget for the days gone, {fmt.usd(told['start_usd'])}, against {fmt.usd(told['end_usd'])} "
            "spent. The allowance is the budget against as many days before the period; the other bars say why "
            "spend left those."
        )
        shell.chart(finance_charts.drivers(told, shell.palette()), alt=meaning, key="to_actual")
        st.caption(fmt.md(meaning))


def store(rows: list[dict]) -> None:
    """Check every budget before the first is written; names that are gone are forgotten."""
    made = []
    for row in rows:
        scope = scope_of(row.pop("scope")) if "scope" in row else {}
        whole = {name: int(row[name]) for name in ("start_day", "start_month", "start_weekday") if name in row}
        made.append(check_budget(**(row | whole | {"name": row.get("name", ""), "filters": scope})))
    BUDGETS.replace(shell.state(), {budget.name: budget for budget in made})
    say_overlaps(made, {one.name: clashes(shell.state(), one) for one in made})


def say_overlaps(made: list[Budget], found: Mapping[str, list[str]]) -> None:
    """Say which budgets count the same spend twice."""
    pairs = [f"{one.name} and {other}" for one in made for other in found[one.name]]
    if pairs:
        st.toast(fmt.md(f"These cover the same spend: {'; '.join(pairs)}."), icon=":material/warning:")
