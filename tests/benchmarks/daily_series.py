"""Generated daily spend whose truth is known: shapes that a forecast must hold on, and quiet years for the detectors.

Every series is a function of its name and a seed. The first six shapes are those of the second analyst (issue 13);
their week, noise (autocorrelated, 8 %) and sizes are fixed before any model is looked at.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

WEEK = np.array([1.1, 1.15, 1.1, 1.05, 1.0, 0.45, 0.4])
SHAPES = ("weekday", "growth", "level shift", "holiday", "heavy tails", "random walk")
QUIET = ("calm", "heavy tails", "slow drift", "weekends off", "few calls", "month ends", "holidays", "growth")


def shape(name: str, seed: int, days: int = 640, start: str = "2024-07-01") -> pd.Series:
    """Spend by day in one of SHAPES."""
    rng = np.random.default_rng(1000 * SHAPES.index(name) + seed)
    t, index = np.arange(days), pd.date_range(start, periods=days)
    week, drift = WEEK[index.day_of_week], np.zeros(days)
    for day in range(1, days):
        drift[day] = 0.5 * drift[day - 1] + rng.normal(0, 0.07)
    usual = week * np.exp(drift)
    if name == "weekday":
        values = 1000 * usual
    elif name == "growth":  # 4.7 % a month
        values = 400 * np.exp(0.0015 * t) * usual
    elif name == "level shift":
        level = np.zeros(days)
        for at in rng.integers(100, days - 60, 4):
            level[at:] += rng.choice([-1, 1]) * rng.uniform(0.2, 0.5)
        values = 800 * np.exp(level) * usual
    elif name == "holiday":
        values = 900 * usual * _holidays(index) * np.where(index.is_month_end, 1.8, 1.0)
    elif name == "heavy tails":
        spikes = np.where(rng.random(days) < 0.05, 1 + rng.pareto(1.7, days) * 1.5, 1.0)
        values = 500 * week * np.exp(rng.standard_t(3, days) * 0.12) * spikes
    else:
        walk = np.cumsum(rng.normal(0, 0.02, days))
        values = 700 * np.exp(walk) * week * np.exp(rng.normal(0, 0.1, days))
    return pd.Series(values, index=index)


def quiet(name: str, seed: int, days: int = 365, start: str = "2025-01-06") -> pd.Series:
    """A year in which nothing happens, in one of QUIET."""
    rng, t = np.random.default_rng(seed), np.arange(days)
    index = pd.date_range(start, periods=days)
    week = WEEK[index.day_of_week]
    if name == "calm":
        values = 100 * week * np.exp(rng.normal(0, 0.15, days))
    elif name == "heavy tails":
        values = 100 * week * np.exp(rng.standard_t(3, days) * 0.15)
    elif name == "slow drift":
        drift = np.zeros(days)
        for day in range(1, days):
            drift[day] = 0.8 * drift[day - 1] + rng.normal(0, 0.1)
        values = 100 * week * np.exp(drift)
    elif name == "weekends off":
        weekend = 0.5 * rng.exponential(1, days)
        values = 100 * np.where(index.day_of_week > 4, weekend, 1) * np.exp(rng.normal(0, 0.15, days))
    elif name == "few calls":
        values = rng.poisson(30 * week) * np.exp(rng.normal(0, 0.1, days))
    elif name == "month ends":
        values = 100 * week * np.exp(rng.normal(0, 0.12, days)) * np.where(index.is_month_end, 1.8, 1)
    elif name == "quarter ends":
        values = 100 * week * np.exp(rng.normal(0, 0.12, days)) * np.where(index.is_quarter_end, 2.5, 1)
    elif name == "holidays":
        values = 100 * week * np.exp(rng.normal(0, 0.1, days)) * _holidays(index, august=0.5)
    else:
        values = 100 * np.exp(0.0026 * t) * week * np.exp(rng.normal(0, 0.12, days))
    return pd.Series(values, index=index)


def _holidays(index: pd.DatetimeIndex, august: float = 0.75) -> np.ndarray:
    level = np.ones(len(index))
    christmas = (index.month == 12) & (index.day >= 22) | (index.month == 1) & (index.day <= 3)
    level[christmas] = 0.35
    level[(index.month == 8) & (index.day <= 21)] = august
    return level
