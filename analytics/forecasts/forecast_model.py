"""What comes next: weekday pattern times a growing level, with a spread learned from its own misses.

The model is small on purpose. Spend per day = level x growth x weekday index x calendar factor x excess. The
weekday index is the median ratio to the centred week; calendar factors are those the months agree on
(`calendar_days`); weeks of the year that were slack are expected to be so again (`slack_weeks`). The
level is a robust mean of the last weeks' days with spend, a day's weight halving every
`HALF_LIFE_DAYS`, times the share of such days, so that work of every other day is told as half of its days; growth
is the median slope of a year of weeks without its jumps, kept as far as the log supports it. Level and
pattern are those of a usual day, and unusual days cost more than that: `excess` is what sums of four weeks
were above the sum of their usual days. Constants were chosen on the shapes of
tests/benchmarks/forecast_coverage.py, where the model is also set against statsmodels; how well its
promises hold is measured on others, by tests/benchmarks/calibration.py.
The spread of a sum over the next h days is learned by making the same forecast at earlier dates
(`backtest.misses`) and fitting variance = noise / h + level + walk x h to the logs of the misses: a level
that walks away. All of it scales with the history, and nothing is random: the same ledger, the same numbers.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd

from analytics.forecasts import calendar_days
from analytics.forecasts.calendar_days import MAD_TO_DEVIATION, median, row_medians
from analytics.forecasts.slack_weeks import Slack, learn_slack, slack_deviations, slack_multipliers
from data.calendar import DAYS_PER_WEEK, MIN_HISTORY_DAYS, Z90

HALF_LIFE_DAYS = 7
DAMPING = 0.9995
MEMORY_DAYS = 182
TREND_WEEKS = 52
LONG_CHANGE_WEEKS = 8  # changes over so many weeks tell a level that walks from one that only scatters
JUMP = 4.0  # robust deviations: a weekly change beyond it is a launch or an end, no trend
SUM_DAYS = 28  # sums over which unusual days are weighed
# Spread assumed before a ledger has misses of its own: a day's noise, the level's error, and a
# level that walks. Worth as much as PRIOR_MISSES of the observed ones.
PRIOR = np.array([0.05, 0.003, 3e-5])
PRIOR_MISSES = 1
WEEKDAY_OFF = 0.05  # of a usual day: a weekday below it says nothing about the level
RARE_OFF = 0.1  # share of empty days up to which they are outliers; more of them are part of the pattern
ACTIVE_WEEKS = 8  # in which days with and without spend are counted
RARE = 0.5  # share of days with spend below which there is no usual day, only a mean, of RARE_DAYS
RARE_DAYS = 84
OVER_AFTER_DAYS, OVER_ODDS = 14, 1e-4  # no spend for so long, and so unlikely by chance: it is over


class Range(NamedTuple):
    """Quantiles of an amount in USD; p10 and p90 are None where history is too short to say."""

    p50: float
    p10: float | None = None
    p90: float | None = None


class Fit(NamedTuple):
    """A fitted history: `last` is its last day, `level` USD of a usual day in the middle of the weekday pattern,
    `growth` of its log per day, `excess` what days cost on average over usual ones."""

    last: date
    level: float
    growth: float
    weekday: np.ndarray
    spread: np.ndarray
    history_days: int
    excess: float = 1.0
    calendar: calendar_days.Factors = {}
    slack: tuple[Slack, ...] = ()

    def path(self, days: int, factors: np.ndarray | None = None) -> np.ndarray:
        """What each of the next `days` days adds to a sum; `factors` multiply days (planned events)."""
        weekdays = (self.last.weekday() + np.arange(1, days + 1)) % DAYS_PER_WEEK
        path = self.level * np.exp(self.drift(days)) * self.weekday[weekdays] * self._excesses(days)
        if self.calendar or self.slack:
            ahead = self._ahead(days)
            path = path * calendar_days.multipliers(ahead, self.calendar) * slack_multipliers(ahead, self.slack)
        return path if factors is None else path * factors

    def _ahead(self, days: int) -> np.ndarray:
        return np.datetime64(self.last) + np.arange(1, days + 1)

    def _excesses(self, days: int) -> np.ndarray:
        """Unusual days are rare, so a short sum most likely has none of them: their share grows until `SUM_DAYS`."""
        ahead = np.arange(1, days + 1)
        return 1 + (self.excess - 1) * np.where(ahead <= SUM_DAYS, (2 * ahead - 1) / SUM_DAYS, 1.0)

    def drift(self, days: int) -> np.ndarray:
        """Growth of the level's log until each of the next days."""
        return self.growth * DAMPING * (1 - DAMPING ** np.arange(1, days + 1)) / (1 - DAMPING)

    def total(self, days: int, skip: int = 0, factors: np.ndarray | None = None) -> Range:
        """The sum over the days from `skip` + 1 to `skip` + `days` ahead."""
        middle = float(self.path(skip + days, factors)[skip:].sum())
        if self.history_days < MIN_HISTORY_DAYS:
            return Range(middle)
        width = Z90 * self.deviation(days, skip)
        return Range(middle, middle * float(np.exp(-width)), middle * float(np.exp(width)))

    def deviation(self, days: int, skip: int = 0) -> float:
        """Standard deviation of the log of that sum; days that start later miss as a longer sum would."""
        usual = deviation(self.spread, days, skip)
        strays = slack_deviations(self._ahead(skip + days)[skip:], self.slack)
        if not strays.any():
            return usual
        path = self.path(skip + days)[skip:]
        return float(np.hypot(usual, (path * strays).sum() / path.sum())) if path.sum() > 0 else usual


