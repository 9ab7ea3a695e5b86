"""Two policies on the same tasks: what the tasks say, what so few can show, and no more.

Several policies against one baseline are a family: Holm's p-values, intervals at 95 % for all together
(Bonferroni), and every sentence is written from those, never from the raw figures. The statistics
stand in `statistics`; costs are bootstrapped over tasks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from routing.grading.statistics import Interval, Paired, compare_pairs, holm, tasks_for_margin

RESAMPLES = 4000
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Pair:
    """One task answered under both policies, over all its `answers` (how often each was asked).

    Shares that passed (0 to 1), cost in USD of all its answers, mean latency in ms.
    """

    task: str
    answers: int
    a_passed: float
    b_passed: float
    a_cost: float
    b_cost: float
    a_latency: float
    b_latency: float


@dataclass(frozen=True)
class Comparison:
    """A minus B on the same tasks; intervals hold at 95 % for all comparisons of the run together, shares 0 to 1.

    `only_a` and `only_b` count the tasks on which one did better, `answers` how often each task was asked in all.
    `lowest` is the interval's lower end: how much worse A may still be; `not_worse` whether that is within the
    margin stated before the run. `p_value` is adjusted by Holm.
    """

    tasks: int
    answers: int
    quality_a: float
    quality_b: float
    only_a: int
    only_b: int
    difference: float
    interval: Interval
    lowest: float
    not_worse: bool
    p_value: float
    cost_difference_usd: float
    cost_interval_usd: Interval
    latency_difference_ms: float
    detectable: float | None
    words: str


def compare(rivals: Mapping[str, Sequence[Pair]], margin: float, seed: int = 0) -> dict[str, Comparison]:
    """Every rival (A) with the baseline (B); those without a common task are left out."""
    known = {name: pairs for name, pairs in rivals.items() if pairs}
    level = 1 - SIGNIFICANT / max(1, len(known))
    found = {
        name: compare_pairs([p.b_passed for p in pairs], [p.a_passed for p in pairs], level, seed)
        for name, pairs in known.items()
    }
    adjusted = holm([statistics.p_value for statistics in found.values()])
    return {
        name: _comparison(pairs, found[name], p_value, margin, level, len(known), seed)
        for (name, pairs), p_value in zip(known.items(), adjusted, strict=True)
    }


def _comparison(
    pairs: Sequence[Pair], found: Paired, p_value: float, margin: float, level: float, family: int, seed: int
) -> Comparison:
    answers = sum(p.answers for p in pairs)
    costs = np.array([p.a_cost - p.b_cost for p in pairs])
    not_worse = found.low > -margin
    return Comparison(
        tasks=found.n,
        answers=answers,
        quality_a=found.mean_b,
        quality_b=found.mean_a,
        only_a=found.only_b,
        only_b=found.only_a,
        difference=found.difference,
        interval=(found.low, found.high),
        lowest=found.low,
        not_worse=not_worse,
        p_value=p_value,
        cost_difference_usd=float(costs.sum()),
        cost_interval_usd=total_interval(costs, level, seed),
        latency_difference_ms=float(np.mean([p.a_latency - p.b_latency for p in pairs])),
        detectable=found.detectable,
        words=" ".join((_verdict(found, answers, p_value, family), _margin_words(found, not_worse, margin, level))),
    )


def total_interval(values: np.ndarray, level: float, seed: int) -> Interval:
    """Percentile interval of a sum over tasks, tasks drawn with replacement."""
    draws = np.random.default_rng(seed).integers(0, len(values), size=(RESAMPLES, len(values)))
    low, high = np.quantile(values[draws].sum(axis=1), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _verdict(found: Paired, answers: int, p_value: float, family: int) -> str:
    """What may be said about a difference. Never that two policies are equal."""
    able = (
        "no difference could be shown reliably"
        if found.detectable is None
        else f"a difference of {100 * found.detectable:.0f} points or more would show in 8 of 10 such runs"
    )
    tasks = f"these {found.n} tasks" + (f" ({answers} answers)" if answers != found.n else "")
    chance = "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}" if p_value < SIGNIFICANT else f"p = {p_value:.2f}"
    several = f", adjusted for {family} comparisons" if family > 1 else ""
    span = f"95 % interval {100 * found.low:+.1f} to {100 * found.high:+.1f} points, {chance}{several}"
    if p_value < SIGNIFICANT:
        sign = "better" if found.difference > 0 else "worse"
        return f"{abs(100 * found.difference):.1f} points {sign} on {tasks} ({span}); {able}."
    more = "" if found.needed is None else f", one like that seen on about {found.needed:,} tasks"
    return f"No difference detected on {tasks} ({span}); {able}{more}."


def _margin_words(found: Paired, not_worse: bool, margin: float, level: float) -> str:
    points = f"the stated {100 * margin:g} points"
    if not_worse:
        return f"Shown to be at most {points} worse."
    fewest = tasks_for_margin(margin, level)
    return f"Not shown to be within {points}" + (f"; that takes {fewest} tasks at least." if found.n < fewest else ".")
