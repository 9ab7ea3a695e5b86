"""What a log covers: the one judge of which days a number may stand on.

A ledger covers the days from its first record to its last whole day, less the holes in it
(`silences`); a source that carries part of a question must not have a hole on the day either. Every
change, rate, year and forecast is taken over covered days, and says so. A running last day is named
and compared with nothing.
"""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import NamedTuple

import pandas as pd

from analytics.answers_by_version import remember
from analytics.history import days_with_lost_rows, days_without_log, logged_days, through
from analytics.scope import ClosedScope, Scope
from analytics.silences import Silence, silences
from analytics.source_logs import SourceLog, source_logs
from data import wording
from data.calendar import DAY, DAYS_PER_MONTH, DAYS_PER_WEEK, DAYS_PER_YEAR
from data.errors import NoData
from data.ledger import Ledger

HOLDS = "the log holds"


class Coverage(NamedTuple):
    """The asked days [start, end), and those of them that the log does not cover whole.

    `first` and `last` are the first and last day with any record in the ledger, `whole_from` the first day that is
    logged from its beginning (`logged_from` is when the log begins), `whole_until` the first one that is not logged to
    its end. `missing` are asked days without a whole log, `empty` those of them without any; `running` is the last day
    where it is asked for and logged only until `logged_until`. Times are those of the reporting zone.
    `sources` are those that carry the question. `lost` are the missing days whose rows were lost with a damaged
    file; they may lie beyond the days that have any record left.
    """

    start: date
    end: date
    first: date
    last: date
    whole_until: date
    missing: tuple[date, ...]
    running: date | None
    sources: tuple[SourceLog, ...]
    lost: tuple[date, ...] = ()
    logged_until: time = time()
    whole_from: date = date.min
    logged_from: time = time()
    empty: tuple[date, ...] = ()

    @property
    def asked_days(self) -> int:
        return (self.end - self.start).days

    @property
    def covered_days(self) -> int:
        """Whole days with a log among the asked ones."""
        return self.asked_days - len(self.missing)

    @property
    def is_whole(self) -> bool:
        return not self.missing

    @property
    def gaps(self) -> tuple[Silence, ...]:
        """The missing days between the first record and the last whole day, as runs; lost ones are told apart."""
        inside = [day for day in self.missing if self.whole_from <= day < self.whole_until and day not in self.lost]
        return _silences_of(inside)

    @property
    def basis(self) -> str:
        """`365 days`, or `30 of 365 days` where the log does not cover all of them."""
        asked = wording.count_of(self.asked_days, "day")
        return asked if self.is_whole else f"{self.covered_days} of {asked}"

    @property
    def span(self) -> str:
        """For a title, what a sum of this scope was summed over: `in 28 days, 25 of them whole`, `on 3 of 28 days, 21
        Nov so far`. A day that one source lacks is in the sum all the same."""
        so_far = f"{self.running:%-d %b} so far" if self.running in self.missing else ""
        summed = self.asked_days - len(self.empty) - bool(so_far)
        if so_far and not summed:
            return f"on {so_far}"
        asked = wording.count_of(self.asked_days, "day")
        told = f"in {asked}" if summed == self.asked_days else f"on {summed} of {asked}"
        if summed > self.covered_days:
            told += f", {self.covered_days or 'none'} of {'them' if summed > 1 else 'it'} whole"
        return f"{told}, {so_far}" if so_far else told

    @property
    def caution(self) -> str | None:
        """What to say beside a year or a month told from under a week."""
        if self.covered_days >= DAYS_PER_WEEK:
            return None
        days = f"{self.covered_days} whole day{'s' * (self.covered_days != 1)}"
        return f"told from {days}: weekdays and weekends are not all in it"

    @property
    def reason(self) -> str:
        """Why days are missing, in words; empty where none are."""
        return "; ".join(self.reasons)

    @property
    def reasons(self) -> list[str]:
        """The parts of `reason`."""
        told = []
        if self.lost:
            spans = _silences_of(list(self.lost))
            more = f" and {len(spans) - 3} more times" if len(spans) > 3 else ""
            told.append(f"rows of {', '.join(span.text for span in spans[:3])}{more} are lost with a damaged file")
        ends = self.end > max(self.whole_until, self.last + DAY)
        if self.start < self.first and ends:
            told.append(f"{HOLDS} {wording.days(self.first, self.last)} only")
        elif self.start < self.first:
            told.append(f"the log starts {self.first:%-d %b %Y}")
        if self.start <= self.first < min(self.whole_from, self.end) and self.first != self.running:
            told.append(f"{self.first:%-d %b} is logged from {self.logged_from:%H:%M} only")
        if silent := [s for s in self.sources if s.silent_since and s.silent_since < self.end]:
            told += [f"no log from {s.name} since {s.silent_since:%-d %b %Y}" for s in silent]
        quiet = {s.silent_since for s in silent}
        if gaps := [gap for gap in self.gaps if gap.start not in quiet]:
            more = f" and {len(gaps) - 3} more times" if len(gaps) > 3 else ""
            told.append(f"no whole log on {', '.join(gap.text for gap in gaps[:3])}{more}")
        if ends and self.start >= self.first:
            told.append(f"the log ends {self.last:%-d %b %Y}")
        elif self.running:
            began, ended = f"{self.logged_from:%H:%M}", f"{self.logged_until:%H:%M}"
            hours = f"at {ended}" if began == ended else f"from {began} to {ended}"
            told.append(
                f"{self.running:%-d %b} is logged {hours if self.running == self.first else f'until {ended}'} only"
            )
        return told

    def per_year(self) -> float:
        """Factor from the covered days to a year; NoData under a day, whatever was asked for."""
        return DAYS_PER_YEAR / self._enough("a year")

    def per_month(self) -> float:
        """Factor from the covered days to a month of `DAYS_PER_MONTH`; NoData under a day."""
        return DAYS_PER_MONTH / self._enough("a month")

    def _enough(self, what: str) -> int:
        if self.covered_days < 1:
            raise NoData(
                f"The log covers no whole day from {wording.days(self.start, self.end - DAY)}"
                f"{f' ({self.reason})' if self.reason else ''}; {what} cannot be told from less than a day."
            )
        return self.covered_days


