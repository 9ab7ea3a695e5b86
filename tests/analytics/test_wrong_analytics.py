"""Wrong versions of the analytics' code that once passed every test: each case has its right value by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from analytics.attributes import work_name
from analytics.bridges.bridge_maths import LABELS, Bridge, Driver, bridge
from analytics.budgets import budgets
from analytics.budgets.budget import Budget, check_budget, find_budget, save
from analytics.budgets.running_out import RunningOut
from analytics.forecasts import calendar_days
from analytics.forecasts.forecast_model import deviation
from analytics.forecasts.outlook import outlook_of
from analytics.savings import savings
from analytics.savings.savings_claim import Claim
from analytics.scope import ClosedScope
from data.errors import BadInput
from tests.analytics.test_savings import cell, cells
from tests.analytics.usage_frames import cell as usage
from tests.analytics.usage_frames import frame


@pytest.mark.parametrize(
    ("spent", "state"),
    [
        (79.99, "under"),
        (80.0, "soft"),
        (94.99, "soft"),
        (95.0, "hard"),
        (100.0, "hard"),
        (100.01, "over"),
    ],
)
def test_a_budgets_state_changes_at_its_limits(spent, state):
    """Mutants 3: hard, soft and over were asserted nowhere."""
    budget = check_budget(name="b", amount=100, soft=0.8, hard=0.95, starts="2026-03-01", ends="2026-06-01")
    assert budgets._state(budget, date(2026, 3, 1), spent, False) == state
    assert budgets._state(budget, date(2026, 2, 28), spent, False) == "not started"
    assert budgets._state(budget, date(2026, 6, 1), spent, False) == "ended"
    assert budgets._state(budget, date(2026, 5, 31), spent, True) == "no log"


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        ("daily", date(2026, 5, 15), date(2026, 5, 16)),
        ("weekly", date(2026, 5, 11), date(2026, 5, 18)),
        ("monthly", date(2026, 5, 1), date(2026, 6, 1)),
        ("quarterly", date(2026, 4, 1), date(2026, 7, 1)),
        ("yearly", date(2026, 1, 1), date(2027, 1, 1)),
    ],
)
def test_every_period_by_its_dates(period, start, end):
    """Mutants 3: quarters of two months tile the calendar too."""
    assert check_budget(name="b", amount=1, period=period).period_of(date(2026, 5, 15)) == (start, end)


@pytest.mark.parametrize(
    ("day", "start", "end"),
    [
        (date(2024, 2, 29), date(2024, 2, 28), date(2024, 3, 28)),  # a leap year's month has a day more
        (date(2025, 2, 28), date(2025, 2, 28), date(2025, 3, 28)),
        (date(2025, 3, 1), date(2025, 2, 28), date(2025, 3, 28)),
    ],
)
def test_a_month_may_begin_on_its_28th_and_no_later(day, start, end):
    assert check_budget(name="b", amount=1, start_day=28).period_of(day) == (start, end)
    with pytest.raises(BadInput, match="start_day"):
        check_budget(name="b", amount=1, start_day=29)


def told(budget: Budget, chance: float | None = None, spent: float | None = 5.0, **more) -> budgets.Status:
    """A budget of ten dollars a month, of which so much is spent on a third of the month."""
    until, first, end = date(2026, 4, 11), date(2026, 4, 1), date(2026, 5, 1)
    days = pd.Series(1.0, index=pd.date_range("2026-03-01", "2026-04-10"))
    return budgets.Status(budget, outlook_of(days, until, first, end), spent, chance, "under", **more)


def test_the_most_endangered_budget_comes_first_and_what_is_not_known_last():
    chances = {"a": (None, None), "b": (0.2, 9.0), "c": (0.9, 1.0), "d": (0.2, 9.0), "e": (None, 2.0)}
    every = [told(check_budget(name=name, amount=10), *known) for name, known in chances.items()]
    assert [one.budget.name for one in sorted(every, key=lambda one: one.endangered)] == ["c", "b", "d", "e", "a"]


def test_every_figure_of_a_budgets_json_by_hand():
    runs_out = RunningOut(date(2026, 4, 20), date(2026, 4, 18), date(2026, 4, 25), False)
    budget = check_budget(name="x" * 80, amount=10)
    given = budgets.json_form(told(budget, 0.4, runs_out=runs_out, overlaps=("y",)))
    assert (given["spent_usd"], given["spent_share"], given["elapsed_share"]) == (5.0, 0.5, pytest.approx(1 / 3))
    assert (given["days_left"], given["chance_of_overrun"], given["state"]) == (20, 0.4, "under")
    assert (given["start"], given["end"], given["overlaps"]) == (date(2026, 4, 1), date(2026, 5, 1), ("y",))
    assert [given[name] for name in ("runs_out_earliest", "runs_out", "runs_out_latest")] == [
        date(2026, 4, 18),
        date(2026, 4, 20),
        date(2026, 4, 25),
    ]
    bare = budgets.json_form(told(budget, spent=None))
    assert {bare[name] for name in ("runs_out", "runs_out_earliest", "runs_out_latest", "spent_share")} == {None}


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (("2026-01-01", "2026-04-01"), ("2026-04-01", "2026-05-01"), False),  # the end is not in it
        (("2026-01-01", "2026-04-02"), ("2026-04-01", "2026-05-01"), True),
        ((None, "2026-04-01"), ("2026-04-01", None), False),
        ((None, None), ("2026-04-01", None), True),
    ],
)
def test_budgets_overlap_where_they_share_a_day(one, other, both):
    first, second = (check_budget(name="b", amount=1, starts=start, ends=end) for start, end in (one, other))
    assert bool(first.overlaps(second)) is bool(second.overlaps(first)) is both


def test_a_budgets_name_may_have_80_characters_and_no_more():
    with pytest.raises(BadInput, match="name"):
        check_budget(name="x" * 81, amount=10)


def test_a_budget_is_found_by_its_name_and_another_is_told_which_there_are(state):
    save(state, check_budget(name="mine", amount=10))
    assert find_budget(state, "mine").amount == 10
    with pytest.raises(BadInput, match="use one of mine"):
        find_budget(state, "yours")


@pytest.mark.parametrize(("days", "skip", "right"), [(9, 0, 0.0209), (9, 4, 0.0217), (1, 30, 0.1061)])
def test_the_width_of_a_range_by_hand(days, skip, right):
    """Mutants 8: noise 0.09 / days + level 0.01 + walk 0.0001 x (2 skip + days)."""
    assert deviation(np.array([0.09, 0.01, 0.0001]), days, skip) == pytest.approx(right**0.5, rel=1e-9)


def test_a_day_at_two_positions_has_the_factor_of_the_surer_one():
    days = pd.date_range("2025-01-01", "2025-12-31").to_numpy().astype("datetime64[D]")
    found = calendar_days.multipliers(days, {"last day": 2.0, "last working day": 1.5})
    told = dict(zip(days.astype(str), found, strict=True))
    assert (told["2025-01-31"], told["2025-05-30"], told["2025-05-31"], told["2025-05-29"]) == (2.0, 1.5, 2.0, 1.0)


@pytest.mark.parametrize(
    ("name", "effect", "near"),
    [("is_month_end", 1.8, "2025-11-30"), ("is_quarter_end", 2.5, "2025-09-30"), ("is_month_start", 0.6, "2025-11-01")],
)
def test_what_the_months_agree_on_is_learned_and_nothing_else(name, effect, near):
    """Methods 6: a month's end cost 1.8 times for twenty months, and was a surprise each time."""
    days = pd.date_range("2024-07-01", periods=540)
    flat = 100 * np.exp(np.random.default_rng(4).normal(0, 0.08, 540)) * np.where(getattr(days, name), effect, 1.0)
    learned = calendar_days.learn_factors(days.to_numpy().astype("datetime64[D]"), flat)
    ahead = calendar_days.multipliers(np.array([near, "2025-11-12"], dtype="datetime64[D]"), learned)
    assert ahead == pytest.approx([effect, 1.0], rel=0.08)
    few = calendar_days.learn_factors(days[:160].to_numpy().astype("datetime64[D]"), flat[:160])
    assert few == {}  # five months agree on nothing yet


