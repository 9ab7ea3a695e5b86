"""Named periods and what they are compared with, by hand and for every day of three years."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from analytics.periods import PERIODS, ROLLING, Span, calendar_span, compared_span, usual_comparison

CALENDAR = [name for name in PERIODS if name not in ROLLING and name != "all"]
d = date


@pytest.mark.parametrize(
    ("period", "newest", "start", "end"),
    [
        ("mtd", d(2026, 12, 1), d(2026, 12, 1), d(2026, 12, 2)),
        ("mtd", d(2026, 11, 26), d(2026, 11, 1), d(2026, 11, 27)),
        ("last_month", d(2026, 12, 1), d(2026, 11, 1), d(2026, 12, 1)),
        ("last_month", d(2026, 1, 1), d(2025, 12, 1), d(2026, 1, 1)),
        ("quarter", d(2026, 11, 26), d(2026, 10, 1), d(2026, 11, 27)),
        ("quarter", d(2026, 1, 31), d(2026, 1, 1), d(2026, 2, 1)),
        ("last_quarter", d(2026, 1, 1), d(2025, 10, 1), d(2026, 1, 1)),
        ("last_quarter", d(2026, 9, 30), d(2026, 4, 1), d(2026, 7, 1)),
        ("ytd", d(2026, 11, 26), d(2026, 1, 1), d(2026, 11, 27)),
    ],
)
def test_a_calendar_period(period, newest, start, end):
    assert calendar_span(period, newest) == (start, end)


@pytest.mark.parametrize(
    ("start", "end", "how", "before"),
    [
        (d(2026, 11, 1), d(2026, 12, 1), "previous", (d(2026, 10, 1), d(2026, 11, 1))),
        (d(2026, 7, 1), d(2026, 10, 1), "previous", (d(2026, 4, 1), d(2026, 7, 1))),
        (d(2026, 10, 30), d(2026, 11, 27), "previous", (d(2026, 10, 2), d(2026, 10, 30))),
        (d(2026, 10, 1), d(2026, 11, 1), "year", (d(2025, 10, 1), d(2025, 11, 1))),
        (d(2026, 11, 20), d(2026, 11, 27), "year", (d(2025, 11, 21), d(2025, 11, 28))),
        (d(2026, 11, 1), d(2026, 11, 27), "month", (d(2026, 10, 1), d(2026, 10, 27))),
        (d(2026, 3, 1), d(2026, 3, 31), "month", (d(2026, 2, 1), d(2026, 3, 1))),  # February is shorter
        (d(2024, 3, 31), d(2024, 4, 1), "month", (d(2024, 2, 29), d(2024, 3, 1))),
        (d(2026, 1, 1), d(2026, 2, 1), "month", (d(2025, 12, 1), d(2026, 1, 1))),
        (d(2026, 1, 1), d(2026, 4, 1), "month", None),
        (d(2024, 1, 1), d(2026, 2, 2), "year", None),  # it would meet itself
        (d(2026, 1, 1), d(2026, 4, 1), "none", None),
        (d(2026, 1, 1), d(2026, 4, 1), "dates", None),
    ],
)
def test_the_span_before(start, end, how, before):
    assert compared_span(Span(start, end), how) == before


def test_every_period_of_every_day_is_ordered_and_compared_with_what_came_before():
    day = d(2024, 1, 1)
    while day < d(2027, 1, 1):
        for period in CALENDAR:
            span = calendar_span(period, day)
            assert span.start < span.end <= day + timedelta(days=1)
            for how in ("previous", "month", "year", usual_comparison(period)):
                before = compared_span(span, how)
                assert before is None or before.start < before.end <= span.start
        day += timedelta(days=1)


def test_a_year_earlier_falls_on_the_same_weekdays():
    before = compared_span(Span(d(2026, 11, 2), d(2026, 11, 12)), "year")
    assert before is not None and before.start.weekday() == d(2026, 11, 2).weekday()
