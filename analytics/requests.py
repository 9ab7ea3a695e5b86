"""The rows behind a number: the attempts of a slice, a page at a time, ordered and cut in the engine."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import pandas as pd

from analytics.scope import Scope
from data.errors import BadInput
from data.ledger import Ledger
from data.schema import INPUT_TOKENS, OUTPUT_TOKENS, TOKENS

PAGE_ROWS = 100
ORDERS = {"time": "requested_at", "cost": "cost_usd", "tokens": "tokens", "latency": "latency_ms"}
SHOWN = (
    "requested_at",
    "model",
    "team",
    "feature",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "cost_basis",
    "caveats",
    "status",
    "attempt",
    "latency_ms",
    "session_id",
    "source",
    "event_id",
)


def count(view: Ledger, scope: Scope, caveat: str | None = None) -> int:
    """How many attempts the slice has."""
    rows = _slice(view, scope, caveat)
    return int(view.frame(rows.aggregate(rows=rows.count()))["rows"][0])


def page(
    view: Ledger, scope: Scope, *, order: str = "time", number: int = 1, caveat: str | None = None
) -> pd.DataFrame:
    """Page `number` (from 1) of the attempts, largest or newest first: the columns of `SHOWN`, times UTC.

    `input_tokens` and `output_tokens` are sums of the known buckets, None where none is known.
    Raises BadInput for an order nobody knows.
    """
    if order not in ORDERS:
        raise BadInput(f"{order} is no order of requests; choose {', '.join(ORDERS)}.")
    rows = _slice(view, scope, caveat)
    rows = rows.mutate(
        input_tokens=_sum(rows, INPUT_TOKENS),
        output_tokens=_sum(rows, OUTPUT_TOKENS),
        tokens=_sum(rows, TOKENS),
    )
    ordered = rows.order_by(ibis.desc(ORDERS[order], nulls_first=False), ibis.asc("event_id"))
    return view.frame(ordered.select(*SHOWN).limit(PAGE_ROWS, offset=(number - 1) * PAGE_ROWS))


def session(view: Ledger, session_id: str) -> pd.DataFrame:
    """The attempts of one session in time, at most a thousand: the columns of `SHOWN`."""
    rows = view.usage.filter(view.usage.session_id == session_id)
    rows = rows.mutate(input_tokens=_sum(rows, INPUT_TOKENS), output_tokens=_sum(rows, OUTPUT_TOKENS))
    return view.frame(rows.select(*SHOWN).order_by("requested_at", "event_id").limit(1000))


def sessions(view: Ledger, scope: Scope) -> pd.DataFrame:
    """The dearest sessions of a slice, at most a page of them: session_id, began (UTC), minutes, attempts, models
    (names in order), team, feature, cost_usd (None where no attempt has a price). A session is what of it lies in the
    slice.
    """
    rows = scope.usage(view)
    rows = rows.filter(rows.session_id.notnull())
    at = rows.requested_at
    folded = rows.group_by("session_id").aggregate(
        began=at.min(),
        minutes=at.max().delta(at.min(), unit="second") / 60.0,
        attempts=rows.count(),
        models=rows.model.collect(distinct=True),
        team=rows.team.max(),
        feature=rows.feature.max(),
        cost_usd=rows.cost_usd.sum(),
    )
    frame = view.frame(folded.order_by(ibis.desc("cost_usd", nulls_first=False), "session_id").limit(PAGE_ROWS))
    return frame.assign(models=[", ".join(sorted(name for name in names if name)) for names in frame["models"]])


def _slice(view: Ledger, scope: Scope, caveat: str | None) -> ir.Table:
    rows = scope.usage(view)
    return rows if caveat is None else rows.filter(rows.caveats.contains(caveat))


def _sum(rows: ir.Table, columns: Sequence[str]) -> ir.Value:
    known = [rows[c].notnull() for c in columns]
    anything = known[0]
    for one in known[1:]:
        anything = anything | one
    parts = sum((rows[c].fill_null(0) for c in columns[1:]), rows[columns[0]].fill_null(0))
    return ibis.ifelse(anything, parts, ibis.null())
