"""The log folded into segments, in one engine query: ten million rows become some hundred.

A segment is what decides price, quality and permission alike: task type, criticality, data class,
size band, service tier, and the model that answered. Everything that asks "what if" works on these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from operator import itemgetter

import ibis
import ibis.expr.types as ir
import pandas as pd

from analytics.registry import DIMENSIONS, total
from analytics.scope import UNKNOWN, Scope
from data.calendar import DAYS_PER_YEAR
from data.errors import BadInput, NoData
from data.ledger import Ledger
from data.sample.sample import is_sample
from data.schema import INPUT_TOKENS, OUTPUT_TOKENS, TOKENS

SEGMENT = ("task_type", "criticality", "data_class")
ROUTE = ("provider", "host", "service_tier", "model")
BANDS = (1, 2_000, 10_000, 50_000)  # lower edges of size bands in input tokens, where nothing finer is asked
SUMS = ("attempts", "calls", "cost_usd", "tool_fees_usd", *TOKENS, "latency_ms_sum", "latency_count")
NOTHING = "There are no requests in this scope to simulate; choose another span or filter, or load a log."


@ibis.udf.scalar.builtin(name="json_extract_string")
def json_text(document: str, path: str) -> str:  # type: ignore[empty-body]  # the body is DuckDB's
    """DuckDB's ->>."""


@ibis.udf.scalar.builtin(name="regexp_extract")
def _extract(text: str, pattern: str, group: int) -> str:  # type: ignore[empty-body]  # the body is DuckDB's
    """DuckDB's regexp_extract(): six times as fast as parsing the tags."""


def calls_of(table: ir.Table) -> ir.FloatingValue:
    """How many calls a record of the sample company stands for (`tags.calls`)."""
    return _extract(table.tags.cast("string"), r'"calls":\s*([0-9.]+)', 1).try_cast("float64").fill_null(1.0)


def input_tokens(table: ir.Table, sampled: bool = False) -> ir.NumericValue:
    """All input of one request, cached or not; NULL when no input count is known.

    A record of the sample company stands for many calls (`tags.calls`): `sampled` divides by them.
    """
    known = ibis.coalesce(*(table[name] for name in INPUT_TOKENS)).notnull()
    return _size(table, INPUT_TOKENS, known, sampled)


def output_tokens(table: ir.Table, sampled: bool = False) -> ir.NumericValue:
    """All output of one request, reasoning included; NULL when no output count is known."""
    known = ibis.coalesce(*(table[name] for name in OUTPUT_TOKENS)).notnull()
    return _size(table, OUTPUT_TOKENS, known, sampled)


def _size(table: ir.Table, names: tuple[str, ...], known: ir.BooleanValue, sampled: bool) -> ir.NumericValue:
    size = ibis.ifelse(known, sum(table[name].fill_null(0) for name in names), ibis.null("int64"))
    if not sampled:
        return size
    return (size / calls_of(table)).ceil().cast("int64")


def basis(table: ir.Table) -> ir.StringValue:
    """What a what-if may do with a row: reprice it, or list it as unpriced, unmetered, or kept as it is.

    Failed attempts and answers from a gateway's cache are kept: nobody would have paid a model for them. So is work
    on capacity bought ahead: what it would save elsewhere is in the commitment, not in the log.
    """
    no_tokens = table.fresh_input_tokens.isnull() & table.output_tokens.isnull()
    return ibis.cases(
        (table.status.isin(["error", "cached"]) | (table.cost_basis == "prepaid").fill_null(False), "kept"),
        (no_tokens, "unmetered"),
        (table.cost_usd.isnull(), "unpriced"),
        else_="priced",
    )


def size_band(table: ir.Table, edges: Iterable[int], sampled: bool = False) -> ir.IntegerValue:
    """The lower edge of the size band a row's input lies in (0 below the first); NULL for unknown."""
    tokens = table.input_size if "input_size" in table.columns else input_tokens(table, sampled)
    ordered = sorted(set(edges))
    # From below: most requests are small, and a branch is only tried on what the earlier ones left.
    steps = [(tokens < edge, lower) for lower, edge in zip([0, *ordered], ordered, strict=False)]
    return ibis.cases((tokens.isnull(), ibis.null("int64")), *steps, else_=ordered[-1] if ordered else 0)


