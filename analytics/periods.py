"""The periods people name, and the spans they compare them with. Pure calendar: what a log covers is `coverage`'s.

A span is two days [start, end). Rolling periods end with the last whole day; calendar periods turn over with the
newest day of the log, and hold it although it is not over.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from data.calendar import DAY, DAYS_PER_WEEK, DAYS_PER_YEAR, MONTHS_PER_YEAR

ROLLING = {"7d": 7, "28d": 28, "90d": 90, "12m": DAYS_PER_YEAR}
PERIODS = {
    "7d": "7d",
    "28d": "28d",
    "90d": "90d",
    "12m": "12m",
    "mtd": "Month to date",
    "last_month": "Last month",
    "quarter": "This quarter",
    "last_quarter": "Last quarter",
    "ytd": "Year to date",
    "all": "All",
}
COMPARISONS = {
    "previous": "the span before",
    "month": "a month earlier",
    "year": "a year earlier",
    "dates": "chosen days",
    "none": "nothing",
}
SAME_WEEKDAYS = 52 * DAYS_PER_WEEK  # a year back on the same weekdays
LONGEST_MONTH = timedelta(days=31)


class Span(NamedTuple):
    """Days [start, end)."""

    start: date
    end: date


def month_start(day: date, back: int = 0) -> date:
    """The first of the month that lies `back` months before the day's."""
    number = day.year * MONTHS_PER_YEAR + day.month - 1 - back
    return date(number // MONTHS_PER_YEAR, number % MONTHS_PER_YEAR + 1, 1)


def calendar_span(period: str, newest: date) -> Span:
    """A calendar period as of the newest day of a log; KeyError for a name that is none."""
    quarter = month_start(newest, (newest.month - 1) % 3)
    return {
        "mtd": Span(month_start(newest), newest + DAY),
        "last_month": Span(month_start(newest, 1), month_start(newest)),
        "quarter": Span(quarter, newest + DAY),
        "last_quarter": Span(month_start(quarter, 3), quarter),
        "ytd": Span(date(newest.year, 1, 1), newest + DAY),
    }[period]


def usual_comparison(period: str) -> str:
    """What a period is compared with unless somebody says: a month so far with the same days of the month before."""
    return {"mtd": "month", "quarter": "year", "ytd": "year", "all": "none"}.get(period, "previous")


def compared_span(span: Span, how: str) -> Span | None:
    """The span that `span` is compared with, by a name of `COMPARISONS`; None where there is none.

    Whole months are compared with whole months, anything else with as many days: a year earlier 52 weeks back, so that
    weekdays meet. A month earlier exists for spans of up to a month.
    """
    start, end = span
    months = (end.year - start.year) * MONTHS_PER_YEAR + end.month - start.month
    whole = start.day == 1 and end.day == 1 and months > 0
    if how == "previous":
        return Span(month_start(start, months), start) if whole else Span(start - (end - start), start)
    if how == "year":
        if whole:
            return Span(month_start(start, MONTHS_PER_YEAR), month_start(end, MONTHS_PER_YEAR))
        back = timedelta(days=SAME_WEEKDAYS)
        return Span(start - back, end - back) if end - start <= back else None
    if how != "month" or end - start > LONGEST_MONTH:
        return None
    if whole:
        return Span(month_start(start, 1), start)
    first = min(month_start(start, 1) + (start - month_start(start)), month_start(start) - DAY)
    return Span(first, min(first + (end - start), start))