def claim(usd: pd.Series, **more) -> Claim:
    told = {"kind": "x", "title": "X", "part": "answers", "confidence": "high", "assumption": "a", "action": "b"}
    return Claim(**(told | {"usd": usd, "touched": usd * 0 + 10.0, "page": "explore", "key": "k"} | more))


def test_every_figure_of_a_finding_by_hand():
    """Mutants 10: the requests behind a finding could be those of its largest cell. Cells cost 10 of 1,000 attempts."""
    table = cells(cell(team="a"), cell(team="b"), cell(team="c"))
    usd = pd.Series([4.0, 1.0], index=table.index[:2])
    saving = savings.settle(table, [claim(usd)], 1.5, 20)
    (found,) = saving.findings
    assert (found.usd_month, found.gross_usd_month, found.spend_usd_month) == pytest.approx((7.5, 7.5, 30.0))
    assert (found.attempts_month, found.attempts, found.spend_usd) == pytest.approx((3000, 2000, 20))
    assert found.filters == {"team": ("a", "b")} and found.key == "x|k" and not found.is_untested
    assert list(found.cells["saves_usd_month"]) == pytest.approx([6.0, 1.5])
    assert (saving.total_usd_month, saving.untested_usd_month, saving.spend_usd_month) == pytest.approx((7.5, 0, 45))
    assert saving.share == pytest.approx(7.5 / 45) and saving.days == 20
    again = savings.settle(table, [claim(usd, confidence="low", key="")], 1.5, 20)
    assert (again.total_usd_month, again.untested_usd_month) == pytest.approx((0, 7.5))
    assert again.findings[0].key == "x" and again.finding("x") is again.findings[0] and again.finding("y") is None


