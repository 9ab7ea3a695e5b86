"""Explore's tables: what the chart shows and the whole breakdown, with totals, shares and the change."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
import streamlit as st

from analytics import spend
from analytics.coverage import Comparison, comparison
from analytics.measures import MEASURES
from analytics.registry import DIMENSIONS, HOUR
from analytics.scope import ClosedScope, Scope
from data.ledger import Ledger
from pages.ui import exports, shell
from pages.ui import format as fmt
from pages.ui.taking_away import About

ROW_LIMIT = 5000  # what a table shows; the CSV holds the same rows
TOTAL = "Total"
LABELS = {n: d.label for n, d in DIMENSIONS.items()} | {
    n: f"{m.label}, {m.unit}" if m.unit not in ("requests", "attempts") else m.label for n, m in MEASURES.items()
}
UNITS = {n: m.unit for n, m in MEASURES.items()}


def measures_of(measure: str) -> tuple[str, ...]:
    """The measure asked for, with what it costs and of how many requests."""
    return tuple(dict.fromkeys((measure, "cost_usd", "requests")))


@shell.cached
def breakdown(view: Ledger, scope: Scope, by: tuple[str, ...], measure: str) -> pd.DataFrame:
    return spend.grouped_spend(view, scope, by, measures_of(measure))


@shell.cached
def whole_of(view: Ledger, scope: Scope, measure: str) -> dict[str, Any]:
    """The measures of a breakdown over all of its values: what its total row says."""
    return spend.totals(view, scope, measures_of(measure))


@shell.cached
def compare_spans(view: Ledger, scope: ClosedScope, earlier: ClosedScope) -> Comparison:
    return comparison(view, scope, earlier)


def changes(view: Ledger, by: str, measure: str, pair: Comparison) -> pd.Series:
    """By value of `by`, and in all: now less before, on the days that both have; empty where nothing is compared.

    A value that has no row in one of the two has none there: a sum changes by all of the other, a ratio is unknown.
    """
    if pair.now is None or pair.before is None:
        return pd.Series(dtype=object)
    now, before = (
        breakdown(view, span, (by,), measure).set_index(by)[measure].astype(object) for span in (pair.now, pair.before)
    )
    if MEASURES[measure].additive:
        names = now.index.union(before.index, sort=False)
        now, before = (_present(side.reindex(names), set(side.index)) for side in (now, before))
    now[TOTAL], before[TOTAL] = (whole_of(view, span, measure)[measure] for span in (pair.now, pair.before))
    return now.combine(before, _less)


def _present(side: pd.Series, known: set[object]) -> pd.Series:
    """Nothing where a span has no row of a value; what is there and unknown stays so."""
    return pd.Series([value if name in known else 0 for name, value in side.items()], index=side.index, dtype=object)


def _less(now: Any, before: Any) -> Any:
    if pd.isna(now) or pd.isna(before):
        return None
    if isinstance(now, Decimal) or isinstance(before, Decimal):
        return Decimal(str(now)) - Decimal(str(before))
    return now - before


def table_of(
    view: Ledger,
    totals: pd.DataFrame,
    by: str,
    measure: str,
    scope: ClosedScope,
    earlier: ClosedScope | None,
    said: About,
) -> None:
    """Every value with the measure, its share of the whole where it adds up, the change, spend and requests; the total
    of all values stands last."""
    frame, whole = totals.head(ROW_LIMIT), whole_of(view, scope, measure)
    frame = pd.concat([frame.astype(object), pd.DataFrame([{by: TOTAL, **whole}], dtype=object)], ignore_index=True)
    more = []
    if MEASURES[measure].additive and whole[measure]:
        shares = [None if pd.isna(value) else float(value) / float(whole[measure]) for value in frame[measure]]
        frame, more = frame.assign(share=shares), ["share"]
    pair = compare_spans(view, scope, earlier) if earlier else Comparison(None, None, "")
    moved, told = changes(view, by, measure, pair), _told(pair, earlier)
    if len(moved):
        frame, more = frame.assign(change=[moved.get(name) for name in frame[by]]), [*more, "change"]
    if len(totals) > ROW_LIMIT:
        st.caption(f"The table shows the {fmt.count(ROW_LIMIT)} largest of {fmt.count(len(totals))} rows.")
    unit = MEASURES[measure].unit
    exports.table(
        frame[[by, measure, *more, *frame.columns.drop([by, measure, *more])]],
        name=f"{measure}-by-{by}",
        units=UNITS | {"share": "share", "change": unit},
        labels=LABELS | {by: DIMENSIONS[by].label, "change": f"Change, {unit}"},
        key="rows",
        said=said._replace(
            title=f"{MEASURES[measure].label} by {DIMENSIONS[by].label.lower()}",
            told="; ".join([part for part in (told.rstrip("."), said.told) if part]),
            chart=said.title,
        ),
    )
    st.caption(fmt.md(told))


def _told(pair: Comparison, earlier: ClosedScope | None) -> str:
    if pair.before is None:
        return f"No change is shown: {pair.note}." if pair.note and earlier else ""
    return f"Change against {fmt.days(pair.before.start, pair.before.last)}." + (f" {pair.note}." if pair.note else "")


def table_as_drawn(shown: pd.DataFrame, by: str, over: str | None, measure: str, said: About) -> None:
    """The chart's own numbers: a row for each place on its axis, a column for each series, and their sums."""
    declared = MEASURES[measure]
    if over is None:
        exports.table(
            shown,
            name=f"{measure}-by-{by}",
            units=UNITS,
            labels=LABELS | {by: DIMENSIONS[by].label},
            key="drawn",
            said=said,
        )
        return
    wide = shown.pivot_table(index=over, columns=by, values=measure, aggfunc="first", sort=False)
    frame = exports.plain(wide.reset_index().rename_axis(columns=None))
    series = list(frame.columns.drop(over))
    written = "%Y-%m-%d %H:%M" if over == HOUR else "%Y-%m-%d"
    frame[over] = [place.strftime(written) if hasattr(place, "strftime") else place for place in frame[over]]
    if declared.additive:
        frame[TOTAL] = frame[series].sum(axis=1, min_count=1)
        sums = {over: TOTAL, **frame[[*series, TOTAL]].sum(min_count=1)}
        frame = pd.concat([frame, pd.DataFrame([sums])], ignore_index=True)
    columns = list(frame.columns.drop(over))
    exports.table(
        frame,
        name=f"{measure}-by-{by}-and-{over}",
        units=dict.fromkeys(columns, declared.unit),
        labels={over: DIMENSIONS[over].label} | {name: str(name) for name in columns},
        key="drawn",
        said=said,
    )
