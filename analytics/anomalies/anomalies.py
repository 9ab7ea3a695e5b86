"""Days that cost more than their pattern explains, models that began to fail, costs that outgrow usage.

Pure functions over daily series; `anomaly_search.findings` runs them on the ledger. A day is flagged when it
is beyond the limits of its series' own pattern (`day_patterns`) AND beyond a floor in dollars; both,
because a quiet series is noisy in per cent and a large one in dollars. A fall is news too, from two days on.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd

from analytics.anomalies.day_patterns import STAY, days_of, pattern_parts
from analytics.silences import Silence
from data import wording

MIN_FALL_DAYS = 2
FLOOR_SHARE = 0.02  # of the median day of the whole scope
FAILURE_LIMIT = 0.10
MIN_FAILURES = 10
OUTGROWN = 0.15
SURE = 2.33  # one in a hundred by chance


class Anomaly(NamedTuple):
    """Something unusual in one series over [start, end).

    `usd` is what it cost above expectation in those days (negative below), `usd_in_scope` the part of it that lies
    within the days that were asked about. For a silence `usd` is what is expected to be missing, negative. `cause`
    names the bridge's driver that moved most; "" where it is not known.
    """

    kind: str  # spend | request cost | hour | failures | outgrown | silence
    dimension: str  # total, team, model, feature, key_alias, source
    value: str
    start: date
    end: date
    usd: float
    expected_usd: float
    driver: str
    usd_in_scope: float = 0.0
    cause: str = ""

    @property
    def period(self) -> str:
        """The days its dollars belong to."""
        return Silence(self.start, self.end).text

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
        if self.kind == "silence":
            return f"No log from {who} since {self.start:%-d %b}"
        days = (self.end - self.start).days
        span = (
            f"on {self.start:%-d %b}" if days == 1 else f"{self.start:%-d %b} to {self.end - timedelta(days=1):%-d %b}"
        )
        if self.kind == "request cost":
            return f"{who}: cost per request above its pattern {span}"
        return f"{who} {'above' if self.usd >= 0 else 'below'} its pattern {span}"


class Run(NamedTuple):
    """An event over [start, end): what it cost above (or below) its pattern, in all and within the asked days."""

    start: date
    end: date
    usd: float
    expected_usd: float
    usd_in_scope: float


def unusual_days(
    spend: pd.Series, floor_usd: float, since: pd.Timestamp, requests: pd.Series | None = None
) -> list[Run]:
    """Runs of days off their pattern that reach beyond `since`, above or (two days and more) below it.

    With `requests`, it is the cost per request that is watched, and only above: that shows a price or a prompt
    that changed long before the total does; dollars are then what those requests cost above expectation.
    """
    days, usd = days_of(spend), spend.to_numpy(dtype=float)
    if requests is None:
        times = np.ones(len(usd))
        expected, deviation, unusual = pattern_parts(days, usd, times * floor_usd)
    else:
        asked = requests.to_numpy(dtype=float)
        times = np.where(asked > 0, asked, np.nan)
        expected, deviation, unusual = pattern_parts(days, usd / times, floor_usd / times)
    expected = expected * times
    above = np.nan_to_num(usd - expected)
    score = np.log(np.maximum(usd, 1e-12) / np.maximum(expected, 1e-12)) / deviation
    asked_about = spend.index >= since
    runs = []
    for sign, least_days in ((1, 1), (-1, MIN_FALL_DAYS)):
        if sign < 0 and requests is not None:
            continue
        for first, after in _joined(unusual == sign):
            first = _begun(first, score * sign)
            start, end = spend.index[first], spend.index[after - 1] + pd.Timedelta(days=1)
            if after - first >= least_days and end > since:
                part = above[first:after]
                sums = part.sum(), np.nansum(expected[first:after]), part[asked_about[first:after]].sum()
                runs.append(Run(start.date(), end.date(), *map(float, sums)))
    return sorted(runs)


def _joined(flags: np.ndarray) -> list[tuple[int, int]]:
    """Positions [first, after) of flagged days, runs with at most one other day between them as one."""
    runs: list[tuple[int, int]] = []
    for day in np.flatnonzero(flags).tolist():
        if runs and day - runs[-1][1] <= 1:
            runs[-1] = (runs[-1][0], day + 1)
        else:
            runs.append((day, day + 1))
    return runs


def _begun(first: int, score: np.ndarray) -> int:
    """The day an event began: the days right before the flagged one that were already well off the pattern."""
    while first > 0 and score[first - 1] > STAY:
        first -= 1
    return first


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
    first, daily = int(calm[-1]) + 1, (failed / attempts.where(attempts > 0)).fillna(0.0).to_numpy()
    while first > 0 and daily[first - 1] > FAILURE_LIMIT:  # the pool of seven days notices some days late
        first -= 1
    return rate.index[first], float(failed.iloc[first:].sum() / attempts.iloc[first:].sum())


def outgrown(spend: pd.Series, requests: pd.Series, days: int = 28) -> tuple[float, float] | None:
    """Cost per request of the last `days` against those before: (growth as a share,
    USD above the old cost per request).

    None where it grew by less than `OUTGROWN`, or by less than what a few dear requests do to such a mean: `SURE`
    standard errors of the difference of two ratio estimates (Cochran, Sampling Techniques, 1977, chapter 6).
    """
    if len(spend) < 2 * days:
        return None
    usd, asked = spend.to_numpy(dtype=float), requests.to_numpy(dtype=float)
    now, before = slice(-days, None), slice(-2 * days, -days)
    if not (np.nansum(asked[now]) > 0 and np.nansum(asked[before]) > 0 and np.nansum(usd[before]) > 0):
        return None
    (new, unsure), (old, unsure_before) = (_cost_per_request(usd[at], asked[at]) for at in (now, before))
    if new / old - 1 <= OUTGROWN or new - old <= SURE * np.hypot(unsure, unsure_before):
        return None
    return float(new / old - 1), float(np.nansum(usd[now]) - old * np.nansum(asked[now]))


def _cost_per_request(usd: np.ndarray, asked: np.ndarray) -> tuple[float, float]:
    """The mean cost of a request over some days, and its standard error, from how far days stray from it."""
    requests = float(np.nansum(asked))
    mean = float(np.nansum(usd)) / requests
    known = int((~np.isnan(usd)).sum())
    scatter = float(np.nansum((usd - mean * asked) ** 2)) * known / max(known - 1, 1)
    return mean, scatter**0.5 / requests


def keep_narrowest(found: list[Anomaly], share: Callable[[Anomaly, Anomaly], float]) -> list[Anomaly]:
    """One event shows in the total, a team, a feature and a model: keep the narrowest series that holds most of it.

    The narrowest is the one with the least expected spend a day; a wider one is dropped when a kept one explains
    more than half of it. `share(narrow, wide)` is the part of the narrow series that lies in the wide one.
    A failing model stands on its own; an hour of days that are unusual as a whole is no news beside them.
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
        same = [abs(k.usd) for k in inside if (k.usd > 0) == (one.usd > 0) and share(k, one) > 0.8]
        if max(same, default=0.0) < 0.5 * abs(one.usd) or one.kind == "failures":
            kept.append(one)
    days = [one for one in kept if one.kind in ("spend", "request cost") and one.usd > 0]

    def is_told(hour: Anomaly) -> bool:
        around = [one for one in days if one.start <= hour.start and hour.end <= one.end]
        return any(max(share(hour, one), share(one, hour)) > 0.5 for one in around)

    return sorted((a for a in kept if a.kind != "hour" or not is_told(a)), key=lambda a: -abs(a.usd))
