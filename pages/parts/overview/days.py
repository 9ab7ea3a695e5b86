"""Spend by day and what it is made of, with what was unusual and what was planned marked above the bars."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from analytics import spend
from analytics.anomalies import anomaly_search, incidents
from analytics.anomalies.distortions import KINDS
from analytics.coverage import Comparison
from analytics.forecasts.planned_events import saved_events
from analytics.registry import DIMENSIONS, HOUR
from analytics.scope import ClosedScope
from data.ledger import Ledger
from data.state import State
from pages.ui import charts, drill, exports, shell
from pages.ui import format as fmt

FEW = 5  # values with a colour of their own: the bars are a summary here


class Mark(NamedTuple):
    """Something known that happened, from the day it began."""

    on: date
    text: str
    unusual: bool


@shell.cached
def by_time(view: Ledger, scope: ClosedScope, grain: str, by: str) -> pd.DataFrame:
    frame = spend.grouped_spend(view, scope, (grain, by), ("cost_usd",))
    return charts.top_and_other(frame, by, "cost_usd", top=FEW)


@shell.cached(reads=("event",))
def marks(view: Ledger, state: State, scope: ClosedScope) -> list[Mark]:
    """Incidents of days off their pattern that began in the scope, and planned events, in order of time."""
    found = anomaly_search.findings(view, scope).anomalies
    unusual = [
        Mark(one.start, f"{one.title}: {fmt.usd_change(one.usd_in_scope)}", True)
        for one in incidents.incidents(view, scope, found)
        if any(member.kind in KINDS for member in one.members) and one.start >= scope.start
    ]
    events = [Mark(one.on, one.name, False) for one in saved_events(state) if scope.start <= one.on < scope.end]
    return sorted(unusual + events)


@shell.cached
def daily(view: Ledger, scope: ClosedScope) -> pd.DataFrame:
    return spend.by_day(view, scope)


@shell.cached
def hourly(view: Ledger, scope: ClosedScope) -> pd.DataFrame:
    return spend.grouped_spend(view, scope, (HOUR,))


def days_before(view: Ledger, now: ClosedScope, before: ClosedScope, grain: str) -> pd.Series:
    """USD of the days compared with, by day or hour, at the places of the days of now that they meet."""
    frame = hourly(view, before) if grain == HOUR else daily(view, before)
    met = pd.DatetimeIndex(frame[grain]) + (now.start - before.start)
    return pd.Series(frame["cost_usd"].astype(float).to_numpy(), index=met)


def against(view: Ledger, scope: ClosedScope, compared: Comparison) -> str:
    """What the span is compared with, in dollars; or why no change is told."""
    if compared.now is None or compared.before is None:
        return f"No change is told: {compared.note}." if compared.note else "No change is told."
    now, before = (fmt.usd(daily(view, span)["cost_usd"].sum()) for span in (compared.now, compared.before))
    then = fmt.days(compared.before.start, compared.before.last)
    of = (
        "from" if compared.now.length_days == scope.length_days else f"on {compared.now.length_days} comparable days of"
    )
    words = f"{now} {of} {fmt.days(scope.start, scope.last)}, against {before} from {then}."
    return f"{words} {compared.note}." if compared.note else words


def days_chart(view: Ledger, scope: ClosedScope, compared: Comparison, by: str, grain: str) -> None:
    """Stacked bars over the span, the days compared with as a line, and what they mean in words."""
    known = marks(view, scope)
    frame = by_time(view, scope, grain, by)
    word = DIMENSIONS[grain].label.lower()
    st.subheader(f"Spend by {word}", anchor=False)
    if frame.empty:
        st.caption("Nothing was spent in this period.")
        return
    before = None
    if grain in (HOUR, "day") and compared.now is not None and compared.before is not None:
        before = days_before(view, compared.now, compared.before, grain)
    totals = frame.groupby(grain)["cost_usd"].sum().astype(float)
    dearest = totals.idxmax()
    at = f", {dearest:%H:%M}" if grain == HOUR else ""
    meaning = f"The dearest {word}, {fmt.day(dearest)}{at}, cost {fmt.usd(totals.max())}"
    unusual = [mark for mark in known if mark.unusual]
    meaning += f"; marked: {unusual[0].text}" if unusual else ""
    meaning += f" and {len(unusual) - 1} more." if len(unusual) > 1 else "."
    shell.chart(
        figure(frame, known, before, shell.palette(), grain=grain, by=by),
        alt=meaning,
        key="days",
        on_select=drill.narrow_on_click("days", by, grain),
    )
    st.caption(fmt.md(f"{against(view, scope, compared)} {meaning} Days in {scope.time_zone}."))
    with st.expander(f"Table: spend by {word}", icon=":material/table:"):
        wide = frame.pivot_table(index=grain, columns=by, values="cost_usd", aggfunc="sum", sort=False).reset_index()
        wide["Total"] = wide.drop(columns=grain).sum(axis=1)
        names = {name: str(name) for name in wide.columns.drop(grain)}
        exports.table(
            wide,
            name=f"spend-by-{word}-and-{by}",
            units=dict.fromkeys(names, "USD"),
            labels={grain: DIMENSIONS[grain].label, **names},
            said=exports.words_about(
                f"Spend by {word} and {DIMENSIONS[by].label.lower()}",
                view,
                scope,
                lambda tints: figure(frame, known, before, tints, grain=grain, by=by),
            ),
        )


def figure(
    frame: pd.DataFrame, known: list[Mark], before: pd.Series | None, palette: charts.Palette, *, grain: str, by: str
) -> go.Figure:
    """The bars, with a triangle over what was unusual and a diamond over what was planned."""
    drawn = charts.stacked_bars(frame, palette, x=grain, by=by, value="cost_usd", unit="USD")
    drawn.update_layout(height=300)
    if before is not None:
        drawn.add_scatter(
            x=before.index,
            y=before,
            mode="lines",
            name="days compared with",
            line={"color": palette.other, "width": 1.5, "dash": "dash"},
            hoverinfo="skip",  # Plotly gives a click to the line rather than to the bar that lies under it
        )
        drawn.add_bar(  # what the line would say; without a height, no click is its own
            x=before.index,
            y=[0.0] * len(before),
            name="days compared with",
            showlegend=False,
            marker_color=palette.other,
            customdata=[(fmt.usd(value), None) for value in before],
            hovertemplate="%{customdata[0]}<extra>days compared with</extra>",
        )
        charts.money_ticks(drawn, max(float(frame.groupby(grain)["cost_usd"].sum().max()), float(before.max())))
    heights = frame.assign(at=pd.to_datetime(frame[grain])).groupby("at")["cost_usd"].sum().astype(float)
    for unusual, symbol, colour, label in (
        (True, "triangle-down", palette.text, "unusual"),
        (False, "diamond", palette.other, "planned"),
    ):
        shown = [(mark, bar) for mark in known if mark.unusual == unusual for bar in [_bar(heights, mark.on)] if bar]
        if not shown:
            continue
        drawn.add_scatter(
            x=[bar for _, bar in shown],
            y=[heights[bar] + 0.06 * heights.max() for _, bar in shown],
            mode="markers",
            name=label,
            marker={"symbol": symbol, "size": 11, "color": colour},
            customdata=[(charts.escape(mark.text), None) for mark, _ in shown],
            hovertemplate="%{customdata[0]}<extra></extra>",
        )
    return drawn


def _bar(heights: pd.Series, on: date) -> pd.Timestamp | None:
    """The bar that a day falls into; None where there is none."""
    before = heights.index[heights.index <= pd.Timestamp(on)]
    return before[-1] if len(before) else None
