"""Missing is not zero, and a known price change is known: forecasts on ledgers with holes, silence and dated prices."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from analytics.budgets import budget, budgets, plan
from analytics.forecasts import backtest, forecast
from analytics.forecasts.outlook import learn_from_backtest, months, outlook_of
from analytics.forecasts.price_changes import announced_changes
from analytics.known_spend import known_spend, of_series
from analytics.scope import Scope
from analytics.weekly import report, review
from data.errors import NoData
from data.prices.contracts import OVERRIDES
from data.state import State
from routing.policies.in_force import forbidden
from tests.analytics.commands import run
from tests.analytics.covered_ledgers import FIVE, LAST, day_rows, days, ledger_of

D = timedelta(days=1)
NOVEMBER = (date(2026, 11, 1), date(2026, 12, 1))


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    return {name: tmp_path_factory.mktemp("ledger") for name in FIVE}


@pytest.fixture(scope="module")
def ledgers(homes):
    return {name: build(homes[name]) for name, build in FIVE.items()}


def november(view):
    return forecast.month_end(view, Scope.of(view))


def test_a_source_that_stopped_is_missing_not_saved(ledgers):
    """Methods 1: with one of two sources silent the month kept falling, and the chance of overrun with it."""
    view = ledgers["one source stopped"]
    outlook = november(view)
    assert outlook.actual_usd == 20 * 4 + 14 * 4
    assert (outlook.missing_days, outlook.missing_usd) == (6, 6 * 4)
    assert outlook.p50 == pytest.approx(30 * 8, rel=0.01)
    assert outlook.chance_above(200) > 0.95
    assert "6 days of it without a whole log: about $24.00 is missing" in outlook.note


def test_missing_days_widen_the_range():
    noise = np.exp(np.random.default_rng(3).normal(0, 0.1, 200))
    whole = pd.Series(1000 * noise, index=pd.date_range(end="2026-11-20", periods=200))
    holed = whole.copy()
    holed["2026-11-08":"2026-11-12"] = np.nan
    full, gap = (outlook_of(s, date(2026, 11, 21), *NOVEMBER) for s in (whole, holed))
    assert gap.p50 == pytest.approx(full.p50, rel=0.02)
    assert gap.p90 - gap.p10 > full.p90 - full.p10
    assert gap.missing_days == 5 and gap.missing_usd == pytest.approx(5000, rel=0.1)
    budget = full.p50 - 3 * (full.p50 - full.p10)
    assert full.chance_above(budget) > 0.99 and gap.chance_above(budget) > 0.95


def test_days_before_the_log_are_not_free():
    spend = pd.Series(100.0, index=pd.date_range("2026-10-22", "2026-11-20"))
    quarter = outlook_of(spend, date(2026, 11, 21), date(2026, 10, 1), date(2027, 1, 1))
    assert (quarter.missing_days, quarter.untold_days) == (21, 21)
    assert "21 days of it without a whole log: what was spent on them is not known" in quarter.note


def test_the_back_test_judges_only_days_with_a_log():
    spend = pd.Series(100.0, index=pd.date_range(end="2026-11-20", periods=200))
    spend.iloc[60:100] = np.nan
    missed = backtest.misses(spend)
    assert missed["actual"].to_numpy() == pytest.approx(100 * missed["days"].to_numpy())
    assert learn_from_backtest(spend)[1].error == pytest.approx(0, abs=1e-9)


def test_two_logs_years_apart_are_judged_by_the_newer(ledgers):
    """Spend pages 2: the back-test ran on weeks without any log, and found itself perfect."""
    outlook = november(ledgers["years apart"])
    assert outlook.history_days == 42
    assert outlook.p50 == pytest.approx(120)
    assert outlook.score is None or outlook.score.origins <= 2


def test_one_morning_is_no_forecast(ledgers, homes):
    """Spend pages 2: twelve months on course for what one morning cost."""
    outlook = november(ledgers["one day"])
    assert (outlook.actual_usd, outlook.p10, outlook.p50, outlook.p90) == (4, None, None, None)
    assert outlook.note.endswith("No forecast: the log covers no whole day yet.")
    assert run(forecast, "forecast", "--home", homes["one day"]) == 1
    with pytest.raises(NoData, match="covers no whole day"):
        plan.plan(known_spend(ledgers["one day"], Scope()), LAST, 12)


SAYS_NOTHING: dict[str, list[tuple[date, tuple[float, ...] | None]]] = {
    "a morning after a silence": [(date(2026, 5, 26), None), (LAST, (4, 4.01))],
    "one whole day, long ago": [(LAST - 30 * D, None), (LAST, (8,))],
    "six whole days before the silence": [*((LAST - n * D, None) for n in range(20, 26)), (LAST, (8, 9))],
}


@pytest.mark.parametrize("case", SAYS_NOTHING)
def test_under_a_week_of_whole_days_says_nothing_of_a_day_without_a_log(case, tmp_path):
    """Seconds of one morning, times the days before it, were "missing and counted as expected"."""
    logged = SAYS_NOTHING[case]
    rows = [row for day, hours in logged for row in (day_rows(day, hours=hours) if hours else day_rows(day))]
    view = ledger_of(tmp_path, rows)
    outlook = november(view)
    assert outlook.missing_days == outlook.untold_days and outlook.missing_usd == 0
    assert "not known and not counted" in outlook.note
    week = review.build(view, State.open(tmp_path), date(2026, 11, 9), forbidden=forbidden(State.open(tmp_path)))
    told = report.pace(week)
    assert "what November 2026 has cost is not known" in told and "$" not in told
    assert report.markdown(week).count("not known and not counted") == 1


def test_a_source_that_lived_for_a_week_tells_what_it_lacks():
    spend = pd.Series(10.0, index=pd.date_range("2026-11-01", periods=12))
    known = [of_series(spend.mask(spend.index >= f"2026-11-{day:02}")).lacking.sum() for day in (7, 8)]
    assert known == [0, 50]


def test_what_has_no_known_cost_is_not_on_course_for_nothing(tmp_path):
    """A link's team that the log does not have, and a model without a price, were both "on course for $0"."""
    rows = [row for day in days(LAST - 60 * D, LAST) for row in day_rows(day)]
    unpriced = [row for day in days(LAST - 60 * D, LAST) for row in day_rows(day, usd=None, model="house", team="lab")]
    free = [row for day in days(LAST - 60 * D, LAST) for row in day_rows(day, usd=0.0, model="local", team="edge")]
    view, state = ledger_of(tmp_path, rows + unpriced + free), State.open(tmp_path)
    for filters in ({"team": "<b>x"}, {"team": "lab"}, {"model": "house"}):
        outlook = forecast.month_end(view, Scope.of(view, **filters))
        assert (outlook.p10, outlook.p50, outlook.p90, outlook.is_known) == (None, None, None, False), filters
        assert outlook.note == "No forecast: nothing that was asked for has a known cost."
        budget.save(state, budget.check_budget(name="odd", amount=100, filters={k: (v,) for k, v in filters.items()}))
        (status,) = budgets.status(view, state)
        assert status.chance_of_overrun is None and status.runs_out is None and status.variance_usd is None
    over = forecast.outlook(view, Scope.of(view, team="lab"), date(2026, 10, 1), date(2026, 11, 1))
    assert over.p50 is None and over.chance_above(1) is None and not over.is_known
    assert forecast.month_end(view, Scope.of(view, team="edge")).p50 == 0  # free work costs nothing, and that is known
    for team in ("<b>x", "lab"):
        assert run(forecast, "forecast", "--home", tmp_path, "--team", team) == 1


