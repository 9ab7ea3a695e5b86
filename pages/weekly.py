"""Weekly review: what do we decide this week? The meeting's agenda, in its order."""

from __future__ import annotations

import json
from datetime import date, timedelta
from functools import partial

import pandas as pd
import streamlit as st

from analytics import actions, anomaly_search, report, review, unit_costs
from analytics.history import logged_days, through
from analytics.registry import DIMENSIONS
from analytics.scope import Scope
from data.errors import BatonError
from data.ledger import Ledger
from data.state import State
from pages.ui import exports, finance_charts, posting, shell
from pages.ui import format as fmt
from routing.policies import in_force

MOVERS_BY = ("team", "feature", "model", "provider", "task_type")
WEEKS_BACK = 26
WEEKLY_READS = tuple(dict.fromkeys((*review.DECIDED, *in_force.READS)))
AGAINST = "vs week before"


@shell.cached
def weeks(view: Ledger) -> list[str]:
    """Weeks the data cover, the newest whole one first."""
    last, first = review.last_week(view), logged_days(view)[0].date()
    reach = through(view).day
    running = [review.week_name(last + timedelta(days=7))] if last + timedelta(days=7) <= reach else []
    whole = [
        last - timedelta(days=7 * n)
        for n in range(WEEKS_BACK)
        if last - timedelta(days=7 * n) > first - timedelta(days=7)
    ]
    return [review.week_name(monday) for monday in whole] + running


@shell.cached(reads=WEEKLY_READS)
def built(view: Ledger, state: State, week: str, by: str) -> dict:
    return review.build(view, state, review.week_of(week), forbidden=in_force.forbidden(state), by=by)


def kpis(found: dict) -> None:
    pacing, bridge = found["pacing"], found["bridge"]
    month = pacing["month"]
    cells = st.columns(4)
    logged = len(pacing["no_log"]) < 7
    moved = bridge["end_usd"] / bridge["start_usd"] - 1 if logged and bridge and bridge["start_usd"] else None
    told = None if moved is None else "as the week before" if abs(moved) < 0.0005 else AGAINST
    cells[0].metric(
        "Spend this week",
        fmt.usd_short(pacing["week_usd"] if logged else None),
        delta=fmt.delta(fmt.share_change(moved)) if moved and told == AGAINST else None,
        delta_color="inverse",
        border=True,
        delta_description=told,
    )
    name = f"{date.fromisoformat(month['start']):%B}, P50"
    span = (
        f"P10 {fmt.usd_short(month['p10'])} to P90 {fmt.usd_short(month['p90'])}"
        if month["p10"] is not None
        else "run rate only"
    )
    cells[1].metric(
        name, fmt.usd_short(month["p50"]), border=True, help=month["note"], delta=None, delta_description=span
    )
    company = next((b for b in pacing["budgets"] if not b["filters"]), None)
    chance = company and company["chance_of_overrun"]
    text = fmt.odds(chance) if chance is not None else fmt.MISSING
    cells[2].metric(
        "Chance of overrun",
        text,
        border=True,
        help="of the company's budget" if company else "No budget is set; set one on the Budget plan page.",
    )
    units = found["units"]
    cells[3].metric("Per successful task", fmt.usd(units["per_successful_task_usd"]), border=True, help=units["note"])


def pacing(found: dict) -> None:
    st.subheader("1. Pacing", anchor=False)
    st.write(fmt.md(report.pace(found)))
    st.caption(fmt.md(found["pacing"]["month"]["note"]))
    if days := found["pacing"]["no_log"]:
        st.warning(
            f"No log at all on {', '.join(map(fmt.day, days))}: the week's total is too low.",
            icon=":material/warning:",
        )
    if budgets := found["pacing"]["budgets"]:
        columns = ("name", "period", "amount_usd", "spent_usd", "p50", "chance_of_overrun", "days_left", "state")
        labels = {
            "name": "Budget",
            "period": "Period",
            "state": "State",
            "amount_usd": "Amount, USD",
            "spent_usd": "Spent, USD",
            "p50": "Forecast, USD",
            "chance_of_overrun": "Chance of overrun",
            "days_left": "Days left",
        }
        units = {"amount_usd": "USD", "spent_usd": "USD", "p50": "USD", "chance_of_overrun": "share"}
        exports.table(pd.DataFrame(budgets)[list(columns)], name=f"budgets-{found['week']}", units=units, labels=labels)
    else:
        st.page_link("pages/plan.py", label="Set a budget", icon=":material/savings:")
    costs(found)


