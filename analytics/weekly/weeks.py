"""ISO weeks by name."""

from __future__ import annotations

import re
from datetime import date, timedelta

from data.errors import BadInput


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


def week_of_day(day: date) -> str:
    """The name of the ISO week that holds a day."""
    return week_name(day - timedelta(days=day.weekday()))
