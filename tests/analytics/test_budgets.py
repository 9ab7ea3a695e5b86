from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics import budgets, staffing
from analytics.budgets import checked
from data.errors import BadInput
from tests.analytics import planted
from tests.analytics.commands import run


@given(
    st.dates(date(2024, 1, 1), date(2028, 12, 31)),
    st.sampled_from(list(budgets.MONTHS)),
    st.integers(1, 28),
    st.integers(1, 12),
)
def test_periods_tile_the_calendar(day, period, start_day, start_month):
    budget = checked(name="b", amount=1, period=period, start_day=start_day, start_month=start_month)
    start, end = budget.period_of(day)
    assert start <= day < end
    assert budget.period_of(end)[0] == end
    assert budget.period_of(start - timedelta(days=1))[1] == start


def test_a_fiscal_year_starts_where_it_is_told_to():
    budget = checked(name="fy", amount=1, period="yearly", start_month=4, start_day=6)
    assert budget.period_of(date(2026, 4, 5)) == (date(2025, 4, 6), date(2026, 4, 6))


@pytest.mark.parametrize(
    "values, told",
    [
        ({"amount": 0}, "amount"),
        ({"amount": float("nan")}, "amount"),
        ({"starts": "2026-05-01", "ends": "2026-04-01"}, "before it starts"),
        ({"soft": 0.9, "hard": 0.5}, "above the hard one"),
        ({"currency": "EUR"}, "dated rate"),
        ({"filters": {"colour": ("red",)}}, "no budget scope"),
        ({"name": ""}, "name"),
        ({"start_day": 31}, "start_day"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused_with_its_field(values, told):
    with pytest.raises(BadInput, match=told):
        checked(**({"name": "b", "amount": 10} | values))


def test_a_dated_rate_turns_euros_into_dollars():
    assert checked(
        name="b", amount=100, currency="EUR", usd_rate=1.1, usd_rate_on="2026-10-01"
    ).amount_usd == pytest.approx(110)
    assert (
        checked(name="b", amount=100, usd_rate=1.1, usd_rate_on="2026-10-01").amount_usd == 100
    )  # dollars need no rate


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    ledger = planted.build(tmp_path_factory.mktemp("budgets"), days=75)
    return ledger.at(ledger.snapshot())


def test_budget_against_actual_against_forecast(view, state):
    budgets.save(state, checked(name="company", amount=50))
    budgets.save(state, checked(name="search team", amount=5000, period="quarterly", filters={"team": ("search",)}))
    tight, wide = budgets.status(view, state)
    assert (tight.budget.name, wide.budget.name) == ("company", "search team")
    assert tight.chance_of_overrun > 0.99 > 0.01 > wide.chance_of_overrun
    assert tight.outlook.days_left == 29 and tight.elapsed_share == pytest.approx(1 / 30)
    assert tight.outlook.p10 <= tight.outlook.p50 <= tight.outlook.p90
    assert budgets.company([tight, wide]) is tight


def test_overlapping_budgets_are_named(view, state):
    budgets.save(state, checked(name="a", amount=10))
    assert budgets.save(state, checked(name="b", amount=20)) == ["a"]
    assert {one.overlaps for one in budgets.status(view, state)} == {("a",), ("b",)}
    assert budgets.save(state, checked(name="past", amount=20, filters={"team": ("x",)}, ends="2026-01-01")) == []


def test_a_budget_in_the_past_or_the_future_says_so(view, state):
    budgets.save(state, checked(name="old", amount=100, ends="2026-10-01"))
    budgets.save(state, checked(name="next", amount=100, starts="2027-01-01"))
    by_name = {one.budget.name: one for one in budgets.status(view, state)}
    assert by_name["old"].state == "ended" and by_name["old"].outlook.days_left == 0
    assert by_name["next"].state == "not started" and by_name["next"].spent_usd == 0
    assert budgets.company(by_name.values()) is None


def test_no_budget_is_an_empty_list(view, state):
    assert budgets.status(view, state) == []


def test_the_command_sets_lists_and_forgets(view, capsys):
    home = view.home
    assert run(budgets, "budgets", "--home", home, "--set", "legal=1,000", "--filter", "team=legal", "--json") == 0
    (one,) = json.loads(capsys.readouterr().out)["budgets"]
    assert one["amount"] == 1000 and one["filters"] == {"team": ["legal"]} and one["spent_usd"] > 0
    assert run(budgets, "budgets", "--home", home, "--delete", "legal") == 0
    assert "No budget yet" in capsys.readouterr().out
    assert run(budgets, "budgets", "--home", home, "--set", "legal") == 1
    assert "NAME=AMOUNT" in capsys.readouterr().err


def test_the_briefs_planning_lines():
    assert [staffing.engineers(n) for n in (0, 5, 7, 12, 35)] == [(0, 0), (1, 1), (1, 2), (2, 3), (5, 7)]
    orchestration, people, hire, fraction, project = staffing.lines(600_000, 12, 150_000)
    assert orchestration[1:3] == (60_000, 120_000)
    assert people[1:3] == (300_000, 450_000)
    assert (hire[1:3], fraction[1:3], project[1:3]) == ((200_000, 350_000), (72_000, 168_000), (15_000, 60_000))
    assert staffing.lines(600_000, 12)[1].low_usd_year is None
