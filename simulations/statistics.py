"""Intervals and paired tests for shares of tasks answered well.

Formulas and their golden values: facts/routing.md section 5 (Wilson; exact McNemar; paired normal
interval; sample size for a paired difference).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest

Z95 = 1.959963984540054
Z80 = 0.8416212335729143


class Paired(NamedTuple):
    """B against A on the same tasks: means, B - A with its 95 % interval, discordant counts, exact McNemar p."""

    n: int
    mean_a: float
    mean_b: float
    difference: float
    low: float
    high: float
    only_a: int
    only_b: int
    p_value: float


def wilson(successes: float, n: int, z: float = Z95) -> tuple[float, float]:
    """95 % interval for a share; (0, 1) when nothing was tried."""
    if n == 0:
        return 0.0, 1.0
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def paired(a: Sequence[float], b: Sequence[float]) -> Paired:
    """Compare scores (0 to 1) of two models on the same tasks, in the same order."""
    first, second = np.asarray(a, float), np.asarray(b, float)
    n, delta = len(first), second - first
    spread = Z95 * float(delta.std()) / sqrt(n)
    only_a, only_b = int((delta < 0).sum()), int((delta > 0).sum())
    discordant = only_a + only_b
    p_value = float(binomtest(only_b, discordant, 0.5).pvalue) if discordant else 1.0
    mean = float(delta.mean())
    return Paired(
        n, float(first.mean()), float(second.mean()), mean, mean - spread, mean + spread, only_a, only_b, p_value
    )


def samples_needed(difference: float, discordance: float) -> int:
    """Paired tasks for 80 % power at 5 % to see `difference`, when this share of tasks is answered differently."""
    return round((Z95 * sqrt(discordance) + Z80 * sqrt(discordance - difference**2)) ** 2 / difference**2)


def detectable(n: int, discordance: float) -> float:
    """The smallest difference that n paired tasks can show with 80 % power, by bisection."""
    low, high = 1e-6, discordance**0.5
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if samples_needed(middle, discordance) <= n else (middle, high)
    return high
