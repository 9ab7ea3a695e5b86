"""The cheapest mix without vendors that are not worth a contract: a new one, for next to no work and dollars."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from data import wording
from simulations.mixes.optimise import Demands, Infeasible, Problem, Solution, optimise

LEAST = 0.005  # of requests and of dollars: below it a vendor that is not used today is not worth one


class Stray(NamedTuple):
    """A vendor left out: its share of the requests and USD a year, and what the mix costs more without it."""

    vendor: str
    share: float
    usd: float
    more_usd: float


class Settled(NamedTuple):
    """The cheapest mix worth having, and who was left out of it."""

    answer: Solution | Infeasible
    strays: tuple[Stray, ...]


def settle(problem: Problem, demands: Demands) -> Settled:
    """Solve, and again without every vendor that today's mix does not use and that would get less than `LEAST` of the
    requests and of the dollars: where the promises hold without it, for less than that much more.

    A demand that names the vendor or one of its models keeps it. Raises as `optimise` does.
    """
    answer, strays = optimise(problem, demands), []
    needed: set[str] = set()
    while isinstance(answer, Solution):
        found = _stray(problem, demands, answer, needed)
        if found is None:
            break
        without = replace(problem, allowed=problem.allowed & (np.array(problem.vendors) != found.vendor))
        again = optimise(without, demands)
        if isinstance(again, Infeasible) or again.cost_usd - answer.cost_usd > LEAST * answer.cost_usd:
            needed.add(found.vendor)
            continue
        strays.append(found._replace(more_usd=again.cost_usd - answer.cost_usd))
        problem, answer = without, again
    return Settled(answer, tuple(strays))


def least_cost(problem: Problem, demands: Demands) -> Solution | Infeasible:
    """The cheapest mix worth having."""
    return settle(problem, demands).answer


def stray_words(stray: Stray) -> str:
    """Who was left out, and what that costs."""
    more = "for under a dollar" if stray.more_usd < 1 else f"for {wording.usd(stray.more_usd)}"
    return (
        f"{stray.vendor}, which answers nothing today, would take {wording.share(stray.share)} of the requests and "
        f"{wording.usd(stray.usd)} a year: not worth a vendor, so the mix does without, {more} a year more"
    )


def _stray(problem: Problem, demands: Demands, answer: Solution, needed: Collection[str]) -> Stray | None:
    """The least of the new vendors that get next to nothing, but for those known to be needed."""
    vendors, weights = np.array(problem.vendors), problem.weights
    requests = (answer.shares * weights[:, None]).sum(0)
    usd = (np.nan_to_num(problem.cost_usd) * answer.shares).sum(0)
    today = {problem.vendors[model] for model in problem.current[(problem.current >= 0) & (weights > 0)]}
    found = []
    for vendor in dict.fromkeys(problem.vendors):
        theirs = vendors == vendor
        share, spent = float(requests[theirs].sum() / weights.sum()), float(usd[theirs].sum())
        asked = {vendor, *np.array(problem.models)[theirs]} & {*demands.min_share}
        if 0 < share < LEAST and spent < LEAST * answer.cost_usd and vendor not in {*today, *needed} and not asked:
            found.append(Stray(vendor, share, spent, 0.0))
    return min(found, key=lambda stray: stray.share, default=None)
