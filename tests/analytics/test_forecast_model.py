from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.forecasts import backtest, forecast_model
from analytics.forecasts.outlook import WIDEST, learn_from_backtest, months, outlook_of
from analytics.forecasts.planned_events import Event

WEEK = np.array([1.1, 1.15, 1.1, 1.05, 1.0, 0.35, 0.25])


def series(values, start="2026-01-05"):
    return pd.Series(np.asarray(values, dtype=float), index=pd.date_range(start, periods=len(values)))


def company(days=200, level=1000.0, growth=0.0, noise=0.0, seed=7):
    rng = np.random.default_rng(seed)
    steps = np.arange(days)
    return series(level * np.exp(growth * steps) * WEEK[steps % 7] * np.exp(rng.normal(0, noise, days)))


histories = st.lists(st.floats(0, 1e5), min_size=1, max_size=120)


@settings(max_examples=60, deadline=None)
@given(histories, st.integers(1, 400), st.integers(0, 200))
def test_quantiles_are_in_order(values, days, skip):
    total = forecast_model.fit(series(values)).total(days, skip)
    if total.p10 is None:
        assert len(values) < 28
    else:
        assert 0 <= total.p10 <= total.p50 <= total.p90


@pytest.mark.heavy
@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(1, 1e4), min_size=40, max_size=120), st.sampled_from([0.25, 2.0, 64.0]))
def test_scaling_history_scales_the_forecast(values, factor):
    one, other = series(values), series([factor * value for value in values])
    plain, scaled = (outlook_of(s, date(2026, 6, 1), date(2026, 6, 1), date(2026, 7, 1)) for s in (one, other))
    for name in ("p10", "p50", "p90"):
        assert getattr(scaled, name) == pytest.approx(factor * getattr(plain, name), rel=1e-6)


def test_a_steady_weekly_pattern_is_continued():
    path = forecast_model.fit(company(noise=0.0)).path(14)
    truth = 1000 * WEEK[(200 + np.arange(14)) % 7]
    assert path == pytest.approx(truth, rel=0.02)


def test_growth_is_found_and_a_single_launch_is_not_growth():
    assert forecast_model.fit(company(growth=0.003)).growth == pytest.approx(0.003, rel=0.1)
    launched = company(noise=0.02)
    launched.iloc[160:] *= 1.6
    assert abs(forecast_model.fit(launched).growth) < 0.001


def test_one_runaway_week_does_not_move_the_level():
    calm = company(noise=0.03)
    burst = calm.copy()
    burst.iloc[-12:-9] *= 6
    assert forecast_model.fit(burst).level == pytest.approx(forecast_model.fit(calm).level, rel=0.1)


def test_a_missing_log_is_not_a_day_without_spend():
    holes = company(noise=0.02)
    holes.iloc[-20:-16] = np.nan
    assert forecast_model.fit(holes).total(28).p50 == pytest.approx(
        forecast_model.fit(company(noise=0.02)).total(28).p50, rel=0.05
    )


def test_under_28_days_there_is_a_run_rate_and_no_range():
    outlook = outlook_of(series([100.0] * 20), date(2026, 1, 25), date(2026, 1, 1), date(2026, 2, 1))
    assert outlook.p50 == pytest.approx(2000 + 7 * 100)
    assert (outlook.p10, outlook.p90) == (None, None)
    assert "28 days" in outlook.note
    assert outlook.chance_above(5000) is None


def test_no_spend_forecasts_zero_and_no_history_nothing():
    month = date(2026, 3, 6), date(2026, 3, 1), date(2026, 4, 1)
    assert outlook_of(series([0.0] * 60), *month).p50 == 0
    assert outlook_of(series([]), *month).p50 is None


def test_what_has_been_spent_is_certain():
    spend = company(noise=0.05)
    end = spend.index[-1].date()
    inside = outlook_of(spend, end, end.replace(day=1), end.replace(day=28))
    assert inside.p10 >= inside.actual_usd
    assert inside.chance_above(inside.actual_usd / 2) == 1.0
    past = outlook_of(spend, end, date(2026, 2, 1), date(2026, 3, 1))
    assert past.p10 == past.p50 == past.p90 == pytest.approx(spend["2026-02"].sum())


