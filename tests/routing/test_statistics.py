"""Shares, paired tests and sample sizes: published values, A2's cases, and what simulated runs come to."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from routing.grading.statistics import (
    compare_pairs,
    detectable_difference,
    difference_interval,
    equal_means_p,
    holm,
    mcnemar,
    power,
    requests_for_margin,
    share_interval,
    tango,
    tasks_for_margin,
    tasks_needed,
    wilson,
)


@pytest.mark.parametrize(
    ("passed", "count", "low", "high"),
    [
        (9, 10, 0.596, 0.982),
        (10, 10, 0.722, 1.0),
        (27, 30, 0.744, 0.965),
        (90, 100, 0.826, 0.945),
        (450, 500, 0.871, 0.923),
        (0, 0, 0, 1),
        (5, 20, 0.112, 0.469),  # the lab's run of 20 tasks that called a winner
        (6, 20, 0.145, 0.519),
    ],
)
def test_wilson(passed, count, low, high):
    assert wilson(passed, count) == pytest.approx((low, high), abs=5e-4)


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [
        (6, 11, 0.332),
        (0, 6, 0.031),
        (28, 64, 0.0002),
        (28, 54, 0.0054),
        (28, 29, 1.0),
        (23, 42, 0.0248),
        (0, 0, 1.0),
        (5, 6, 1.0),
        (0, 1, 1.0),
    ],
)
def test_exact_mcnemar(only_a, only_b, p):
    assert mcnemar(only_a, only_b) == pytest.approx(p, abs=6e-4)
    assert equal_means_p([1] * only_a + [-1] * only_b + [0] * 7) == mcnemar(only_a, only_b)


@pytest.mark.parametrize(("only_a", "only_b"), [(2, 9), (5, 6), (0, 8)])
def test_flipping_signs_is_mcnemar_by_simulation(only_a, only_b):
    """Halves cannot be told from whole numbers by a test of signs, and take the simulated road."""
    halves = [0.5] * only_a + [-0.5] * only_b
    assert equal_means_p(halves) == pytest.approx(mcnemar(only_a, only_b), abs=0.03)


@pytest.mark.parametrize(
    ("discordance", "difference", "approximation"),
    [(0.1, 0.05, 312), (0.1, 0.1, 77), (0.2, 0.05, 626), (0.2, 0.1, 155), (0.3, 0.02, 5885), (0.3, 0.1, 234)],
)
def test_tasks_needed_exceed_the_normal_approximation_a_little(discordance, difference, approximation):
    """The textbook formula (Connor 1987) assumes a test less strict than the exact one that is used."""
    needed = tasks_needed(discordance, difference)
    assert approximation < needed <= approximation * 1.1 + 2
    assert power(discordance, difference, needed) >= 0.8 > power(discordance, difference, needed - 1)


@pytest.mark.parametrize(("discordance", "difference", "tasks"), [(0.2, 0.1, 155), (0.1, 0.05, 312), (0.4, 0.15, 60)])
def test_power_said_is_power_simulated(discordance, difference, tasks):
    rng = np.random.default_rng(5)
    shares = [(discordance + difference) / 2, (discordance - difference) / 2, 1 - discordance]
    draws = Counter(map(tuple, rng.multinomial(tasks, shares, size=20_000)[:, :2]))
    seen = sum(times for (a, b), times in draws.items() if mcnemar(int(a), int(b)) < 0.05)
    assert power(discordance, difference, tasks) == pytest.approx(seen / 20_000, abs=0.01)


@pytest.mark.parametrize(("tasks", "discordance"), [(20, 0.1), (60, 0.05), (10, 0.02), (0, 0.5), (50, 0.0)])
def test_too_few_tasks_show_no_difference_at_all(tasks, discordance):
    assert detectable_difference(discordance, tasks) is None


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3000), st.floats(0.001, 1))
def test_a_detectable_difference_never_exceeds_the_discordance(tasks, discordance):
    found = detectable_difference(discordance, tasks)
    assert found is None or (
        0 < found <= discordance and power(discordance, found, tasks) == pytest.approx(0.8, abs=0.01)
    )


def test_a_comparison_says_how_many_tasks_a_difference_like_the_one_seen_takes():
    few = compare_pairs([1] * 12 + [0] * 8, [1] * 10 + [0] * 2 + [1] * 4 + [0] * 4)
    assert few.p_value > 0.05 and few.needed is not None and few.needed > few.n
    share = few.needed // few.n
    many = compare_pairs(([1] * 12 + [0] * 8) * share, ([1] * 10 + [0] * 2 + [1] * 4 + [0] * 4) * share)
    assert many.p_value < 0.05
    assert compare_pairs([1, 0] * 10, [0, 1] * 10).needed is None


def test_a_comparison_of_scores_says_what_it_can_detect():
    assert compare_pairs([1] * 20, [1] * 18 + [0] * 2).detectable is None
    wide = compare_pairs([1] * 30 + [0] * 30, [1] * 20 + [0] * 10 + [1] * 10 + [0] * 20)
    assert wide.detectable is not None and wide.detectable <= 22 / 62
    assert (wide.only_a, wide.only_b, wide.difference, wide.p_value) == (10, 10, 0, 1)


def test_tango_without_a_discordant_pair_has_a_closed_form():
    assert tango(0, 0, 60) == pytest.approx(
        (-(1.95996**2) / (60 + 1.95996**2), 1.95996**2 / (60 + 1.95996**2)), abs=1e-6
    )


@pytest.mark.parametrize(("only_a", "only_b", "count"), [(12, 2, 44), (1, 7, 21), (30, 30, 200), (86, 150, 1600)])
def test_at_tangos_ends_the_score_statistic_is_the_normal_quantile(only_a, only_b, count):
    """The definition, by a grid: the likeliest shares with exactly that difference, and their variance."""
    for end in tango(only_a, only_b, count):
        only = np.linspace(max(0, -end) + 1e-9, (1 - end) / 2 - 1e-9, 400_001)
        likelihood = only_a * np.log(only + end) + only_b * np.log(only)
        likelihood += (count - only_a - only_b) * np.log(1 - 2 * only - end)
        best = only[likelihood.argmax()]
        variance = (2 * best + end - end**2) / count
        assert abs((only_a - only_b) / count - end) / np.sqrt(variance) == pytest.approx(1.95996, abs=1e-3)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 200), st.sampled_from([0.9, 0.95, 0.99]))
def test_tangos_interval_holds_the_difference_and_stays_in_range(only_a, only_b, same, level):
    count = only_a + only_b + same
    if count == 0:
        return
    low, high = tango(only_a, only_b, count, level)
    assert -1 <= low <= (only_a - only_b) / count <= high <= 1


@pytest.mark.heavy
def test_a_policy_worse_by_the_margin_is_rarely_shown_to_be_within_it():
    """Type I error of the margin's test, simulated: at most a little over 2.5 %."""
    rng = np.random.default_rng(3)
    draws, times = np.unique(rng.multinomial(100, [0.10, 0.15, 0.75], size=4000), axis=0, return_counts=True)
    shown = sum(often for (a, b, _), often in zip(draws, times, strict=True) if tango(a, b, 100)[0] > -0.05)
    assert shown / 4000 < 0.035
    assert tasks_for_margin(0.05) == 73 and tasks_for_margin(0.02) == 189


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("repeats", "alike"),
    [(1, 0.0), (5, 0.0), (5, 0.4), (5, 1.0)],
    ids=["once", "repeats-as-good-as-tasks", "repeats-somewhat-alike", "repeats-all-alike"],
)
def test_a_task_is_one_observation_however_often_it_is_asked(repeats, alike):
    """Two equal policies on 60 tasks: intervals hold the truth in 93 to 97 % of runs, a difference shows in at most 6
    %.

    `alike` 1: every repeat of a task gives the same answer (temperature 0); 0: repeats are as good as new tasks.
    """
    rng, runs, tasks = np.random.default_rng(11), 1500, 60
    share_holds = difference_holds = differ = 0
    for run in range(runs):
        quality = rng.uniform(0.5, 0.95)
        easy, own = (_abilities(rng, quality, alike, tasks) for _ in range(2))
        other = np.where(rng.random(tasks) < 0.5, easy, own)
        a, b = rng.binomial(repeats, easy) / repeats, rng.binomial(repeats, other) / repeats
        low, high = share_interval(a)
        share_holds += low <= quality <= high
        low, high = difference_interval(a - b)
        difference_holds += low <= 0 <= high
        differ += equal_means_p(a - b, run) < 0.05
    assert 0.93 <= share_holds / runs <= 0.97
    assert 0.93 <= difference_holds / runs <= 0.97
    assert differ / runs <= 0.06


