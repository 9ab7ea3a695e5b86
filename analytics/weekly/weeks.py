"""ISO weeks by name, and those of a log."""

from __future__ import annotations

import re
from datetime import date, timedelta

from analytics.history import logged_days, through
from data.calendar import DAYS_PER_WEEK
from data.errors import BadInput
from data.ledger import Ledger


def week_of(text: str) -> date:
    """Monday of an ISO week such as 2026-W46; raises BadInput for anything else."""
    found = re.fullmatch(r"(\d{4})-?W(\d{2})", text.strip())
    try:
        return date.fromisocalendar(int(found[1]) if found else 0, int(found[2]) if found else 0, 1)
    except ValueError as error:
        raise BadInput(f"{text!r} is no week; write it as 2026-W46 (ISO year and week).") from error


def week_name(monday: date) -> str:
    year, week, _ = monday.isocalendar()
    return f"{year}-W{week:02d}"


def monday_of(day: date) -> date:
    """The Monday of the week that holds a day."""
    return day - timedelta(days=day.weekday())


def week_of_day(day: date) -> str:
    """The name of the ISO week that holds a day."""
    return week_name(monday_of(day))


def last_week(view: Ledger) -> date:
    """Monday of the last week that is over; of the running one where that week has no log at all."""
    reach = through(view)
    monday = reach.complete_until - timedelta(days=reach.complete_until.weekday() + DAYS_PER_WEEK)
    return monday if monday in weeks_with_log(view) else monday_of(reach.day)


def weeks_with_log(view: Ledger) -> list[date]:
    """Mondays of the weeks that have any record, the newest first."""
    return sorted({monday_of(day.date()) for day in logged_days(view)}, reverse=True)