def moved(found: dict) -> None:
    st.subheader("2. Why spend moved", anchor=False)
    bridge = found["bridge"]
    if not bridge:
        st.info("This is the first week in the data: there is nothing before it to compare with.")
        return
    change = bridge["end_usd"] - bridge["start_usd"]
    meaning = (
        f"From {fmt.usd(bridge['start_usd'])} the week before to {fmt.usd(bridge['end_usd'])}: "
        f"{fmt.usd_change(change)}, and the drivers add up to it exactly."
    )
    shell.chart(finance_charts.drivers(bridge, shell.palette()), alt=meaning, key="drivers")
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
        st.caption("Nothing moved.")
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
    )
    for old, new, at in found["renames"]:
        st.caption(
            fmt.md(
                f"{old} ended where {new} began ({fmt.day(at)}): if it was renamed, a mapping rule on the "
                "Data page makes them one."
            )
        )


@shell.cached
def work(view: Ledger, start: date, end: date) -> pd.DataFrame:
    return unit_costs.by(view, Scope.of(view, start, end), "model")


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
        table = work(view, date.fromisoformat(found["start"]), date.fromisoformat(found["end"]))
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


def unusual(found: dict) -> None:
    st.subheader("4. Unusual", anchor=False)
    rows = found["anomalies"]["rows"]
    if not rows:
        st.caption(fmt.md("Nothing unusual. " + found["anomalies"]["note"]))
        return
    frame = pd.DataFrame(rows)[["title", "usd", "driver", "status", "owner", "note", "key"]]
    edited = st.data_editor(
        frame,
        hide_index=True,
        width="stretch",
        key=f"anomalies_{found['week']}_{found['digest']}",
        disabled=["title", "usd", "driver"],
        row_height=exports.WRAPPED,
        height="content",
        column_order=["title", "usd", "driver", "status", "owner", "note"],
        column_config={
            "title": st.column_config.TextColumn("What", width=210),
            "usd": st.column_config.NumberColumn("USD above", format="dollar", width=90),
            "driver": st.column_config.TextColumn("Driver", width=230),
            "owner": st.column_config.TextColumn("Owner", width=80),
            "note": st.column_config.TextColumn("Note", width=140),
            "status": st.column_config.SelectboxColumn(
                "Status", options=anomaly_search.STATUSES, required=True, width=100
            ),
        },
    )
    st.caption(fmt.md(found["anomalies"]["note"]))
    if not edited.equals(frame) and st.button("Save what we know about these", icon=":material/save:"):
        for row in edited[(edited != frame).any(axis=1)].to_dict("records"):
            known = {"status": row["status"], "owner": row["owner"] or "", "note": row["note"] or ""}
            anomaly_search.NOTES.save(shell.state(), row["key"], known)
        st.rerun()


def savings(found: dict) -> None:
    st.subheader("5. Savings", anchor=False)
    saving = found["savings"]
    st.write(fmt.md(saving["text"]))
    if saving["rows"]:
        frame = pd.DataFrame(saving["rows"])[["title", "usd_month", "confidence", "action"]]
        labels = {"title": "Finding", "usd_month": "USD a month", "confidence": "Confidence", "action": "What to do"}
        exports.table(
            frame,
            name=f"savings-{found['week']}",
            units={"usd_month": "USD"},
            labels=labels,
            wide={"title": 230, "action": 360},
        )
    st.page_link("pages/savings.py", label="See the rows behind them, and decide", icon=":material/savings:")


