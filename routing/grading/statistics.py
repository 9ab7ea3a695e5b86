"""Shares of tasks answered well, one policy or model against another: the one place for these formulas.

A task is one observation, however often it was asked: everything here takes one number per task (the share
of its answers that passed, or the mean difference of two policies on it), so repeats narrow an interval by
what they really add and never by their number.

Sources: Wilson (1927) for a share; Tango (1998), Statistics in Medicine 17, 891, for a difference of paired
shares; McNemar (1947), exact, for equal shares, and the sign-flip permutation test where a task's difference
is a fraction; Kish (1965), Survey Sampling, 8.2, for the effective number of tasks; Holm (1979) for several
comparisons. Shares and differences are 0 to 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri, stdtrit

from data.calendar import Z95

Interval = tuple[float, float]
LEVEL = 0.95
POWER = 0.8
FLIPS = 4000
LEAST_SEEN = 0.005  # half a point: what is smaller takes more tasks than anybody grades


def wilson(passed: float, count: float, level: float = LEVEL) -> Interval:
    """The interval of a share; (0, 1) without any observation. Counts may be effective ones, not whole."""
    if count <= 0:
        return 0.0, 1.0
    from statsmodels.stats.proportion import proportion_confint  # half a second, which few commands need

    low, high = proportion_confint(passed, count, alpha=1 - level, method="wilson")
    return (0.0 if passed <= 0 else float(low)), (1.0 if passed >= count else float(high))


def share_interval(shares: Sequence[float], level: float = LEVEL) -> Interval:
    """The interval of the mean of one share per task: Wilson's, on the effective number of tasks."""
    values = np.asarray(shares, float)
    if not len(values):
        return 0.0, 1.0
    mean = float(values.mean())
    count = _effective(len(values), mean * (1 - mean), float(values.var()))
    return wilson(mean * count, count, level)


class Paired(NamedTuple):
    """B against A on the same `n` tasks: means, B - A with its interval, the exact p-value for equal means.

    `only_a` and `only_b` count the tasks on which one did better. `detectable` is the smallest difference that
    so many tasks show in 8 of 10 runs, None when they show none. `needed` are the tasks on which a difference like the
    one seen would show in 8 of 10 runs, None where half a point or less was seen.
    """

    n: int
    mean_a: float
    mean_b: float
    difference: float
    low: float
    high: float
    only_a: int
    only_b: int
    p_value: float
    detectable: float | None
    needed: int | None


def compare_pairs(a: Sequence[float], b: Sequence[float], level: float = LEVEL, seed: int = 0) -> Paired:
    """Compare the scores (0 to 1) of two models on the same tasks, one score a task, in the same order."""
    first, second = np.asarray(a, float), np.asarray(b, float)
    differences = second - first
    better, worse, count = _discordant(differences)
    low, high = difference_interval(differences, level)
    # The discordance that was seen, plus one task: a sample without any does not prove there is none.
    discordance, seen = min(1.0, (better + worse + 1) / (count + 2)), abs(better - worse) / count
    return Paired(
        len(differences),
        float(first.mean()),
        float(second.mean()),
        float(differences.mean()),
        low,
        high,
        int((differences < 0).sum()),
        int((differences > 0).sum()),
        equal_means_p(differences, seed),
        detectable_difference(discordance, int(count)),
        tasks_needed(discordance, seen) if LEAST_SEEN < seen <= discordance else None,
    )


def difference_interval(differences: Sequence[float], level: float = LEVEL) -> Interval:
    """The interval of the mean of one paired difference per task: Tango's, on the effective number of tasks.

    Sixty tasks without any difference still leave -6 to +6 points. (-1, 1) without a task.
    """
    values = np.asarray(differences, float)
    return tango(*_discordant(values), level) if len(values) else (-1.0, 1.0)


def tango(only_a: float, only_b: float, count: float, level: float = LEVEL) -> Interval:
    """Tango's score interval of A minus B, from the numbers of discordant pairs among `count` pairs."""
    observed = (only_a - only_b) / count
    quantile = float(ndtri((1 + level) / 2))

    def score(difference: float) -> float:
        linear = (2 * count - only_a + only_b) * difference - only_a - only_b
        constant = -only_b * difference * (1 - difference)
        share_b = (math.sqrt(max(0.0, linear * linear - 8 * count * constant)) - linear) / (4 * count)
        variance = count * (2 * share_b + difference * (1 - difference))
        return count * (observed - difference) / math.sqrt(max(variance, 1e-18))

    def end(side: int) -> float:
        if side * observed >= 1:
            return float(side)
        far = side * (1 - 1e-12)
        return float(brentq(lambda d: score(d) + side * quantile, far, observed, xtol=1e-10))

    return end(-1), end(1)


def mcnemar(only_a: int, only_b: int) -> float:
    """Exact two-sided p-value for equal shares, from the discordant pairs alone; 1 without any."""
    from scipy.stats import binomtest  # half a second, which few pages and commands need

    discordant = only_a + only_b
    return float(binomtest(only_a, discordant, 0.5).pvalue) if discordant else 1.0


