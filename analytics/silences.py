"""Which days without a record are holes in a log, and which are days without work.

A log cannot say that it is silent, so its own rhythm decides. A silent day is a hole where the same
weekday had records in the weeks around it (a company that works on weekdays has no holes on Sundays),
and so is every day of a silence that is longer than a week and improbable at the pace of the rest of
the log. Missing is not zero: only a day that the rhythm explains counts as a day without work.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd

WEEKS_AROUND = 4
ENOUGH_WEEKS = 2  # same weekdays around a silent day that can speak for it
MANY_WEEKS = 6  # from so many on, one of them may be silent too
LONG_DAYS = 7
IMPROBABLE = 0.01
WEEKEND = 5  # Saturday's number


class Silence(NamedTuple):
    """Days [start, end) without a log."""

    start: date
    end: date

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def text(self) -> str:
        """`9 Nov`, `8 to 12 Nov`, `28 Oct to 3 Nov`; the year where it spans two."""
        last = self.end - timedelta(days=1)
        if self.days == 1:
            return f"{self.start:%-d %b}"
        if self.start.year != last.year:
            return f"{self.start:%-d %b %Y} to {last:%-d %b %Y}"
        month = "" if self.start.month == last.month else f" {self.start:%b}"
        return f"{self.start.day}{month} to {last:%-d %b}"


def holes(active: pd.Series) -> pd.Series:
    """Which days are holes; `active` says by consecutive day (the first one active) whether it has a record."""
    seen = active.to_numpy(dtype=bool)
    found = np.zeros(len(seen), dtype=bool)
    for day in np.flatnonzero(~seen):
        found[day] = _expected(seen, int(day), active.index[day].weekday())
    for first, after in _runs(~seen):
        length, rest = after - first, len(seen) - (after - first)
        if length > LONG_DAYS and (1 - seen.sum() / max(rest, 1)) ** length < IMPROBABLE:
            found[first:after] = True
    return pd.Series(found, index=active.index)


def silences(missing: pd.Series) -> tuple[Silence, ...]:
    """The runs of missing days, in order."""
    days = missing.index
    return tuple(
        Silence(days[first].date(), days[after - 1].date() + timedelta(days=1))
        for first, after in _runs(missing.to_numpy(dtype=bool))
    )


def _expected(seen: np.ndarray, day: int, weekday: int) -> bool:
    """Whether the same weekdays around a day say that it should have had records."""
    near = [day + 7 * week for week in range(-WEEKS_AROUND, WEEKS_AROUND + 1) if week]
    around = [bool(seen[at]) for at in near if 0 <= at < len(seen)]
    if len(around) < ENOUGH_WEEKS:
        return weekday < WEEKEND
    return around.count(False) <= (1 if len(around) >= MANY_WEEKS else 0)


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Positions [first, after) of the runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    return [(int(first), int(after)) for first, after in zip(edges[::2], edges[1::2], strict=True)]