Key = Callable[[ir.Table], ir.Value]
Keys = Mapping[str, Key]


def fold(
    view: Ledger,
    scope: Scope,
    *,
    edges: Iterable[int] = BANDS,
    by: Iterable[str] = (),
    keys: Keys | None = None,
    over: Iterable[str] = (),
    late: Keys | None = None,
) -> pd.DataFrame:
    """One row per segment: the key columns and `SUMS` (attempts, calls, USD, tokens, ms), plus quality sums.

    `by` adds dimensions of the registry, `keys` columns computed from rows. `late` columns are computed
    from the grouped dimensions, `over` and `band`: thousands of groups instead of millions of rows.
    Raises NoData when the scope has no requests.
    """
    unknown = [name for name in (*by, *over) if name not in DIMENSIONS]
    if unknown:
        raise BadInput(f"There is no dimension `{unknown[0]}`; use one of: {', '.join(DIMENSIONS)}.")
    kept = list(dict.fromkeys((*SEGMENT, *ROUTE, *by)))
    computed: dict[str, Key] = {name: _dimension(name, scope) for name in dict.fromkeys((*kept, *over))}
    computed |= {"basis": basis, "costed": _costed, "band": lambda rows: size_band(rows, edges, is_sample(view))}
    computed |= keys or {}
    rows = scope.usage(view)
    if is_sample(view):  # a column of its own, or every band would read the tags again
        rows = rows.mutate(input_size=input_tokens(rows, sampled=True))
    grouped = _folded(rows, computed)
    if late:
        again = {name: itemgetter(name) for name in (*kept, "basis", "costed", "band", *(keys or {}))}
        grouped = _folded(grouped, {**again, **late})
    names = [name for name in grouped.columns if name not in (*SUMS, "quality_sum", "quality_count")]
    frame = view.frame(grouped.order_by(names))  # the same question gets the same answer, to the order of its rows
    if frame.empty:
        raise NoData(NOTHING)
    for name in (*SEGMENT, *by):
        if not (DIMENSIONS[name].is_time or name == "hour"):
            frame[name] = frame[name].fillna(UNKNOWN)
    return frame


def _dimension(name: str, scope: Scope) -> Key:
    return lambda rows: DIMENSIONS[name].expression(rows, scope.time_zone)


def _costed(rows: ir.Table) -> ir.BooleanValue:
    return rows.cost_usd.notnull()


def _folded(rows: ir.Table, keys: Keys) -> ir.Table:
    """Sums by these keys, over rows or over an earlier fold."""
    sums = {name: total(rows, name) for name in SUMS}
    earlier = "quality_sum" in rows.columns
    sums["quality_sum"] = rows.quality_sum.sum() if earlier else rows.quality_score.sum()
    sums["quality_count"] = rows.quality_count.sum() if earlier else rows.quality_score.count()
    return rows.group_by(**{name: key(rows) for name, key in keys.items()}).aggregate(**sums)


def days_covered(view: Ledger, scope: Scope) -> float:
    """Days from the first to the last request in scope; what a year is extrapolated from."""
    rows = scope.usage(view)
    span = view.frame(rows.aggregate(first=rows.requested_at.min(), last=rows.requested_at.max())).iloc[0]
    if pd.isna(span["first"]):
        raise NoData(NOTHING)
    if scope.start and scope.end:
        return float(scope.length_days or 0)
    return max((span["last"] - span["first"]).total_seconds() / 86_400, 1 / 24)


def last_instant(view: Ledger, scope: Scope) -> datetime:
    """The last request in scope (naive UTC): the day whose prices a what-if uses unless told otherwise."""
    rows = scope.usage(view)
    last = view.frame(rows.aggregate(last=rows.requested_at.max())).iloc[0, 0]
    if pd.isna(last):
        raise NoData(NOTHING)
    return last.to_pydatetime()


def per_year(days: float) -> float:
    """Factor from a span to a year. Raises BadInput for less than a day; less than a week deserves `caution`."""
    if days < 1:
        raise BadInput(
            f"The log covers {days * 24:.1f} hours; a year cannot be told from less than a day. Load more, or ask "
            "for the span itself."
        )
    return DAYS_PER_YEAR / days


def caution(days: float) -> str | None:
    """What to say beside an annual figure from a short log."""
    return f"annualised from {days:.1f} days: weekdays and weekends are not all in it" if days < 7 else None
