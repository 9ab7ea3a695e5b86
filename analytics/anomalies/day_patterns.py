"""What each day should have cost, learned day by day from the days before it that were themselves usual.

The pattern of a day is the same weekday in the six weeks before (a median, so one bad week does not
hide the next), moved to the present level by the median of the last seven days. A day that left its pattern
teaches nothing: its expectation stands in its place, so the pattern is frozen while an event lasts,
for `FROZEN_DAYS` at most; after that it is the new level. Only how far single days stray is learned from them:
a weekday that leaps every other week is no news. What the months before agree on (`calendar_days`: month ends,
quarter ends, the turn of the year) is expected.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from analytics.forecasts import calendar_days
from analytics.forecasts.calendar_days import MAD_TO_DEVIATION
from data.calendar import DAYS_PER_WEEK, MIN_BASELINE_DAYS

WEEKS = 6
START = 4.5  # robust deviations by which an event begins
LASTING, LASTING_DAYS = 2.2, 3  # or by which each of so many days in a row is off
STAY = 1.5  # and by which it goes on: a step is not over because one day of it is low
FROZEN_DAYS = 42
MIN_DEVIATION, FIRST_DEVIATION = 0.05, 0.25
POOLED_DAYS = 56
WEEKDAY_WEEKS = 8
TAIL_DAYS, TAIL_SHARE, TAIL_Z = 112, 0.975, 2.2414  # the normal's 0.975 quantile of an absolute deviation
# The second largest of eight normal deviations on average; the largest of four to seven, to be on the safe side.
SECOND_OF_EIGHT, LARGEST_OF_FEWER = 1.45, 0.8
KEPT = 512  # series learned last
CALM_DAYS = 2  # days back in the pattern that end an event
SHORT_DAYS = 2  # an event as short as this tells how far days stray; a longer one is a level


Parts = tuple[np.ndarray, np.ndarray, np.ndarray]


class Pattern(NamedTuple):
    """Per day: `expected` USD, the log `deviation` of usual misses, and `unusual`: +1 above, -1 below,
    0 in the pattern.

    NaN for the first days and where nothing is known.
    """

    expected: pd.Series
    deviation: pd.Series
    unusual: pd.Series


def pattern(spend: pd.Series, floor: pd.Series) -> Pattern:
    """The pattern of a daily series (NaN without a log); a miss under `floor`,
    in the series' unit, is never unusual."""
    parts = pattern_parts(days_of(spend), spend.to_numpy(dtype=float), floor.to_numpy(dtype=float))
    return Pattern(*(pd.Series(part.copy(), index=spend.index) for part in parts))


def days_of(series: pd.Series) -> np.ndarray:
    """The days of a daily series, as `datetime64[D]`."""
    return series.index.to_numpy().astype("datetime64[D]")


def pattern_parts(days: np.ndarray, values: np.ndarray, floor: np.ndarray) -> Parts:
    """As `pattern`, of arrays and in arrays; nobody changes them."""
    known = days.tobytes(), values.tobytes()
    learned = next((one for one in list(_latest) if one.says(*known, floor)), None)
    if learned is None:
        learned = learn(days, values, floor)
        _latest.append(learned)
    expected, deviation, unusual = learned.parts
    return expected[: len(values)], deviation[: len(values)], unusual[: len(values)]


class Learned(NamedTuple):
    """What a pass over a series gave: the arrays of its `Pattern`, and all that it asked of the floor."""

    days: bytes
    values: bytes
    parts: Parts
    calendar: np.ndarray
    asked: np.ndarray  # days on which a miss was held against the floor,
    misses: np.ndarray  # how far off they were,
    small: np.ndarray  # and whether that was under it

    def says(self, days: bytes, values: bytes, floor: np.ndarray) -> bool:
        """Whether it tells the pattern of these days too: they are its first ones (what comes later teaches a day
        nothing), and this floor would have answered every question as its own did."""
        if len(floor) <= MIN_BASELINE_DAYS or not (self.days.startswith(days) and self.values.startswith(values)):
            return False
        met = self.asked < len(floor)
        asked = self.asked[met]
        return np.array_equal(self.misses[met] <= floor[asked] / self.calendar[asked], self.small[met])


