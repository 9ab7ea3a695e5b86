"""Forecast error and interval coverage: `python -m tests.benchmarks.forecast_coverage [HOME]`.

Eight generated shapes of a year (and the ledger in HOME, where given: load the sample company there), each
judged on totals over 28 days from every earlier week: mean absolute error against repeating the last week
and against Holt-Winters of statsmodels, and the share of outcomes between P10 and P90 (aim 75 to 85 %).
One shape has weeks without a log; in one a price doubles on a day that the forecast is told beforehand, and still
knows afterwards: what is in the log by then must not be counted twice, nor learned anew as a surprise.
"""

from __future__ import annotations

import sys
import time
import warnings
from datetime import timedelta

import numpy as np
import pandas as pd

from analytics.forecasts import backtest, forecast_model
from analytics.forecasts.outlook import outlook_of
from analytics.forecasts.planned_events import Event, factors
from analytics.known_spend import of_series
from data.calendar import MIN_HISTORY_DAYS

DAYS, SEEDS, HORIZON = 365, (1, 2, 3), 28
WEEK = np.array([1.1, 1.15, 1.1, 1.05, 1.0, 0.35, 0.3])
FIRST, DOUBLES = pd.Timestamp("2025-01-06"), 250
GAPS = ((60, 5), (131, 10), (205, 3), (270, 16))  # day and length of what the log lacks
KNOWN = {"known price change": (Event(name="doubles", on=(FIRST + timedelta(DOUBLES)).date(), change_pct=100),)}


def shapes(seed: int) -> dict[str, pd.Series]:
    rng, t = np.random.default_rng(seed), np.arange(DAYS)
    week = WEEK[t % 7]
    drift = np.zeros(DAYS)
    for day in range(1, DAYS):
        drift[day] = 0.7 * drift[day - 1] + rng.normal(0, 0.06)
    calm = np.exp(drift)
    values = {
        "steady growth": 1500 * np.exp(0.002 * t) * week * calm,
        "two launches": 800 * np.where(t > 200, 1.6, 1) * np.where(t > 290, 0.8, 1) * week * calm,
        "random drift": 500 * np.exp(np.cumsum(rng.normal(0, 0.012, DAYS))) * week * np.exp(rng.normal(0, 0.08, DAYS)),
        "bursts": (
            300
            * np.where(rng.random(DAYS) < 0.04, rng.uniform(2, 5, DAYS), 1)
            * week
            * np.exp(rng.normal(0, 0.15, DAYS))
        ),
        "runaway week": 1500 * np.exp(0.001 * t) * np.where((t > 220) & (t < 228), 4, 1) * week * calm,
        "nothing at weekends": 100 * np.where(t % 7 > 4, 0, week) * np.exp(rng.normal(0, 0.2, DAYS)),
        "gaps": 1500 * np.exp(0.002 * t) * week * calm,
        "known price change": 1000 * np.where(t >= DOUBLES, 2, 1) * week * calm,
    }
    for start, days in GAPS:
        values["gaps"][start : start + days] = np.nan
    return {name: pd.Series(series, index=pd.date_range(FIRST, periods=DAYS)) for name, series in values.items()}


def score(history: pd.Series, events: tuple[Event, ...]) -> backtest.Score:
    """The back-test's own score; where events are known, the same of the outlook that is told them."""
    if not events:
        missed = backtest.misses(history)
        found = backtest.score(missed, backtest.judge(missed, HORIZON), HORIZON)
        assert found is not None
        return found
    rows = []
    for origin in range(len(history) - HORIZON, MIN_HISTORY_DAYS - 1, -backtest.STEP_DAYS)[: backtest.ORIGINS]:
        past, actual = history.iloc[:origin], history.iloc[origin : origin + HORIZON].sum()
        day = history.index[origin].date()
        told = outlook_of(past, day, day, day + timedelta(days=HORIZON), events)
        naive = (backtest.seasonal_naive(past.to_numpy(), HORIZON) * factors(events, day, HORIZON)).sum()
        rows.append((actual, abs(told.p50 - actual), abs(naive - actual), told.p10 <= actual <= told.p90))
    judged = pd.DataFrame(rows, columns=["actual", "miss", "naive", "inside"])
    whole = judged["actual"].sum()
    error, naive = judged["miss"].sum() / whole, judged["naive"].sum() / whole
    return backtest.Score(HORIZON, len(judged), error, naive, judged["inside"].mean())


def of_ledger(home: str) -> pd.Series:
    from analytics.history import daily, through
    from analytics.scope import Scope
    from data.ledger import Ledger

    ledger = Ledger.open(home)
    view = ledger.at(ledger.snapshot())
    spend = daily(view, Scope.of(view))
    return spend[spend.index < pd.Timestamp(through(view).complete_until)]


def holt_winters(history: pd.Series, events: tuple[Event, ...]) -> tuple[float, float, float]:
    """(its error, ours, seconds a fit) on the same monthly origins; it is given gaps filled, and told what we are."""
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    values, misses, ours, total, seconds, fits = history.to_numpy(), 0.0, 0.0, 0.0, 0.0, 0
    for origin in range(len(values) - HORIZON, 90, -HORIZON):
        actual = values[origin : origin + HORIZON].sum()
        if np.isnan(actual):  # only what a log can judge
            continue
        past = np.maximum(of_series(history.iloc[max(0, origin - 182) : origin]).filled.to_numpy(), 1e-6)
        started = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            seasonal = "mul" if (past > 1e-6).all() else "add"
            fitted = ExponentialSmoothing(
                past, trend="add", damped_trend=True, seasonal=seasonal, seasonal_periods=7
            ).fit()
        seconds, fits = seconds + time.perf_counter() - started, fits + 1
        known = factors(events, history.index[origin].date(), HORIZON)
        misses += abs(float((fitted.forecast(HORIZON) * known).sum()) - actual)
        ours += abs(forecast_model.fit(history.iloc[:origin]).total(HORIZON, factors=known).p50 - actual)
        total += actual
    return misses / total, ours / total, seconds / fits


def main() -> None:
    series = [(name, made) for seed in SEEDS for name, made in shapes(seed).items()]
    if len(sys.argv) > 1:
        series.append(("sample company", of_ledger(sys.argv[1])))
    rows = []
    for name, history in series:
        events = KNOWN.get(name, ())
        judged = score(history, events)
        rows.append((name, judged.error, judged.naive_error, judged.coverage, *holt_winters(history, events)))
    columns = [
        "shape",
        "error",
        "naive",
        "P10-P90 coverage",
        "Holt-Winters",
        "ours, same origins",
        "seconds a Holt-Winters fit",
    ]
    table = pd.DataFrame(rows, columns=columns).groupby("shape", sort=False).mean()
    print(table.round(3).to_string())
    print("\nmean of shapes:")
    print(table.mean().round(3).to_string())
    print(
        f"error / naive {table['error'].mean() / table['naive'].mean():.2f}; Holt-Winters / ours"
        f" {table['Holt-Winters'].mean() / table['ours, same origins'].mean():.2f}"
    )


if __name__ == "__main__":
    main()