def test_under_28_days_a_run_rate_and_nothing_else(tmp_path):
    view = ledger_of(tmp_path, [row for day in days(LAST - 4 * D, LAST) for row in day_rows(day)])
    outlook = november(view)
    assert (outlook.p10, outlook.p50, outlook.p90) == (None, 5 * 4 + 10 * 4, None)
    assert outlook.missing_days == 15  # the month before the log
    assert "Run rate only, from 5 days with a log, weekdays and weekends are not all in it" in outlook.note
    assert outlook.chance_above(10_000) is None


@pytest.fixture(scope="module")
def gemini(tmp_path_factory):
    """$45 a day on gemini-3.6-flash, whose list price doubles on 1 January 2027."""
    home = tmp_path_factory.mktemp("gemini")
    rows = [
        row
        for day in days(date(2026, 1, 1), LAST)
        for row in day_rows(day, usd=11.25, model="gemini-3.6-flash", provider="google")
    ]
    return ledger_of(home, rows), State.open(home)


def test_a_dated_price_change_is_in_the_forecast(gemini):
    """Peers W3: the price book knew of 1 January, the forecast said $1,395 for it."""
    view, state = gemini
    scope = Scope.of(view)
    (change,) = announced_changes(view, state, scope)
    assert (change.model, change.on, change.ratio) == ("gemini-3.6-flash", date(2027, 1, 1), pytest.approx(2))
    assert change.usd_month == pytest.approx(45 * 365 / 12)
    table = months(known_spend(view, scope), date(2026, 11, 21), 4, forecast.events_ahead(view, state, scope))
    assert dict(zip([f"{m:%b}" for m in table["month"]], table["p50"], strict=True)) == pytest.approx(
        {"Nov": 1350, "Dec": 1395, "Jan": 2790, "Feb": 2520}
    )
    assert change.text == "gemini-3.6-flash at google dearer by 100.0% from 1 Jan 2027, +$1,369 a month"