def test_a_day_that_is_not_over_counts_with_what_is_expected_of_it():
    spend = company(noise=0.02)
    spend.iloc[-1] = 10.0
    today = spend.index[-1].date()
    whole = outlook_of(spend, today, today, date.fromordinal(today.toordinal() + 1))
    assert whole.p50 == pytest.approx(1000 * WEEK[today.weekday()], rel=0.1)
    spend.iloc[-1] = 9000.0
    assert outlook_of(spend, today, today, date.fromordinal(today.toordinal() + 1)).p50 == 9000.0


def test_the_chance_of_overrun_falls_with_the_budget():
    spend = company(noise=0.1, growth=0.001)
    outlook = outlook_of(spend, date(2026, 7, 24), date(2026, 7, 1), date(2026, 8, 1))
    assert outlook.p10 is not None and outlook.p50 is not None and outlook.p90 is not None
    chances = [outlook.chance_above(amount) for amount in (outlook.p10, outlook.p50, outlook.p90)]
    assert chances == sorted(chances, reverse=True)
    assert chances[1] == pytest.approx(0.5, abs=0.02)
    assert chances[2] == pytest.approx(0.1, abs=0.02)


def rare_calls(seed: int) -> pd.Series:
    """Two years in which a call of a fraction of a cent, or of a dollar, comes every two weeks or so."""
    rng = np.random.default_rng(seed)
    return series(np.where(rng.random(700) < 0.07, np.exp(rng.normal(-6, 3, 700)), 0.0))


@pytest.mark.parametrize("seed", range(8))
def test_a_range_that_says_nothing_is_none(seed):
    """Of a log of a dollar in two years it was said that the month ends at up to $2,463."""
    spend = rare_calls(seed)
    until = spend.index[-1].date()
    month = outlook_of(spend, until, until, date.fromordinal(until.toordinal() + 30))
    assert month.p50 is not None and not month.is_run_rate
    if month.p90 is None:
        assert month.trust.startswith("No range: ") and "Back-tested" in month.trust and "run rate" not in month.trust
        assert month.chance_above(1.0) is None
    else:
        assert month.p90 <= max(WIDEST * month.p50, month.actual_usd) * 1.0001


def test_some_logs_are_too_rare_for_a_range_and_a_company_is_not():
    until = rare_calls(0).index[-1].date()
    bounds = until, until, date.fromordinal(until.toordinal() + 30)
    assert None in {outlook_of(rare_calls(seed), *bounds).p90 for seed in range(8)}
    wild = company(noise=1.5)
    end = wild.index[-1].date()
    assert outlook_of(wild, end, end, date.fromordinal(end.toordinal() + 30)).p90 is not None


@settings(max_examples=40, deadline=None)
@given(histories, st.integers(1, 60))
def test_no_range_reaches_beyond_what_it_can_say(values, days):
    spend = series(values)
    until = date.fromordinal(spend.index[-1].toordinal() + 1)
    found = outlook_of(spend, until, until, date.fromordinal(until.toordinal() + days))
    assert found.p90 is None or found.p90 <= WIDEST * (found.p50 or 0) + 1e-9


def test_planned_events_change_the_days_after_them():
    spend = company()
    until = date(2026, 7, 24)
    plain = months(spend, until, 6)
    swap = Event(name="swap", kind="model swap", on=date(2026, 9, 1), change_pct=-50, share=0.4)
    fee = Event(name="gateway", on=date(2026, 9, 1), usd_per_month=1000)
    changed = months(spend, until, 6, [swap, fee])
    assert list(changed["p50"][:2]) == pytest.approx(list(plain["p50"][:2]))
    assert list(changed["p50"][2:]) == pytest.approx([usd * 0.8 + 1000 for usd in plain["p50"][2:]], rel=0.01)


def test_months_add_up_to_the_cumulated_median():
    table = months(company(noise=0.05), date(2026, 7, 24), 12)
    assert table["cum_p50"].iloc[-1] == pytest.approx(table["p50"].sum(), rel=1e-9)
    assert (table["cum_p90"] - table["cum_p10"]).is_monotonic_increasing


def test_the_back_test_beats_naive_on_noise_and_reports_its_coverage():
    spread, score = learn_from_backtest(company(days=300, noise=0.15))
    assert score.origins > 20
    assert score.error < score.naive_error
    assert 0.5 <= score.coverage <= 1.0
    assert (spread >= 0).all()


def test_the_back_test_knows_only_the_past():
    whole = company(days=200, noise=0.1)
    early = backtest.misses(whole.iloc[:150])
    late = backtest.misses(whole.iloc[:157])
    shared = late.merge(early, on=["origin", "days"])
    assert len(shared) and np.allclose(shared["expected_x"], shared["expected_y"])
