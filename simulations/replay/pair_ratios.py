"""How the tokens of two models compare on the same requests: measured where both answered one call of the log.

A cascade, a shadow or a second opinion asks two models the same. Their input then differs by the tokenizer alone, their
output by how much each writes. Ratios are of sums; the interval is the delta method's for a ratio of means
(Cochran, Sampling Techniques, 3rd ed., eq. 6.13), 95 %.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import ibis.expr.types as ir
import numpy as np

from analytics.scope import Scope
from data.calendar import Z95
from data.ledger import Ledger
from simulations.replay.traffic import input_tokens, output_tokens

ENOUGH = 20  # calls that both answered: fewer say nothing


class TokenRatio(NamedTuple):
    """Tokens of the second model over those of the first, with 95 % bounds, and on how many calls."""

    value: float
    low: float
    high: float
    calls: int


class PairRatio(NamedTuple):
    """A pair's ratio of input (the tokenizer) and of output (how much is written)."""

    tokenizer: TokenRatio
    output: TokenRatio


Pairs = Mapping[tuple[str, str], PairRatio]


def pair_ratios(view: Ledger, scope: Scope) -> dict[tuple[str, str], PairRatio]:
    """By (old model, new model), where both answered at least `ENOUGH` calls, each with its first answer to a call."""
    rows = scope.usage(view)
    again = rows.filter(rows.attempt > 1).select("call_id").distinct()
    rows = rows.semi_join(again, "call_id")
    rows = rows.mutate(read=input_tokens(rows), written=output_tokens(rows))
    rows = rows.filter((rows.status == "success") & rows.model.notnull() & (rows.read > 0) & (rows.written > 0))
    first = rows.group_by("call_id", "model").aggregate(
        read=rows.read.argmin(rows.attempt).cast("float64"), written=rows.written.argmin(rows.attempt).cast("float64")
    )
    other = first.view()
    both = first.join(other, ["call_id", first.model != other.model], rname="{name}_new")
    table = view.frame(
        both.group_by(old=both.model, new=both.model_new).aggregate(calls=both.count(), **_sums(both)).order_by("old")
    )
    return {
        (str(row.old), str(row.new)): PairRatio(*(_ratio(int(row.calls), row, name) for name in ("read", "written")))
        for row in table.itertuples()
        if row.calls >= ENOUGH
    }


def _sums(both: ir.Table) -> dict[str, ir.FloatingScalar]:
    """Sums, squares and products of what two models read and wrote."""
    found: dict[str, ir.FloatingScalar] = {}
    for name in ("read", "written"):
        old, new = both[name], both[f"{name}_new"]
        found |= {f"{name}_old": old.sum(), f"{name}_new": new.sum()}
        found |= {f"{name}_oo": (old * old).sum(), f"{name}_nn": (new * new).sum(), f"{name}_on": (old * new).sum()}
    return found


def _ratio(calls: int, row: object, name: str) -> TokenRatio:
    old, new, oo, nn, on = (float(getattr(row, f"{name}_{part}")) for part in ("old", "new", "oo", "nn", "on"))
    value = new / old
    spread = max(0.0, nn - 2 * value * on + value * value * oo) * calls / (calls - 1)
    relative = float(np.sqrt(spread)) / new
    return TokenRatio(value, value * float(np.exp(-Z95 * relative)), value * float(np.exp(Z95 * relative)), calls)
