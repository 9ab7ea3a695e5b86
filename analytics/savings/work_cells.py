"""The recent rows folded into cells: one wide query that every savings finding reads.

A cell is one kind of work: (provider, model, team, feature, environment, task type, criticality,
data class). What the query cannot sum, sessions and repeated attempts, comes from two narrow ones.
"""

from __future__ import annotations

from datetime import timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from analytics import list_prices
from analytics.answers_by_version import remember
from analytics.attributes import WORK
from analytics.paid_prices import KINDS, USUAL_RATES
from analytics.scope import UNKNOWN, ClosedScope
from data.dialect import local_time
from data.ledger import Ledger

CELL = WORK
PRICES = ("fresh_price", "read_price", "write_5m_price", "write_1h_price", "output_price")
INPUTS = KINDS[:4]


@remember
def cells(view: Ledger, scope: ClosedScope) -> pd.DataFrame:
    """One row per cell, indexed by CELL; floats.

    Columns: attempts, calls, failed, cost_usd, failed_cost_usd; of paid answers: answers, answers_cost_usd,
    KINDS; scored, score (mean or NaN); streamed, by_night, standard_cost_usd; and PRICES, what the cell
    paid per token (list proportions, scaled to its cost), with `listed` saying whether a price sheet knew it.
    """
    rows = scope.usage(view)
    paid = ~rows.status.isin(["error", "cached"])
    hour = local_time(rows, scope.time_zone).hour()
    sums = {
        "attempts": rows.count(),
        "calls": (rows.attempt == 1).sum(),
        "failed": (rows.status == "error").sum(),
        "cost_usd": rows.cost_usd.sum(),
        "failed_cost_usd": rows.cost_usd.sum(where=rows.status == "error"),
        "answers": (paid & rows.cost_usd.notnull()).sum(),
        "answers_cost_usd": rows.cost_usd.sum(where=paid),
        **{kind: rows[kind].sum(where=paid) for kind in INPUTS},
        "billed_output_tokens": (rows.output_tokens.fill_null(0) + rows.reasoning_tokens.fill_null(0)).sum(where=paid),
        "scored": rows.quality_score.count(),
        "score": rows.quality_score.mean(),
        "streamed": rows.ttft_ms.count(),
        "by_night": ((hour >= 22) | (hour < 7)).sum(),
        "standard_cost_usd": rows.cost_usd.sum(
            where=paid & (rows.service_tier.isnull() | (rows.service_tier == "standard"))
        ),
    }
    frame = view.frame(
        rows.group_by(**_keys(rows)).aggregate(**{name: value.cast("float64") for name, value in sums.items()})
    )
    table = frame.set_index(list(CELL)).astype(float)
    score = table.pop("score")
    table = table.fillna(0.0).assign(score=score).sort_index()
    return _priced(table, scope)


def _keys(rows: ir.Table) -> dict[str, ir.Value]:
    return {name: rows[name].fill_null(UNKNOWN) for name in CELL}


def _priced(table: pd.DataFrame, scope: ClosedScope) -> pd.DataFrame:
    day = scope.start + (scope.end - scope.start) / 2
    known = {pair: list_prices.per_token(*pair, day) for pair in {index[:2] for index in table.index}}
    sheet = np.array([known[index[:2]] or USUAL_RATES for index in table.index]).reshape(-1, len(KINDS))
    listed = (table[list(KINDS)].to_numpy() * sheet).sum(axis=1)
    scale = np.divide(table["answers_cost_usd"].to_numpy(), listed, out=np.zeros(len(table)), where=listed > 0)
    prices = pd.DataFrame(sheet * scale[:, None], index=table.index, columns=list(PRICES))
    return table.join(prices).assign(listed=[known[index[:2]] is not None for index in table.index])


