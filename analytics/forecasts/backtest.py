"""How good the forecast has been on this very ledger, against the naive one.

At every earlier week the forecast is made with what was known then and compared with what came.
The misses give the forecast's spread, its error and the real coverage of its P10 to P90 range.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from analytics.forecasts import forecast_model
from analytics.forecasts.calendar_days import median
from analytics.forecasts.forecast_model import PRIOR, PRIOR_MISSES, deviation
from data.calendar import MIN_HISTORY_DAYS, Z90

HORIZONS = (1, 3, 7, 14, 21, 28, 42, 63, 91)
STEP_DAYS = 7
LEAST_SQUARE = 1e-6  # a tenth of a per cent missed: nobody's spend is told better
ORIGINS = 39  # nine months of weeks: older misses were another company's
JUDGED_DAYS = 28
HOLDS = 0.8  # share of outcomes that are to lie between P10 and P90
FIRST_WIDER, STEP_WIDER = 0.1, 0.1  # in logs: a spread from few misses is too narrow; what a miss widens it by


class Score(NamedTuple):
    """Errors of totals over `horizon_days`: mean absolute error as a share of the total; coverage of P10 to P90."""

    horizon_days: int
    origins: int
    error: float
    naive_error: float
    coverage: float


class Judged(NamedTuple):
    """An earlier range: its origin (position), and whether what came lay in it."""

    origin: int
    held: bool


def misses(history: pd.Series) -> pd.DataFrame:
    """One row per earlier origin and horizon whose days all have a log: origin (position), days, actual, expected,
    naive."""
    values = history.to_numpy(dtype=float)
    end = len(values)
    unlogged = np.concatenate([[0], np.cumsum(np.isnan(values))])
    rows = []
    for origin in range(end - STEP_DAYS, MIN_HISTORY_DAYS - 1, -STEP_DAYS)[:ORIGINS]:
        fitted = forecast_model.fit(history.iloc[:origin])
        if fitted.history_days < MIN_HISTORY_DAYS:
            continue
        longest = min(max(HORIZONS), end - origin)
        path = np.cumsum(fitted.path(longest))
        naive = np.cumsum(seasonal_naive(values[:origin], longest))
        actual = np.cumsum(np.nan_to_num(values[origin : origin + longest]))
        rows += [
            (origin, days, actual[days - 1], path[days - 1], naive[days - 1])
            for days in HORIZONS
            if days <= longest and unlogged[origin + days] == unlogged[origin]  # only what a log can judge
        ]
    return pd.DataFrame(rows, columns=["origin", "days", "actual", "expected", "naive"])


def seasonal_naive(values: np.ndarray, days: int) -> np.ndarray:
    """Every day like the same weekday of the last week that has a log of it."""
    weeks = np.concatenate([np.full(-len(values) % 7, np.nan), values]).reshape(-1, 7)[-8:]
    week = weeks[-1].copy()
    for earlier in weeks[::-1]:
        week = np.where(np.isnan(week), earlier, week)
    return np.resize(np.nan_to_num(week), days)


def spread(missed: pd.DataFrame) -> np.ndarray:
    """Variance terms (noise / h, level, walk x h) of the log of a miss, the prior mixed in.

    Squares are capped at twenty times their median, so one runaway week does not widen every range. The prior is mixed
    in as a factor: as a term it would widen a calm ledger's range by its own size, however many misses say otherwise.
    """
    _, horizon, square = _squares(missed)
    return _terms(horizon, square)


def _squares(missed: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(origin, days, square of the log of the miss) of the misses that have a log."""
    origin, days, actual, expected = (missed[name].to_numpy() for name in ("origin", "days", "actual", "expected"))
    usable = (actual > 0) & (expected > 0)
    return origin[usable], days[usable].astype(float), np.log(actual[usable] / expected[usable]) ** 2


def _terms(horizon: np.ndarray, square: np.ndarray) -> np.ndarray:
    if not len(square):
        return PRIOR
    days, sizes = np.unique(horizon, return_counts=True)
    squares = np.array([np.minimum(one, 20 * median(one)).mean() for one in (square[horizon == day] for day in days)])
    terms = np.column_stack([1 / days, np.ones_like(days), days])
    # Misses of neighbouring origins overlap: an origin counts for what it adds.
    independent = sizes * np.minimum(1.0, STEP_DAYS / days)
    logs = np.log(np.maximum(squares, LEAST_SQUARE)) * independent + np.log(terms @ PRIOR) * PRIOR_MISSES
    squares = np.exp(logs / (independent + PRIOR_MISSES))
    weight = np.sqrt(independent + PRIOR_MISSES) / squares
    fitted, _ = nnls(terms * weight[:, None], squares * weight)
    return fitted


def judge(missed: pd.DataFrame, days: int = JUDGED_DAYS) -> list[Judged]:
    """The earlier ranges of totals over `days`, the oldest first, each with the spread and widening known then."""
    judged: list[Judged] = []
    origin, horizon, square = _squares(missed)
    for row in missed[missed["days"] == days].sort_values("origin").itertuples():
        known = origin + horizon <= row.origin
        width = Z90 * deviation(_terms(horizon[known], square[known]), days) * _widened(judged, row.origin, days)
        held = row.expected > 0 and abs(np.log(max(row.actual, 1e-12) / row.expected)) <= width
        judged.append(Judged(row.origin, bool(held)))
    return judged


def widening(missed: pd.DataFrame, judged: list[Judged], days: int = JUDGED_DAYS) -> float:
    """What the deviations of `spread` are multiplied by, so that P10 to P90 holds as often as it says.

    Every earlier range (`judge`) is judged with what was known then: one that did not hold widens the next by
    `STEP_WIDER` x 0.8 of its log, one that did narrows it by `STEP_WIDER` x 0.2, which stands still when eight in ten
    hold (adaptive conformal inference: Gibbs and Candes, 2021). A level that has jumped is wide for a while: it may
    jump again.
    """
    return _widened(judged, len(missed) and int((missed["origin"] + missed["days"]).max()), days)


def score(missed: pd.DataFrame, judged: list[Judged], days: int = JUDGED_DAYS) -> Score | None:
    """Error and coverage on totals over `days`, each origin judged (`judge`) with the spread known at its time."""
    at = missed[missed["days"] == days]
    if at.empty:
        return None
    actual = at["actual"].sum()
    error, naive = ((at["actual"] - at[name]).abs().sum() / actual if actual else 0.0 for name in ("expected", "naive"))
    return Score(days, len(at), float(error), float(naive), sum(one.held for one in judged) / len(judged))


def _widened(judged: list[Judged], now: int, days: int) -> float:
    known = [one.held for one in judged if one.origin + days <= now]
    return float(np.exp(FIRST_WIDER + STEP_WIDER * (known.count(False) - (1 - HOLDS) * len(known))))
