"""Two policies on the same tasks: what the pairs say, what so few tasks can show, and no more.

Formulas: Wilson interval; exact McNemar (two-sided binomial on the discordant pairs); paired
bootstrap over task groups; Tango's score interval for non-inferiority, since a bootstrap of pairs
that never differ has no width; sample size for 80 % power by the normal approximation to McNemar;
Holm over several comparisons. See facts/routing.md, sections 5.1 and 5.2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Z95 = 1.959963984540054
Z80 = 0.8416212335729143
RESAMPLES = 4000


@dataclass(frozen=True)
class Pair:
    """One task answered under both policies: passed or not, cost in USD, latency in ms, and the group it belongs to."""

    task: str
    group: str
    a_passed: bool
    b_passed: bool
    a_cost: float
    b_cost: float
    a_latency: float
    b_latency: float


@dataclass(frozen=True)
class Comparison:
    """A minus B on the same tasks. `only_a` and `only_b` are the discordant pairs; intervals are 95 %, shares 0 to 1.

    `lowest` is the lower end of the score interval of the difference: how much worse A may still be.
    """

    tasks: int
    quality_a: float
    quality_b: float
    only_a: int
    only_b: int
    difference: float
    interval: tuple[float, float]
    lowest: float
    p_value: float
    cost_difference_usd: float
    cost_interval_usd: tuple[float, float]
    latency_difference_ms: float
    detectable: float | None
    words: str


def wilson(passed: int, count: int) -> tuple[float, float]:
    """95 % interval of a share; (0, 1) without any observation."""
    if count == 0:
        return 0.0, 1.0
    share, z2 = passed / count, Z95 * Z95
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = Z95 / (1 + z2 / count) * math.sqrt(share * (1 - share) / count + z2 / (4 * count * count))
    return 0.0 if passed == 0 else centre - half, 1.0 if passed == count else centre + half


def mcnemar(only_a: int, only_b: int) -> float:
    """Exact two-sided p-value for equal shares, from the discordant pairs alone."""
    count = only_a + only_b
    tail = sum(math.comb(count, k) for k in range(min(only_a, only_b) + 1)) / 2**count
    return min(1.0, 2 * tail)


def tasks_needed(discordance: float, difference: float) -> int:
    """Tasks for 80 % power at 5 % to see `difference`, when that share of pairs is discordant."""
    if not 0 < abs(difference) <= discordance <= 1:
        raise ValueError("the difference lies between 0 and the discordance, and that is at most 1")
    return math.ceil((Z95 * math.sqrt(discordance) + Z80 * math.sqrt(discordance - difference**2)) ** 2 / difference**2)


def detectable_difference(discordance: float, tasks: int) -> float | None:
    """The smallest difference that so many tasks show with 80 % power; None when even the largest does not."""
    if tasks == 0 or discordance <= 0 or tasks_needed(discordance, discordance) > tasks:
        return None
    low, high = 1e-6, discordance
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if tasks_needed(discordance, middle) <= tasks else (middle, high)
    return high


def lowest_difference(only_a: float, only_b: float, tasks: float) -> float:
    """Lower end of Tango's (1998) 95 % score interval of a difference of paired shares; 60 equal pairs still leave -6 points."""
    observed = (only_a - only_b) / tasks

    def score(difference: float) -> float:
        linear = (2 * tasks - only_a + only_b) * difference - only_a - only_b
        constant = -only_b * difference * (1 - difference)
        share_b = (math.sqrt(max(0.0, linear * linear - 8 * tasks * constant)) - linear) / (4 * tasks)
        variance = tasks * (2 * share_b + difference * (1 - difference))
        return tasks * (observed - difference) / math.sqrt(variance) if variance > 0 else math.inf

    low, high = -1.0 + 1e-12, observed
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if score(middle) > Z95 else (low, middle)
    return high


def tasks_for_margin(margin: float) -> int:
    """The fewest tasks that can show a margin, which they do when no pair differs."""
    return math.ceil(Z95 * Z95 * (1 - margin) / margin)


def compare(pairs: Sequence[Pair], seed: int = 0) -> Comparison | None:
    """The comparison of A with B; None without a pair."""
    count = len(pairs)
    if count == 0:
        return None
    only_a = sum(p.a_passed and not p.b_passed for p in pairs)
    only_b = sum(p.b_passed and not p.a_passed for p in pairs)
    differences = np.array(
        [[p.a_passed - p.b_passed, p.a_cost - p.b_cost, p.a_latency - p.b_latency] for p in pairs], dtype=float
    )
    means = differences.mean(axis=0)
    low, high = _bootstrap(differences, [p.group for p in pairs], seed)
    p_value = mcnemar(only_a, only_b)
    # Repeats of one task are not tasks of their own.
    weight = len({p.group for p in pairs}) / count
    # The discordance that was seen, plus one pair: a sample without any does not prove there is none.
    detectable = detectable_difference(min(1.0, (only_a + only_b + 1) / (count + 2)), count)
    return Comparison(
        count,
        sum(p.a_passed for p in pairs) / count,
        sum(p.b_passed for p in pairs) / count,
        only_a,
        only_b,
        float(means[0]),
        (float(low[0]), float(high[0])),
        lowest_difference(weight * only_a, weight * only_b, weight * count),
        p_value,
        float(means[1]) * count,
        (float(low[1]) * count, float(high[1]) * count),
        float(means[2]),
        detectable,
        _words(float(means[0]), p_value, detectable, count),
    )


def not_worse(comparison: Comparison, margin: float) -> bool:
    """Whether A is shown to be at most `margin` worse than B: both intervals' lower ends lie above -margin."""
    return min(comparison.interval[0], comparison.lowest) > -margin


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for several comparisons, in the given order."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def _bootstrap(differences: np.ndarray, groups: Sequence[str], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """95 % percentile intervals of the means; whole groups are drawn, the same draw for quality, cost and latency."""
    names, index = np.unique(np.array(groups, dtype=object).astype(str), return_inverse=True)
    sums = np.zeros((len(names), differences.shape[1]))
    np.add.at(sums, index, differences)
    sizes = np.bincount(index)
    draws = np.random.default_rng(seed).integers(0, len(names), size=(RESAMPLES, len(names)))
    means = sums[draws].sum(axis=1) / sizes[draws].sum(axis=1)[:, None]
    return np.quantile(means, 0.025, axis=0), np.quantile(means, 0.975, axis=0)


def _words(difference: float, p_value: float, detectable: float | None, tasks: int) -> str:
    """What may be said. Never that two policies are equal."""
    able = (
        "no difference could be shown reliably"
        if detectable is None
        else f"a difference of {100 * detectable:.0f} points or more would show in 8 of 10 such runs"
    )
    if p_value < 0.05:
        return f"{abs(100 * difference):.1f} points {'better' if difference > 0 else 'worse'} on these {tasks} tasks (p {'< 0.001' if p_value < 0.001 else f'= {p_value:.3f}'}); {able}."
    return f"No difference detected on these {tasks} tasks (p = {p_value:.2f}); {able}."
