"""The small line in a tile: the figure's own course, a gap where it is unknown."""

from __future__ import annotations

import pytest

from pages.ui.tiles import HIGH, INSET, WIDE, small_line


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
