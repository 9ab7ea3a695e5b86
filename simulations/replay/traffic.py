"""The log folded into segments, in one engine query: ten million rows become some hundred.

A segment is what decides price, quality and permission alike: task type, criticality, data class,
size band, service tier, and the model that answered. Everything that asks "what if" works on these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from analytics.answers_by_version import remember
from analytics.registry import DIMENSIONS
from analytics.scope import UNKNOWN, Scope
from analytics.totals import total
from data import kept_answers
from data.engine_sql import question_text
from data.errors import BadInput, NoData
from data.kept_rows import keeping
from data.ledger import Ledger
from data.schema import INPUT_TOKENS, OUTPUT_TOKENS, TOKENS

SEGMENT = ("task_type", "criticality", "data_class")
ROUTE = ("provider", "host", "service_tier", "model")
SEPARATE = ("embedding", "image", "audio", "rerank", "moderation")  # operations that no chat model takes over
BANDS = (1, 2_000, 10_000, 50_000)  # lower edges of size bands in input tokens, where nothing finer is asked
SUMS = ("attempts", "calls", "cost_usd", "tool_fees_usd", *TOKENS, "latency_ms_sum", "latency_count")
NOTHING = "There are no requests in this scope to simulate; choose another span or filter, or load a log."


def input_tokens(table: ir.Table) -> ir.NumericValue:
    """All input of one request, cached or not; NULL when no input count is known."""
    known = ibis.coalesce(*(table[name] for name in INPUT_TOKENS)).notnull()
    return _size(table, INPUT_TOKENS, known)


def output_tokens(table: ir.Table) -> ir.NumericValue:
    """All output of one request, reasoning included; NULL when no output count is known."""
    known = ibis.coalesce(*(table[name] for name in OUTPUT_TOKENS)).notnull()
    return _size(table, OUTPUT_TOKENS, known)


def _size(table: ir.Table, names: tuple[str, ...], known: ir.BooleanValue) -> ir.NumericValue:
    return ibis.ifelse(known, sum(table[name].fill_null(0) for name in names), ibis.null("int64"))


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


def separate(table: ir.Table) -> ir.BooleanValue:
    """Whether a row is of an operation that trades places with no other: a world of its own."""
    return table.operation.isin(SEPARATE).fill_null(False)


def size_band(table: ir.Table, edges: Iterable[int]) -> ir.IntegerValue:
    """The lower edge of the size band a row's input lies in (0 below the first); NULL for unknown."""
    tokens = table.input_size if "input_size" in table.columns else input_tokens(table)
    ordered = sorted(set(edges))
    # From below: most requests are small, and a branch is only tried on what the earlier ones left.
    steps = [(tokens < edge, lower) for lower, edge in zip([0, *ordered], ordered, strict=False)]
    return ibis.cases((tokens.isnull(), ibis.null("int64")), *steps, else_=ordered[-1] if ordered else 0)


def with_input_size(rows: ir.Table) -> ir.Table:
    """Rows with `input_size`: worked out once for each, as the engine would do it for every edge of a band anew."""
    return rows.mutate(input_size=input_tokens(rows))


Key = Callable[[ir.Table], ir.Value]
Keys = Mapping[str, Key]


@dataclass(frozen=True)
class Folding:
    """What decides a request's fate, as keys of a group.

    `edges` bound the size bands, `by` adds dimensions of the registry, `keys` columns computed from rows.
    `late` columns are computed from the grouped dimensions, `over` and the band: thousands of groups
    instead of millions of rows.
    """

    edges: tuple[int, ...] = BANDS
    by: tuple[str, ...] = ()
    keys: Keys = field(default_factory=dict)
    over: tuple[str, ...] = ()
    late: Keys = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = [name for name in (*self.by, *self.over) if name not in DIMENSIONS]
        if unknown:
            raise BadInput(f"There is no dimension `{unknown[0]}`; use one of: {', '.join(DIMENSIONS)}.")

    @property
    def kept(self) -> tuple[str, ...]:
        """Dimensions that stay keys of the groups."""
        return tuple(dict.fromkeys((*SEGMENT, *ROUTE, *self.by)))

    @property
    def names(self) -> tuple[str, ...]:
        """The key columns of the groups."""
        return (*self.kept, "basis", "costed", "separate", "band", *self.keys, *self.late)

    def place(self, rows: ir.Table) -> ir.IntegerValue:
        """One number for all keys of a group: what rows are joined to their group by."""
        return ibis.struct({name: rows[name] for name in self.names}).hash()

    def early(self, scope: Scope) -> dict[str, Key]:
        """The keys that are computed from rows."""
        computed: dict[str, Key] = {name: _dimension(name, scope) for name in dict.fromkeys((*self.kept, *self.over))}
        computed |= {"basis": basis, "costed": _costed, "separate": separate}
        computed["band"] = lambda rows: size_band(rows, self.edges)
        return computed | dict(self.keys)


def fold(view: Ledger, scope: Scope, folding: Folding | None = None) -> pd.DataFrame:
    """One row per segment: the key columns and `SUMS` (attempts, calls, USD, tokens, ms), plus quality sums.

    Raises NoData when the scope has no requests.
    """
    folding = folding or Folding()
    return with_names(fold_as_logged(view, scope, folding), folding)


