"""What each promise costs, as sentences. Every step is solved again, so that it holds when somebody makes it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from data import wording
from simulations.mixes.optimise import Demands, Infeasible, Problem, Solution, best_quality, promises, usable
from simulations.mixes.strays import least_cost

WORTH_SAYING_USD = 0.5
POINT = 0.01


class Price(NamedTuple):
    """One promise, what a step of it costs a year (infinite: it cannot be made), and the sentence that says so."""

    promise: str
    usd_per_year: float
    sentence: str


class Step(NamedTuple):
    """A change of one promise that a user can make: its words, the demands after it, and whether it asks for more."""

    words: str
    demands: Demands
    harder: bool


def step_prices(problem: Problem, demands: Demands, solution: Solution) -> list[Price]:
    """What one more point of every promise, or life without it, is worth a year: solved again, dearest first.

    Whoever makes the step finds this difference to the dollar; a step that changes nothing is not said.
    """
    prices = []
    for step in steps(problem, demands):
        answer = least_cost(problem, step.demands)
        if isinstance(answer, Infeasible):
            prices.append(Price(step.words, math.inf, f"{step.words} is out of reach: no mix keeps it"))
            continue
        usd = answer.cost_usd - solution.cost_usd if step.harder else solution.cost_usd - answer.cost_usd
        if usd >= WORTH_SAYING_USD:
            verb = "costs" if step.harder else "saves"
            prices.append(Price(step.words, usd, f"{step.words} {verb} {wording.usd(usd)} a year"))
    return sorted(prices, key=lambda price: -price.usd_per_year)


def steps(problem: Problem, demands: Demands) -> list[Step]:
    """One more point of everything asked for, and every cap lifted."""
    found: list[Step] = []
    if demands.quality_floor is not None and demands.quality_floor + POINT <= 1:
        more = demands.model_copy(update={"quality_floor": demands.quality_floor + POINT})
        found.append(Step("one more point of quality", more, True))
    named = (
        ("floor_by_criticality", "quality for {} criticality", True),
        ("min_share", "minimum share of {}", True),
        ("vendor_cap", "cap on vendor {}", False),
        ("origin_cap", "cap on origin {}", False),
        ("capacity", "capacity of {}", False),
    )
    for field, words, harder in named:
        values: dict[str, float] = getattr(demands, field)
        for name, value in values.items():
            promise = words.format(name)
            point = POINT * float(problem.weights.sum()) if field == "capacity" else POINT
            if field == "capacity" or value + point <= 1:
                more = demands.model_copy(update={field: {**values, name: value + point}})
                found.append(Step(f"one more point of {promise}", more, harder))
            if not field.startswith("floor"):
                without = {other: v for other, v in values.items() if other != name}
                found.append(Step(f"lifting the {promise}", demands.model_copy(update={field: without}), False))
    for field, words in (("any_vendor_cap", "cap on every vendor"), ("max_moved_share", "limit on what may move")):
        value = getattr(demands, field)
        if value is not None:
            more = demands.model_copy(update={field: min(1.0, value + POINT)})
            found.append(Step(f"one more point of the {words}", more, False))
            found.append(Step(f"lifting the {words}", demands.model_copy(update={field: None}), False))
    for limit in demands.service:
        found.append(Step(f"lifting the {limit.name}", demands.model_copy(update={limit.field: None}), False))
    return found


def vendor_prices(problem: Problem, demands: Demands, solution: Solution) -> list[Price]:
    """What doing without each vendor in the mix costs a year, solved again; the easiest to leave first."""
    used = (solution.shares * problem.weights[:, None]).sum(0)
    vendors = dict.fromkeys(v for v, requests in zip(problem.vendors, used, strict=True) if requests > 0)
    prices = []
    for vendor in vendors:
        without = problem.allowed & np.array([v != vendor for v in problem.vendors])
        answer = least_cost(replace(problem, allowed=without), demands)
        if isinstance(answer, Infeasible):
            prices.append(Price(vendor, math.inf, f"without {vendor} no mix keeps every promise"))
        else:
            usd = answer.cost_usd - solution.cost_usd
            prices.append(Price(vendor, usd, f"doing without {vendor} costs {wording.usd(usd)} a year"))
    return sorted(prices, key=lambda price: price.usd_per_year)


def rule_prices(
    problem: Problem,
    demands: Demands,
    solution: Solution,
    lifted: Mapping[str, np.ndarray],
    free: np.ndarray,
    lost_usd: Callable[[np.ndarray], float] = lambda shares: 0.0,
) -> list[Price]:
    """What each compliance rule costs, and all of them together, where there are several; a rule that costs nothing
    is named too.

    `lifted` maps a rule's words to what is allowed without it, `free` is what is without any; `lost_usd(shares)` are
    the dollars a year of the prompt caches that a mix loses, in every price.
    """
    kept = solution.cost_usd + lost_usd(solution.shares)

    def saved(allowed: np.ndarray) -> float:
        without = least_cost(replace(problem, allowed=allowed), demands)
        return kept - without.cost_usd - lost_usd(without.shares) if isinstance(without, Solution) else 0.0

    only = "only " if len(lifted) > 1 else ""
    prices = [_rule_price(rule, f"lifting {only}the rule that {rule}", saved(mask)) for rule, mask in lifted.items()]
    prices.sort(key=lambda price: -price.usd_per_year)
    if len(lifted) < 2:
        return prices
    every = "both rules" if len(lifted) == 2 else f"all {len(lifted)} rules"
    return [_rule_price(every, f"lifting {every} together", saved(free)), *prices]


def _rule_price(promise: str, words: str, usd: float) -> Price:
    """Lost caches are no part of what is solved for, so that a rule may even save by them."""
    if abs(usd) < WORTH_SAYING_USD:
        return Price(promise, usd, f"{words} saves nothing")
    return Price(promise, usd, f"{words} {'saves' if usd > 0 else 'costs'} {wording.usd(abs(usd))} a year")


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
