"""The statistics against published and worked values (facts/routing.md 5.1, 5.2)."""

from __future__ import annotations

import random

import pytest

from routing.grading.comparison import (
    Pair,
    compare,
    detectable_difference,
    holm,
    lowest_difference,
    mcnemar,
    not_worse,
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
    ],
)
def test_wilson(passed, count, low, high):
    assert wilson(passed, count) == pytest.approx((low, high), abs=5e-4)


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [(6, 11, 0.332), (0, 6, 0.031), (28, 64, 0.0002), (28, 54, 0.0054), (28, 29, 1.0), (23, 42, 0.0248), (0, 0, 1.0)],
)
def test_exact_mcnemar(only_a, only_b, p):
    assert mcnemar(only_a, only_b) == pytest.approx(p, abs=6e-4)


@pytest.mark.parametrize(
    ("discordance", "difference", "tasks"),
    [
        (0.1, 0.02, 1960),
        (0.1, 0.05, 312),
        (0.1, 0.1, 77),
        (0.2, 0.02, 3923),
        (0.2, 0.05, 626),
        (0.2, 0.1, 155),
        (0.3, 0.02, 5885),
        (0.3, 0.05, 940),
        (0.3, 0.1, 234),
    ],
)
def test_tasks_needed_for_eighty_percent_power(discordance, difference, tasks):
    assert abs(tasks_needed(discordance, difference) - tasks) <= 1


def test_sixty_tasks_show_large_differences_only():
    found = detectable_difference(0.3, 60)
    assert 0.15 < found < 0.25 and tasks_needed(0.3, found) <= 60
    assert detectable_difference(0.02, 10) is None


def pairs(both, only_a, only_b, neither):
    outcomes = [(True, True)] * both + [(True, False)] * only_a + [(False, True)] * only_b + [(False, False)] * neither
    return [Pair(f"t{i}", f"t{i}", a, b, 0.02, 0.03, 100, 150) for i, (a, b) in enumerate(outcomes)]


def test_a_comparison_never_says_equal():
    same = compare(pairs(40, 3, 3, 14))
    assert (
        "No difference detected" in same.words
        and same.difference == 0
        and same.cost_difference_usd == pytest.approx(-0.6)
    )
    worse = compare(pairs(10, 0, 20, 30))
    assert "worse" in worse.words and worse.p_value < 0.001 and worse.interval[1] < 0
    assert compare([]) is None


def test_the_margin_decides_by_the_interval_not_by_the_estimate():
    assert not not_worse(compare(pairs(40, 3, 3, 14)), 0.05)
    assert not_worse(compare(pairs(1900, 20, 20, 60)), 0.05)


def test_a_few_equal_answers_show_nothing_about_a_margin():
    assert not not_worse(compare(pairs(3, 0, 0, 1)), 0.05) and not not_worse(compare(pairs(60, 0, 0, 0)), 0.05)
    enough = tasks_for_margin(0.05)
    assert not_worse(compare(pairs(enough, 0, 0, 0)), 0.05 + 1e-9) and not not_worse(
        compare(pairs(enough - 1, 0, 0, 0)), 0.05
    )
    # Without a discordant pair the score interval has a closed form.
    assert lowest_difference(0, 0, 60) == pytest.approx(-(1.95996**2) / (60 + 1.95996**2), abs=1e-6)


def test_a_policy_worse_by_the_margin_is_rarely_shown_to_be_within_it():
    """Type I error of the margin's test, simulated: at most a little over 2.5 %."""
    rng = random.Random(3)
    shown = 0
    for _ in range(4000):
        draws = [rng.random() for _ in range(100)]
        only_a, only_b = sum(d < 0.10 for d in draws), sum(0.10 <= d < 0.25 for d in draws)
        shown += lowest_difference(only_a, only_b, 100) > -0.05
    assert shown / 4000 < 0.035


def test_intervals_cover_and_repeats_of_one_task_are_drawn_together():
    rng = random.Random(1)
    base = [rng.random() < 0.6 for _ in range(40)]
    single = [Pair(f"t{i}", f"t{i}", a, rng.random() < 0.5, 0, 0, 0, 0) for i, a in enumerate(base)]
    repeated = [p for p in single for _ in range(5)]
    narrow, wide = (
        compare([Pair(f"x{i}", f"x{i}", p.a_passed, p.b_passed, 0, 0, 0, 0) for i, p in enumerate(repeated)]),
        compare(repeated),
    )
    assert wide.interval[1] - wide.interval[0] > 1.5 * (narrow.interval[1] - narrow.interval[0])


def test_holm():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
