"""Explore: what exactly is in this number? Any measure by any two dimensions."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from analytics import spend
from analytics.coverage import coverage
from analytics.measures import MEASURES
from analytics.registry import DIMENSIONS, with_free
from analytics.scope import ClosedScope, Scope
from data.ledger import Ledger
from pages.parts.savings.findings import requests_asked
from pages.ui import charts, drill, exports, filters, requests, shell
from pages.ui import format as fmt

NONE = "none"
GRAINS = ("day", "week", "month")
ROW_LIMIT = 5000  # what a table shows; the CSV holds the same rows


@shell.cached
def answer(view: Ledger, scope: Scope, by: tuple[str, ...], measure: str) -> pd.DataFrame:
    return spend.grouped_spend(view, scope, by, (measure,))


@shell.cached
def breakdown(view: Ledger, scope: Scope, by: tuple[str, ...], measure: str) -> pd.DataFrame:
    more = tuple(dict.fromkeys((measure, "cost_usd", "requests")))
    return spend.grouped_spend(view, scope, by, more)


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
            [*GRAINS, NONE, *names],
            key="over",
            bind="query-params",
            width=180,
            format_func=lambda n: "Nothing else" if n == NONE else DIMENSIONS[n].label,
        )
    return measure, by, NONE if second == by else second


def draw(frame: pd.DataFrame, by: str, over: str, measure: str) -> None:
    """Time goes on the x axis as bars (sums) or lines (ratios); anything else as horizontal bars or stacked ones."""
    declared, palette = MEASURES[measure], shell.palette()
    if over == NONE:
        figure = charts.bars(frame.head(charts.TOP + 1), palette, by=by, value=measure, unit=declared.unit)
    elif DIMENSIONS[over].is_time and not declared.additive:
        figure = charts.lines(frame, palette, x=over, by=by, value=measure, unit=declared.unit)
    elif declared.additive:
        figure = charts.stacked_bars(frame, palette, x=over, by=by, value=measure, unit=declared.unit)
    else:
        figure = charts.grouped_bars(frame, palette, x=over, by=by, value=measure, unit=declared.unit)
    shell.chart(
        figure,
        alt=f"{declared.label} by {DIMENSIONS[by].label.lower()}; the table below holds the numbers",
        key="explore",
        on_select=drill.narrow_on_click("explore", by, None if over == NONE else over),
    )


LABELS = {n: d.label for n, d in DIMENSIONS.items()} | {
    n: f"{m.label}, {m.unit}" if m.unit not in ("requests", "attempts") else m.label for n, m in MEASURES.items()
}
UNITS = {n: m.unit for n, m in MEASURES.items()}


def table_of(totals: pd.DataFrame, by: str, measure: str, scope: ClosedScope) -> None:
    """Every value with the measure, its share of the whole where it adds up, spend and requests."""
    frame = totals.head(ROW_LIMIT)
    if MEASURES[measure].additive and (whole := totals[measure].dropna().astype(float).sum()):
        shares = [None if pd.isna(value) else float(value) / whole for value in frame[measure]]
        frame = frame.assign(share=shares)[[by, measure, "share", *frame.columns.drop([by, measure])]]
    if len(totals) > ROW_LIMIT:
        st.caption(f"The table shows the {fmt.count(ROW_LIMIT)} largest of {fmt.count(len(totals))} rows.")
    exports.table(
        frame,
        name=f"{measure}-by-{by}-{dates_of(scope)}",
        units=UNITS | {"share": "share"},
        labels=LABELS | {by: DIMENSIONS[by].label},
        key="rows",
    )


def table_as_drawn(shown: pd.DataFrame, by: str, over: str, measure: str, scope: ClosedScope) -> None:
    """The chart's own numbers: a row for each place on its axis, a column for each series."""
    if over == NONE:
        exports.table(
            shown,
            name=f"{measure}-by-{by}-{dates_of(scope)}",
            units=UNITS,
            labels=LABELS | {by: DIMENSIONS[by].label},
            key="drawn",
        )
        return
    wide = shown.pivot_table(index=over, columns=by, values=measure, aggfunc="first", sort=False)
    frame = exports.plain(wide.reset_index().rename_axis(columns=None))
    if MEASURES[measure].additive:
        frame["Total"] = frame.drop(columns=over).sum(axis=1)
    exports.table(
        frame,
        name=f"{measure}-by-{by}-and-{over}-{dates_of(scope)}",
        units=dict.fromkeys(frame.columns.drop(over), MEASURES[measure].unit),
        labels={over: DIMENSIONS[over].label} | {name: name for name in frame.columns.drop(over)},
        key="drawn",
    )


def dates_of(scope: ClosedScope) -> str:
    """The span as a part of a file's name: 2026-10-30-to-2026-11-26."""
    return f"{scope.start}-to-{scope.last}"


view = shell.view()
shell.needs_data(view, "What exactly is in this number?")
title = st.container()
scope = requests_asked(view) or filters.scope_bar(view)
measure, by, over = controls([one.name for one in with_free(view)])
declared = MEASURES[measure]
totals = breakdown(view, scope, (by,), measure)
if totals.empty:
    with title:
        shell.header("Nothing matches these filters", view)
    shell.no_match(scope)
whole = spend.totals(view, scope, (measure,))[measure]
first = totals.iloc[0]
with title:
    unknown = f"{declared.label} is unknown: none of the attempts in these {scope.length_days} days carries it"
    shell.header(
        unknown
        if whole is None
        else f"{declared.label}: {fmt.measure(whole, declared.unit)} {coverage(view, scope).span}; {first[by]} "
        f"leads with {fmt.measure(first[measure], declared.unit)}",
        view,
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
rows, drawn, attempts = st.tabs(["Breakdown", "As drawn", "Requests"], key="rows", on_change="rerun")
if rows.open:
    with rows:
        table_of(totals, by, measure, scope)
if drawn.open:
    with drawn:
        table_as_drawn(shown, by, over, measure, scope)
if attempts.open:
    with attempts:
        requests.table(view, scope)
with st.container(horizontal=True, vertical_alignment="center"):
    filters.what_ifs(scope)
    shell.snapshot_link(view)