class Comparison(NamedTuple):
    """Two spans that may be compared day by day, or why there are none.

    Days that either side lacks are left out of both; `note` says which, or why nothing is compared.
    """

    now: ClosedScope | None
    before: ClosedScope | None
    note: str


@remember
def coverage(view: Ledger, scope: Scope) -> Coverage:
    """What the log covers of a scope; open ends are the log's own. Raises NoData for an empty ledger."""
    reach, logged = through(view), logged_days(view)
    first = logged[0].date()
    start, end = scope.start or first, scope.end or reach.day + DAY
    sources = tuple(source for source, _ in source_logs(view, scope.at_any_time()))
    holed = {day.date() for day in days_without_log(view)}
    for source in sources:
        for gap in source.gaps:
            holed |= {day.date() for day in pd.date_range(gap.start, gap.end, inclusive="left")}
    asked = [day.date() for day in pd.date_range(start, end, inclusive="left")]
    left_out = set(scope.without)
    lost = tuple(day.date() for day in days_with_lost_rows(view, scope.at_any_time()) if start <= day.date() < end)
    holed |= set(lost)
    whole_from, whole_until = reach.complete_from, reach.complete_until
    missing = tuple(day for day in asked if not whole_from <= day < whole_until or day in holed or day in left_out)
    with_log = {day.date() for day in logged} - left_out
    running = reach.day if whole_until <= reach.day and start <= reach.day < end else None
    return Coverage(
        start=start,
        end=end,
        first=first,
        last=reach.day,
        whole_until=whole_until,
        missing=missing,
        running=running,
        sources=sources,
        lost=lost,
        logged_until=reach.at,
        whole_from=whole_from,
        logged_from=reach.began,
        empty=tuple(day for day in missing if day not in with_log),
    )


def comparison(view: Ledger, scope: ClosedScope, earlier: ClosedScope | None = None) -> Comparison:
    """The scope and an earlier span, on the days that both cover; at least half of them, and one.

    `earlier` is the span before unless given. Days meet in order from the first; a span may be longer by the odd day of
    a month, which is then compared as it is and said.
    """
    earlier = earlier or scope.before()
    apart, length = scope.start - earlier.start, scope.end - scope.start
    now, before = coverage(view, scope), coverage(view, earlier)
    dropped = {*now.missing, *(day + apart for day in before.missing)}
    left = length.days - len([day for day in dropped if day < scope.end])
    reasons = list(dict.fromkeys([*before.reasons, *now.reasons]))
    if any(reason.startswith(HOLDS) for reason in reasons):  # says where the log starts and ends
        reasons = [reason for reason in reasons if not reason.startswith(("the log starts", "the log ends"))]
    if left < max(1, length.days / 2):
        for side, name in ((now, "days"), (before, "days before")):
            if 0 < side.covered_days < side.asked_days:
                reasons.append(f"{side.covered_days} of the {side.asked_days} {name} are covered")
        return Comparison(None, None, "; ".join(reasons))
    note = f"{left} days compared with the same days before: {'; '.join(reasons)}" if dropped else ""
    if scope.length_days != earlier.length_days:
        uneven = f"{scope.length_days} days against {earlier.length_days}"
        note = f"{note}; {uneven}" if note else uneven
    compared, with_it = scope.leaving_out(dropped), earlier.leaving_out(day - apart for day in dropped)
    return Comparison(compared.without_empty_ends(), with_it.without_empty_ends(), note)


def window(view: Ledger, days: int | None = None, since: date | None = None) -> ClosedScope:
    """The last `days` whole days, or everything from `since` on, or all of the log.

    The running day belongs to a window that names its first day, and to one that would be empty without it.
    """
    reach, logged = through(view), logged_days(view)
    running = reach.day + DAY
    if days is None:
        return Scope.of(view, since or logged[0].date(), running)
    start = reach.complete_until - timedelta(days=days)
    inside = (logged >= pd.Timestamp(start)) & (logged < pd.Timestamp(reach.complete_until))
    return Scope.of(view, start, reach.complete_until if inside.any() else running)


def _silences_of(days: list[date]) -> tuple[Silence, ...]:
    if not days:
        return ()
    whole = pd.date_range(days[0], days[-1])
    return silences(pd.Series(whole.isin(pd.DatetimeIndex(days)), index=whole))
