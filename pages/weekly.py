"""Weekly review: what do we decide this week? The meeting's agenda, in its order."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import streamlit as st

from analytics.anomalies import anomaly_search
from analytics.registry import DIMENSIONS
from analytics.scope import Scope
from analytics.weekly import news, report, review
from analytics.weekly.weeks import last_week, week_name, week_of, weeks_with_log
from data.errors import BatonError
from data.ledger import Ledger
from data.state import State
from pages.parts.weekly.decisions import decisions
from pages.parts.weekly.promises import promise_ledger
from pages.parts.weekly.story import kpis, model_changes, movers, pacing, show_bridge
from pages.parts.weekly.take_away import take_away
from pages.ui import exports, place, shell
from pages.ui import format as fmt
from routing.policies import in_force

MOVERS_BY = ("team", "feature", "model", "provider", "task_type")
WEEKS_BACK = 26
STORY_HEIGHT = 96  # pixels: what an incident led to takes four lines
WEEKLY_READS = tuple(dict.fromkeys((*review.DECIDED, *in_force.READS)))


@shell.cached
def weeks(view: Ledger) -> list[str]:
    """Weeks that have a log, the one to decide in first, the running one last."""
    last, logged = last_week(view), weeks_with_log(view)
    running = [monday for monday in logged if monday > last]
    return [week_name(monday) for monday in [monday for monday in logged if monday <= last][:WEEKS_BACK] + running]


@shell.cached(reads=WEEKLY_READS)
def report_of(view: Ledger, state: State, week: str, by: str, trail_ends: str) -> dict:
    """`trail_ends` names the newest entry of the audit trail, in which everything that we changed is written."""
    return review.build(view, state, week_of(week), forbidden=in_force.forbidden(state), by=by)


def unusual(found: dict) -> None:
    st.subheader("4. Unusual", anchor=False)
    rows = found["incidents"]
    if not rows:
        st.caption(fmt.md(f"{found['anomalies']['verdict']} {found['anomalies']['note']}".strip()))
        return
    frame = pd.DataFrame(rows)[["title", "story", "usd", "period", "usd_in_scope", "status", "owner", "note", "key"]]
    edited = st.data_editor(
        frame,
        hide_index=True,
        width="stretch",
        placeholder=fmt.MISSING,
        key=f"anomalies_{found['week']}_{found['digest']}",
        disabled=["title", "story", "usd", "period", "usd_in_scope"],
        row_height=STORY_HEIGHT,
        height="content",
        column_order=["title", "story", "usd", "period", "usd_in_scope", "status", "owner", "note"],
        column_config={
            "title": st.column_config.TextColumn("What", width=170),
            "story": st.column_config.TextColumn("What it led to", width=260),
            "usd": st.column_config.NumberColumn("USD above", format="dollar", width=80),
            "period": st.column_config.TextColumn("Over", width=85),
            "usd_in_scope": st.column_config.NumberColumn("This week", format="dollar", width=80),
            "status": st.column_config.SelectboxColumn(
                "Status", options=anomaly_search.STATUSES, required=True, width=80
            ),
            "owner": st.column_config.TextColumn("Owner", width=70),
            "note": st.column_config.TextColumn("Note", width=100),
        },
    )
    st.caption(fmt.md(found["anomalies"]["note"]))
    st.page_link("pages/alerts.py", label="Be told when it happens", icon=":material/notifications:")
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


view = shell.view()
shell.needs_data(view, "What do we decide this week?")
shell.needs_prices(view)
title = st.container()
with st.container(horizontal=True, vertical_alignment="top"):
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
    found = report_of(view, week, by, shell.trail_ends())
except BatonError as error:
    with title:
        shell.header("This week is outside the data", view)
    st.error(fmt.md(str(error)), icon=":material/error:")
    place.stop()
monday = week_of(week)
with title:
    shell.header(report.headline(found), view, scope=Scope.of(view, monday, monday + timedelta(days=7)))
st.caption(
    fmt.md(" ".join([f"{fmt.days(monday, monday + timedelta(days=6))}.", *([news.RULE] if found["news"] else [])]))
)
if not found["complete"]:
    told = (
        "whole days are compared with the same days before"
        if found["bridge"]
        else "there is nothing to compare it with"
    )
    st.caption(f"The log does not reach the end of this week; {told}.")
kpis(found)
for section in (pacing, show_bridge, movers, unusual, model_changes, savings, decisions, promise_ledger):
    section(found)
take_away(found)
