"""Stores that no plan expected, beside the five ledgers (one of which has a source that stops): odd ledgers, and
documents about days and rows that a ledger has not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from analytics.budgets.budget import BUDGETS
from analytics.forecasts.planned_events import EVENTS
from analytics.promises.actions import ACTIONS, Action
from data.ledger import Ledger
from data.state import State
from tests.analytics.covered_ledgers import LAST, a_hole, day_rows, days, ledger_of

NO_WHOLE_DAY = ("one day", "one row", "only future rows", "two rows ten years apart")  # of ODD and of the five
# Of a whole day, else 4; the first day of two rows ten years apart is one.
USD_A_DAY = {"one source stopped": 8, "one day": 0, "one row": 0, "only future rows": 0, "two rows ten years apart": 1}
MONTH = days(LAST - timedelta(days=29), LAST)
PROMISED = {
    "decided": date(2026, 10, 1),
    "done": date(2026, 10, 1),
    "status": "done",
    "filters": {"team": ("search",)},
    "expected_usd_month": 60.0,
    "told_from": date(2026, 9, 1),
    "told_to": date(2026, 9, 29),
}


def one_row(home: Path) -> Ledger:
    return ledger_of(home, day_rows(LAST, hours=(9,)))


def only_future_rows(home: Path) -> Ledger:
    return ledger_of(home, day_rows(date(2030, 1, 7), hours=(9, 10)))


def ten_years_apart(home: Path) -> Ledger:
    return ledger_of(home, [*day_rows(date(2016, 11, 20), hours=(9,)), *day_rows(LAST, hours=(9,))])


def a_clock_that_jumped(home: Path) -> Ledger:
    """Thirty days, and one that a wrong clock wrote ten years ahead."""
    return ledger_of(home, [row for day in [*MONTH, date(2036, 1, 1)] for row in day_rows(day)])


def events_without_log(home: Path) -> Ledger:
    """A planned event on a day in the hole, one before the log and one far behind it."""
    ledger = a_hole(home)
    state = State.open(home)
    for name, on in (("in the hole", "2026-10-12"), ("before the log", "2020-01-01"), ("far ahead", "2040-01-01")):
        EVENTS.save(state, name, {"name": name, "on": on, "change_pct": 100, "usd_per_month": 1000})
    return ledger


def budgets_without_log(home: Path) -> Ledger:
    """Budgets of a period in the hole, of one before the log and of one behind it."""
    ledger = a_hole(home)
    state = State.open(home)
    spans = (("2026-10-12", "2026-10-13"), ("2024-01-01", "2024-02-01"), ("2031-01-01", "2031-02-01"))
    for number, (starts, ends) in enumerate(spans):
        BUDGETS.save(state, f"b{number}", {"name": f"b{number}", "amount": 100, "starts": starts, "ends": ends})
    return ledger


def promises_without_rows(home: Path) -> Ledger:
    """One whose rows were deleted, one whose rows were repriced, one of rows that nobody has any more."""
    ledger = a_hole(home)
    state = State.open(home)
    for name, told in (
        ("deleted", {"told_usd": 224.0, "told_attempts": 224}),
        ("repriced", {"told_usd": 56.0, "told_attempts": 112}),
        ("gone", {"told_usd": 9.0, "told_attempts": 3, "filters": {"team": ("nobody",)}}),
    ):
        ACTIONS.save(state, name, Action(name=name, **(PROMISED | told)))
    return ledger


ODD: dict[str, Callable[[Path], Ledger]] = {
    "one row": one_row,
    "only future rows": only_future_rows,
    "two rows ten years apart": ten_years_apart,
    "a clock that jumped": a_clock_that_jumped,
    "events on days without a log": events_without_log,
    "budgets of days without a log": budgets_without_log,
    "promises without their rows": promises_without_rows,
}
