"""Explore: what exactly is in this number? Any measure by any two dimensions."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from analytics import spend
from analytics.billing.customer_income import CUSTOMER
from analytics.coverage import coverage
from analytics.measures import MEASURES
from analytics.registry import DIMENSIONS, with_free
from analytics.scope import UNKNOWN, Scope
from data.ledger import Ledger
from pages.parts.explore.customers import customers
from pages.parts.explore.tables import breakdown, table_as_drawn, table_of, whole_of
from pages.parts.savings.findings import requests_asked
from pages.ui import charts, drill, exports, filters, requests, sessions, shell
from pages.ui import format as fmt
from pages.ui.period import FITTING, GRAINS, drawn_grain

NONE = "none"
OVER = {FITTING: "Time, as fits", NONE: "Nothing else"}


@shell.cached
def answer(view: Ledger, scope: Scope, by: tuple[str, ...], measure: str) -> pd.DataFrame:
    return spend.grouped_spend(view, scope, by, (measure,))


def fold_the_small(frame: pd.DataFrame, totals: pd.DataFrame, name: str, measure: str) -> pd.DataFrame:
    """The largest and Other for sums; the largest alone for ratios, which cannot be added up."""
    if MEASURES[measure].additive:
        return charts.top_and_other(frame, name, measure)
    keep = totals[name].head(charts.TOP)
    return frame[frame[name].isin(keep)]


def controls(names: list[str]) -> tuple[str, str, str]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        measure = st.selectbox(
            "Measure",
            list(MEASURES),
            format_func=lambda n: MEASURES[n].label,
            key="measure",
            bind="query-params",
            width=220,
        )
        by = st.selectbox(
            "By",
            names,
            format_func=lambda n: DIMENSIONS[n].label,
            index=1,
            key="by",
            bind="query-params",
            width=180,
        )
        second = st.selectbox(
            "Over",
            [FITTING, *GRAINS, NONE, *names],
            key="over",
            bind="query-params",
            width=180,
            format_func=lambda n: OVER.get(n) or DIMENSIONS[n].label,
        )
    return measure, by, NONE if second == by else second


def figure(frame: pd.DataFrame, palette: charts.Palette, by: str, over: str, measure: str) -> go.Figure:
    """Time goes on the x axis as bars (sums) or lines (ratios); anything else as horizontal bars or stacked ones."""
    declared = MEASURES[measure]
    if over == NONE:
        return charts.bars(frame.head(charts.TOP + 1), palette, by=by, value=measure, unit=declared.unit)
    if DIMENSIONS[over].is_time and not declared.additive:
        return charts.lines(frame, palette, x=over, by=by, value=measure, unit=declared.unit)
    drawn = charts.stacked_bars if declared.additive else charts.grouped_bars
    return drawn(frame, palette, x=over, by=by, value=measure, unit=declared.unit)


def draw(frame: pd.DataFrame, by: str, over: str, measure: str) -> None:
    declared = MEASURES[measure]
    shell.chart(
        figure(frame, shell.palette(), by, over, measure),
        alt=f"{declared.label} by {DIMENSIONS[by].label.lower()}; the table below holds the numbers",
        key="explore",
        on_select=drill.narrow_on_click("explore", by, None if over == NONE else over),
    )


def leader(totals: pd.DataFrame, by: str, measure: str) -> str:
    """Who leads, by name: what carries no value of the dimension is said apart, and leads nobody."""
    unit = MEASURES[measure].unit
    first, named = totals.iloc[0], totals[totals[by] != UNKNOWN]
    if first[by] != UNKNOWN:
        return f"{first[by]} leads with {fmt.measure(first[measure], unit)}"
    nameless = f"the largest part, {fmt.measure(first[measure], unit)}, names no {DIMENSIONS[by].label.lower()}"
    if named.empty:
        return nameless
    return f"{nameless}, then {named.iloc[0][by]} with {fmt.measure(named.iloc[0][measure], unit)}"


view = shell.view()
shell.needs_data(view, "What exactly is in this number?")
title = st.container()
found_by_finding = requests_asked(view)
scope, earlier = (found_by_finding, None) if found_by_finding else filters.compared_bar(view)
measure, by, over = controls([one.name for one in with_free(view)])
over = drawn_grain(over, scope) if over in (FITTING, *GRAINS) else over
declared = MEASURES[measure]
totals = breakdown(view, scope, (by,), measure)
if totals.empty:
    with title:
        shell.header("Nothing matches these filters", view)
    shell.no_match(scope)
whole = whole_of(view, scope, measure)[measure]
with title:
    unknown = f"{declared.label} is unknown: none of the attempts in these {scope.length_days} days carries it"
    shell.header(
        unknown
        if whole is None
        else f"{declared.label}: {fmt.measure(whole, declared.unit)} {coverage(view, scope).span}; "
        f"{leader(totals, by, measure)}",
        view,
        scope=scope,
    )
frame = totals if over == NONE else answer(view, scope, (over, by), measure)
shown = fold_the_small(frame[[*([over] if over != NONE else []), by, measure]], totals, by, measure)
if over not in (NONE, *GRAINS):
    shown = fold_the_small(shown, answer(view, scope, (over,), measure), over, measure)
draw(shown, by, over, measure)
st.caption(
    fmt.md(
        f"{declared.label}: {declared.meaning}. Unit: {declared.unit}. Days in {scope.time_zone}, "
        f"{fmt.days(scope.start, scope.last)}."
    )
)
split = DIMENSIONS[by].label.lower() + ("" if over == NONE else f" and {DIMENSIONS[over].label.lower()}")
said = exports.words_about(
    f"{declared.label} by {split}", view, scope, lambda tints: figure(shown, tints, by, over, measure)
)
rows, drawn, attempts, by_session = st.tabs(
    ["Breakdown", "As drawn", "Requests", "Sessions"], key="rows", on_change="rerun"
)
if rows.open:
    with rows:
        table_of(view, totals, by, measure, scope, earlier, said)
        if by == CUSTOMER:
            customers(view, scope)
if drawn.open:
    with drawn:
        table_as_drawn(shown, by, None if over == NONE else over, measure, said)
if attempts.open:
    with attempts:
        requests.table(view, scope)
if by_session.open:
    with by_session:
        sessions.table(view, scope)
with st.container(horizontal=True, vertical_alignment="center"):
    filters.what_ifs(scope)
    shell.snapshot_link(view)
