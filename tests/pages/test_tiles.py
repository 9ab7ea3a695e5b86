"""The small line in a tile: the figure's own course, a gap where it is unknown."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest

from analytics.registry import HOUR
from pages.ui.tiles import HIGH, INSET, WIDE, courses, small_line


@pytest.mark.parametrize("values", [[], [1.0], [None, None], [None, 3.0]])
def test_fewer_than_two_figures_are_no_line(values):
    assert small_line(values, "#000") == ""


def test_a_line_stands_on_zero_and_breaks_where_a_figure_is_missing():
    drawn = small_line([0.0, 2.0, None, 4.0, 4.0], "#2F5DAA")
    floor, top = HIGH - INSET, INSET
    middle = (floor + top) / 2
    assert f'd="M0.0 {floor:.1f} L50.0 {middle:.1f} M150.0 {top:.1f} L{WIDE:.1f} {top:.1f}"' in drawn
    assert 'stroke="#2F5DAA"' in drawn


def test_nothing_spent_is_a_flat_line_and_not_an_error():
    assert f"M0.0 {HIGH - INSET:.1f} L{WIDE:.1f} {HIGH - INSET:.1f}" in small_line([0.0, 0.0], "#000")


@pytest.mark.parametrize(
    ("grain", "starts", "missing"),
    [
        (HOUR, ["2026-11-20 22:00", "2026-11-21 01:00"], 2),
        ("day", ["2026-11-20", "2026-11-22"], 1),
        ("week", ["2026-11-02", "2026-11-23"], 2),
        ("month", ["2025-12-01", "2026-02-01"], 1),
    ],
)
def test_a_place_without_a_row_is_a_gap_and_not_left_out(grain, starts, missing):
    frame = pd.DataFrame({grain: pd.to_datetime(starts), "cost_usd": [Decimal(1), Decimal(2)], "rate": [None, 0.5]})
    found = courses(frame, grain)
    assert found == {"cost_usd": [1.0, *[None] * missing, 2.0], "rate": [*[None] * (missing + 1), 0.5]}


def test_a_frame_without_rows_has_no_course():
    assert courses(pd.DataFrame({"day": [], "cost_usd": []}), "day") == {"cost_usd": []}
