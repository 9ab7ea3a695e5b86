"""What a mix does to prompt caches: its shares handed out by session, each conversation followed as in a replay.

A session draws one number and keeps it, so that it changes its model only where its segments ask for another.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from data.ledger import Ledger
from simulations.mixes.problem_from_log import Programme
from simulations.replay.cache_cost import cache_loss
from simulations.replay.cache_state import Use, lost_reads
from simulations.replay.policy_query import folding
from simulations.replay.repricing import Market

LEAST = 1e-9


class MixCaches(NamedTuple):
    """USD a year that lost cache reads add to each model's cost, the same if none stayed warm, and the warm share."""

    lost_usd: dict[str, float]
    never_warm_usd: float
    warm_share: float | None

    @property
    def usd(self) -> float:
        """All of it."""
        return sum(self.lost_usd.values())


def mix_caches(view: Ledger, made: Programme, shares: np.ndarray, market: Market) -> MixCaches:
    """The caches that a mix, given as shares per segment, loses. `made` is the problem of the same log."""
    flow, uses = _handed_out(made, shares)
    folded = folding(made.policy, made.edges, rules=False)
    followed = lost_reads(view, made.scope, folded, made.groups, uses, market)
    loss = cache_loss(made.groups, flow, followed, market)
    usd = pd.Series(loss.usd * made.yearly).groupby(flow["target"]).sum()
    reads = float(loss.reads.sum())
    return MixCaches(
        {str(name): float(value) for name, value in usd.items() if value},
        float(loss.never_usd.sum()) * made.yearly,
        max(0.0, 1 - float(loss.lost.sum()) / reads) if reads else None,
    )


def _handed_out(made: Programme, shares: np.ndarray) -> tuple[pd.DataFrame, list[list[Use]]]:
    """Each group's flows under the mix, and the part of the sessions that each of its models gets."""
    current = made.problem.current
    lines, uses = [], []
    for group, segment in enumerate(made.segment):
        low, mine = 0.0, []
        for place, column in enumerate(np.flatnonzero(shares[segment] > LEAST)):
            share, target = float(shares[segment, column]), made.problem.models[column]
            mine.append(Use(place, 0, target, low, low + share, per_request=False))
            lines.append((group, place, "split", target, share, bool(column == current[segment])))
            low += share
        uses.append(mine)
    return pd.DataFrame(lines, columns=["group", "place", "way", "target", "calls", "stays"]), uses
