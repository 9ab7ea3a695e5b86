from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from analytics.budgets import plan, staffing
from analytics.forecasts.planned_events import EVENTS, Event
from data.errors import BadInput

UNTIL = date(2026, 7, 24)
WEEK = np.array([1.1, 1.15, 1.1, 1.05, 1.0, 0.35, 0.25])


@pytest.fixture(scope="module")
def spend():
    steps = np.arange(200)
    noise = np.exp(np.random.default_rng(1).normal(0, 0.05, 200))
    return pd.Series(
        1000 * np.exp(0.002 * steps) * WEEK[steps % 7] * noise, index=pd.date_range("2026-01-05", periods=200)
    )


def test_the_whole_is_the_sum_of_its_months(spend):
    one = plan.plan(spend, UNTIL, 12)
    assert len(one.months) == 12
    assert one.whole.p50 == pytest.approx(one.months["p50"].sum())
    assert (one.months["p10"] <= one.months["p50"]).all() and (one.months["p50"] <= one.months["p90"]).all()
    assert one.without_events_usd == pytest.approx(one.whole.p50)


def test_the_tornado_is_ordered_and_straddles_the_plan(spend):
    launch = Event(name="launch", on=date(2026, 10, 1), change_pct=30)
    base = plan.plan(spend, UNTIL, 12, [launch]).whole.p50
    table = plan.swings(spend, UNTIL, 12, [launch], {"gpt-5.2": 0.7, "minimax-m2": 0.3})
    width = (table["high_usd"] - table["low_usd"]).abs()
    assert width.is_monotonic_decreasing
    assert (table["low_usd"] <= base + 1e-6).all() and (table["high_usd"] >= base - 1e-6).all()
    assert {"Requests", "Growth", "Price of gpt-5.2", "Planned: launch"} <= set(table["assumption"])


def test_scenarios_stand_beside_the_plan(state, spend):
    swap = {"kind": "model swap", "on": "2026-10-01", "change_pct": -50, "share": 0.4, "scenario": "cheaper"}
    launch = plan.check_event(name="launch", on="2026-10-01", change_pct=10)
    for event in (launch, plan.check_event(name="swap", **swap)):
        EVENTS.save(state, f"{event.scenario}/{event.name}", event)
    found = plan.scenarios(state)
    assert [event.name for event in found["cheaper"]] == ["launch", "swap"]
    assert [event.name for event in plan.saved_events(state)] == ["launch"]
    with pytest.raises(BadInput, match="share"):
        plan.check_event(name="x", on="2026-10-01", share=2)


def test_the_page_to_take_away_holds_every_number(spend):
    one = plan.plan(spend, UNTIL, 6)
    page = plan.html(
        {"<Plan>": one}, 40_000.0, plan.swings(spend, UNTIL, 6, [], {}), staffing.lines(500_000, 9), "Data version 3."
    )
    assert "&lt;Plan&gt;" in page and "Data version 3." in page and "10 to 20% of the AI budget" in page
    assert "<script" not in page and "https://" not in page


def test_a_short_history_plans_without_a_range(spend):
    one = plan.plan(spend.iloc[:20], date(2026, 1, 25), 3)
    assert one.whole.p10 is None
    assert "–" in plan.html({"Plan": one}, None, plan.swings(spend.iloc[:20], date(2026, 1, 25), 3, [], {}), [], "")