def decisions(found: dict) -> None:
    st.subheader("6. Decisions", anchor=False)
    saved = pd.DataFrame(
        found["actions"],
        columns=[
            "name",
            "owner",
            "due",
            "expected_usd_month",
            "status",
            "saved_usd_month",
            "note",
            "decided",
            "filters",
        ],
    )
    saved["due"] = pd.to_datetime(saved["due"]).dt.date
    saved = saved.astype({"expected_usd_month": float, "saved_usd_month": float})
    edited = st.data_editor(
        saved,
        num_rows="dynamic",
        hide_index=True,
        width="stretch",
        key=f"actions_{found['digest']}",
        disabled=["saved_usd_month"],
        height="content",
        row_height=None if saved.empty else exports.WRAPPED,
        column_order=["name", "owner", "due", "expected_usd_month", "status", "saved_usd_month", "note"],
        column_config={
            "name": st.column_config.TextColumn("Action", required=True, width=240),
            "owner": st.column_config.TextColumn("Owner", width=80),
            "due": st.column_config.DateColumn("Due", width=95),
            "note": st.column_config.TextColumn("Note", width=140),
            "expected_usd_month": st.column_config.NumberColumn(
                "Expected", format="dollar", min_value=0, width=90, help="USD a month this should save."
            ),
            "saved_usd_month": st.column_config.NumberColumn(
                "Measured",
                format="dollar",
                width=90,
                help="USD a month saved since, at the present volume, on the rows the action is about; needs a "
                "week of data.",
            ),
            "status": st.column_config.SelectboxColumn(
                "Status", options=["open", "done", "dropped"], default="open", required=True, width=80
            ),
        },
    )
    if st.button("Save actions", icon=":material/save:"):
        with shell.errors():
            store(saved, edited)
            st.rerun()
    exports.download(saved.drop(columns=["filters"]), name=f"actions-{found['week']}")
    debt = found["inventory"]
    st.caption(
        fmt.md(
            f"{debt['unowned']} of {debt['items']} models, features and teams in use lack an owner or a "
            "connection owner. The Savings page lists them."
        )
    )


def store(saved: pd.DataFrame, edited: pd.DataFrame) -> None:
    """Check every row before the first is written."""
    known = saved.set_index("name")
    checked = []
    for row in edited.to_dict("records"):
        name = str(row["name"] or "").strip()
        old = known.loc[name] if name in known.index else None
        due = row["due"]
        checked.append(
            actions.checked(
                name=name,
                owner=_text(row["owner"]),
                due=None if pd.isna(due) else due,
                status=row["status"] if isinstance(row["status"], str) else "open",
                expected_usd_month=0.0 if pd.isna(row["expected_usd_month"]) else row["expected_usd_month"],
                note=_text(row["note"]),
                decided=old["decided"] if old is not None else through(shell.view()).day,
                filters=old["filters"] if old is not None else {},
            )
        )
    actions.ACTIONS.replace(shell.state(), {action.name: action for action in checked})


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def take_away(found: dict) -> None:
    """The report in every form, and the message to the chat."""
    with st.container(horizontal=True):
        forms = {"html": "text/html", "md": "text/markdown", "json": "application/json"}
        writers = {"html": report.html, "md": report.markdown, "json": lambda r: json.dumps(r, indent=2)}
        labels = {"html": "Report, HTML", "md": "Markdown", "json": "JSON"}
        for form, kind in forms.items():
            st.download_button(
                labels[form],
                partial(writers[form], found),
                file_name=f"baton-review-{found['week']}.{form}",
                mime=kind,
                on_click="ignore",
                icon=":material/download:",
                key=f"report_{form}",
            )
        posting.webhook_button(found["message"], key="weekly")
        shell.snapshot_link(view)


view = shell.view()
shell.needs_data(view, "What do we decide this week?")
shell.needs_prices(view)
title = st.container()
with st.container(horizontal=True, vertical_alignment="bottom"):
    week = st.selectbox("Week", weeks(view), key="week", bind="query-params", width=160)
    by = st.segmented_control(
        "Movers by",
        MOVERS_BY,
        format_func=lambda n: DIMENSIONS[n].label,
        default="team",
        required=True,
        key="movers",
        bind="query-params",
    )
try:
    found = built(view, week, by)
except BatonError as error:
    with title:
        shell.header("This week is outside the data", view)
    st.error(fmt.md(str(error)), icon=":material/error:")
    st.stop()
with title:
    shell.header(report.headline(found), view)
if not found["complete"]:
    st.caption("The week is not over: it is compared with the whole week before.")
kpis(found)
for section in (pacing, moved, movers, unusual, savings, decisions):
    section(found)
take_away(found)
