"""What changed in the week: tiles, pacing, the bridge, the movers, and models that answer otherwise than before."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import streamlit as st

from analytics import unit_costs
from analytics.registry import DIMENSIONS
from analytics.scope import Scope
from analytics.weekly import report
from data.ledger import Ledger
from pages.ui import drill, exports, finance_charts, shell, tiles
from pages.ui import format as fmt
from pages.ui.period import DAYS


def kpis(found: dict) -> None:
    pacing, bridge = found["pacing"], found["bridge"]
    month = pacing["month"]
    cells = tiles.row()
    logged = len(pacing["no_log"]) < 7
    moved = bridge["end_usd"] / bridge["start_usd"] - 1 if logged and bridge and bridge["start_usd"] else None
    told = None if moved is None else "as the week before" if abs(moved) < 0.0005 else AGAINST
    cells[0].metric(
        "Spend this week",
        fmt.usd_short(pacing["week_usd"] if logged else None),
        delta=fmt.delta(fmt.share_change(moved)) if moved and told == AGAINST else None,
        delta_color="inverse",
        delta_description=told,
    )
    name = f"{date.fromisoformat(month['start']):%B}, P50"
    span = (
        fmt.usd_range(month["p10"], month["p90"])
        if month["p10"] is not None
        else "no forecast yet"
        if month["p50"] is None
        else "run rate only"
    )
    ends = "" if month["p10"] is None else "Below it P10 to P90, which hold in 8 of 10 cases. "
    meaning = fmt.md(f"{ends}{month['note']}")
    cells[1].metric(name, fmt.usd_short(month["p50"]), help=meaning, delta=None, delta_description=span)
    company = next((b for b in pacing["budgets"] if not b["filters"]), None)
    chance = company and company["chance_of_overrun"]
    text = fmt.odds(chance) if chance is not None else fmt.MISSING
    cells[2].metric(
        "Chance of overrun",
        text,
        help="of the company's budget" if company else "No budget is set; set one on the Budget plan page.",
    )
    units = found["units"]
    cells[3].metric("Per successful task", fmt.usd(units["per_successful_task_usd"]), help=units["note"])


def pacing(found: dict) -> None:
    st.subheader("1. Pacing", anchor=False)
    st.write(fmt.md(report.pace(found)))
    if trust := report.trust(found):
        st.caption(fmt.md(trust))
    if days := found["pacing"]["no_log"]:
        st.warning(
            f"No log at all on {', '.join(map(fmt.day, days))}: the week's total is too low.",
            icon=":material/warning:",
        )
    if budgets := found["pacing"]["budgets"]:
        columns = (
            *("name", "period", "amount_usd", "spent_usd", "p50", "chance_of_overrun", "runs_out_text"),
            *("days_left", "state"),
        )
        labels = {
            "name": "Budget",
            "period": "Period",
            "state": "State",
            "amount_usd": "Amount, USD",
            "spent_usd": "Spent, USD",
            "p50": "Forecast, USD",
            "chance_of_overrun": "Chance of overrun",
            "runs_out_text": "Runs out",
            "days_left": "Days left",
        }
        units = {"amount_usd": "USD", "spent_usd": "USD", "p50": "USD"}
        shown = pd.DataFrame(budgets)[list(columns)]
        shown["chance_of_overrun"] = [fmt.odds(chance) for chance in shown["chance_of_overrun"]]
        exports.table(shown, name=f"budgets-{found['week']}", units=units, labels=labels)
    else:
        set_it = {"part": "Budgets"}
        st.page_link("pages/plan.py", label="Set a budget", icon=":material/savings:", query_params=set_it)
    costs(found)


def show_bridge(found: dict) -> None:
    st.subheader("2. Why spend moved", anchor=False)
    bridge = found["bridge"]
    if not bridge:
        st.info(fmt.md(report.nothing_compared(found)))
        return
    change = bridge["end_usd"] - bridge["start_usd"]
    meaning = (
        f"From {fmt.usd(bridge['start_usd'])} the week before to {fmt.usd(bridge['end_usd'])}: "
        f"{fmt.usd_change(change)}, and the drivers add up to it exactly."
    )
    last = date.fromisoformat(found["end"]) - timedelta(days=1)
    week = {"window": DAYS, "from": found["start"], "to": last.isoformat(), "by": "model"}
    shell.chart(
        finance_charts.drivers(bridge, shell.palette()),
        alt=meaning,
        key="drivers",
        on_select=drill.open_on_click("drivers", "explore", {d["label"]: week for d in bridge["drivers"]}),
    )
    unpriced = (
        f" {fmt.share(bridge['unpriced_share'])} of the attempts have no known cost and are in no bar."
        if bridge["unpriced_share"]
        else ""
    )
    st.caption(
        fmt.md(
            meaning
            + " Each driver's effect is averaged over all orders in which the factors could have changed (Shapley)."
            + unpriced
        )
    )
    with st.expander("Table: bridge", icon=":material/table:"):
        rows = [
            ("The week before", bridge["start_usd"]),
            *((d["label"], d["usd"]) for d in bridge["drivers"]),
            ("This week", bridge["end_usd"]),
        ]
        exports.table(
            pd.DataFrame(rows, columns=["driver", "usd"]), name=f"bridge-{found['week']}", units={"usd": "USD"}
        )


def movers(found: dict) -> None:
    st.subheader(f"3. Movers by {DIMENSIONS[found['by']].label.lower()}", anchor=False)
    if not found["movers"]:
        st.caption(fmt.md("Nothing moved." if found["bridge"] else report.nothing_compared(found)))
        return
    frame = pd.DataFrame(
        found["movers"], columns=["name", "before_usd", "after_usd", "change_usd", "driver", "driver_usd"]
    )
    labels = {
        "name": DIMENSIONS[found["by"]].label,
        "before_usd": "Before, USD",
        "after_usd": "This week, USD",
        "change_usd": "Change, USD",
        "driver": "Mainly",
        "driver_usd": "Of it, USD",
    }
    exports.table(
        frame,
        name=f"movers-{found['week']}",
        units=dict.fromkeys(("before_usd", "after_usd", "change_usd", "driver_usd"), "USD"),
        labels=labels,
        wide={"driver": 170},
    )
    for old, new, at in found["renames"]:
        st.caption(
            fmt.md(
                f"{old} ended where {new} began ({fmt.day(at)}): if it was renamed, a mapping rule on the "
                "Data page makes them one."
            )
        )


AGAINST = "vs week before"


@shell.cached
def work(view: Ledger, start: date, end: date) -> pd.DataFrame:
    return unit_costs.costs_by(view, Scope.of(view, start, end), "model")


def costs(found: dict) -> None:
    """The price per token is not the cost of the work: both, by model."""
    with st.expander(
        "Cost of the work, by model, beside its price per token",
        icon=":material/table:",
        key="unit_costs",
        on_change="rerun",
    ) as opened:
        if not opened.open:
            return  # it reads the week's rows: only for who looks
        table = work(shell.view(), date.fromisoformat(found["start"]), date.fromisoformat(found["end"]))
        labels = {
            "value": "Model",
            "cost_usd": "Spend, USD",
            "tasks": "Tasks",
            "per_request_usd": "USD a request",
            "per_task_usd": "USD a task",
            "success_rate": "Success rate",
            "per_successful_task_usd": "USD a successful task",
            "per_1k_tokens_usd": "USD per 1k tokens, paid",
            "list_per_1k_tokens_usd": "USD per 1k tokens, list",
        }
        units = {name: "USD small" for name in labels if name.startswith(("per_", "list_"))} | {
            "cost_usd": "USD",
            "success_rate": "share",
            "tasks": "count",
        }
        exports.table(table, name=f"unit-costs-{found['week']}", units=units, labels=labels)
        st.caption(fmt.md(found["units"]["note"]))


def model_changes(found: dict) -> None:
    """What changed in the quarter without anybody saying so; nothing where nothing did."""
    every = found["model_changes"]
    if not every:
        st.caption(fmt.md(found["no_model_changes"]))
        return
    words = {"provider": "likely by the provider", "ours": "likely by us", "not known": "by whom is not known"}
    counts = {who: sum(one["whose"] == who for one in every) for who in words}
    told = ", ".join(f"{count} {words[who]}" for who, count in counts.items() if count)
    st.markdown(f"**Models that answer otherwise than before: {told}**")
    rows = [
        {"What changed": one["title"], "Since": one["on"], "USD a month": one["usd_month"], "Why": one["why"]}
        for one in every
    ]
    exports.table(
        pd.DataFrame(rows),
        name=f"silent-changes-{found['week']}",
        units={"USD a month": "USD"},
        wide={"What changed": 330, "Why": 230},
    )
    st.caption(fmt.md("Two weeks against the four before; told where it lies far outside of what earlier weeks moved."))
