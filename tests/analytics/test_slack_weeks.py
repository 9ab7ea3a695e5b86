"""Weeks of the year that were slack: expected again as surely as the log has seen them, and never made of nothing."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from analytics.forecasts import backtest, forecast_model
from analytics.forecasts.outlook import outlook_of
from analytics.forecasts.slack_weeks import learn_slack, slack_deviations, slack_multipliers

FALL = 0.7  # of the usual spend, in the first three weeks of August


def flat(until: str, years: tuple[int, ...], since: str = "2023-01-01", noise: float = 0.05) -> pd.Series:
    """A hundred dollars a day, less in August of these years."""
    days = pd.date_range(since, until)
    august = (days.month == 8) & (days.day <= 21) & np.isin(days.year, years)
    rng = np.random.default_rng(8)
    return pd.Series(100 * np.where(august, FALL, 1.0) * np.exp(rng.normal(0, noise, len(days))), index=days)


def expected(series: pd.Series, *asked: str) -> tuple[list[float], list[float]]:
    """(multiplier, its deviation) of some days."""
    slack = learn_slack(series.index.to_numpy().astype("datetime64[D]"), series.to_numpy())
    days = np.array(asked, dtype="datetime64[D]")
    return slack_multipliers(days, slack).tolist(), slack_deviations(days, slack).tolist()


@pytest.mark.parametrize(
    ("until", "years", "odds"),
    [
        ("2024-06-30", (2023,), 2 / 3),  # (1 + 1) / (1 + 2): Laplace's rule of succession
        ("2025-06-30", (2023, 2024), 3 / 4),
        ("2025-06-30", (2023,), 2 / 4),
        ("2024-08-09", (2023, 2024), 1.0),  # nine days of this year's are in the log
        ("2024-08-09", (2023,), 0.0),
    ],
)
def test_a_fall_is_expected_as_surely_as_it_was_seen(until, years, odds):
    (inside, outside), (unsure, sure) = expected(flat(until, years), f"{until[:4]}-08-15", f"{until[:4]}-09-15")
    assert (inside, outside) == (pytest.approx(FALL**odds, rel=0.03), 1.0)
    assert (unsure, sure) == (pytest.approx(-np.log(FALL) * (odds * (1 - odds)) ** 0.5, rel=0.12, abs=1e-9), 0.0)


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(lambda s: s, id="nothing"),
        pytest.param(lambda s: s.where(s.index < "2023-08-01", s * FALL), id="a level that stays low"),
        pytest.param(lambda s: s.where((s.index < "2023-08-01") | (s.index > "2023-08-04"), s / 2), id="four days"),
        pytest.param(lambda s: s.where((s.index < "2023-06-01") | (s.index > "2023-08-30"), s / 2), id="a quarter"),
        pytest.param(lambda s: s.where((s.index < "2023-08-01") | (s.index > "2023-08-21"), s * 2), id="a rise"),
        pytest.param(lambda s: s.where((s.index < "2023-08-01") | (s.index > "2023-08-21")), id="no log"),
        pytest.param(lambda s: s.iloc[-300:], id="under a year"),
    ],
)
def test_what_is_no_slack_is_not_expected(odd):
    days = [str(day.date()) for day in pd.date_range("2024-07-01", "2024-12-20")]
    assert expected(odd(flat("2024-06-30", ())), *days) == ([1.0] * len(days), [0.0] * len(days))


def test_months_with_slack_weeks_are_told_before_they_begin_and_within_them():
    """Methods 6: told on 1 August, the month was forecast a fifth too high, in each year anew."""
    series = flat("2025-08-31", (2023, 2024, 2025))
    actual = float(series["2025-08":].sum())
    for day, off in ((1, 0.09), (11, 0.03), (21, 0.02)):
        today = date(2025, 8, day)
        told = outlook_of(series[series.index < pd.Timestamp(today)], today, date(2025, 8, 1), date(2025, 9, 1))
        assert told.p50 == pytest.approx(actual, rel=off)
        assert told.p10 <= actual <= told.p90
    past = series[series.index < "2025-08-01"]
    fitted = forecast_model.fit(past)
    assert fitted.deviation(31) > 1.5 * forecast_model.deviation(fitted.spread, 31) > 0
    assert fitted.deviation(20, skip=40) == forecast_model.deviation(fitted.spread, 20, 40)  # September knows nothing


def missed(*far: float, days: int = 28) -> pd.DataFrame:
    """Forecasts of a hundred dollars, a week apart, missed by so much in logs."""
    rows = [(60 + 7 * at, days, 100 * np.exp(miss), 100.0, 100.0) for at, miss in enumerate(far)]
    return pd.DataFrame(rows, columns=["origin", "days", "actual", "expected", "naive"])


def widening(missed_: pd.DataFrame) -> float:
    return backtest.widening(missed_, backtest.judge(missed_))


def coverage(missed_: pd.DataFrame) -> float:
    return backtest.score(missed_, backtest.judge(missed_)).coverage


def test_a_range_that_did_not_hold_is_wider_and_one_that_held_narrower():
    first = widening(missed())
    assert first == pytest.approx(np.exp(0.1))
    assert widening(missed(*[0.0] * 20)) == pytest.approx(np.exp(0.1 - 20 * 0.02))
    held = missed(*[0.0] * 8)
    assert widening(pd.concat([held, missed(*[9.0] * 10).iloc[8:]])) == pytest.approx(np.exp(0.1 + 2 * 0.08 - 8 * 0.02))
    assert coverage(missed(*[0.0] * 8, 9.0, 9.0)) == 0.8


def test_a_range_is_judged_by_what_was_known_when_it_was_told():
    """Of four weekly forecasts over four weeks none was over before the last was made: the first width judges all."""
    width = forecast_model.Z90 * forecast_model.deviation(forecast_model.PRIOR, 28) * np.exp(0.1)
    assert coverage(missed(*[0.99 * width] * 4)) == 1.0
    assert coverage(missed(*[1.01 * width] * 4)) == 0.0
    later = coverage(missed(*[1.01 * width] * 5))  # the fifth knows that the first did not hold
    assert later == 0.2