def test_the_rows_of_a_finding_are_its_work_within_what_was_looked_at():
    table = cells(cell(team="a"), cell(team="b"))
    saving = savings.settle(table, [claim(pd.Series([4.0], index=table.index[:1]))], 1.0, 20)
    (found,) = saving.findings
    with pytest.raises(ValueError, match="no ledger"):
        saving.requests_of(found)
    looked_at = ClosedScope(start=date(2026, 4, 1), end=date(2026, 4, 21), filters=(("environment", ("production",)),))
    assert found.work == (work_name(table.index[0]),)
    assert saving._replace(scope=looked_at).requests_of(found) == looked_at.with_filter("work", *found.work)


WASTED = [
    # (claims as (part, of dollars, saves), what can be had of a cell of 10: 6 of input, 4 of output)
    ([("input", 6, 6), ("input", 6, 3)], 6.0),  # all of the input is saved once
    ([("input", 6, 3), ("output", 4, 2)], 5.0),  # other dollars add
    ([("input", 6, 3), ("input", 6, 3)], 4.5),  # half, and half of what is left
    ([("answers", 10, 5), ("input", 6, 3)], 6.5),  # half of all, then half of the 3 of input that are left
    ([("failed", 2, 2), ("answers", 8, 4)], 6.0),  # what fails is in no answer
    ([("input", 4, 2), ("input", 2, 2)], 3.0),  # the second lies in the first: of its 2, half is saved already
]


@pytest.mark.parametrize(("asked", "right"), WASTED)
def test_claims_on_the_same_row_are_counted_once(asked, right):
    table = cells(cell())
    every = [
        claim(
            pd.Series([float(saves)], index=table.index),
            touched=pd.Series([float(of)], index=table.index),
            part=part,
            kind=f"k{number}",
        )
        for number, (part, of, saves) in enumerate(asked)
    ]
    assert savings.settle(table, every, 1.0, 28).total_usd_month == pytest.approx(right)


def test_of_no_change_the_largest_driver_is_simply_the_largest():
    drivers = tuple(Driver(name, Decimal(usd)) for name, usd in (("volume", 5), ("price", -8), ("output", 3)))
    assert Bridge(Decimal(10), Decimal(10), drivers).main.name == "price"
    assert Bridge(Decimal(10), Decimal(20), drivers).main.name == "volume"
    assert Bridge(Decimal(10), Decimal(2), drivers).main.name == "price"
    assert Bridge(Decimal(10), Decimal(20), drivers).largest(("volume",)).name == "output"


def test_work_of_which_only_retries_are_logged_is_counted_by_its_answers():
    only = usage("dear", 2000) | {"retries": 2000}
    result = bridge(frame(usage("dear", 1000) | {"retries": 1000}), frame(only), 7, 7)
    assert {d.name: float(d.usd) for d in result.drivers if d.usd} == {"volume": float(result.change_usd)}
    assert set(LABELS) >= {d.name for d in result.drivers}


def test_a_hundred_times_the_usage_has_a_hundred_times_the_bridge():
    """A fallback that answers a single request is one, too: no count is too small to be told apart."""

    def periods(times: int) -> Bridge:
        asked = usage("cheap", times, price=1e6) | {"retries": 0}
        fallback = usage("cheap", 3 * times, price=1e6) | {"retries": 3 * times}
        first = frame(usage("dear", 9 * times, price=1e6), asked)
        return bridge(first, frame(usage("dear", 9 * times, failed=3 * times, price=1e6), fallback), 7, 7)

    one, hundred = periods(1), periods(100)
    assert [float(driver.usd) for driver in hundred.drivers] == pytest.approx(
        [100 * float(driver.usd) for driver in one.drivers], abs=1.0
    )
