"""Forecasts of teams that add up to the company's.

Every series has a growth and a pattern of its own, so the teams' forecasts by themselves come to some per cent more
or less than the company's, whose series is the calmest. The company's holds: each team gets its share of it, day by
day, as the teams' own forecasts stand to each other.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import numpy as np
import pandas as pd

from analytics.forecasts import forecast_model
from analytics.forecasts.forecast_model import Fit
from analytics.known_spend import Company


def team_factors(company: Company, known_until: date, days: int) -> np.ndarray:
    """What the asked teams' own forecast of each of the next days is multiplied by."""
    known = company.teams.index < pd.Timestamp(known_until)
    spend, teams = company.spend[known], company.teams[known]
    together = sum((_fitted(teams[name]).path(days) for name in teams), np.zeros(days))
    asked = list(company.asked)
    apart = sum((_fitted(teams[name]).path(days) for name in asked), np.zeros(days))
    joined = _fitted(teams[asked].sum(axis=1, min_count=1)).path(days)
    told = (together > 0) & (joined > 0)
    return np.divide(_fitted(spend).path(days) * apart, together * joined, out=np.ones(days), where=told)


def _fitted(spend: pd.Series) -> Fit:
    last = spend.index[-1].date() if len(spend) else date.min
    return _fit(spend.to_numpy(dtype=float).tobytes(), last)


@lru_cache(maxsize=1024)
def _fit(values: bytes, last: date) -> Fit:
    floats = np.frombuffer(values)
    days = pd.date_range(end=last, periods=len(floats)) if len(floats) else pd.DatetimeIndex([])
    return forecast_model.fit(pd.Series(floats, index=days))
