"""Explore: what exactly is in this number? Any measure by any two dimensions."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from analytics import spend
from analytics.registry import DIMENSIONS, MEASURES
from analytics.scope import Scope
from data.ledger import Ledger
from pages.ui import charts, exports, filters, shell
from pages.ui import format as fmt

NONE = "none"
GRAINS = ("day", "week", "month")
ROW_LIMIT = 5000  # what a table shows; the CSV holds the same rows


@shell.cached
def answer(view: Ledger, scope: Scope, by: tuple[str, ...], measure: str) -> pd.DataFrame:
    return spend.grouped(view, scope, by, (measure,))


@shell.cached
def breakdown(view: Ledger, scope: Scope, by: tuple[str, ...], measure: str) -> pd.DataFrame:
    more = tuple(dict.fromkeys((measure, "cost_usd", "requests")))
    return spend.grouped(view, scope, by, more)


def folded(frame: pd.DataFrame, totals: pd.DataFrame, name: str, measure: str) -> pd.DataFrame:
    """Top nine and Other for sums; the nine largest for ratios, which cannot be added up."""
    if MEASURES[measure].additive:
        return charts.top_and_other(frame, name, measure)
    keep = totals[name].head(charts.TOP)
    return frame[frame[name].isin(keep)]


def controls() -> tuple[str, str, str]:
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
            [n for n, d in DIMENSIONS.items() if not d.is_time],
            format_func=lambda n: DIMENSIONS[n].label,
            index=1,
            key="by",
            bind="query-params",
            width=180,
        )
        second = st.selectbox(
            "Over",
            [*GRAINS, NONE, *(n for n, d in DIMENSIONS.items() if not d.is_time)],
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
    )


view = shell.view()
shell.needs_data(view, "What exactly is in this number?")
title = st.container()
scope = filters.scope_bar(view, dimensions=("team", "model", "provider", "environment"))
measure, by, over = controls()
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
        else f"{declared.label}: {fmt.measure(whole, declared.unit)} in {scope.length_days} days; {first[by]} "
        f"leads with {fmt.measure(first[measure], declared.unit)}",
        view,
    )
frame = totals if over == NONE else answer(view, scope, (over, by), measure)
shown = folded(frame[[*([over] if over != NONE else []), by, measure]], totals, by, measure)
if over not in (NONE, *GRAINS):
    shown = folded(shown, answer(view, scope, (over,), measure), over, measure)
draw(shown, by, over, measure)
st.caption(
    fmt.md(
        f"{declared.label}: {declared.meaning}. Unit: {declared.unit}. Days in {scope.time_zone}, "
        f"{fmt.day(scope.start)} to {fmt.day(scope.end)} (excluded)."
    )
)
labels = {n: DIMENSIONS[n].label for n in DIMENSIONS} | {
    n: f"{m.label}, {m.unit}" if m.unit not in ("requests", "attempts") else m.label for n, m in MEASURES.items()
}
units = {n: m.unit for n, m in MEASURES.items()}
if len(totals) > ROW_LIMIT:
    st.caption(f"The table shows the {ROW_LIMIT:,} largest of {len(totals):,} rows.")
exports.table(totals.head(ROW_LIMIT), name=f"{measure}-by-{by}", units=units, labels=labels)
with st.container(horizontal=True, vertical_alignment="center"):
    filters.what_ifs(scope)
    shell.snapshot_link(view)