_latest: deque[Learned] = deque(maxlen=KEPT)


def learn(days: np.ndarray, values: np.ndarray, floor: np.ndarray) -> Learned:
    """One pass over a daily series; `days` are `datetime64[D]`, `values` and `floor` in the series' unit."""
    calendar = _calendar(days, values)
    learner = _Learner(values / calendar, floor / calendar)
    for day in range(MIN_BASELINE_DAYS, len(values)):
        learner.learn(day)
    expected, deviation, unusual = (np.array(part) for part in learner.parts())
    asked = np.array([day for day, _, _ in learner.asked], dtype=int)
    misses = np.array([miss for _, miss, _ in learner.asked], dtype=float)
    small = np.array([is_small for _, _, is_small in learner.asked], dtype=bool)
    parts = expected * calendar, deviation, unusual
    return Learned(days.tobytes(), values.tobytes(), parts, calendar, asked, misses, small)


def _calendar(days: np.ndarray, values: np.ndarray) -> np.ndarray:
    """By how much each day is expected to differ for its place in the calendar, from what the months before it show."""
    months, factors = days.astype("datetime64[M]"), np.ones(len(days))
    for month in np.unique(months)[calendar_days.MIN_MONTHS :]:
        before, inside = months < month, months == month
        flat = _without_weekdays(values[before], int(before.sum()))
        factors[inside] = calendar_days.multipliers(days[inside], calendar_days.learn_factors(days[before], flat))
    return factors


def _without_weekdays(values: np.ndarray, count: int) -> np.ndarray:
    """Values over the median of their weekday; NaN where that is nothing."""
    weeks = np.concatenate([values, np.full(-count % DAYS_PER_WEEK, np.nan)]).reshape(-1, DAYS_PER_WEEK)
    usual = calendar_days.row_medians(weeks.T)
    return (weeks / np.where(usual > 0, usual, np.nan)).reshape(-1)[:count]


def _middle(ordered: list[float]) -> float:
    """The median of values in order."""
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _median(values: Iterable[float]) -> float:
    return _middle(sorted(values))


class _Latest:
    """The last `most` of some values, in order of size: a value that comes is put in place, nothing is sorted anew."""

    def __init__(self, most: int) -> None:
        self.most, self.came, self.ordered = most, deque[float](), list[float]()

    def add(self, value: float) -> None:
        self.came.append(value)
        insort(self.ordered, value)
        if len(self.came) > self.most:
            del self.ordered[bisect_left(self.ordered, self.came.popleft())]


def _strays(values: list[float]) -> list[float]:
    """How far each of some days of one weekday is from the middle of them, in logs."""
    spent = [value for value in values if value > 0]
    return [abs(math.log(value / _median(spent))) for value in spent]