@remember
def sessions(view: Ledger, scope: ClosedScope) -> pd.DataFrame:
    """What conversations sent again, per cell: resent_tokens (not read from a cache), outgrown_tokens, shared_tokens
    (as many of both as lie in the same conversations), turns, torn_read_tokens: read from a cache in conversations
    that reach into other cells too.

    A turn repeats the turns before it: what a session sent beyond its longest prompt was sent before.
    `outgrown_tokens` counts, as a lower bound, input beyond three times the session's first prompt.
    """
    rows = scope.usage(view)
    rows = rows.filter(rows.session_id.notnull() & ~rows.status.isin(["error", "cached"]))
    inputs = sum(rows[kind].fill_null(0) for kind in INPUTS)
    single = rows.group_by(session=rows.session_id, **_keys(rows)).aggregate(
        turns=rows.count(),
        input=inputs.sum(),
        longest=inputs.max(),
        shortest=inputs.min(),
        fresh=rows.fresh_input_tokens.fill_null(0).sum(),
        read=rows.cache_read_tokens.fill_null(0).sum(),
    )
    whole = ibis.window(group_by=single.session)
    single = single.mutate(cells=single.count().over(whole), all_turns=single.turns.sum().over(whole))
    single = single.filter(single.all_turns > 1)
    resent = ibis.least(single.fresh, ibis.greatest(single.input - single.longest - single.read, 0))
    outgrown = ibis.greatest(single.input - 3 * single.turns * single.shortest, 0)
    folded = single.group_by(*CELL).aggregate(
        turns=single.turns.sum(where=single.turns > 1).fill_null(0).cast("float64"),
        resent_tokens=resent.sum().cast("float64"),
        outgrown_tokens=outgrown.sum().cast("float64"),
        shared_tokens=ibis.least(resent, outgrown).sum().cast("float64"),
        torn_read_tokens=single.read.sum(where=single.cells > 1).fill_null(0).cast("float64"),
    )
    return view.frame(folded).set_index(list(CELL)).astype(float)


@remember
def repeats(view: Ledger, scope: ClosedScope) -> pd.DataFrame:
    """Second and later attempts that were answered, per cell and the model tried first: attempts, cost_usd, KINDS.

    Columns also first_provider, first_model and first_answered (the first attempt had been answered, so the
    second was a repeat rather than a rescue).
    """
    rows = scope.usage(view)
    later = rows.filter((rows.attempt > 1) & ~rows.status.isin(["error", "cached"]))
    first = rows.filter(rows.attempt == 1)
    first = first.select(
        "call_id", first_provider=first.provider, first_model=first.model, first_answered=first.status == "success"
    )
    both = later.inner_join(first, "call_id")
    output = both.output_tokens.fill_null(0) + both.reasoning_tokens.fill_null(0)
    grouped = both.group_by(
        **_keys(both),
        first_provider=both.first_provider,
        first_model=both.first_model,
        first_answered=both.first_answered,
    )
    frame = view.frame(
        grouped.aggregate(
            attempts=both.count(),
            cost_usd=both.cost_usd.sum().cast("float64"),
            **{kind: both[kind].sum().cast("float64") for kind in INPUTS},
            billed_output_tokens=output.sum().cast("float64"),
        )
    )
    return frame.set_index(list(CELL)).fillna(dict.fromkeys(("cost_usd", *KINDS), 0.0))


@remember
def cache_shares(view: Ledger, scope: ClosedScope) -> pd.DataFrame:
    """Best cache-read share of earlier spans of the same length, by (model, team, feature), from the roll-up.

    At most three spans back; spans with under 100 attempts say nothing. Column `best_share`.
    """
    if not scope.fits_rollup():
        return pd.DataFrame({"best_share": []})
    earlier = scope.between(scope.start - 3 * timedelta(days=scope.length_days), scope.start)
    days = earlier.days(view)
    span = ((ibis.literal(scope.start).delta(days.day, unit="day") - 1) / scope.length_days).floor()
    names = {name: days[name].fill_null(UNKNOWN) for name in ("model", "team", "feature")}
    inputs = sum(days[kind].sum().fill_null(0) for kind in INPUTS)
    share = days.cache_read_tokens.sum().cast("float64") / inputs.cast("float64").nullif(0.0)
    frame = view.frame(days.group_by(**names, span=span).aggregate(attempts=days.attempts.sum(), share=share))
    frame = frame[frame["attempts"] >= 100]
    return frame.groupby(["model", "team", "feature"])[["share"]].max().rename(columns={"share": "best_share"})
