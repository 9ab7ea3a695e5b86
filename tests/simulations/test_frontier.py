"""The frontier and its reference lines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from data.errors import Refused
from simulations.mixes.frontier import as_rows, frontier, model_shares, single_models
from simulations.mixes.optimise import Demands
from tests.simulations.test_optimise import problem, two_segments


def test_cost_rises_with_quality_and_no_blind_line_is_better():
    task = problem(np.random.default_rng(5), 12, 5, gaps=0)
    result = frontier(task, Demands(), 20)
    costs, qualities = [p.cost_usd for p in result.points], [p.quality for p in result.points]
    assert costs == sorted(costs) and all(b >= a - 1e-9 for a, b in zip(qualities, qualities[1:], strict=False))
    xs, ys = zip(*result.mixing_hull, strict=True)
    for point, blind in zip(result.points, result.random_same_shares, strict=True):
        assert point.quality >= np.interp(point.cost_usd, xs, ys) - 1e-6
        assert blind[0] >= np.interp(blind[1], qualities, costs) - 1e-6 or blind[1] < qualities[0]
    assert result.points[-1].quality == pytest.approx(result.best_per_segment[1], abs=1e-6)


def test_single_models_are_those_that_may_take_everything():
    assert single_models(two_segments()) == {"m1": (100.0, pytest.approx(0.9))}
    assert frontier(two_segments(), Demands(), 3).best_single == "m1"


def test_rows_are_plain():
    rows = as_rows(frontier(two_segments(), Demands(), 3))
    assert rows[0] == {"floor": 0.85, "annual_cost_usd": 60.0, "quality": 0.85, "models": {"m0": 0.5, "m1": 0.5}}
    assert model_shares(two_segments(), np.array([[1, 0], [0, 1.0]])) == {"m0": 0.5, "m1": 0.5}


def test_no_frontier_is_explained():
    with pytest.raises(Refused, match="cap on vendor b"):
        frontier(two_segments(), Demands(vendor_cap={"b": 0.1}))
    with pytest.raises(Refused, match="no quality is known"):
        frontier(replace(two_segments(), quality=np.full((2, 2), np.nan)), Demands())


@pytest.mark.heavy
def test_fifty_points_over_four_hundred_segments_are_all_there_and_cost_more_the_better_they_are():
    """Their time is in tests/benchmarks/answer_speed.py."""
    points = frontier(problem(np.random.default_rng(1), 400, 8), Demands(vendor_cap={"a": 0.7}), 50).points
    assert len(points) == 50
    assert [p.cost_usd for p in points] == sorted(p.cost_usd for p in points)
