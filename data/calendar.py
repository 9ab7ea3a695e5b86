"""The calendar, and the few numbers that every room counts with: each once, with its reason."""

from __future__ import annotations

from datetime import date, timedelta

DAY = timedelta(days=1)
# One year and one month for every card, report and plan: a year of 365 days and a twelfth of it. It makes
# the month of 730 hours by which the clouds bill an hourly price.
DAYS_PER_YEAR = 365
MONTHS_PER_YEAR = 12
DAYS_PER_WEEK = 7
HOURS_PER_DAY = 24
HOURS_PER_WEEK = HOURS_PER_DAY * DAYS_PER_WEEK
MINUTES_PER_DAY = 60 * HOURS_PER_DAY
SECONDS_PER_HOUR = 3600
DAYS_PER_MONTH = DAYS_PER_YEAR / MONTHS_PER_YEAR
HOURS_PER_MONTH = DAYS_PER_MONTH * HOURS_PER_DAY
SECONDS_PER_MONTH = HOURS_PER_MONTH * SECONDS_PER_HOUR
WEEKS_PER_YEAR = 52  # by which a salary is spread over weeks of work

MIN_HISTORY_DAYS = 28  # below this a run rate, no forecast: four of every weekday, for a level and its spread
MIN_BASELINE_DAYS = 21  # below this no day is called unusual: a median needs three of every weekday

MILLION = 1_000_000  # tokens that a list price is for; whole, so that it divides Decimals and floats alike

Z90 = 1.2815515655446004  # standard normal quantile of 0.90: P10 and P90 lie so many deviations from P50
Z95 = 1.959963984540054  # of 0.975: a two-sided interval of 95%


def next_month(day: date) -> date:
    """The first day of the month after a day's."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