def deviation(spread: np.ndarray, days: int, skip: int = 0) -> float:
    """Standard deviation that the variance terms (noise, level, walk) give a sum of days."""
    noise, level, walk = spread
    return float(np.sqrt(noise / max(days, 1) + level + walk * (2 * skip + days)))


def fit(history: pd.Series, spread: np.ndarray | None = None) -> Fit:
    """Fit daily spend: a float Series over consecutive days (NaN where a day has no log).

    `spread` is what `backtest.spread` learned; without it the prior is used. A history without
    spend forecasts zero.
    """
    recent = history.iloc[-MEMORY_DAYS:].to_numpy(dtype=float)
    last = history.index[-1].date() if len(history) else date.min
    known = PRIOR if spread is None else spread
    logged = recent[~np.isnan(recent)]
    if not logged.sum() > 0:
        return Fit(last, 0.0, 0.0, np.ones(DAYS_PER_WEEK), known, len(logged))
    if len(logged) < MIN_HISTORY_DAYS:
        return Fit(last, float(logged[-14:].mean()), 0.0, np.ones(DAYS_PER_WEEK), known, len(logged))
    weekday = weekday_index(recent, last.weekday())
    days = history.index.to_numpy().astype("datetime64[D]")
    index = weekday[(days.astype(int) + 3) % DAYS_PER_WEEK]
    flat = np.where(index > WEEKDAY_OFF, history.to_numpy(dtype=float), np.nan) / np.maximum(index, WEEKDAY_OFF)
    calendar = calendar_days.learn_factors(days, flat)
    even = flat / calendar_days.multipliers(days, calendar)
    slack = learn_slack(days, even)
    even = even / slack_multipliers(days, slack)
    growth = _growth(_weeks(even[-TREND_WEEKS * DAYS_PER_WEEK :]))
    spent = np.where(even > 0, even, np.nan)[-MEMORY_DAYS:]
    active = active_share(even, index)
    if active < RARE:
        level = _mean(even[-RARE_DAYS:], index[-RARE_DAYS:]) if active else 0.0
        return Fit(last, level, 0.0, weekday, known, len(logged), calendar=calendar, slack=slack)
    level = _level(spent, growth) * active
    excess = _excess(even[-MEMORY_DAYS:], spent * active, index[-MEMORY_DAYS:])
    return Fit(last, level, growth, weekday, known, len(logged), excess, calendar, slack)


def weekday_index(values: np.ndarray, last_weekday: int) -> np.ndarray:
    """Ratio of each weekday to the centred week over the last twelve weeks, Monday first, mean 1: the median, or the
    mean of a weekday that is empty now and then."""
    values = values[-84:]
    middle = values[3:-3]
    weekdays = (last_weekday - 3 - np.arange(len(middle))[::-1]) % 7
    week = np.convolve(values, np.full(7, 1 / 7), mode="valid")
    ratio = np.divide(middle, week, out=np.full(len(middle), np.nan), where=week > 0)
    index = np.ones(7)
    for day in range(7):
        seen = ratio[(weekdays == day) & ~np.isnan(ratio)]
        if len(seen):
            index[day] = median(seen) if (seen == 0).mean() <= RARE_OFF else seen.mean()
    return index / index.mean() if index.sum() > 0 else np.ones(7)


