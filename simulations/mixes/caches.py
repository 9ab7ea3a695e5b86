"""What a mix does to prompt caches: its shares handed out by session, each conversation followed as in a replay.

A session draws one number and keeps it, so that it changes its model only where its segments ask for another.
One mix is followed through every conversation. The mixes of a frontier and its reference lines are followed side by
side through a part of them, and between the mixes that were followed the loss is read off a straight line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from data.ledger import Ledger
from simulations.mixes.frontier import Frontier, alone, best_per_segment, blindly, reference_lines
from simulations.mixes.optimise import Demands, Solution
from simulations.mixes.problem_from_log import Programme
from simulations.mixes.strays import least_cost, settle
from simulations.replay.cache_cost import CacheLoss, cache_loss
from simulations.replay.cache_state import lost_reads
from simulations.replay.policy_query import folding
from simulations.replay.repricing import Market
from simulations.replay.uses import Use, Way

LEAST = 1e-9
FOLLOWED = 5  # mixes of a frontier
ENOUGH = 100_000  # rows that are followed for a frontier's losses


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
    return _told(made, *_losses(view, made, [shares], market)[0])


def first_caches(view: Ledger, made: Programme, demands: Demands, market: Market) -> dict[bytes, MixCaches]:
    """As `mix_caches` of every mix that the cheapest one and the prices of its rules are told from, by its bytes.

    All are followed in one walk through the conversations, which costs little more than one of them.
    """
    problem = made.problem
    lifted = [least_cost(replace(problem, allowed=mask), demands) for mask in (made.free, *made.lifted.values())]
    solved = [found for found in (settle(problem, demands)[0], *lifted) if isinstance(found, Solution)]
    mixes = {found.shares.tobytes(): found.shares for found in solved}
    if not mixes:
        return {}
    followed = _losses(view, made, list(mixes.values()), market)
    return {mix: _told(made, *part) for mix, part in zip(mixes, followed, strict=True)}


def _told(made: Programme, flow: pd.DataFrame, loss: CacheLoss) -> MixCaches:
    usd = pd.Series(loss.usd * made.yearly).groupby(flow["target"]).sum()
    reads = float(loss.reads.sum())
    return MixCaches(
        {str(name): float(value) for name, value in usd.items() if value},
        float(loss.never_usd.sum()) * made.yearly,
        max(0.0, 1 - float(loss.lost.sum()) / reads) if reads else None,
    )


def charge_lost_caches(view: Ledger, made: Programme, line: Frontier, market: Market) -> Frontier:
    """The frontier and its reference lines with the prompt caches that their mixes lose in every cost."""
    task, points = made.problem, line.points
    places = np.unique(np.linspace(0, len(points) - 1, FOLLOWED).round().astype(int)) if points else np.array([], int)
    mixes = [points[i].by_segment for i in places] + [blindly(task, points[i]) for i in places]
    mixes += [*(alone(task, name) for name in line.single_models), best_per_segment(task)]
    usd = lost_usd(view, made, mixes, market)
    mixed, blind, (*single, best) = np.split(usd, [len(places), 2 * len(places)])
    along = np.arange(len(points))
    return reference_lines(
        [
            point._replace(cost_usd=point.cost_usd + float(lost))
            for point, lost in zip(points, np.interp(along, places, mixed), strict=True)
        ],
        {
            name: (cost + float(lost), quality)
            for (name, (cost, quality)), lost in zip(line.single_models.items(), single, strict=True)
        },
        [
            (cost + float(lost), quality)
            for (cost, quality), lost in zip(line.random_same_shares, np.interp(along, places, blind), strict=True)
        ],
        (line.best_per_segment[0] + float(best), line.best_per_segment[1]),
    )


def lost_usd(view: Ledger, made: Programme, mixes: Sequence[np.ndarray], market: Market) -> np.ndarray:
    """USD a year that the lost caches of each mix cost, told from a part of the conversations where there are many."""
    every = max(1, int(made.groups["attempts"].sum()) // ENOUGH)
    return np.array([loss.usd.sum() * made.yearly for _, loss in _losses(view, made, mixes, market, every)])


def _losses(
    view: Ledger, made: Programme, mixes: Sequence[np.ndarray], market: Market, every: int = 1
) -> list[tuple[pd.DataFrame, CacheLoss]]:
    """Of each mix its flows and what they lose: all in one walk through the conversations."""
    parts = [_handed_out(made, shares) for shares in mixes]
    folded = folding(made.policy, made.edges, rules=False)
    places = made.groups[["place"]].assign(group=np.arange(len(made.groups)))
    ways = [Way(made.groups, places, uses) for _, uses in parts]
    followed = lost_reads(view, made.scope, folded, ways, market, every=every)
    return [
        (flow, cache_loss(made.groups, flow, lost, market)) for (flow, _), lost in zip(parts, followed, strict=True)
    ]


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
