"""What comes next: weekday pattern times a growing level, with a spread learned from its own misses.

The model is small on purpose. Spend per day = level x growth x weekday index. The weekday index is
the median ratio to the centred week; growth is the trimmed mean of weekly changes, pulled to zero
where they disagree and damped ahead, since none lasts; the level is a robust mean of the last weeks,
a day's weight halving every `HALF_LIFE_DAYS`. Constants were chosen on the shapes of
tests/benchmarks/forecast_coverage.py, where the model is also set against statsmodels.
The spread of a sum over the next h days is learned by making the same forecast at earlier dates
(`backtest.misses`) and fitting variance = noise / h + level + growth x h^2 to the logs of the
misses. All of it scales with the history, and nothing is random: the same ledger, the same numbers.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd

from data.calendar import MIN_HISTORY_DAYS, Z90

HALF_LIFE_DAYS = 7
DAMPING = 0.995
MEMORY_DAYS = 182
# Spread assumed before a ledger has misses of its own: a day's noise, the level's error, and a
# growth rate unsure by 0.1 % a day. Worth as much as PRIOR_MISSES observed ones.
PRIOR = np.array([0.05, 0.003, 1e-6])
PRIOR_MISSES = 4


class Range(NamedTuple):
    """Quantiles of an amount in USD; p10 and p90 are None where history is too short to say."""

    p50: float
    p10: float | None = None
    p90: float | None = None


class Fit(NamedTuple):
    """A fitted history: `last` is its last day, `level` USD a day in the middle of the weekday pattern."""

    last: date
    level: float
    growth: float
    weekday: np.ndarray
    spread: np.ndarray
    history_days: int

    def path(self, days: int, factors: np.ndarray | None = None) -> np.ndarray:
        """Median spend of each of the next `days` days; `factors` multiply days (planned events)."""
        ahead = np.arange(1, days + 1)
        growth = self.growth * DAMPING * (1 - DAMPING**ahead) / (1 - DAMPING)
        weekdays = (self.last.weekday() + ahead) % 7
        path = self.level * np.exp(growth) * self.weekday[weekdays]
        return path if factors is None else path * factors

    def total(self, days: int, skip: int = 0, factors: np.ndarray | None = None) -> Range:
        """The sum over the days from `skip` + 1 to `skip` + `days` ahead."""
        middle = float(self.path(skip + days, factors)[skip:].sum())
        if self.history_days < MIN_HISTORY_DAYS:
            return Range(middle)
        width = Z90 * self.deviation(days, skip)
        return Range(middle, middle * float(np.exp(-width)), middle * float(np.exp(width)))

    def deviation(self, days: int, skip: int = 0) -> float:
        """Standard deviation of the log of that sum; days that start later miss as a longer sum would."""
        return deviation(self.spread, days, skip)


def deviation(spread: np.ndarray, days: int, skip: int = 0) -> float:
    """Standard deviation that the variance terms (noise, level, growth) give a sum of days."""
    noise, level, growth = spread
    return float(np.sqrt(noise / max(days, 1) + level + growth * (2 * skip + days) ** 2))


def fit(history: pd.Series, spread: np.ndarray | None = None) -> Fit:
    """Fit daily spend: a float Series over consecutive days (NaN where a day has no log).

    `spread` is what `backtest.spread` learned; without it the prior is used. A history without
    spend forecasts zero.
    """
    recent = history.iloc[-MEMORY_DAYS:]
    values = recent.to_numpy(dtype=float)
    last = recent.index[-1].date() if len(recent) else date.min
    known = PRIOR if spread is None else spread
    logged = values[~np.isnan(values)]
    if not logged.sum() > 0:
        return Fit(last, 0.0, 0.0, np.ones(7), known, len(logged))
    if len(logged) < MIN_HISTORY_DAYS:
        return Fit(last, float(logged[-14:].mean()), 0.0, np.ones(7), known, len(logged))
    weekday = weekday_index(values, last.weekday())
    level, growth = _level(values, weekday, last.weekday())
    return Fit(last, level, growth, weekday, known, len(logged))


def weekday_index(values: np.ndarray, last_weekday: int) -> np.ndarray:
    """Median ratio of each weekday to the centred week over the last twelve weeks, Monday first, mean 1."""
    values = values[-84:]
    middle = values[3:-3]
    weekdays = (last_weekday - 3 - np.arange(len(middle))[::-1]) % 7
    week = np.convolve(values, np.full(7, 1 / 7), mode="valid")
    ratio = np.divide(middle, week, out=np.full(len(middle), np.nan), where=week > 0)
    index = np.ones(7)
    for day in range(7):
        seen = ratio[(weekdays == day) & ~np.isnan(ratio)]
        index[day] = np.median(seen) if len(seen) else 1.0
    return index / index.mean() if index.sum() > 0 else np.ones(7)


def _level(values: np.ndarray, weekday: np.ndarray, last_weekday: int) -> tuple[float, float]:
    """Level at the last day in USD, and growth of its log per day; both shrug off outliers."""
    ago = np.arange(len(values))[::-1]
    index = weekday[(last_weekday - ago) % 7]
    usable = ~np.isnan(values) & (index > 0.05)
    ago, flat = ago[usable], values[usable] / index[usable]
    if not (flat > 0).any():
        return 0.0, 0.0
    log = np.log(np.maximum(flat, 0.01 * np.median(flat[flat > 0])))
    growth = _growth(log, ago)
    recency = weights = 0.5 ** (ago / HALF_LIFE_DAYS)
    now = log + growth * ago
    for _ in range(5):
        level = float((weights * now).sum() / weights.sum())
        miss = np.abs(now - level)
        scale = max(1.4826 * float(np.median(miss[-28:])), 1e-6)
        weights = recency * np.minimum(1.0, 1.5 * scale / np.maximum(miss, 1e-12))
    return float(np.exp(level)), growth


def _growth(log: np.ndarray, ago: np.ndarray) -> float:
    """Trimmed mean of the weekly changes, pulled to zero by how unsure it is: a launch is no trend."""
    week = ago // 7
    middles = np.array([np.median(log[week == n]) for n in range(int(week.max()) + 1) if (week == n).any()])
    changes = np.sort(-np.diff(middles))
    if len(changes) < 3:
        return 0.0
    cut = len(changes) // 5
    growth = float(changes[cut : len(changes) - cut].mean())
    unsure = (1.4826 * float(np.median(np.abs(changes - np.median(changes))))) ** 2 / len(changes)
    return growth / 7 * growth**2 / (growth**2 + 2 * unsure) if growth else 0.0
