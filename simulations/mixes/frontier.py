"""The frontier: the cheapest mix for every quality floor, with the lines to judge it by."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from data.errors import Refused
from simulations.mixes.optimise import Demands, Infeasible, Problem, Solution, optimise, total_cost
from simulations.mixes.shadow_prices import highest_floor, why_not
from simulations.router_metrics.cost_quality import envelope

LEFT_BEHIND = 0.001


class Point(NamedTuple):
    """One mix on the frontier: the floor asked for, USD a year, quality reached, share of requests per model."""

    floor: float
    cost_usd: float
    quality: float
    shares: dict[str, float]
    by_segment: np.ndarray


class Frontier(NamedTuple):
    """Points by rising cost; reference lines as (USD a year, quality); the refused floor says why it stops."""

    points: list[Point]
    single_models: dict[str, tuple[float, float]]
    best_single: str | None
    mixing_hull: list[tuple[float, float]]
    random_same_shares: list[tuple[float, float]]
    best_per_segment: tuple[float, float]


def frontier(problem: Problem, demands: Demands, points: int = 50) -> Frontier:
    """Sweep the quality floor from the cheapest mix to the best reachable one.

    Raises Refused when no quality is known on one scale for the traffic, or when the other demands have no mix.
    """
    free = optimise(problem, demands.model_copy(update={"quality_floor": 0.0}))
    if isinstance(free, Infeasible):
        raise Refused(f"There is no frontier: {'; '.join(why_not(problem, demands, free))}.")
    top = highest_floor(problem, demands)
    if free.quality is None or top is None:
        raise Refused("There is no frontier: no quality is known for this traffic on one scale.")
    floors = np.linspace(free.quality, max(top, free.quality) - 1e-9, max(points, 2))
    swept = [
        _point(problem, floor, optimise(problem, demands.model_copy(update={"quality_floor": float(floor)})))
        for floor in floors
    ]
    kept = [point for point in swept if point]
    best = best_per_segment(problem)
    return reference_lines(
        kept,
        single_models(problem),
        [_priced(problem, blindly(problem, point)) for point in kept],
        _priced(problem, best),
    )


def reference_lines(
    points: list[Point],
    singles: dict[str, tuple[float, float]],
    random_same_shares: list[tuple[float, float]],
    best: tuple[float, float],
) -> Frontier:
    """A frontier with what follows from its single models."""
    return Frontier(
        points=points,
        single_models=singles,
        best_single=max(singles, key=lambda name: (singles[name][1], -singles[name][0]), default=None),
        mixing_hull=envelope(list(singles.values())) if singles else [],
        random_same_shares=random_same_shares,
        best_per_segment=best,
    )


def model_shares(problem: Problem, shares: np.ndarray) -> dict[str, float]:
    """Share of all requests per model, largest first."""
    totals = (shares * problem.weights[:, None]).sum(0) / problem.weights.sum()
    order = np.argsort(-totals)
    return {problem.models[i]: round(float(totals[i]), 6) for i in order if totals[i] > 5e-7}


def single_models(problem: Problem) -> dict[str, tuple[float, float]]:
    """(USD a year, quality) of every model that may and can take all the traffic but for a thousandth, which stays."""
    weights = problem.judged / problem.judged.sum()
    found = {}
    for i, name in enumerate(problem.models):
        shares = alone(problem, name)
        cost, quality = (np.where(shares > 0, table, 0.0).sum(1) for table in (problem.cost_usd, problem.quality))
        quality = np.where(weights > 0, quality, 0.0)
        left = weights[~_open(problem)[:, i]].sum()
        if left <= LEFT_BEHIND and np.isfinite(cost).all() and np.isfinite(quality).all():
            found[name] = (float(cost.sum()), float(quality @ weights))
    return found


def alone(problem: Problem, model: str) -> np.ndarray:
    """The mix in which one model takes all that it may; the rest stays."""
    column = problem.models.index(model)
    shares = np.zeros_like(problem.cost_usd)
    takes = _open(problem)[:, column]
    shares[np.arange(len(shares)), np.where(takes, column, np.maximum(problem.current, 0))] = 1.0
    return shares


def _open(problem: Problem) -> np.ndarray:
    """Where a model is allowed, priced and of known quality."""
    return problem.allowed & np.isfinite(problem.cost_usd) & np.isfinite(problem.quality)


def as_rows(result: Frontier) -> list[dict[str, Any]]:
    """The frontier's points as plain rows."""
    return [
        {
            "floor": round(p.floor, 8),
            "annual_cost_usd": round(p.cost_usd, 2),
            "quality": round(p.quality, 8),
            "models": p.shares,
        }
        for p in result.points
    ]


def _point(problem: Problem, floor: float, answer: Solution | Infeasible) -> Point | None:
    if isinstance(answer, Infeasible) or answer.quality is None:
        return None
    return Point(float(floor), answer.cost_usd, answer.quality, model_shares(problem, answer.shares), answer.shares)


def blindly(problem: Problem, point: Point) -> np.ndarray:
    """The same model shares handed out blindly: every segment gets the overall shares, where it may."""
    overall = np.array([point.shares.get(name, 0.0) for name in problem.models])
    blind = np.where(_open(problem), overall, 0.0)
    empty = blind.sum(1) == 0
    blind[empty] = point.by_segment[empty]
    return blind / blind.sum(1, keepdims=True)


def best_per_segment(problem: Problem) -> np.ndarray:
    """The best allowed model for every segment, the cheapest of equals: no mix of these models is better."""
    quality = np.where(_open(problem), problem.quality, -1.0)
    best = quality.max(1)
    cost = np.where(_open(problem) & (quality == best[:, None]), problem.cost_usd, np.inf)
    shares = np.zeros_like(quality)
    shares[np.arange(len(best)), np.where(best < 0, np.maximum(problem.current, 0), cost.argmin(1))] = 1.0
    return shares


def _priced(problem: Problem, shares: np.ndarray) -> tuple[float, float]:
    """(USD a year, quality of the work that can be judged) of a mix."""
    judged = problem.judged
    return total_cost(problem, shares), float((np.nan_to_num(problem.quality) * shares).sum(1) @ judged / judged.sum())
