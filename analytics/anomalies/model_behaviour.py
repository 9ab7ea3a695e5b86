"""How models answer: what is watched of each model and type of task, by day, and the day on which it moved.

How far a measure moves by itself is learned from the same comparison at earlier weeks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from analytics.registry import DIMENSIONS
from analytics.scope import UNKNOWN, Scope
from analytics.totals import input_of
from data.calendar import DAYS_PER_WEEK
from data.ledger import Ledger
from data.schema import OUTPUT_TOKENS

BEFORE_DAYS, AFTER_DAYS = 28, 14
LOOK_BACK_WEEKS = 13  # days of change that are looked at
MIN_EARLIER = 6  # earlier weeks that tell how far a measure moves by itself
MIN_REQUESTS = 50  # on either side
ALARM = 1e-4  # two-sided chance of one comparison to lie so far out by itself; some thousand are made


class Measure(NamedTuple):
    """What is watched: a ratio of two daily sums, and how much of a change matters (share of it, or points)."""

    label: str
    top: str
    bottom: str
    least: float
    in_points: bool = False


MEASURES = {
    "output_tokens": Measure("output tokens per request", "output", "answered", 0.10),
    "cache_share": Measure("cache share", "cache_read", "input", 0.05, True),
    "failure_rate": Measure("failure rate", "failed", "attempts", 0.03, True),
    "refusal_rate": Measure("refusals", "refused", "attempts", 0.02, True),
    "latency_ms": Measure("latency", "latency", "latency_n", 0.20),
    "score": Measure("score", "score", "score_n", 0.03, True),
}


class Work:
    """What was asked of one model: sums over any span of its days, from `first` to the day before `end`."""

    def __init__(self, first: date, sums: Mapping[str, np.ndarray]) -> None:
        """`sums` by column: over the days before each day from `first` on, and over all of them last."""
        self.first, self._sums = first, sums
        self.end = first + timedelta(days=len(next(iter(sums.values()))) - 1)

    def total(self, name: str, start: date, days: int) -> float:
        """The sum of a column over the days from `start`, as far as there are any."""
        return float(self._totals(name, np.array([(start - self.first).days]), days)[0])

    def ratio(self, measure: Measure, start: date, days: int) -> float | None:
        """The measure over `days` from a day; None with too few requests under it."""
        return _known(self._ratios(measure, np.array([(start - self.first).days]), days)[0])

    def change(self, measure: Measure, on: date) -> float | None:
        """From the four weeks before a day to the two from it: a share (as its log), or points."""
        return _known(self.changes(measure, np.array([(on - self.first).days]))[0])

    def changes(self, measure: Measure, places: np.ndarray) -> np.ndarray:
        """As `change` on several days, each by its distance from `first`; NaN where there is none."""
        before = self._ratios(measure, places - BEFORE_DAYS, BEFORE_DAYS)
        after = self._ratios(measure, places, AFTER_DAYS)
        if measure.in_points:
            return after - before
        before, after = (np.where(side > 0, side, np.nan) for side in (before, after))
        moved: np.ndarray = np.log(after / before)
        return moved

    def _ratios(self, measure: Measure, places: np.ndarray, days: int) -> np.ndarray:
        below = self._totals(measure.bottom, places, days)
        few = (self._totals("attempts", places, days) < MIN_REQUESTS) | (below < MIN_REQUESTS / 2)
        return self._totals(measure.top, places, days) / np.where(few, np.nan, below)

    def _totals(self, name: str, places: np.ndarray, days: int) -> np.ndarray:
        sums = self._sums[name]
        low, high = (np.clip(place, 0, len(sums) - 1) for place in (places, places + days))
        total: np.ndarray = sums[high] - sums[low]
        return total


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def works(view: Ledger, scope: Scope, by: Sequence[str]) -> Iterator[tuple[tuple[str, ...], Work]]:
    """The work of a scope by dimensions, every part over the same days."""
    table = scope.usage(view)
    answered = table.status == "success"
    frame = view.frame(
        table.group_by(
            day=DIMENSIONS["day"].expression(table, scope.time_zone),
            **{name: table[name].fill_null(UNKNOWN) for name in by},
        ).aggregate(
            attempts=table.count(),
            answered=answered.sum(),
            failed=(table.status == "error").sum(),
            refused=(table.error_class == "content_filter").sum(),
            output=sum(table[name].sum(where=answered).fill_null(0) for name in OUTPUT_TOKENS),
            input=input_of(table),
            cache_read=table.cache_read_tokens.sum(),
            latency=table.latency_ms.sum(where=answered),
            latency_n=table.latency_ms.count(where=answered),
            score=table.quality_score.sum(),
            score_n=table.quality_score.count(),
            usd=table.cost_usd.sum().cast("float64"),
        )
    )
    if frame.empty:
        return
    frame["day"] = pd.to_datetime(frame["day"])
    numbers = frame.columns.drop(["day", *by])
    parts = frame.groupby(list(by))
    first = frame["day"].min()
    place = (frame["day"] - first).dt.days.to_numpy()
    sums = np.zeros((parts.ngroups, len(numbers), place.max() + 2))
    sums[parts.ngroup().to_numpy(), :, place + 1] = frame[numbers].astype(float).fillna(0.0).to_numpy()
    sums.cumsum(axis=2, out=sums)
    for names, part in zip(parts.size().index, sums, strict=True):
        named = names if isinstance(names, tuple) else (names,)
        yield tuple(map(str, named)), Work(first.date(), dict(zip(numbers, part, strict=True)))


def judged_days(work: Work, measure: Measure) -> dict[date, tuple[float, list[float]]]:
    """The days that can be judged: how the measure moved there, and at enough earlier weeks that know nothing of it."""
    last = work.end - timedelta(days=AFTER_DAYS)
    length = (last - work.first).days
    places = length - DAYS_PER_WEEK * np.arange(max(0, length // DAYS_PER_WEEK))  # the latest first
    changes = work.changes(measure, places)
    known = ~np.isnan(changes)
    apart = -(-AFTER_DAYS // DAYS_PER_WEEK)  # only windows that end before a change know nothing of it
    found = {}
    for week in np.flatnonzero(known[: LOOK_BACK_WEEKS + 1]).tolist():
        usual = changes[week + apart :][known[week + apart :]].tolist()
        if len(usual) >= MIN_EARLIER:
            found[last - timedelta(weeks=week)] = float(changes[week]), usual
    return found


def day_of_change(days: dict[date, tuple[float, list[float]]], measure: Measure) -> date | None:
    """Of the days `judged`, the one on which the measure moved most, far outside of how it moves by itself."""
    best, furthest = None, 0.0
    for on, (moved, usual) in days.items():
        if abs(moved) < least(measure):
            continue
        apart = max(2.0, (len(usual) - 1) * DAYS_PER_WEEK / AFTER_DAYS + 1)
        scale = max(float(np.std(usual, ddof=1)), least(measure) / 8) * np.sqrt(1 + 1 / apart)
        outside = abs(moved - float(np.mean(usual))) / scale / float(stdtrit(apart - 1, 1 - ALARM / 2))
        if outside > 1 and abs(moved) > furthest:
            best, furthest = on, abs(moved)
    return best


def least(measure: Measure) -> float:
    """The smallest change that matters: points, or the log of a share."""
    return measure.least if measure.in_points else float(np.log1p(measure.least))