def fold_as_logged(view: Ledger, scope: Scope, folding: Folding) -> pd.DataFrame:
    """As `fold`, with NULL for what is unknown."""
    grouped = _folded(with_input_size(scope.usage(view)), folding.early(scope))
    if folding.late:
        again = {
            name: itemgetter(name) for name in (*folding.kept, "basis", "costed", "separate", "band", *folding.keys)
        }
        grouped = _folded(grouped, {**again, **folding.late})
    # The same question gets the same answer, to the order of its rows.
    frame = view.frame(grouped.mutate(place=folding.place(grouped)).order_by(list(folding.names)))
    if frame.empty:
        raise NoData(NOTHING)
    frame["calls"] = _by_answer(view, scope, folding, frame)
    return frame


def with_names(frame: pd.DataFrame, folding: Folding) -> pd.DataFrame:
    """Groups whose unknown segment has a name."""
    for name in (*SEGMENT, *folding.by):
        if not (DIMENSIONS[name].is_time or name == "hour"):
            frame[name] = frame[name].fillna(UNKNOWN)
    return frame


def _by_answer(view: Ledger, scope: Scope, folding: Folding, frame: pd.DataFrame) -> pd.Series:
    """Calls of every group, each counted once, with the attempt that answered it; one that never was, with its first.

    In a group by model or status the attempts of a call differ: what failed first and succeeded later is counted where
    it succeeded. Only those rows are looked at again.
    """
    later = _answered_later(view)

    def changes(answers: ir.Table) -> ir.Table:
        rows = scope.usage(view)
        rows = rows.filter(_first_failed(rows) | _later_success(rows))
        rows = _with_keys(rows.inner_join(answers, "call_id"), scope, folding)
        change = ibis.ifelse(rows.attempt == 1, -1, (rows.attempt == rows.answered).cast("int64"))
        return rows.group_by("place").aggregate(change=change.sum())

    def look() -> pa.Table:
        with keeping(view, later) as answers:
            return pa.Table.from_pandas(view.frame(changes(answers)), preserve_index=False)

    def question() -> str:
        return f"{question_text(later)} {question_text(changes(ibis.table(later.schema(), name='answers')))}"

    moved = kept_answers.answer_to(view, question, look).to_pandas().set_index("place")["change"]
    return frame["calls"] + frame["place"].map(moved).fillna(0).astype("int64")


def _answered_later(view: Ledger) -> ir.Table:
    """Calls whose first attempt failed and that were answered later, with the attempt that did: the same for every
    scope."""
    rows = view.usage
    rows = rows.filter(_first_failed(rows) | _later_success(rows))
    calls = rows.group_by("call_id").aggregate(
        answered=rows.attempt.min(where=_later_success(rows)), failed=_first_failed(rows).any()
    )
    return calls.filter(calls.failed & calls.answered.notnull()).select("call_id", "answered")


def _first_failed(rows: ir.Table) -> ir.BooleanValue:
    return (rows.attempt == 1) & (rows.status == "error")


def _later_success(rows: ir.Table) -> ir.BooleanValue:
    return (rows.attempt > 1) & (rows.status == "success")


def with_group_keys(view: Ledger, scope: Scope, folding: Folding) -> ir.Table:
    """Every row with the key columns of its group beside its own, and the `place` that its group has in a fold."""
    return _with_keys(scope.usage(view), scope, folding)


def _with_keys(rows: ir.Table, scope: Scope, folding: Folding) -> ir.Table:
    rows = with_input_size(rows)
    rows = rows.mutate(**{name: key(rows) for name, key in folding.early(scope).items()})
    rows = rows.mutate(**{name: key(rows) for name, key in folding.late.items()}) if folding.late else rows
    return rows.mutate(place=folding.place(rows))


def _dimension(name: str, scope: Scope) -> Key:
    return lambda rows: DIMENSIONS[name].expression(rows, scope.time_zone)


def _costed(rows: ir.Table) -> ir.BooleanValue:
    return rows.cost_usd.notnull()


def _loose_reads(rows: ir.Table) -> ir.IntegerValue:
    """Cache reads of requests of which nobody can tell what came before: neither session nor user is logged."""
    return rows.cache_read_tokens.sum(where=rows.session_id.isnull() & rows.user_id.isnull()).fill_null(0)


def _folded(rows: ir.Table, keys: Keys) -> ir.Table:
    """Sums by these keys, over rows or over an earlier fold."""
    sums = {name: total(rows, name) for name in SUMS}
    earlier = "quality_sum" in rows.columns
    sums["loose_reads"] = rows.loose_reads.sum() if earlier else _loose_reads(rows)
    sums["quality_sum"] = rows.quality_sum.sum() if earlier else rows.quality_score.sum()
    sums["quality_count"] = rows.quality_count.sum() if earlier else rows.quality_score.count()
    return rows.group_by(**{name: key(rows) for name, key in keys.items()}).aggregate(**sums)


@remember
def last_instant(view: Ledger, scope: Scope) -> datetime:
    """The last request in scope (naive UTC): the day whose prices a what-if uses unless told otherwise."""
    rows = scope.usage(view)
    last = view.frame(rows.aggregate(last=rows.requested_at.max())).iloc[0, 0]
    if pd.isna(last):
        raise NoData(NOTHING)
    return last.to_pydatetime()
