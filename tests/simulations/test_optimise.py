"""The optimiser against every vertex of small programmes, its laws, and how it explains itself."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import BadInput, NoData
from simulations.mixes.frontier import frontier
from simulations.mixes.optimise import Demands, Infeasible, Problem, Solution, optimise, promises, usable
from simulations.mixes.shadow_prices import highest_floor, rule_prices, step_prices, steps, vendor_prices, why_not


def solved(task: Problem, demands: Demands) -> Solution:
    answer = optimise(task, demands)
    assert isinstance(answer, Solution)
    return answer


def refused(task: Problem, demands: Demands) -> Infeasible:
    answer = optimise(task, demands)
    assert isinstance(answer, Infeasible)
    return answer


def problem(rng, segments=3, models=3, gaps=0.15):
    weights = rng.integers(1, 50, segments) * 1000.0
    cost = rng.uniform(1, 20, (segments, models)) * weights[:, None] / 1000
    allowed = rng.random((segments, models)) > gaps
    allowed[np.arange(segments), rng.integers(0, models, segments)] = True
    names = tuple(f"m{i}" for i in range(models))
    return Problem(
        weights,
        cost,
        rng.uniform(0.5, 1, (segments, models)),
        allowed,
        rng.integers(0, models, segments),
        names,
        tuple("abc"[i % 2] for i in range(models)),
        tuple(("US", "CN")[i % 2] for i in range(models)),
        tuple(("high", "low")[i % 2] for i in range(segments)),
    )


def demands(rng, case):
    kinds = [
        {"quality_floor": float(rng.uniform(0.6, 0.9))},
        {
            "quality_floor": float(rng.uniform(0.6, 0.85)),
            "floor_by_criticality": {"high": float(rng.uniform(0.6, 0.9))},
        },
        {"vendor_cap": {"a": float(rng.uniform(0.2, 1))}},
        {"capacity": {"m0": float(rng.uniform(0, 60_000))}, "max_moved_share": float(rng.uniform(0.2, 1))},
        {"min_share": {"m1": float(rng.uniform(0, 0.5))}, "origin_cap": {"CN": float(rng.uniform(0.1, 1))}},
        {"max_latency_ms": 900.0, "latency_ms": {f"m{i}": float(rng.uniform(500, 1500)) for i in range(6)}},
        {},
    ]
    return Demands(**kinds[case % len(kinds)])


def brute_force(task, asked):
    """The least cost over every vertex: all choices of as many columns as rows, solved at once.

    None when none is feasible.
    """
    cells = np.flatnonzero(usable(task, asked).ravel())
    rows = promises(task, asked)
    n_segments, n_cells, n_rows = len(task.weights), len(cells), len(rows)
    matrix = np.zeros((n_segments + n_rows, n_cells + n_rows))
    matrix[cells // len(task.models), np.arange(n_cells)] = 1
    for i, row in enumerate(rows):
        matrix[n_segments + i, :n_cells] = row.coefficients.ravel()[cells] / row.scale
        matrix[n_segments + i, n_cells + i] = 1
    right = np.concatenate([np.ones(n_segments), [row.bound / row.scale for row in rows]])
    cost = np.concatenate([task.cost_usd.ravel()[cells], np.zeros(n_rows)])
    bases = np.array(list(combinations(range(n_cells + n_rows), n_segments + n_rows)))
    systems = matrix[:, bases].transpose(1, 0, 2)
    solid = np.abs(np.linalg.det(systems)) > 1e-9
    values = np.linalg.solve(systems[solid], np.broadcast_to(right[:, None], (int(solid.sum()), len(right), 1)))[..., 0]
    feasible = (values >= -1e-9).all(1)
    return float((values * cost[bases[solid]]).sum(1)[feasible].min()) if feasible.any() else None


def test_against_every_vertex_of_two_thousand_small_programmes():
    rng = np.random.default_rng(20261121)
    solved = refused = 0
    for case in range(2000):
        task = problem(rng, segments=2 + case % 2, models=2 + case % 2)
        asked = demands(rng, case)
        answer, truth = optimise(task, asked), brute_force(task, asked)
        if truth is None:
            assert isinstance(answer, Infeasible)
            refused += 1
        else:
            assert isinstance(answer, Solution), (case, truth)
            assert answer.cost_usd == pytest.approx(truth, rel=1e-6)
            assert answer.cost_usd >= truth * (1 - 1e-6)
            solved += 1
    assert solved > 1000 and refused > 50


def test_a_promise_is_kept_to_the_letter():
    rng = np.random.default_rng(3)
    for case in range(60):
        task, asked = problem(rng, 6, 4), demands(rng, case)
        answer = optimise(task, asked)
        if isinstance(answer, Infeasible):
            continue
        assert answer.shares.sum(1) == pytest.approx(np.ones(6))
        assert (answer.shares[~task.allowed] == 0).all()
        for row in promises(task, asked):
            assert (row.coefficients * answer.shares).sum() <= row.bound + 1e-6 * row.scale, row.name


@pytest.mark.parametrize("case", range(12))
def test_a_step_costs_what_whoever_makes_it_finds(case):
    rng = np.random.default_rng(11 + case)
    task, asked = problem(rng, 5, 4, gaps=0), demands(rng, case)
    answer = optimise(task, asked)
    if isinstance(answer, Infeasible):
        return
    said = {price.promise: price for price in step_prices(task, asked, answer)}
    for step in steps(task, asked):
        made = optimise(task, step.demands)
        if isinstance(made, Infeasible):
            assert "out of reach" in said[step.words].sentence
        elif abs(made.cost_usd - answer.cost_usd) >= 0.5:
            assert said[step.words].usd_per_year == pytest.approx(abs(made.cost_usd - answer.cost_usd))
        else:
            assert step.words not in said


def test_one_more_point_is_a_whole_point_and_no_slope():
    """Above 0.85 the second segment must leave its cheap model: the slope at the floor says nothing of it."""
    task = replace(
        two_segments(),
        cost_usd=np.array([[10.0, 11.0, 400.0], [10.0, 11.0, 400.0]]),
        quality=np.array([[0.8, 0.81, 0.9], [0.8, 0.81, 0.9]]),
        allowed=np.ones((2, 3), bool),
        models=("m0", "m1", "m2"),
        vendors=("a", "b", "c"),
        origins=("CN", "US", "US"),
    )
    asked = Demands(quality_floor=0.805)
    answer = solved(task, asked)
    price = step_prices(task, asked, answer)[0]
    more = solved(task, Demands(quality_floor=0.815))
    assert price.usd_per_year == pytest.approx(more.cost_usd - answer.cost_usd) and price.sentence.endswith("a year")
    assert price.usd_per_year > 2 * answer.duals["quality floor"] / 100


def test_doing_without_a_vendor_is_solved_again():
    task = two_segments()
    answer = solved(task, Demands())
    said = {price.promise: price for price in vendor_prices(task, Demands(), answer)}
    assert said["a"].usd_per_year == pytest.approx(40) and said["b"].sentence == "without b no mix keeps every promise"


def two_segments():
    """Two equal segments; m1 is good and dear, m0 cheap, poor and forbidden on the second by a rule."""
    return Problem(
        np.array([100.0, 100.0]),
        np.array([[10.0, 50.0], [10.0, 50.0]]),
        np.array([[0.8, 0.9], [0.8, 0.9]]),
        np.array([[True, True], [False, True]]),
        np.array([0, 1]),
        ("m0", "m1"),
        ("a", "b"),
        ("CN", "US"),
        ("normal", "normal"),
        {(1, 0): "origin CN with hosting api or cloud or host is forbidden"},
    )


def test_of_two_equals_the_present_model_keeps_the_work():
    task = problem(np.random.default_rng(3), 4, 3, gaps=0)
    task = replace(task, cost_usd=np.full((4, 3), 7.0), quality=np.full((4, 3), 0.9))
    found = solved(task, Demands(quality_floor=0.9))
    assert found.shares[np.arange(4), task.current].tolist() == [1.0] * 4
    assert found.cost_usd == 28.0


def test_a_rule_is_priced_by_solving_without_it():
    task = two_segments()
    answer = solved(task, Demands())
    every = np.ones((2, 2), bool)
    (price,) = rule_prices(task, Demands(), answer, {"customer data stays off Chinese APIs": every}, every)
    assert price.usd_per_year == pytest.approx(40)
    assert price.sentence == "lifting the rule that customer data stays off Chinese APIs saves $40.00 a year"


def test_the_blocking_promise_is_named():
    task = two_segments()
    too_good = refused(task, Demands(quality_floor=0.95))
    assert (
        why_not(task, Demands(quality_floor=0.95), too_good)[0]
        == "the best quality the other promises allow is 90.00%, below the floor of 95.00%"
    )
    clash = Demands(quality_floor=0.9, vendor_cap={"b": 0.5})
    words = why_not(task, clash, refused(task, clash))
    assert "without the quality floor a mix exists" in words and "without the cap on vendor b a mix exists" in words
    assert highest_floor(task, Demands(vendor_cap={"b": 0.5})) == pytest.approx(0.85)


def test_segments_without_any_model_are_named_with_the_reason():
    task = replace(two_segments(), allowed=np.array([[True, True], [False, False]]))
    answer = refused(task, Demands())
    assert answer.stranded == (1,)
    assert why_not(task, Demands(), answer) == [
        "100 requests a year are left without any model: m0: origin CN with hosting api or cloud or host is forbidden"
    ]


def test_models_of_unknown_quality_serve_only_where_no_floor_asks():
    task = replace(two_segments(), quality=np.array([[np.nan, 0.9], [np.nan, 0.9]]))
    assert optimise(task, Demands()).quality is None
    assert optimise(task, Demands(quality_floor=0.1)).shares[:, 0].sum() == 0


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"vendor_cap": {"x": 0.5}}, "`x` is no vendor.*a, b"),
        ({"capacity": {"y": 1}}, "`y` is no model"),
        ({"min_share": {"z": 0.1}}, "`z` is no model"),
    ],
)
def test_unknown_names_are_refused(asked, words):
    with pytest.raises(BadInput, match=words):
        optimise(two_segments(), Demands(**asked))


def test_no_traffic_is_said():
    empty = replace(two_segments(), weights=np.zeros(2))
    with pytest.raises(NoData, match="no traffic"):
        optimise(empty, Demands())


seeds = st.integers(0, 10_000)


@given(seeds, st.floats(0.55, 0.9), st.floats(0, 0.3))
@settings(max_examples=60, deadline=None)
def test_a_lower_floor_never_costs_more(seed, floor, drop):
    task = problem(np.random.default_rng(seed), 4, 3)
    high, low = optimise(task, Demands(quality_floor=floor)), optimise(task, Demands(quality_floor=floor - drop))
    if isinstance(high, Solution):
        assert low.cost_usd <= high.cost_usd * (1 + 1e-7)


@given(seeds, st.floats(0.5, 1.0), st.integers(0, 2))
@settings(max_examples=60, deadline=None)
def test_cheaper_prices_never_raise_the_optimum(seed, factor, model):
    task = problem(np.random.default_rng(seed), 4, 3)
    cheaper = task.cost_usd.copy()
    cheaper[:, model] *= factor
    before, after = (optimise(t, Demands(quality_floor=0.6)) for t in (task, replace(task, cost_usd=cheaper)))
    if isinstance(before, Solution):
        assert after.cost_usd <= before.cost_usd * (1 + 1e-7)


def test_work_of_unknown_quality_stays_and_has_no_part_in_the_quality():
    """One segment runs on a model nobody has graded: the others are optimised, and it costs what it costs today."""
    task = replace(
        problem(np.random.default_rng(3), gaps=0.0),
        weights=np.array([1000.0, 2000.0, 500.0]),
        current=np.array([0, 0, 2]),
        cost_usd=np.array([[9.0, 2.0, 1.0], [8.0, 3.0, 1.0], [5.0, 4.0, 7.0]]),
        quality=np.array([[0.9, 0.8, 0.5], [0.9, 0.7, 0.6], [np.nan] * 3]),
    )
    asked = Demands(quality_floor=0.75)
    found = optimise(task, asked)
    assert isinstance(found, Solution) and found.shares[2].tolist() == [0, 0, 1]
    judged = replace(
        task,
        weights=task.weights[:2],
        cost_usd=task.cost_usd[:2],
        quality=task.quality[:2],
        allowed=task.allowed[:2],
        current=task.current[:2],
        criticality=task.criticality[:2],
    )
    assert found.cost_usd == pytest.approx(optimise(judged, asked).cost_usd + 7)
    assert found.quality == pytest.approx(0.75)
    line = frontier(task, Demands(), 5)
    assert line.points[-1].quality == pytest.approx(0.9) and line.best_per_segment == pytest.approx((9 + 8 + 7, 0.9))
    assert line.single_models["m0"] == pytest.approx((9 + 8 + 7, 0.9))


def slow_and_fast():
    """One segment; the cheapest model was never seen, the next is slow and fails, the dearest is fast and sure."""
    return Problem(
        np.array([100.0]),
        np.array([[1.0, 5.0, 0.1]]),
        np.full((1, 3), 0.9),
        np.ones((1, 3), bool),
        np.array([1]),
        ("slow", "fast", "untimed"),
        ("a", "b", "c"),
        ("US", "US", "US"),
        ("high",),
    )


@pytest.mark.parametrize(
    ("asked", "slow"),
    [
        ({"max_p95_ms": 3000.0, "later_than_p95": {"slow": 0.20, "fast": 0.0}}, 0.25),
        ({"max_p50_ms": 900.0, "later_than_p50": {"slow": 1.0, "fast": 0.2}}, 0.375),
        ({"max_failure_share": 0.02, "failure_share": {"slow": 0.05, "fast": 0.01}}, 0.25),
        ({"max_failure_share": 1.0, "failure_share": {"slow": 0.05, "fast": 0.01}}, 1.0),
    ],
)
def test_speed_of_most_answers_and_few_failures_are_promises_by_each_models_record(asked, slow):
    task, demands = slow_and_fast(), Demands(**asked)
    found = solved(task, demands)
    assert found.shares[0] == pytest.approx([slow, 1 - slow, 0.0])
    lifted = [step for step in steps(task, demands) if step.words.startswith("lifting the limit on")]
    priced = step_prices(task, demands, found)
    assert len(lifted) == 1
    free = optimise(task, lifted[0].demands)
    assert free.shares[0] == pytest.approx([0, 0, 1])
    saved = {price.promise: price.usd_per_year for price in priced}
    assert saved.get(lifted[0].words, 0.0) == pytest.approx(found.cost_usd - free.cost_usd)


def test_a_limit_on_the_mean_latency_leaves_out_what_nobody_timed():
    task = slow_and_fast()
    waits = {"slow": 2000.0, "fast": 500.0}
    found = optimise(task, Demands(max_latency_ms=1250.0, latency_ms=waits))
    assert found.shares[0] == pytest.approx([0.5, 0.5, 0.0]) and found.cost_usd == pytest.approx(3.0)
    none = optimise(task, Demands(max_latency_ms=400.0, latency_ms=waits))
    assert isinstance(none, Infeasible) and none.blocking == ("limit on the mean latency",)
