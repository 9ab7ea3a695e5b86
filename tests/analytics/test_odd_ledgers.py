"""What is told of ledgers that no plan expected, and of documents about days and rows that a ledger has not."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from analytics.budgets import budgets
from analytics.coverage import window
from analytics.forecasts import forecast
from analytics.forecasts.planned_events import EVENTS
from analytics.promises import promise_command
from analytics.savings import savings
from analytics.scope import Scope
from data.state import State
from tests.analytics.commands import run
from tests.analytics.covered_ledgers import LAST, day_rows, days, ledger_of
from tests.odd_stores import NO_WHOLE_DAY, ODD, budgets_without_log, promises_without_rows


@pytest.mark.parametrize("name", [name for name in ODD if name in NO_WHOLE_DAY])
def test_under_a_day_there_is_no_forecast_and_no_saving(tmp_path, capsys, name):
    view = ODD[name](tmp_path)
    assert run(forecast, "forecast", "--home", tmp_path) == 1 and "no whole day" in capsys.readouterr().err
    assert run(savings, "savings", "--home", tmp_path, "--json") == 0
    assert json.loads(capsys.readouterr().out)["total_usd_month"] == 0
    assert window(view, days=28).start < window(view, days=28).end


def test_a_budget_of_days_without_a_log_has_no_odds_and_no_spend(tmp_path, capsys):
    budgets_without_log(tmp_path)
    assert run(budgets, "budgets", "--home", tmp_path, "--json") == 0
    told = {one["name"]: one for one in json.loads(capsys.readouterr().out)["budgets"]}
    assert {name: one["state"] for name, one in told.items()} == {"b0": "ended", "b1": "ended", "b2": "not started"}
    assert [told[name]["spent_usd"] for name in ("b0", "b1", "b2")] == [None, None, 0]
    assert told["b0"]["missing_days"] == 1 and told["b0"]["missing_usd"] == pytest.approx(4)
    assert told["b1"]["chance_of_overrun"] is None and told["b1"]["p50"] is None  # nobody knows what was spent


def test_a_promise_without_its_rows_says_what_became_of_them(tmp_path, capsys):
    promises_without_rows(tmp_path)
    assert run(promise_command, "promises", "--home", tmp_path, "--json") == 0
    told = {one["name"]: one for one in json.loads(capsys.readouterr().out)["promises"]}
    assert told["deleted"]["rows_changed"] == "rows were deleted since: 224 attempts then, 112 now"
    assert told["repriced"]["rows_changed"] == "its rows were repriced since: $56.00 then, $112.00 now"
    assert told["gone"]["verdict"] == "not told" and "deleted since" in told["gone"]["rows_changed"]


def test_an_event_whose_day_has_passed_is_not_counted_again(tmp_path):
    """The log of the days after it holds what it did, also where its own day has no log."""
    logged = [day for day in days(LAST - timedelta(days=60), LAST) if day != date(2026, 11, 11)]
    view, state = ledger_of(tmp_path, [row for day in logged for row in day_rows(day)]), State.open(tmp_path)

    def month() -> float:
        return forecast.month_end(view, Scope.of(view), forecast.events_ahead(view, state, Scope.of(view))).p50

    before = month()
    EVENTS.save(state, "x", {"name": "x", "on": "2026-11-11", "change_pct": 100, "usd_per_month": 1000})
    assert month() == before == pytest.approx(120)
    EVENTS.save(state, "y", {"name": "y", "on": f"{LAST + timedelta(days=1)}", "change_pct": 100})
    assert month() == pytest.approx(120 + 10 * 4, rel=0.02)
