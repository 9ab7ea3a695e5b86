"""The grey line under a page's title: what its numbers stand on, and the badge of a ledger that is not the reader's."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, NamedTuple

from analytics.standing import Standing
from data.prices.editions import Edition
from pages.ui import format as fmt

INVENTED = (
    "Ten teams on three models, invented at list prices; `python -m data sample --full` makes it ten times as large."
)
STATED = "An example that ships with Baton, or what somebody typed: no log is behind this answer."
MIXED = (
    "Invented rows stand beside a real log, so every number is of both. Data and prices, Load, takes the sample "
    "company out."
)
# Without this a CTO reads the cost per request of an old sample as a defect.
CONDENSED = (
    "Made by an earlier version: each record sums about 200 calls, so a cost per request is that of 200. "
    "Load the present sample company into a store of its own."
)


class Badge(NamedTuple):
    """What stands beside the line where the rows are not, or not only, a log of the reader's."""

    label: str
    icon: str
    color: Literal["blue", "orange"]
    meaning: str


def badge(known: Standing) -> Badge | None:
    """The badge of a ledger with invented rows; None for a real log."""
    if known.mixed:
        return Badge("Sample company and a real log", ":material/warning:", "orange", MIXED)
    if known.sample:
        meaning = CONDENSED if known.condensed else INVENTED
        return Badge("Sample company, not your data", ":material/science:", "blue", meaning)
    return None


def price_book(edition: Edition, today: date) -> str:
    """How old the list prices in force are."""
    if edition.as_of is None:
        return "list prices of an unknown day"
    return f"list prices {fmt.count_of(max(0, (today - edition.as_of).days), 'day')} old"


def text(
    known: Standing,
    of_scope: tuple[float | None, float | None],
    time_zone: str,
    version: str,
    now: datetime,
    book: str,
) -> str:
    """How far the data reach, what share is priced and without caveat, the data version, and how old it is.

    `of_scope` are the shares of the rows that the page is about; the first is None where that is all of the log, or
    nothing. `now` is naive UTC; `book` says how old the list prices are.
    """
    parts = [f"Data through {fmt.day(known.last)} {known.last:%H:%M} UTC"]
    parts += [f"days in {time_zone}"] if time_zone != "UTC" else []  # said by the instant before it
    (priced, clean), whose = of_scope, ("these attempts", "their dollars")
    if priced is None:
        priced, clean, whose = known.priced_share, known.without_caveat_share, ("all attempts", "all dollars")
    parts.append(f"{fmt.share(priced)} of {whose[0]} priced")
    if priced:
        parts.append(f"{fmt.share(clean)} of {whose[1]} without caveat")
    days_old = (now - known.last).days
    old = [f"{fmt.count_of(days_old, 'day')} old"] if days_old >= 1 else []
    return " · ".join([*parts, book, version, *old])