def _abilities(rng, quality, alike, tasks):
    """How likely each task is to be passed: the same for all at 0, always or never at 1."""
    if alike == 0:
        return np.full(tasks, quality)
    if alike == 1:
        return (rng.random(tasks) < quality).astype(float)
    return rng.beta(quality * (1 / alike - 1), (1 - quality) * (1 / alike - 1), tasks)


def test_one_task_asked_fifty_times_and_tied_tasks_say_almost_nothing():
    assert share_interval([1.0]) == wilson(1, 1)
    assert share_interval([]) == (0, 1) and difference_interval([]) == (-1, 1)
    assert difference_interval([0.0] * 60) == tango(0, 0, 60)
    assert equal_means_p([0.0] * 10) == 1 and equal_means_p([]) == 1 and holm([]) == []


def test_halves_scatter_less_than_whole_answers_and_count_for_more_tasks():
    """40 tasks: 10 better by a half, 6 worse. Asked once they would scatter by 0.2 - 0.05^2, and do by 0.1 - 0.05^2."""
    halves = [0.5] * 10 + [-0.5] * 6 + [0.0] * 24
    effective = 40 * (1.95996 / 2.02269) ** 2 * (39 / 40) * 0.1975 / 0.0975
    assert difference_interval(halves) == pytest.approx(
        tango(0.125 * effective, 0.075 * effective, effective), abs=1e-5
    )


@pytest.mark.parametrize(("ratio", "requests"), [(1, 1469), (4, 918)])
def test_requests_for_a_margin_by_hand(ratio, requests):
    """(1.6449 + 0.8416)^2 x 0.05 x 0.95 x (1 + 1 / ratio) / 0.02^2."""
    assert requests_for_margin(0.05 * 0.95, 0.02, ratio, 0.05) == requests


def test_holm():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    many = [0.2, 0.001, 0.04, 0.04, 0.9, 0.0004, 0.5]
    assert holm(many) == pytest.approx(multipletests(many, method="holm")[1].tolist())
