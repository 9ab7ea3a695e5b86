"""How models answer: what is watched of each model and type of task, by day, and the day on which it moved.

How far a measure moves by itself is learned from the same comparison at earlier weeks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import t as student

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

    def __init__(self, daily: pd.DataFrame) -> None:
        """`daily` has a row for each of consecutive days."""
        self.first, days = daily.index[0].date(), len(daily)
        self.end = self.first + timedelta(days=days)
        self._sums = {name: np.concatenate([[0.0], np.cumsum(daily[name].to_numpy(float))]) for name in daily.columns}

    def total(self, name: str, start: date, days: int) -> float:
        """The sum of a column over the days from `start`, as far as there are any."""
        sums, low = self._sums[name], (start - self.first).days
        low, high = (min(max(place, 0), len(sums) - 1) for place in (low, low + days))
        return float(sums[high] - sums[low])

    def ratio(self, measure: Measure, start: date, days: int) -> float | None:
        """The measure over `days` from a day; None with too few requests under it."""
        below = self.total(measure.bottom, start, days)
        if self.total("attempts", start, days) < MIN_REQUESTS or below < MIN_REQUESTS / 2:
            return None
        return self.total(measure.top, start, days) / below

    def change(self, measure: Measure, on: date) -> float | None:
        """From the four weeks before a day to the two from it: a share (as its log), or points."""
        before = self.ratio(measure, on - timedelta(days=BEFORE_DAYS), BEFORE_DAYS)
        after = self.ratio(measure, on, AFTER_DAYS)
        if before is None or after is None:
            return None
        if measure.in_points:
            return after - before
        return float(np.log(after / before)) if before > 0 and after > 0 else None


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
    frame = frame.astype(dict.fromkeys(numbers, float)).fillna(dict.fromkeys(numbers, 0.0))
    every = pd.date_range(frame["day"].min(), frame["day"].max())
    for names, part in frame.groupby(list(by)):
        yield tuple(map(str, names)), Work(part.set_index("day")[numbers].reindex(every).fillna(0.0))


def judged_days(work: Work, measure: Measure) -> dict[date, tuple[float, list[float]]]:
    """The days that can be judged: how the measure moved there, and at enough earlier weeks that know nothing of it."""
    last = work.end - timedelta(days=AFTER_DAYS)
    since = last - timedelta(weeks=LOOK_BACK_WEEKS)
    weeks = [last - timedelta(days=DAYS_PER_WEEK * n) for n in range((last - work.first).days // DAYS_PER_WEEK)]
    changes = {on: moved for on in weeks if (moved := work.change(measure, on)) is not None}
    found = {}
    for on, moved in changes.items():
        # Only windows that end before the change know nothing of it.
        usual = [value for day, value in changes.items() if day + timedelta(days=AFTER_DAYS) <= on]
        if on >= since and len(usual) >= MIN_EARLIER:
            found[on] = moved, usual
    return found


def day_of_change(days: dict[date, tuple[float, list[float]]], measure: Measure) -> date | None:
    """Of the days `judged`, the one on which the measure moved most, far outside of how it moves by itself."""
    best, furthest = None, 0.0
    for on, (moved, usual) in days.items():
        if abs(moved) < least(measure):
            continue
        apart = max(2.0, (len(usual) - 1) * DAYS_PER_WEEK / AFTER_DAYS + 1)
        scale = max(float(np.std(usual, ddof=1)), least(measure) / 8) * np.sqrt(1 + 1 / apart)
        outside = abs(moved - float(np.mean(usual))) / scale / float(student.ppf(1 - ALARM / 2, apart - 1))
        if outside > 1 and abs(moved) > furthest:
            best, furthest = on, abs(moved)
    return best


def least(measure: Measure) -> float:
    """The smallest change that matters: points, or the log of a share."""
    return measure.least if measure.in_points else float(np.log1p(measure.least))
