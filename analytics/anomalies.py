"""Days that cost more than their pattern explains, models that began to fail, costs that outgrow usage.

Pure functions over daily series; `findings` runs them on the ledger. The baseline of a day is made of
the same weekday in the weeks before (a median, so one bad week does not hide the next), moved to the
present level by the median of the last days. A day is flagged when it is beyond `LIMIT` robust
deviations of the series' own past misses AND beyond a floor in dollars; both, because a quiet series
is noisy in per cent and a large one in dollars.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd

from data import wording
from data.calendar import MIN_BASELINE_DAYS

WEEKS = 6
LIMIT = 4.5
FLOOR_SHARE = 0.02  # of the median day of the whole scope
FAILURE_LIMIT = 0.10
MIN_FAILURES = 10
OUTGROWN = 0.15
MIN_DEVIATION = 0.05


class Anomaly(NamedTuple):
    """Something unusual in one series over [start, end); `usd` is what it cost above expectation."""

    kind: str  # spend | request cost | hour | failures | outgrown
    dimension: str  # total, team, model, feature, key_alias
    value: str
    start: date
    end: date
    usd: float
    expected_usd: float
    driver: str

    @property
    def key(self) -> str:
        """Identity that survives new data: a note stays with its finding."""
        return f"{self.kind}|{self.dimension}|{self.value}|{self.start:%Y-%m-%d}"

    @property
    def title(self) -> str:
        who = "Total" if self.dimension == "total" else self.value
        if self.kind == "failures":
            return f"{who} fails more than {wording.percent(FAILURE_LIMIT)} of its attempts since {self.start:%-d %b}"
        if self.kind == "outgrown":
            return f"{who}: cost grows faster than usage"
        days = (self.end - self.start).days
        span = (
            f"on {self.start:%-d %b}" if days == 1 else f"{self.start:%-d %b} to {self.end - timedelta(days=1):%-d %b}"
        )
        return (
            f"{who}: cost per request above its pattern {span}"
            if self.kind == "request cost"
            else f"{who} above its pattern {span}"
        )


class Run(NamedTuple):
    """Flagged days [start, end) with at most one calm day between them."""

    start: date
    end: date
    usd: float
    expected_usd: float


def baseline(spend: pd.Series) -> pd.DataFrame:
    """What each day should have cost, from the days before it: expected, and the deviation (log) of past misses.

    NaN for the first `MIN_BASELINE_DAYS` days and for days whose weekday is normally without spend.
    """
    days = len(spend)
    if days <= MIN_BASELINE_DAYS:
        return pd.DataFrame({"expected": np.nan, "deviation": np.nan}, index=spend.index)
    values = spend.to_numpy(dtype=float)
    # A day without any log is taken as the week before; the weeks before the first as the first.
    filled = np.concatenate([np.tile(np.nan_to_num(values[:7]), WEEKS - MIN_BASELINE_DAYS // 7), values])
    for day in np.flatnonzero(np.isnan(filled)):
        filled[day] = filled[day - 7]
    weeks = np.lib.stride_tricks.sliding_window_view(filled[:-1], 7 * WEEKS).reshape(-1, WEEKS, 7)
    usual = np.median(weeks[:, :, 0], axis=1)
    by_week = np.median(weeks, axis=2)
    level, now = np.median(by_week, axis=1), by_week[:, -1]
    moved = np.clip(np.divide(now, level, out=np.ones_like(now), where=level > 0), 0.5, 2.0)
    expected = np.concatenate([np.full(MIN_BASELINE_DAYS, np.nan), usual * moved])
    miss = np.log(np.divide(values, expected, out=np.full(days, np.nan), where=(expected > 0) & (values > 0)))
    deviation = pd.Series(np.abs(miss)).shift(1).rolling(56, min_periods=14).median().bfill(limit=14) * 1.4826
    return pd.DataFrame({"expected": expected, "deviation": deviation.to_numpy()}, index=spend.index)


def unusual_days(
    spend: pd.Series, floor_usd: float, since: pd.Timestamp, requests: pd.Series | None = None
) -> list[Run]:
    """Runs of flagged days from `since` on.

    With `requests`, it is the cost per request that is watched, which shows a price or a prompt that
    changed long before the total does; dollars are then what those requests cost above expectation.
    """
    watched = spend if requests is None else spend / requests.where(requests > 0)
    times = 1.0 if requests is None else requests
    known = baseline(watched)
    spread = known["deviation"].clip(lower=MIN_DEVIATION)
    expected = known["expected"] * times
    above = spend - expected
    score = np.log(spend.clip(lower=1e-12) / expected.clip(lower=1e-12)) / spread
    flagged = (score > LIMIT) & (above > floor_usd) & (spend.index >= since)
    runs: list[Run] = []
    for at in spend.index[flagged]:
        start, end = at.date(), at.date() + timedelta(days=1)
        if runs and start - runs[-1].end <= timedelta(days=1):
            last = runs.pop()
            runs.append(Run(last.start, end, last.usd + above[at], last.expected_usd + expected[at]))
        else:
            runs.append(Run(start, end, above[at], expected[at]))
    return runs


def failing_since(attempts: pd.Series, failed: pd.Series) -> tuple[pd.Timestamp, float] | None:
    """First day of the present run of days above the failure limit, and its rate; None when it does not fail now.

    Days are pooled to sevens, so that small series do not flicker. A model that always failed is no change.
    """
    pooled_failed, pooled = (
        failed.fillna(0).rolling(7, min_periods=1).sum(),
        attempts.fillna(0).rolling(7, min_periods=1).sum(),
    )
    rate = (pooled_failed / pooled.where(pooled > 0)).where(pooled_failed >= MIN_FAILURES, 0.0).fillna(0.0)
    if len(rate) < 7 or not rate.iloc[-1] > FAILURE_LIMIT:
        return None
    calm = np.flatnonzero((rate <= FAILURE_LIMIT / 2).to_numpy())  # half the limit: a quiet weekend does not end a run
    if not len(calm):
        return None
    first = int(calm[-1]) + 1
    return rate.index[first], float(failed.iloc[first:].sum() / attempts.iloc[first:].sum())


def outgrown(spend: pd.Series, requests: pd.Series, days: int = 28) -> tuple[float, float] | None:
    """Cost per request of the last `days` against those before: (growth as a share, USD above the old cost per request)."""
    if len(spend) < 2 * days:
        return None
    now, before = slice(-days, None), slice(-2 * days, -days)
    if not (requests.iloc[now].sum() > 0 and requests.iloc[before].sum() > 0 and spend.iloc[before].sum() > 0):
        return None
    old = spend.iloc[before].sum() / requests.iloc[before].sum()
    growth = spend.iloc[now].sum() / requests.iloc[now].sum() / old - 1
    return (float(growth), float(spend.iloc[now].sum() - old * requests.iloc[now].sum())) if growth > OUTGROWN else None


def explained(found: list[Anomaly], share: Callable[[Anomaly, Anomaly], float]) -> list[Anomaly]:
    """One event shows in the total, a team, a feature and a model: keep the narrowest series that holds most of it.

    The narrowest is the one with the least expected spend a day; a wider one is dropped when a kept one explains
    more than half of it. `share(narrow, wide)` is the part of the narrow series that lies in the wide one.
    A failing model stands on its own.
    """
    kept: list[Anomaly] = []
    for one in sorted(
        found, key=lambda a: (a.kind == "outgrown", a.expected_usd / (a.end - a.start).days, a.dimension)
    ):
        inside = [
            k
            for k in kept
            if (k.kind == "failures") == (one.kind == "failures") and k.start < one.end and one.start < k.end
        ]
        if max((k.usd for k in inside if share(k, one) > 0.8), default=0.0) < 0.5 * one.usd or one.kind == "failures":
            kept.append(one)
    return sorted(kept, key=lambda a: -a.usd)
