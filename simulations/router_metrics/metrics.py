"""How good a router is: the published metrics, exactly as their papers (or their code) define them.

RouteLLM (arXiv 2406.18665) for a weak and a strong model: PGR, APGR, CPT. RouterBench (2403.12031):
AIQ over the non-decreasing convex hull. RouterArena (2510.00202): its score. The published values
they must reproduce stand in tests/simulations/test_routing_metrics.py. APGR is not clipped:
a perfect router beats the strong model wherever the weak one is right and the strong one wrong.
"""

from __future__ import annotations

from math import log2
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from data.errors import BadInput
from simulations.router_metrics.cost_quality import Curve, envelope


class Binary(NamedTuple):
    """A router between two models as shares of calls to the strong one (0 to 1, rising) and mean quality there."""

    strong_share: np.ndarray
    quality: np.ndarray
    weak: float
    strong: float


def pgr(quality: float, weak: float, strong: float) -> float:
    """Performance gap recovered: 0 as the weak model, 1 as the strong one."""
    if weak == strong:
        raise BadInput(f"PGR is undefined: the weak and the strong model have the same quality, {weak:g}.")
    return (quality - weak) / (strong - weak)


def apgr(curve: Binary) -> float:
    """The paper's average: mean PGR at 10 %, 20 %, ... 100 % calls to the strong model."""
    shares = np.arange(1, 11) / 10
    return float(
        np.mean([pgr(q, curve.weak, curve.strong) for q in np.interp(shares, curve.strong_share, curve.quality)])
    )


def apgr_upstream(curve: Binary) -> float:
    """As RouteLLM's code has it: trapezoid area above the weak model over the same for the strong one."""
    area = float(np.trapezoid(curve.quality, curve.strong_share))
    width = float(curve.strong_share[-1] - curve.strong_share[0])
    return (area - curve.weak * width) / ((curve.strong - curve.weak) * width)


def cpt(curve: Binary, recovered: float) -> float | None:
    """Call-performance threshold: least share of strong calls that recovers this share of the gap; None if never."""
    goal = curve.weak + recovered * (curve.strong - curve.weak)
    reached = np.flatnonzero(np.maximum.accumulate(curve.quality) >= goal - 1e-12)
    if not len(reached):
        return None
    i = reached[0]
    if i == 0:
        return float(curve.strong_share[0])
    (x0, x1), (y0, y1) = curve.strong_share[i - 1 : i + 1], curve.quality[i - 1 : i + 1]
    return float(x0 + (x1 - x0) * (goal - y0) / (y1 - y0))


def optimal(weak: ArrayLike, strong: ArrayLike, shares: ArrayLike | None = None) -> Binary:
    """The best any router can do: the strong model first where only it is right, last where only the weak one is.

    RouteLLM's own optimal curve never sends a prompt to the strong model that only the weak one
    answers; `shares` are the points of the curve (default 0, 10 %, ... 100 %).
    """
    w, s = np.asarray(weak, float), np.asarray(strong, float)
    x = np.linspace(0, 1, 11) if shares is None else np.asarray(shares, float)
    gains = np.sort(np.clip(s - w, 0, None))[::-1]
    reachable = np.concatenate([[0.0], np.cumsum(gains)])
    quality = w.mean() + np.interp(x * len(w), np.arange(len(w) + 1), reachable) / len(w)
    return Binary(x, quality, float(w.mean()), float(s.mean()))


def deferral_curve(curve: Binary, weak_cost_usd: float, strong_cost_usd: float, *, cascade: bool = False) -> Curve:
    """Mean USD per prompt against quality as the share deferred grows; a cascade pays the weak model too."""
    first = np.full(len(curve.strong_share), weak_cost_usd) if cascade else weak_cost_usd * (1 - curve.strong_share)
    return [
        (float(c), float(q)) for c, q in zip(first + curve.strong_share * strong_cost_usd, curve.quality, strict=True)
    ]


def aiq(points: Curve, low: float | None = None, high: float | None = None) -> float:
    """RouterBench's average improvement in quality: mean height of the envelope between two costs (paper formula)."""
    hull = envelope(points)
    start, end = hull[0][0] if low is None else low, max(c for c, _ in points) if high is None else high
    if end <= start:
        raise BadInput(f"AIQ needs a span of costs; from {start:g} to {end:g} USD there is none.")
    inner = [(c, q) for c, q in hull if start < c < end]
    xs, ys = zip(*hull, strict=True)
    line = [(start, float(np.interp(start, xs, ys))), *inner, (end, float(np.interp(end, xs, ys)))]
    costs, heights = zip(*line, strict=True)
    return float(np.trapezoid(heights, costs)) / (end - start)


def aiq_upstream(points: Curve, max_cost: float | None = None) -> float:
    """As RouterBench's code has it: the same area divided by the largest cost, not by the span."""
    end = max(c for c, _ in points) if max_cost is None else max_cost
    start = envelope(points)[0][0]
    return aiq(points, high=end) * (end - start) / end


def router_arena_score(
    accuracy: float, cost_per_1k_usd: float, beta: float = 0.1, c_max: float = 200.0, c_min: float = 0.0044
) -> float:
    """RouterArena's weighted harmonic mean of accuracy (0 to 1) and log cost (USD per 1,000 queries)."""
    cost = min(max(cost_per_1k_usd, c_min), c_max)
    cheapness = (log2(c_max) - log2(cost)) / (log2(c_max) - log2(c_min))
    divisor = beta * accuracy + cheapness
    return (1 + beta) * accuracy * cheapness / divisor if divisor else 0.0