def active_share(flat: np.ndarray, index: np.ndarray) -> float:
    """Share of the days that have spend, by what their weekdays (`index`) are worth; 0 for a series that is over.

    The rarer the days with spend, the further back they are counted.
    """
    known = np.flatnonzero(~np.isnan(flat))[-ACTIVE_WEEKS * DAYS_PER_WEEK :]
    spends, worth, ago = flat[known] > 0, index[known], len(flat) - 1 - known
    if spends.all() or not spends.any():
        return float(spends.any())
    empty = int(spends[::-1].argmax())  # days in a row, the newest last
    before = float(np.average(spends[: len(spends) - empty], weights=worth[: len(spends) - empty]))
    if empty >= OVER_AFTER_DAYS and (1 - before) ** empty < OVER_ODDS:
        return 0.0
    recency = 0.5 ** (ago / HALF_LIFE_DAYS * np.average(spends, weights=worth))
    return float(np.average(spends, weights=recency * worth))


def _mean(flat: np.ndarray, index: np.ndarray) -> float:
    """USD of a mean day in the middle of the weekday pattern."""
    weights = np.where(np.isnan(flat), 0.0, index)
    return float((np.nan_to_num(flat) * weights).sum() / weights.sum()) if weights.sum() > 0 else 0.0


def _level(flat: np.ndarray, growth: float) -> float:
    """Level at the last day in USD, earlier days grown until then; shrugs off outliers."""
    ago = np.arange(len(flat))[::-1]
    usable = ~np.isnan(flat)
    ago, flat = ago[usable], flat[usable]
    if not (flat > 0).any():
        return 0.0
    log = np.log(np.maximum(flat, 0.01 * median(flat[flat > 0]))) + growth * ago
    recency = weights = 0.5 ** (ago / HALF_LIFE_DAYS)
    for _ in range(5):
        level = float((weights * log).sum() / weights.sum())
        miss = np.abs(log - level)
        scale = max(MAD_TO_DEVIATION * median(miss[-28:]), 1e-6)
        weights = recency * np.minimum(1.0, 1.5 * scale / np.maximum(miss, 1e-12))
    return float(np.exp(level))


def _weeks(flat: np.ndarray) -> np.ndarray:
    """Log of the median level of each week, the newest last; NaN for a week without a positive day."""
    weeks = np.concatenate([np.full(-len(flat) % DAYS_PER_WEEK, np.nan), flat]).reshape(-1, DAYS_PER_WEEK)
    middles = row_medians(weeks)
    return np.log(np.where(middles > 0, middles, np.nan))


def _growth(weeks: np.ndarray) -> float:
    """Growth of the log a day: the median slope between weeks (Theil-Sen), kept as far as the log supports it."""
    at = np.flatnonzero(~np.isnan(weeks))
    if len(at) < LONG_CHANGE_WEEKS:
        return 0.0
    log = weeks[at]
    changes, weeks_apart = np.diff(log), np.diff(at)
    off = changes - median(changes / weeks_apart) * weeks_apart
    jumps = np.where(np.abs(off) > JUMP * max(MAD_TO_DEVIATION * median(np.abs(off)), 1e-3), off, 0.0)
    smooth = log - np.concatenate([[0.0], np.cumsum(jumps)])
    one, other = np.triu_indices(len(at), 1)
    growth = median((smooth[other] - smooth[one]) / (at[other] - at[one]))
    apart = min(LONG_CHANGE_WEEKS, len(at) // 2)
    strayed = log[apart:] - log[:-apart] - growth * (at[apart:] - at[:-apart])
    unsure = float((strayed**2).mean()) / apart / len(at)
    return growth / DAYS_PER_WEEK * growth**2 / (growth**2 + unsure) if growth else 0.0


def _excess(flat: np.ndarray, usual_day: np.ndarray, index: np.ndarray) -> float:
    """What sums of `SUM_DAYS` days were above the sum of their usual days, in the middle of the sums seen."""
    weights = np.where(np.isnan(flat), 0.0, index)
    real, usual = (
        np.convolve(np.nan_to_num(part) * weights, np.ones(SUM_DAYS), "valid")
        for part in (flat, calendar_days.around(usual_day))
    )
    seen = usual > 0
    return max(1.0, median(real[seen] / usual[seen])) if seen.any() else 1.0
