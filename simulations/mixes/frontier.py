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
    singles = single_models(problem)
    return Frontier(
        points=kept,
        single_models=singles,
        best_single=max(singles, key=lambda name: (singles[name][1], -singles[name][0]), default=None),
        mixing_hull=envelope(list(singles.values())) if singles else [],
        random_same_shares=[_matched_random(problem, point) for point in kept],
        best_per_segment=_best_per_segment(problem),
    )


def model_shares(problem: Problem, shares: np.ndarray) -> dict[str, float]:
    """Share of all requests per model, largest first."""
    totals = (shares * problem.weights[:, None]).sum(0) / problem.weights.sum()
    order = np.argsort(-totals)
    return {problem.models[i]: round(float(totals[i]), 6) for i in order if totals[i] > 5e-7}


def single_models(problem: Problem) -> dict[str, tuple[float, float]]:
    """(USD a year, quality) of every model that may and can take all the traffic but for a thousandth, which stays."""
    weights = problem.judged / problem.judged.sum()
    here = np.arange(len(weights)), np.maximum(problem.current, 0)
    found = {}
    for i, name in enumerate(problem.models):
        open_ = problem.allowed[:, i] & np.isfinite(problem.cost_usd[:, i]) & np.isfinite(problem.quality[:, i])
        cost = np.where(open_, problem.cost_usd[:, i], problem.cost_usd[here])
        quality = np.where(weights > 0, np.where(open_, problem.quality[:, i], problem.quality[here]), 0.0)
        if weights[~open_].sum() <= LEFT_BEHIND and np.isfinite(cost).all() and np.isfinite(quality).all():
            found[name] = (float(cost.sum()), float(quality @ weights))
    return found


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


def _matched_random(problem: Problem, point: Point) -> tuple[float, float]:
    """The same model shares handed out blindly: every segment gets the overall shares, where it may."""
    overall = np.array([point.shares.get(name, 0.0) for name in problem.models])
    open_ = problem.allowed & np.isfinite(problem.cost_usd) & np.isfinite(problem.quality)
    blind = np.where(open_, overall, 0.0)
    empty = blind.sum(1) == 0
    blind[empty] = point.by_segment[empty]
    blind /= blind.sum(1, keepdims=True)
    quality = float((np.nan_to_num(problem.quality) * blind * problem.judged[:, None]).sum() / problem.judged.sum())
    return total_cost(problem, blind), quality


def _best_per_segment(problem: Problem) -> tuple[float, float]:
    """The best allowed model for every segment, the cheapest of equals: no mix of these models is better."""
    open_ = problem.allowed & np.isfinite(problem.cost_usd) & np.isfinite(problem.quality)
    quality = np.where(open_, problem.quality, -1.0)
    best = quality.max(1)
    cost = np.where(open_ & (quality == best[:, None]), problem.cost_usd, np.inf).min(1)
    here = problem.cost_usd[np.arange(len(best)), np.maximum(problem.current, 0)]
    return float(np.where(best < 0, here, cost).sum()), float(best @ problem.judged / problem.judged.sum())
