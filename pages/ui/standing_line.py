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


Shares = tuple[float | None, float | None]  # with a cost, and of the dollars without caveat


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
        return Badge("Sample, not your data", ":material/science:", "blue", meaning)
    return None


def price_book(edition: Edition, today: date) -> str:
    """How old the list prices in force are."""
    if edition.as_of is None:
        return "list prices of an unknown day"
    return f"list prices {fmt.count_of(max(0, (today - edition.as_of).days), 'day')} old"


def short(known: Standing, of_scope: Shares, time_zone: str, now: datetime, book: str) -> str:
    """The line itself, which must fit beside its badge and its button at 1280: how far the data reach, what share is
    priced and without caveat, how old the list prices are. `in_full` has the rest.

    `of_scope` are the shares of the rows that the page is about; the first is None where that is all of the log, or
    nothing. `now` is naive UTC; `book` says how old the list prices are.
    """
    days_old = (now - known.last).days
    # The hour says something of today's log alone.
    until = f"{known.last:%H:%M} UTC" if days_old < 1 else f"{fmt.count_of(days_old, 'day')} old"
    parts = [f"Data through {fmt.day(known.last)}{' ' if days_old < 1 else ', '}{until}"]
    parts += [f"days in {time_zone}"] if time_zone != "UTC" else []
    priced, clean = of_scope
    here = "" if priced is None else "here "
    if priced is None:
        priced, clean = known.priced_share, known.without_caveat_share
    parts.append(here + _priced(priced, clean))
    return " · ".join([*parts, book])


def _priced(priced: float, clean: float | None) -> str:
    if priced == 1 and clean == 1:
        return "all priced without caveat"
    known = "all priced" if priced == 1 else f"{fmt.share(priced)} priced"
    return f"{known}, {fmt.share(clean)} without caveat" if priced else known


def in_full(known: Standing, of_scope: Shares, time_zone: str, version: str, book: str) -> str:
    """The same in sentences, with what is left out of the line: whose shares these are, and the data version."""
    (priced, clean), whose = of_scope, ("these attempts", "their dollars")
    if priced is None:
        priced, clean, whose = known.priced_share, known.without_caveat_share, ("all attempts", "all dollars")
    told = f"Data through {fmt.day(known.last)} {known.last:%H:%M} UTC, days in {time_zone}, {version}, {book}. "
    told += f"{fmt.share(priced)} of {whose[0]} have a known cost"
    return f"{told}, {fmt.share(clean)} of {whose[1]} no caveat." if priced else f"{told}."
