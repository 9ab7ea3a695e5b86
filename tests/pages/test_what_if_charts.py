"""Figures of the what-if pages: unknown is not zero, and no axis is without figures."""

from __future__ import annotations

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
