"""The cost-quality plane and its four reference lines.

Best single model; mixing models at random without looking at the prompt (the hull, RouterBench's
zero router); a random router at the same rate; the oracle, which sees the answers. A policy that
does not beat the hull is worth nothing; the oracle is no goal: it is the best of k noisy draws.
"""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np

from simulations.router_metrics.results_table import ResultsTable

Curve = list[tuple[float, float]]


class Oracle(NamedTuple):
    """Quality and mean USD of the cheapest best answer per prompt.

    `guessing` is what k models that only guess would reach together, `corrected` the headroom above
    that (None when the chance of a guess is unknown), `pair` the best two models and their oracle.
    """

    quality: float
    cost_usd: float
    guessing: float | None
    corrected: float | None
    pair: tuple[str, str] | None
    pair_quality: float | None


def pareto(points: Curve) -> Curve:
    """Points that no other point beats on cost and quality together, cheapest first."""
    kept: Curve = []
    for cost, quality in sorted(points, key=lambda p: (p[0], -p[1])):
        if not kept or quality > kept[-1][1]:
            kept.append((cost, quality))
    return kept


def envelope(points: Curve) -> Curve:
    """The non-decreasing convex hull from the cheapest point on, flat to the dearest: what random mixing reaches."""
    hull: Curve = []
    for point in pareto(points):
        while len(hull) >= 2 and _slope(hull[-1], point) >= _slope(hull[-2], hull[-1]):
            hull.pop()
        hull.append(point)
    dearest = max(cost for cost, _ in points)
    return hull if dearest <= hull[-1][0] else [*hull, (dearest, hull[-1][1])]


def best_single(table: ResultsTable) -> tuple[str, float, float]:
    """The model with the highest mean score (the cheaper of equals), its mean USD and score."""
    return max(table.points(), key=lambda point: (point[2], -point[1]))


def oracle(table: ResultsTable, chance: float | None = None) -> Oracle:
    """The best model per prompt, the cheapest of equals (the cheapest of all where none is right).

    `chance` is the probability that a pure guess is right, such as 0.1 for ten options.
    """
    best = table.scores.max(1)
    cost = np.where(table.scores == best[:, None], table.costs, np.inf).min(1).mean()
    quality, k = float(best.mean()), len(table.models)
    guessing = None if chance is None else 1 - (1 - chance) ** k
    corrected = None if guessing is None or guessing == 1 else (quality - guessing) / (1 - guessing)
    pairs = [(float(table.scores[:, list(two)].max(1).mean()), two) for two in combinations(range(k), 2)]
    top = max(pairs, default=None)
    names = (table.models[top[1][0]], table.models[top[1][1]]) if top else None
    return Oracle(quality, float(cost), guessing, corrected, names, top[0] if top else None)


def cascade(table: ResultsTable, models: list[str]) -> tuple[float, float]:
    """(mean USD, score) of asking in turn until a perfect verifier accepts; every attempt is paid."""
    open_prompts = np.ones(len(table.prompts), bool)
    cost, score = 0.0, np.zeros(len(table.prompts))
    for column in map(table.column, models):
        cost += float(table.costs[open_prompts, column].sum())
        score[open_prompts] = table.scores[open_prompts, column]
        open_prompts = open_prompts & (table.scores[:, column] < 1)
    return cost / len(table.prompts), float(score.mean())


def _slope(a: tuple[float, float], b: tuple[float, float]) -> float:
    return (b[1] - a[1]) / (b[0] - a[0])
