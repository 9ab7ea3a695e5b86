"""What each promise costs, as sentences: duals for what is a number, solving again for what is a rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from data import wording
from simulations.mixes.optimise import Demands, Infeasible, Problem, Solution, best_quality, optimise, promises, usable

WORTH_SAYING_USD = 0.5


class Price(NamedTuple):
    """One promise, what it costs a year, and the sentence that says so."""

    promise: str
    usd_per_year: float
    sentence: str


def dual_prices(problem: Problem, solution: Solution) -> list[Price]:
    """For every promise that binds, what one more (or one less) point of it is worth a year, dearest first."""
    prices = []
    for name, dual in solution.duals.items():
        point_usd = dual / 100
        if point_usd < WORTH_SAYING_USD:
            continue
        if name.startswith("quality floor"):
            words = (
                f"one more point of quality{name.removeprefix('quality floor')} costs {wording.usd(point_usd)} a year"
            )
        elif name.startswith("minimum share"):
            words = f"one more point of {name} costs {wording.usd(point_usd)} a year"
        else:
            words = f"one more point of {name} saves {wording.usd(point_usd)} a year"
        prices.append(Price(name, point_usd, words))
    return sorted(prices, key=lambda price: -price.usd_per_year)


def rule_prices(
    problem: Problem, demands: Demands, solution: Solution, lifted: Mapping[str, np.ndarray]
) -> list[Price]:
    """What each compliance rule costs: `lifted` maps a rule's words to what is allowed without it."""
    prices = []
    for rule, allowed in lifted.items():
        without = optimise(replace(problem, allowed=allowed), demands)
        saving = solution.cost_usd - without.cost_usd if isinstance(without, Solution) else 0.0
        if saving >= WORTH_SAYING_USD:
            prices.append(Price(rule, saving, f"lifting the rule that {rule} saves {wording.usd(saving)} a year"))
    return sorted(prices, key=lambda price: -price.usd_per_year)


def why_not(problem: Problem, demands: Demands, answer: Infeasible) -> list[str]:
    """Sentences that say which promise blocks, and how far one could go."""
    if answer.stranded:
        if not np.isfinite(problem.quality).any():
            return ["no quality is known for any of these models on one scale"]
        reasons = sorted({reason for segment in answer.stranded for reason in _reasons(problem, segment)})
        requests = float(problem.weights[list(answer.stranded)].sum())
        detail = f": {'; '.join(reasons[:4])}" if reasons else " (quality or price of every allowed model is unknown)"
        return [f"{requests:,.0f} requests a year are left without any model{detail}"]
    sentences = [f"without the {name} a mix exists" for name in answer.blocking]
    if (
        demands.quality_floor is not None
        and answer.best_quality is not None
        and answer.best_quality < demands.quality_floor
    ):
        sentences.insert(
            0,
            f"the best quality the other promises allow is {wording.quality(answer.best_quality)}, below the floor of "
            f"{wording.quality(demands.quality_floor)}",
        )
    return sentences or ["no single promise is to blame: several contradict each other; relax two of them"]


def highest_floor(problem: Problem, demands: Demands) -> float | None:
    """The highest quality floor that still has a mix; None when quality is unknown or other promises fail."""
    asked = demands.model_copy(update={"quality_floor": 0.0})
    best = best_quality(problem, usable(problem, asked), promises(problem, asked))
    return best.quality if best else None


def _reasons(problem: Problem, segment: int) -> list[str]:
    return [f"{problem.models[m]}: {reason}" for (s, m), reason in problem.refusals.items() if s == segment]