class _Learner:
    """The state of one pass over a series."""

    def __init__(self, values: np.ndarray, floor: np.ndarray) -> None:
        week = np.nan_to_num(values[:DAYS_PER_WEEK]).tolist()
        # The weeks before the first are taken as the first; a day without a log as the week before it.
        self.before = DAYS_PER_WEEK * (WEEKS + 1)
        self.usual: list[float] = (week * (WEEKS + 1))[: self.before] if len(week) == DAYS_PER_WEEK else []
        self.values, self.floor = values.tolist(), floor.tolist()
        self.levels: list[float] = [_median(week)] * self.before if self.usual else []
        self.expected = [math.nan] * len(values)
        self.deviation = [math.nan] * len(values)
        self.unusual = [0] * len(values)
        self.pooled, self.tail = _Latest(POOLED_DAYS), _Latest(TAIL_DAYS)  # misses of the last days
        self.by_weekday: list[list[float]] = [[] for _ in range(DAYS_PER_WEEK)]
        self.scores: list[float] = []
        self.strayed: list[tuple[int, float]] = []  # days of the running event
        self.sign, self.lasted, self.calm = 0, 0, 0
        self.asked: list[tuple[int, float, bool]] = []  # what was held against the floor
        if self.usual:
            for day in range(min(MIN_BASELINE_DAYS, len(values))):
                self._remember(self.values[day])
            for weekday in range(DAYS_PER_WEEK):
                self.by_weekday[weekday] = _strays(self.values[weekday:MIN_BASELINE_DAYS:DAYS_PER_WEEK])

    def _remember(self, value: float) -> None:
        self.usual.append(self.usual[-DAYS_PER_WEEK] if math.isnan(value) else value)
        self.levels.append(_median(self.usual[-DAYS_PER_WEEK:]))

    def learn(self, day: int) -> None:
        """Judge one day by what came before it, and take it into the pattern if it belongs there."""
        expected = self._expected()
        value = self.values[day]
        self.expected[day] = expected
        self.deviation[day] = deviation = self._deviation(day)
        if math.isnan(value) or not expected > 0:
            self._remember(value)
            return
        miss = math.log(max(value, 1e-12) / expected)
        sign = self._judged(day, miss / deviation, value - expected)
        self.unusual[day] = sign
        if sign:
            self._remember(expected)
            self.strayed.append((day, abs(miss)))
            return
        self._remember(value)
        if not self.sign:
            for other, far in self.strayed if len(self.strayed) <= SHORT_DAYS else ():
                self._scaled(other, far)
            self.strayed = []
        if value > 0:
            self._scaled(day, abs(miss))

    def _scaled(self, day: int, miss: float) -> None:
        self.pooled.add(miss)
        self.tail.add(miss)
        self.by_weekday[day % DAYS_PER_WEEK].append(miss)

    def _expected(self) -> float:
        same = _median(self.usual[-DAYS_PER_WEEK * week] for week in range(1, WEEKS + 1))
        usual = _median(self.levels[-1 - DAYS_PER_WEEK * week] for week in range(WEEKS))
        moved = self.levels[-1] / usual if usual > 0 else 1.0
        return same * min(max(moved, 0.5), 2.0)

    def _deviation(self, day: int) -> float:
        """The largest of three scales: of all days, of this weekday, and of the tail; each says what is usual here."""
        scales = [
            MIN_DEVIATION,
            MAD_TO_DEVIATION * _middle(self.pooled.ordered) if self.pooled.ordered else FIRST_DEVIATION,
        ]
        weekday = sorted(self.by_weekday[day % DAYS_PER_WEEK][-WEEKDAY_WEEKS:])
        if len(weekday) >= WEEKDAY_WEEKS // 2:
            far = weekday[-2] / SECOND_OF_EIGHT if len(weekday) == WEEKDAY_WEEKS else weekday[-1] / LARGEST_OF_FEWER
            scales += [MAD_TO_DEVIATION * _middle(weekday), far]
        tail = self.tail.ordered
        if len(tail) >= POOLED_DAYS:
            scales.append(tail[int(TAIL_SHARE * len(tail))] / TAIL_Z)
        return max(scales)

    def _judged(self, day: int, score: float, above: float) -> int:
        """+1 or -1 for a day of an event: one that begins it, or goes on with it."""
        self.scores = [*self.scores[1 - LASTING_DAYS :], score]
        began = (score > START) - (score < -START)
        if len(self.scores) == LASTING_DAYS:
            began = began or (min(self.scores) > LASTING) - (max(self.scores) < -LASTING)
        sign = (score > STAY) - (score < -STAY) if self.sign else began
        if self.sign and sign != self.sign:
            self.calm += 1
            if self.calm >= CALM_DAYS or began:
                self.sign, self.lasted, self.calm = 0, 0, 0
            sign = began
        if sign and not self.sign:
            self.asked.append((day, abs(above), abs(above) <= self.floor[day]))
            sign = 0 if self.asked[-1][2] else sign
        if not sign:
            return 0
        if sign != self.sign:
            self.sign, self.lasted = sign, 0
        self.calm = 0
        self.lasted += 1
        return sign if self.lasted <= FROZEN_DAYS else 0

    def parts(self) -> tuple[list[float], list[float], list[int]]:
        return self.expected, self.deviation, self.unusual
