"""A model whose end is announced: its work moves to the successor the operator names, or is at risk."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from analytics.forecasts import ahead, forecast
from analytics.forecasts.outlook import months
from analytics.forecasts.price_changes import announced_changes
from analytics.forecasts.retirements import endings
from analytics.known_spend import known_spend
from analytics.scope import Scope
from data.prices.model_lives import SUCCESSORS
from data.state import State
from tests.analytics.commands import run
from tests.analytics.covered_ledgers import LAST, day_rows, days, ledger_of

A_MONTH = 365 / 12
# USD per token of gpt-4.1 and gpt-5.2 on the rows below: 2000 fresh tokens in, 500 out.
GPT_4_1 = 2000 * 2e-6 + 500 * 8e-6
GPT_5_2 = 2000 * 1.75e-6 + 500 * 14e-6


@pytest.fixture
def ending(tmp_path):
    """$4 a day on gpt-4.1, which OpenAI ends on 14 January 2027, and $4 on gpt-5.2, of which no end is known."""
    every = days(LAST - timedelta(days=60), LAST)
    rows = [row for day in every for model in ("gpt-4.1", "gpt-5.2") for row in day_rows(day, model=model)]
    return ledger_of(tmp_path, rows), State.open(tmp_path)


def test_work_without_a_successor_is_at_risk_and_in_no_forecast(ending):
    view, state = ending
    (found,) = endings(view, state, Scope.of(view))
    assert (found.model, found.on, found.is_at_risk, found.is_over) == ("gpt-4.1", date(2027, 1, 14), True, False)
    assert found.usd_month == pytest.approx(4 * A_MONTH)
    assert found.text == "gpt-4.1 at openai ends on 14 Jan 2027: $121.67 a month of work at risk, no successor named"
    assert announced_changes(view, state, Scope.of(view)) == ()


def test_what_one_provider_ends_names_it(tmp_path):
    """Azure's small part of a model read as the end of all of it."""
    rows = [
        row
        for day in days(LAST - timedelta(days=60), LAST)
        for seller, usd in (("openai", 9.0), ("azure", 1.0))
        for row in day_rows(day, model="gpt-5.2", provider=seller, usd=usd)
    ]
    view, state = ledger_of(tmp_path, rows), State.open(tmp_path)
    ends = [(one.provider, one.text) for one in endings(view, state, Scope.of(view))]
    assert ends and all(f"gpt-5.2 at {seller} ends on" in text for seller, text in ends)


def test_work_moves_to_the_named_successor_at_its_price(ending):
    view, state = ending
    SUCCESSORS.save(state, "gpt-4.1", {"model": "gpt-5.2"})
    (found,) = endings(view, state, Scope.of(view))
    ratio = GPT_5_2 / GPT_4_1
    assert (found.successor, found.is_at_risk) == ("gpt-5.2", False)
    assert found.change_usd_month == pytest.approx(4 * (ratio - 1) * A_MONTH)
    events = forecast.events_ahead(view, state, Scope.of(view))
    table = months(known_spend(view, Scope.of(view)), date(2026, 11, 21), 4, events)
    assert table["p50"].iloc[3] == pytest.approx(28 * (4 + 4 * ratio), rel=1e-6)
    assert table["p50"].iloc[2] == pytest.approx(31 * 8 + 18 * 4 * (ratio - 1), rel=1e-6)


def test_a_successor_without_a_price_is_named_and_not_counted(ending):
    view, state = ending
    SUCCESSORS.save(state, "gpt-4.1", {"model": "our-own-model"})
    (found,) = endings(view, state, Scope.of(view))
    assert found.change_usd_month is None and found.text.endswith("moves to our-own-model, at an unknown price")
    assert announced_changes(view, state, Scope.of(view)) == ()


def test_an_end_that_has_passed_is_told_as_such(tmp_path):
    rows = [row for day in days(LAST - timedelta(days=60), LAST) for row in day_rows(day, model="gpt-4-turbo")]
    view, state = ledger_of(tmp_path, rows), State.open(tmp_path)
    (found,) = endings(view, state, Scope.of(view))
    told = "gpt-4-turbo at openai was to end on 23 Oct 2026: $121.67 a month of work"
    assert found.is_over and found.text.startswith(told)
    SUCCESSORS.save(state, "gpt-4-turbo", {"model": "gpt-5.2"})
    (change,) = announced_changes(view, state, Scope.of(view))
    assert change.on == LAST + timedelta(days=1)


def test_a_month_of_a_short_log_is_told_from_its_covered_days(tmp_path):
    rows = [row for day in days(LAST - timedelta(days=4), LAST) for row in day_rows(day, model="gpt-4.1")]
    view, state = ledger_of(tmp_path, rows), State.open(tmp_path)
    assert endings(view, state, Scope.of(view))[0].usd_month == pytest.approx(4 * A_MONTH)


def test_the_forecast_says_what_it_counts_and_what_it_does_not(ending, capsys):
    view, state = ending
    assert run(forecast, "forecast", "--home", view.home) == 0
    told = "Not counted: gpt-4.1 at openai ends on 14 Jan 2027: $121.67 a month of work at risk"
    assert told in capsys.readouterr().out
    SUCCESSORS.save(state, "gpt-4.1", {"model": "gpt-5.2"})
    assert run(forecast, "forecast", "--home", view.home) == 0
    out = capsys.readouterr().out
    assert "Counted: gpt-4.1 at openai ends and gpt-5.2 takes over on 14 Jan 2027, +$" in out
    assert "Not counted" not in out
    assert run(forecast, "forecast", "--home", view.home, "--json") == 0
    assert json.loads(capsys.readouterr().out)["retirements"][0]["successor"] == "gpt-5.2"


def test_the_operator_names_and_forgets_a_successor_by_command(ending, capsys):
    view, state = ending

    def asked(*more):
        assert run(ahead, "ahead", "--home", view.home, "--json", *more) == 0
        return json.loads(capsys.readouterr().out)["retirements"][0]

    assert asked()["at_risk"]
    assert asked("--successor", "gpt-4.1=openai/gpt-5.2")["successor"] == "gpt-5.2"
    assert asked("--successor", "gpt-4.1=")["at_risk"]
    for wrong in ("gpt-4.1", "=gpt-5.2", "gpt-4.1=gpt-4.1"):
        assert run(ahead, "ahead", "--home", view.home, "--successor", wrong) == 1
    assert capsys.readouterr().err.count("\n") == 3