def equal_means_p(differences: Sequence[float], seed: int = 0) -> float:
    """Two-sided p-value for a mean difference of 0, one difference per task.

    Whole differences (a task asked once) are McNemar's exact test; fractions flip the tasks' signs at random,
    which is the same test by simulation.
    """
    values = np.asarray(differences, float)
    values = values[values != 0]
    if np.all(np.abs(values) == 1):
        return mcnemar(int((values > 0).sum()), int((values < 0).sum()))
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), size=(FLIPS, len(values)))
    extreme = np.abs(signs @ values) >= abs(values.sum()) - 1e-9
    return float((1 + extreme.sum()) / (1 + FLIPS))


def power(discordance: float, difference: float, tasks: int) -> float:
    """How often the exact McNemar test at 5 % sees `difference`, when that share of tasks is discordant."""
    from scipy.stats import binom  # as above

    if not 0 < abs(difference) <= discordance <= 1:
        raise ValueError("the difference lies between 0 and the discordance, and that is at most 1")
    first, last = binom.ppf([1e-9, 1 - 1e-9], tasks, discordance).astype(int)
    discordant = np.arange(first, last + 1)
    limit = binom.ppf(0.025, discordant, 0.5)
    # ppf gives the first count whose tail reaches 2.5 %: the largest significant one is the one before it.
    limit = np.where(binom.cdf(limit, discordant, 0.5) < 0.025, limit, limit - 1)
    share = (discordance - abs(difference)) / (2 * discordance)
    seen = binom.cdf(limit, discordant, share) + binom.cdf(limit, discordant, 1 - share)
    return float(binom.pmf(discordant, tasks, discordance) @ seen)


def tasks_needed(discordance: float, difference: float) -> int:
    """The fewest tasks with which `difference` shows in 8 of 10 runs of the exact McNemar test at 5 %."""
    low, high = 0, 8
    while power(discordance, difference, high) < POWER:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(discordance, difference, middle) >= POWER else (middle, high)
    return high


def detectable_difference(discordance: float, tasks: int) -> float | None:
    """The smallest difference that so many tasks show in 8 of 10 runs; None when even the largest possible does not.

    A difference cannot exceed the discordance: tasks that both answer alike do not differ.
    """
    if tasks <= 0 or discordance <= 0 or power(discordance, discordance, tasks) < POWER:
        return None
    if power(discordance, 1e-6, tasks) >= POWER:
        return 1e-6
    return float(brentq(lambda d: power(discordance, d, tasks) - POWER, 1e-6, discordance, xtol=1e-6))


def tasks_for_margin(margin: float, level: float = LEVEL) -> int:
    """The fewest tasks that can show a margin, which they do when no task differs."""
    return math.ceil(float(ndtri((1 + level) / 2)) ** 2 * (1 - margin) / margin)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for several comparisons, in the given order (Holm 1979, https://www.jstor.org/stable/4615733).

    By hand: statsmodels' own collects the whole program's garbage at every call, up to a second of a server.
    """
    order = np.argsort(p_values, kind="stable")
    steps = np.asarray(p_values, float)[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted.tolist()


def _discordant(differences: np.ndarray) -> tuple[float, float, float]:
    """(tasks with a positive difference, with a negative one, all tasks), as effective numbers of tasks asked once."""
    better, worse = float(np.maximum(differences, 0).mean()), float(np.maximum(-differences, 0).mean())
    count = _effective(len(differences), better + worse - (better - worse) ** 2, float(differences.var()))
    return better * count, worse * count, count


def _effective(tasks: int, binary: float, seen: float) -> float:
    """How many tasks asked once would scatter as these do: `binary` is their variance if asked once, `seen` the real
    one.

    Never fewer than there are; what is gained by repeats is estimated from few tasks, so Student's t takes a part back.
    """
    if tasks < 2 or seen <= 1e-12:
        return float(tasks)
    caution = (Z95 / float(stdtrit(tasks - 1, 0.975))) ** 2 * (tasks - 1) / tasks
    return max(float(tasks), tasks * caution * binary / seen)


def requests_for_margin(variance: float, margin: float, ratio: float, alpha: float, times: float = 1.0) -> int:
    """The requests of one arm, the other having `ratio` times as many, that show a mean within `margin` of `times` the
    other's in 8 of 10 rollouts whose arms are alike, each request with this `variance` (of a share p: p (1 - p)):
    one-sided at `alpha`, by the normal approximation.

    (z_alpha + z_power)^2 variance (1 + times^2 / ratio) / margin^2; Julious (2004), Statistics in Medicine 23, 1921.
    """
    quantiles = float(ndtri(1 - alpha) + ndtri(POWER))
    return math.ceil(quantiles**2 * variance * (1 + times**2 / ratio) / margin**2)
