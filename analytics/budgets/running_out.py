"""The day on which an amount is spent: known where it is past, forecast where it is ahead.

The forecast is the outlook's own (`forecasts.outlook`), asked day by day: the amount is reached on the first day at
whose end the quantile is above it. So a budget's date and its chance of overrun cannot contradict each other.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from analytics.forecasts.outlook import Outlook, outlook_of
from analytics.forecasts.planned_events import Event
from analytics.known_spend import KnownSpend
from data import wording
from data.calendar import DAY


class RunningOut(NamedTuple):
    """When an amount is used up within a period: the expected day (P50), and 8 of 10 odds from `earliest` to `latest`.

    None: not within the period, or (earliest and latest of a short history) not known. `spent`: it is past.
    """

    expected: date | None
    earliest: date | None = None
    latest: date | None = None
    spent: bool = False

    @property
    def words(self) -> str:
        """In a few words, for a table's cell."""
        if self.spent:
            return f"used up on {wording.day(self.expected)}"
        earliest = f"{self.earliest:%-d %b} at the earliest" if self.earliest else ""
        if self.expected is None:
            return f"lasts; {earliest}" if earliest else "lasts"
        if not earliest:
            return f"{wording.day(self.expected)}, at run rate"
        return wording.day(self.expected) + (f"; {earliest}" if self.earliest != self.expected else "")


def running_out(
    spend: KnownSpend, known_until: date, start: date, end: date, amount_usd: float, events: Sequence[Event] = ()
) -> RunningOut | None:
    """When the days [start, end) have cost more than an amount; None where nothing can be said of the days ahead."""
    seen = spend.within(start, end).seen.cumsum()
    above = seen.index[seen > amount_usd]
    if len(above):
        return RunningOut(above[0].date(), spent=True)
    first = max(start, known_until)

    def outlook(day: date) -> Outlook:
        return outlook_of(spend, known_until, start, day + DAY, events)

    def day_above(quantile: str) -> date | None:
        days = range((end - first).days)
        found = bisect_left(days, True, key=lambda n: getattr(outlook(first + n * DAY), quantile) > amount_usd)
        return first + found * DAY if found < len(days) else None

    if first >= end:
        return RunningOut(None)
    whole = outlook(end - DAY)
    if whole.p50 is None:
        return None
    if whole.p90 is None:
        return RunningOut(day_above("p50"))
    return RunningOut(day_above("p50"), day_above("p90"), day_above("p10"))
