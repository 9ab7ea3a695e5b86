"""Series that are too short, too even or too odd to say much: an answer or a sentence, never a wrong number."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from analytics.anomalies.anomalies import FLOOR_SHARE, unusual_days
from analytics.forecasts import backtest
from analytics.forecasts.outlook import months, next_month, outlook_of


def series(values, start: str) -> pd.Series:
    return pd.Series(np.asarray(values, dtype=float), index=pd.date_range(start, periods=len(values)))


def test_three_points_are_a_run_rate_without_a_range():
    spend = series([10.0, 20.0, 30.0], "2026-03-01")
    told = outlook_of(spend, date(2026, 3, 4), date(2026, 3, 1), date(2026, 4, 1))
    assert told.p50 == pytest.approx(60 + 28 * 20) and (told.p10, told.p90) == (None, None)
    assert told.chance_above(100) is None and told.chance_above(50) == 1.0 and "3 days" in told.note
    assert unusual_days(spend, 1.0, spend.index[0]) == []
    assert backtest.misses(spend).empty


def test_a_constant_series_goes_on_and_nothing_of_it_is_unusual():
    spend = series([40.0] * 200, "2026-01-01")
    until = spend.index[-1].date() + pd.Timedelta(days=1)
    told = months(spend, until, 3)
    right = [40 * (next_month(first) - first).days for first in told["month"][1:]]
    assert told["p50"][1:].to_numpy() == pytest.approx(right, rel=0.01)
    assert (told["p10"] <= told["p50"]).all() and (told["p50"] <= told["p90"]).all()
    assert unusual_days(spend, FLOOR_SHARE * 40, spend.index[0]) == []


@pytest.mark.parametrize(("year", "days"), [(2027, 28), (2028, 29)])
def test_a_february_has_the_days_of_its_year(year, days):
    spend = series([10.0] * 120, f"{year - 1}-10-04")  # to the end of January
    first = date(year, 2, 1)
    told = outlook_of(spend, first, first, next_month(first))
    assert told.days_left == days and told.p50 == pytest.approx(10 * days, rel=0.01)
    whole = series([10.0] * (120 + days), f"{year - 1}-10-04")
    assert outlook_of(whole, next_month(first), first, next_month(first)).p50 == pytest.approx(10 * days)
