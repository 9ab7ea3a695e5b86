"""The budgets of the plan: each against its forecast, edited in a table."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from analytics import bridge, budgets
from data.ledger import Ledger
from data.state import State
from pages.ui import exports, finance_charts, shell
from pages.ui import format as fmt


def budget_lines(found: list[budgets.Status]) -> None:
    st.subheader("Budgets", anchor=False)
    if found:
        rows = [
            {
                "Budget": s.budget.name,
                "State": s.state,
                "Spent": s.spent_usd,
                "Of budget": s.spent_share,
                "Of time": s.elapsed_share,
                "Days left": s.outlook.days_left,
                "Forecast": s.outlook.p50,
                "Forecast less budget": s.variance_usd,
                "Chance of overrun": s.chance_of_overrun,
                "Overlaps": ", ".join(s.overlaps),
            }
            for s in found
        ]
        units = {
            "Spent": "USD",
            "Forecast": "USD",
            "Forecast less budget": "USD",
            "Of budget": "share",
            "Of time": "share",
            "Chance of overrun": "share",
        }
        exports.table(pd.DataFrame(rows), name="budget-status", units=units)
        to_actual(found)
    flat = [
        budget.model_dump() | {dimension: ", ".join(budget.filters.get(dimension, ())) for dimension in budgets.SCOPES}
        for budget in budgets.BUDGETS.all(shell.state()).values()
    ]
    columns = [
        "name",
        "amount",
        "period",
        *budgets.SCOPES,
        "start_day",
        "start_month",
        "starts",
        "ends",
        "soft",
        "hard",
        "currency",
        "usd_rate",
        "usd_rate_on",
        "note",
    ]
    saved = pd.DataFrame(flat, columns=columns)
    for column in ("starts", "ends", "usd_rate_on"):
        saved[column] = pd.to_datetime(saved[column]).dt.date
    saved = saved.astype(
        {"amount": float, "soft": float, "hard": float, "usd_rate": float, "start_day": float, "start_month": float}
    )
    edited = st.data_editor(
        saved,
        num_rows="dynamic",
        hide_index=True,
        width="stretch",
        key=f"budgets_{shell.state().version('budget')}",
        column_config={
            "name": st.column_config.TextColumn("Budget", required=True, pinned=True, width=120),
            "amount": st.column_config.NumberColumn("Amount", required=True, min_value=0.01, width=85),
            "period": st.column_config.SelectboxColumn(
                "Period", options=list(budgets.MONTHS), default="monthly", required=True, width=80
            ),
            **{
                name: st.column_config.TextColumn(
                    name.capitalize(), width=80, help="Several, with commas between; empty for the whole company."
                )
                for name in budgets.SCOPES
            },
            "start_day": st.column_config.NumberColumn(
                "Start day", default=1, min_value=1, max_value=28, step=1, width=70
            ),
            "start_month": st.column_config.NumberColumn(
                "Start month", default=1, min_value=1, max_value=12, step=1, width=80
            ),
            "starts": st.column_config.DateColumn("Valid from", width=90),
            "ends": st.column_config.DateColumn("Valid to, excluded", width=110),
            "usd_rate_on": st.column_config.DateColumn("Rate of", width=90),
            "soft": st.column_config.NumberColumn("Soft", default=0.8, format="percent", width=60),
            "hard": st.column_config.NumberColumn("Hard", default=1.0, format="percent", width=60),
            "currency": st.column_config.TextColumn("Currency", default="USD", width=70),
            "usd_rate": st.column_config.NumberColumn("USD for one", width=90),
        },
    )
    if st.button("Save budgets", icon=":material/save:"):
        with shell.errors():
            store([{k: v for k, v in row.items() if not (pd.isna(v) or v == "")} for row in edited.to_dict("records")])
            st.rerun()


@shell.cached(reads=("budget",))
def from_budget(view: Ledger, state: State, name: str) -> dict | None:
    result = bridge.of_budget(view, budgets.named(state, name))
    return result and bridge.described(result)


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
    checked = []
    for row in rows:
        scope = {
            d: tuple(part.strip() for part in row.pop(d).split(",") if part.strip()) for d in budgets.SCOPES if d in row
        }
        whole = {name: int(row[name]) for name in ("start_day", "start_month") if name in row}
        checked.append(budgets.checked(**(row | whole | {"name": row.get("name", ""), "filters": scope})))
    budgets.BUDGETS.replace(shell.state(), {budget.name: budget for budget in checked})
    clashes = [f"{one.name} and {other}" for one in checked for other in budgets.clashes(shell.state(), one)]
    if clashes:
        st.toast(f"These cover the same spend: {'; '.join(clashes)}.", icon=":material/warning:")
