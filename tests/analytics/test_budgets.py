from __future__ import annotations

import json
from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.budgets import budgets, staffing
from analytics.budgets.budget import BUDGETS, PERIODS, check_budget, save
from analytics.forecasts.outlook import outlook_of
from analytics.known_spend import known_spend
from analytics.scope import Scope
from data.errors import BadInput
from tests.analytics import covered_ledgers, planted
from tests.analytics.commands import run


@given(
    st.dates(date(2024, 1, 1), date(2028, 12, 31)),
    st.sampled_from(list(PERIODS)),
    st.integers(1, 28),
    st.integers(1, 12),
    st.integers(1, 7),
)
def test_periods_tile_the_calendar(day, period, start_day, start_month, start_weekday):
    starts = {"start_day": start_day, "start_month": start_month, "start_weekday": start_weekday}
    budget = check_budget(name="b", amount=1, period=period, **starts)
    start, end = budget.period_of(day)
    assert start <= day < end
    assert budget.period_of(end)[0] == end
    assert budget.period_of(start - timedelta(days=1))[1] == start


def test_a_fiscal_year_starts_where_it_is_told_to():
    budget = check_budget(name="fy", amount=1, period="yearly", start_month=4, start_day=6)
    assert budget.period_of(date(2026, 4, 5)) == (date(2025, 4, 6), date(2026, 4, 6))


def test_a_week_starts_on_its_weekday_and_a_month_holds_about_four_of_its_budgets():
    week = check_budget(name="w", amount=70, period="weekly", start_weekday=3)
    assert week.period_of(date(2026, 11, 20)) == (date(2026, 11, 18), date(2026, 11, 25))  # a Wednesday to a Tuesday
    assert week.usd_per_month == pytest.approx(10 * 365 / 12)
    assert check_budget(name="d", amount=10, period="daily").usd_per_month == pytest.approx(10 * 365 / 12)
    assert check_budget(name="q", amount=30, period="quarterly").usd_per_month == 10


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
        check_budget(**({"name": "b", "amount": 10} | values))


def test_a_dated_rate_turns_euros_into_dollars():
    assert check_budget(
        name="b", amount=100, currency="EUR", usd_rate=1.1, usd_rate_on="2026-10-01"
    ).amount_usd == pytest.approx(110)
    assert (
        check_budget(name="b", amount=100, usd_rate=1.1, usd_rate_on="2026-10-01").amount_usd == 100
    )  # dollars need no rate


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    ledger = planted.build(tmp_path_factory.mktemp("budgets"), days=75)
    return ledger.at(ledger.snapshot())


@pytest.mark.heavy
def test_budget_against_actual_against_forecast(view, state):
    save(state, check_budget(name="company", amount=50))
    save(state, check_budget(name="search team", amount=5000, period="quarterly", filters={"team": ("search",)}))
    tight, wide = budgets.status(view, state)
    assert (tight.budget.name, wide.budget.name) == ("company", "search team")
    assert tight.chance_of_overrun > 0.99 > 0.01 > wide.chance_of_overrun
    assert tight.outlook.days_left == 29 and tight.elapsed_share == pytest.approx(1 / 30)
    assert tight.outlook.p10 <= tight.outlook.p50 <= tight.outlook.p90
    assert budgets.company([tight, wide]) is tight


@pytest.mark.heavy
def test_overlapping_budgets_are_named(view, state):
    save(state, check_budget(name="a", amount=10))
    assert save(state, check_budget(name="b", amount=20)) == ["a"]
    assert {one.overlaps for one in budgets.status(view, state)} == {("a",), ("b",)}
    assert save(state, check_budget(name="past", amount=20, filters={"team": ("x",)}, ends="2026-01-01")) == []


def test_a_budget_in_the_past_or_the_future_says_so(view, state):
    save(state, check_budget(name="old", amount=100, ends="2026-10-01"))
    save(state, check_budget(name="next", amount=100, starts="2027-01-01"))
    by_name = {one.budget.name: one for one in budgets.status(view, state)}
    assert by_name["old"].state == "ended" and by_name["old"].outlook.days_left == 0
    assert by_name["next"].state == "not started" and by_name["next"].spent_usd == 0
    assert budgets.company(by_name.values()) is None


