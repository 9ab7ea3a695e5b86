"""Figures of the what-if pages: unknown is not zero, and no axis is without figures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.ui import what_if_charts
from pages.ui.charts import LIGHT


def test_what_is_unknown_has_no_bar_and_says_so() -> None:
    rows = [{"model": "m", "logged_cost_usd": 5.0, "policy_cost_usd": None}]
    policy, logged = what_if_charts.before_after(rows, LIGHT).data
    assert policy.text == ("unknown",) and policy.x == (0.0,) and logged.text == ("$5.00",)


@given(st.floats(0.01, 1e8), st.floats(1.0, 1e6))
def test_a_logarithmic_axis_has_figures_wherever_it_lies(low: float, times: float) -> None:
    ticks = what_if_charts.log_ticks(low, low * times)
    assert ticks == sorted(set(ticks)) and 1 <= len(ticks) <= what_if_charts.MOST_TICKS
    assert low <= ticks[0] and ticks[-1] <= low * times
    assert times < 1.2 or len(ticks) >= 2


@pytest.mark.parametrize(("good", "better"), [(1.0, 1.0), (0.4, 0.404), (0.4, 0.9)])
def test_the_frontier_stays_near_the_qualities_it_shows(good: float, better: float) -> None:
    """Where all are alike, an axis of its own choice went from nothing to 200 %."""
    points = [
        {"annual_cost_usd": usd, "quality": quality, "tier": "measured", "models": {"m": 1.0}}
        | dict.fromkeys(("p50_ms", "p95_ms", "failure_share"))
        for usd, quality in ((10.0, good), (20.0, better))
    ]
    lines = {"single_models": {"m": (10.0, good)}, "mixing_hull": [], "best_single": "m"}
    lines |= {"random_same_shares": [(10.0, good), (20.0, good)], "best_per_segment": (20.0, better)}
    figure = what_if_charts.frontier(points, (20.0, good), lines, (10.0, good), LIGHT)
    if better - good >= what_if_charts.LEVEL:
        assert figure.layout.yaxis.range is None
    else:
        low, high = figure.layout.yaxis.range
        assert good - 0.1 < low < good <= better < high < better + 0.05
