"""The flow of a policy: as wide as its requests, and each mark carries the logged models it is made of."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pages.ui import charts
from pages.ui.flow_chart import flow

FLOWS = [
    {"old_model": "big", "target": "big", "stays": True, "requests": 60, "logged_usd": 6.0},
    {"old_model": "big", "target": "small", "stays": False, "requests": 30, "logged_usd": 3.0},
    {"old_model": "<b>odd", "target": "small", "stays": False, "requests": 10, "logged_usd": 1.0},
]


def bars(figure):
    return [trace for trace in figure.data if trace.type == "bar"]


def test_a_bar_is_as_high_as_its_requests_and_says_where_they_come_from():
    left, right = bars(flow(FLOWS, charts.LIGHT))
    assert list(left.y) == [90, 10] and list(right.y) == [60, 40]
    assert [list(one[1:]) for one in left.customdata] == [["big"], ["<b>odd"]]
    assert [list(one[1:]) for one in right.customdata] == [["big"], ["big", "<b>odd"]]
    assert "<b>" not in "".join(one[0] for one in left.customdata)


def test_a_band_takes_a_click_along_its_length_for_the_model_it_leaves():
    points = [trace for trace in flow(FLOWS, charts.LIGHT).data if trace.type == "scatter" and trace.mode == "markers"]
    assert [trace.customdata[0][1] for trace in points] == ["big", "big", "<b>odd"]
    assert all(len(trace.x) > 5 and trace.marker.opacity == 0 for trace in points)
    assert "30 requests, $3.00 logged" in points[1].customdata[0][0] and "stay" in points[0].customdata[0][0]


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd"), st.integers(1, 1000)),
        min_size=1,
        max_size=6,
        unique_by=lambda one: one[:2],
    )
)
def test_bands_fill_both_columns_and_never_overlap_at_their_ends(made):
    flows = [
        {"old_model": old, "target": new, "stays": old == new, "requests": n, "logged_usd": 1.0} for old, new, n in made
    ]
    figure = flow(flows, charts.DARK)
    ribbons = [trace for trace in figure.data if trace.type == "scatter" and trace.fill == "toself"]
    for side, place in zip(bars(figure), (0, 24), strict=True):
        ends = sorted((trace.y[place], trace.y[-1 - place]) for trace in ribbons)
        assert sum(low - high for high, low in ends) == pytest.approx(sum(side.y))
        assert all(before[1] <= after[0] * (1 + 1e-9) + 1e-6 for before, after in zip(ends, ends[1:], strict=False))