def test_budgets_know_it_too(gemini):
    view, state = gemini
    budget.save(state, budget.check_budget(name="year", amount=20_000, period="yearly", start_month=12))
    (status,) = budgets.status(view, state)
    assert status.outlook.end == date(2026, 12, 1)
    budget.save(state, budget.check_budget(name="year", amount=20_000, period="yearly", start_month=11))
    (status,) = budgets.status(view, state)
    later = 45 * (10 + 31) + 90 * 304  # from 21 November to the end of October
    assert status.outlook.p50 == pytest.approx(45 * 20 + later)
    state.delete("budget", "year")


def test_a_contract_that_begins_and_ends_is_two_changes(tmp_path):
    rows = [row for day in days(LAST - 60 * D, LAST) for row in day_rows(day)]
    view, state = ledger_of(tmp_path, rows), State.open(tmp_path)
    line = {"provider": "openai", "discount": "0.5", "start": "2026-12-01", "end": "2027-03-01"}
    OVERRIDES.save(state, "winter", line)
    found = announced_changes(view, state, Scope.of(view))
    assert [(c.on, round(c.ratio, 6)) for c in found] == [(date(2026, 12, 1), 0.5), (date(2027, 3, 1), 2.0)]
    table = months(
        known_spend(view, Scope.of(view)), date(2026, 11, 21), 5, forecast.events_ahead(view, state, Scope())
    )
    assert list(table["p50"][1:]) == pytest.approx([62, 62, 56, 124])


def test_two_models_changes_do_not_multiply(tmp_path):
    rows = [row for day in days(LAST - 60 * D, LAST) for m in ("gpt-5.2", "gpt-5.1") for row in day_rows(day, model=m)]
    view, state = ledger_of(tmp_path, rows), State.open(tmp_path)
    for model in ("gpt-5.2", "gpt-5.1"):
        line = {"provider": "openai", "model": model, "discount": "0.5", "start": "2026-12-01"}
        OVERRIDES.save(state, model, line)
    table = months(
        known_spend(view, Scope.of(view)), date(2026, 11, 21), 2, forecast.events_ahead(view, state, Scope())
    )
    assert table["p50"][1] == pytest.approx(31 * 4)  # half of eight a day, not a quarter


def test_what_is_expected_of_a_silent_day_is_its_weekday():
    spend = pd.Series([100.0, 100, 100, 100, 100, 20, 20] * 8, index=pd.date_range("2026-01-05", periods=56))
    spend.iloc[[30, 33]] = np.nan  # a Wednesday and a Saturday
    known = of_series(spend)
    assert known.lacking.iloc[[30, 33]].tolist() == [100, 20]
    assert known.filled.sum() == 8 * 540
