"""Overview: are we on budget, what changed, where does it go?"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from analytics import spend
from analytics.registry import DIMENSIONS
from analytics.scope import Scope
from data.ledger import Ledger
from pages.ui import charts, exports, filters, shell
from pages.ui import format as fmt

KPIS = ("cost_usd", "requests", "cost_per_1k_requests_usd", "failure_rate")
MOVERS_BY = ("model", "team", "feature", "provider", "task_type")


@shell.cached
def totals(view: Ledger, scope: Scope) -> dict:
    return spend.totals(view, scope, KPIS)


@shell.cached
def daily(view: Ledger, scope: Scope) -> pd.DataFrame:
    return spend.by_day(view, scope)


@shell.cached
def movers(view: Ledger, scope: Scope, by: str) -> pd.DataFrame:
    return spend.movers(view, scope, by)


@shell.cached
def split(view: Ledger, scope: Scope, by: str) -> pd.DataFrame:
    return spend.grouped(view, scope, (by,), ("cost_usd", "requests", "cost_per_1k_requests_usd"))


def answer(now: dict, before: dict, scope: Scope, top: pd.DataFrame) -> str:
    """The page's title: what was spent, how that compares, what moved it."""
    spent = f"{fmt.usd_short(now['cost_usd'])} in {scope.length_days} days"
    if not before["cost_usd"]:
        return f"{spent}; nothing before it to compare with"
    change = float(now["cost_usd"] or 0) / float(before["cost_usd"]) - 1
    text = f"{spent}, {fmt.share(abs(change))} {'more' if change >= 0 else 'less'} than before"
    if len(top) and top["name"][0] != "everything else":
        text += f"; {top['name'][0]} moved most"
    return text


def kpis(now: dict, before: dict, days: int) -> None:
    """Four numbers with their change against the same length before."""
    cells = st.columns(4)
    shown = (
        ("Spend", fmt.usd_short(now["cost_usd"]), now["cost_usd"], before["cost_usd"], "inverse"),
        ("Requests", fmt.short(now["requests"]), now["requests"], before["requests"], "off"),
        ("Cost per 1,000 requests", fmt.usd(now["cost_per_1k_requests_usd"]), now["cost_per_1k_requests_usd"], before["cost_per_1k_requests_usd"], "inverse"),
    )
    for cell, (label, text, current, earlier, colour) in zip(cells, shown, strict=False):
        change = float(current) / float(earlier) - 1 if current and earlier else None
        cell.metric(
            label, text, delta=None if change is None else fmt.delta(fmt.share_change(change)), delta_color=colour, border=True,
            delta_description=f"vs prior {days}d" if change is not None else None,
        )  # fmt: skip
    rate, earlier = now["failure_rate"], before["failure_rate"]
    points = None if rate is None or earlier is None else fmt.points(rate - earlier)
    cells[3].metric(
        "Failure rate", fmt.share(rate), delta=fmt.delta(points) if points else None, delta_color="inverse", border=True, help="failed attempts / attempts",
        delta_description=f"vs prior {days}d" if points else None,
    )  # fmt: skip


def running(now: pd.DataFrame, before: pd.DataFrame, scope: Scope) -> None:
    """Cumulative spend against the span before, and the sentence that says what it means."""
    st.subheader("Spend so far, against the same days before", anchor=False)
    total, earlier = now["cost_usd"].sum(), before["cost_usd"].sum()
    meaning = f"{fmt.usd(total)} from {fmt.day(scope.start)} to {fmt.day(now['day'].iloc[-1])}, against {fmt.usd(earlier)} in the {scope.length_days} days before."
    figure = charts.cumulative(now, before, shell.palette(), labels=("This period", "Before"))
    shell.chart(figure, alt=meaning, key="running")
    st.caption(fmt.md(meaning) + fmt.md(f" Days in {scope.time_zone}."))
    with st.expander("Table: spend by day", icon=":material/table:"):
        exports.table(now, name="spend-by-day", units={"cost_usd": "USD"}, labels={"day": "Day", "cost_usd": "Spend, USD"})


def what_moved(view: Ledger, scope: Scope, by: str) -> None:
    frame = movers(view, scope, by)
    st.subheader("What moved", anchor=False)
    if frame.empty:
        st.caption("Nothing changed against the days before.")
        return
    first = frame.iloc[0]
    meaning = f"{first['name']} changed by {fmt.usd_change(first['change_usd'])} against the {scope.length_days} days before; the bars add up to the whole change of {fmt.usd_change(frame['change_usd'].sum())}."
    shell.chart(charts.movers(frame, shell.palette()), alt=meaning, key="movers")
    st.caption(fmt.md(meaning))
    with st.expander("Table: movers", icon=":material/table:"):
        labels = {"name": DIMENSIONS[by].label, "before_usd": "Before, USD", "after_usd": "Now, USD", "change_usd": "Change, USD"}
        exports.table(frame, name=f"movers-by-{by}", units=dict.fromkeys(("before_usd", "after_usd", "change_usd"), "USD"), labels=labels)


def where_it_goes(view: Ledger, scope: Scope, by: str) -> None:
    frame = split(view, scope, by)
    st.subheader("Where it goes", anchor=False)
    top = charts.top_and_other(frame[[by, "cost_usd"]], by, "cost_usd", top=8)
    whole = frame["cost_usd"].sum()
    first = frame.iloc[0]
    meaning = f"{first[by]} takes {fmt.share(float(first['cost_usd'] / whole) if whole else None)} of the spend."
    shell.chart(charts.bars(top, shell.palette(), by=by, value="cost_usd", unit="USD"), alt=meaning, key="split")
    st.caption(fmt.md(meaning))
    with st.expander("Table: spend, requests and cost per 1,000 requests", icon=":material/table:"):
        labels = {by: DIMENSIONS[by].label, "cost_usd": "Spend, USD", "requests": "Requests", "cost_per_1k_requests_usd": "USD per 1,000 requests"}
        exports.table(frame, name=f"spend-by-{by}", units={"cost_usd": "USD", "requests": "requests", "cost_per_1k_requests_usd": "USD"}, labels=labels)


view = shell.view()
shell.needs_data(view, "Where does the money go, and what changed?")
title = st.container()
scope = filters.scope_bar(view)
now, before = totals(view, scope), totals(view, scope.before())
by = st.session_state.get("by", "model")
with title:
    shell.header(answer(now, before, scope, movers(view, scope, by)), view)
if not now["cost_usd"] and not now["requests"]:
    shell.no_match(scope)
kpis(now, before, scope.length_days)
running(daily(view, scope), daily(view, scope.before()), scope)
st.segmented_control("Split by", MOVERS_BY, format_func=lambda n: DIMENSIONS[n].label, default="model", required=True, key="by", bind="query-params")
left, right = st.columns(2, gap="large")
with left:
    what_moved(view, scope, by)
with right:
    where_it_goes(view, scope, by)
with st.container(horizontal=True):
    filters.link("pages/explore.py", "Open in Explore", ":material/bar_chart:", scope, by=by)
    shell.snapshot_link(view)