def test_the_day_on_which_a_budget_runs_out_agrees_with_its_chance(view, state):
    save(state, check_budget(name="whole", amount=1000))
    (status,) = budgets.status(view, state)
    asked = status.outlook
    assert status.runs_out.words == "lasts" and status.runs_out == (None, None, None, False)
    for share in (0.3, 0.7):
        save(state, check_budget(name="whole", amount=asked.p50 * share))
        (status,) = budgets.status(view, state)
        found = status.runs_out
        assert found.expected
        assert found.earliest <= found.expected <= found.latest < asked.end
        known = known_spend(view, Scope.of(view))
        before, after = (
            outlook_of(known, asked.known_until, asked.start, found.expected + timedelta(days=n)).p50 for n in (0, 1)
        )
        assert before <= status.budget.amount_usd < after
    save(state, check_budget(name="whole", amount=(asked.p50 + asked.p90) / 2))
    (status,) = budgets.status(view, state)
    assert status.runs_out.expected is None and status.runs_out.earliest and 0 < status.chance_of_overrun < 0.5


def test_a_budget_that_is_used_up_names_the_day(view, state):
    daily = known_spend(view, Scope.of(view)).seen
    october = daily["2026-10-01":"2026-10-10"].sum()
    save(state, check_budget(name="spent", amount=october - 0.001, ends="2026-11-01"))
    (status,) = budgets.status(view, state)
    assert status.runs_out == (date(2026, 10, 10), None, None, True)


@pytest.mark.heavy
@pytest.mark.parametrize("filters", [{}, {"user_id": ("ada",)}], ids=["roll-up", "rows"])
def test_days_are_whole_when_the_clocks_change(home, state, filters):
    """25 October 2026 has 25 hours in Berlin and 29 March 23; each hour costs a dollar."""
    instants = pd.date_range("2026-03-27", "2026-10-26 21:30", freq="h")
    rows = [row for t in instants for row in covered_ledgers.day_rows(t.date(), hours=[t.hour])]
    ledger = covered_ledgers.ledger_of(home, [row | {"user_id": "ada"} for row in rows], "Europe/Berlin")
    for day, hours in ((date(2026, 3, 29), 23), (date(2026, 10, 24), 24), (date(2026, 10, 25), 25)):
        bounds = {"starts": day, "ends": day + timedelta(days=1)}
        save(state, check_budget(name="day", amount=24, period="daily", filters=filters, **bounds))
        (found,) = budgets.status(ledger, state)
        assert found.spent_usd == hours, day
        assert found.runs_out.expected == (day if hours > 24 else None)
    BUDGETS.forget(state, "day")
    save(state, check_budget(name="week", amount=100, period="weekly", filters=filters, ends="2026-10-26"))
    (found,) = budgets.status(ledger, state)
    assert found.spent_usd == 7 * 24 + 1


def test_a_period_without_a_covered_day_is_not_a_period_without_spend(home, state):
    ledger = covered_ledgers.a_hole(home)
    save(state, check_budget(name="hole", amount=10, period="daily", starts="2026-10-12", ends="2026-10-13"))
    save(state, check_budget(name="day", amount=10, period="daily"))
    by_name = {one.budget.name: one for one in budgets.status(ledger, state, until=date(2026, 10, 13))}
    assert by_name["day"].state == "no log" and "without a whole log" in by_name["day"].outlook.note
    assert by_name["day"].spent_usd is None and by_name["day"].outlook.missing_usd == pytest.approx(4)


def test_budgets_saved_before_there_were_weeks_still_open(state):
    state.put("budget", "old", {"name": "old", "amount": 5, "filters": {"team": ["a"]}, "start_month": 4})
    assert BUDGETS.get(state, "old") == check_budget(name="old", amount=5, filters={"team": ("a",)}, start_month=4)


def test_no_budget_is_an_empty_list(view, state):
    assert budgets.status(view, state) == []


@pytest.mark.heavy
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
