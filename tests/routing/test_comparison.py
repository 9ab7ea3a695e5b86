"""Policies against a baseline: what the words may say, over several comparisons and repeated tasks."""

from __future__ import annotations

import pytest

from routing.grading.comparison import Pair, compare
from routing.grading.statistics import tasks_for_margin


def pairs(both, only_a, only_b, neither, answers=1):
    outcomes = [(1, 1)] * both + [(1, 0)] * only_a + [(0, 1)] * only_b + [(0, 0)] * neither
    return [Pair(f"t{i}", answers, a, b, 0.02 * answers, 0.03 * answers, 100, 150) for i, (a, b) in enumerate(outcomes)]


def one(*counts, margin=0.05, answers=1):
    return compare({"rival": pairs(*counts, answers=answers)}, margin)["rival"]


def test_a_comparison_never_says_equal():
    same = one(40, 3, 3, 14)
    assert "No difference detected" in same.words and same.difference == 0
    assert same.cost_difference_usd == pytest.approx(-0.6)
    assert same.cost_interval_usd == pytest.approx((-0.6, -0.6))
    worse = one(10, 0, 20, 30)
    assert "worse" in worse.words and worse.p_value < 0.001 and worse.interval[1] < 0
    assert compare({"rival": []}, 0.05) == {}


@pytest.mark.heavy
def test_the_margin_decides_by_the_interval_not_by_the_estimate():
    assert not one(40, 3, 3, 14).not_worse and "Not shown to be within the stated 5 points" in one(40, 3, 3, 14).words
    shown = one(1900, 20, 20, 60)
    assert shown.not_worse and "at most the stated 5 points worse" in shown.words


@pytest.mark.heavy
def test_a_few_equal_answers_show_nothing_about_a_margin():
    assert not one(3, 0, 0, 1).not_worse and not one(60, 0, 0, 0).not_worse
    assert "that takes 73 tasks at least" in one(60, 0, 0, 0).words
    enough = tasks_for_margin(0.05)
    assert one(enough, 0, 0, 0, margin=0.05 + 1e-9).not_worse and not one(enough - 1, 0, 0, 0).not_worse


def test_words_follow_the_figures_adjusted_for_all_comparisons():
    """Five comparisons, raw p .0215 each, Holm .107: nothing is detected, in words as in figures."""
    alone = one(30, 13, 3, 14)
    assert alone.p_value == pytest.approx(0.0213, abs=5e-4) and "better" in alone.words
    many = compare({f"rival {n}": pairs(30, 13, 3, 14) for n in range(5)}, 0.05)
    for comparison in many.values():
        assert comparison.p_value == pytest.approx(0.1065, abs=2e-3)
        assert (
            "No difference detected" in comparison.words and "p = 0.11, adjusted for 5 comparisons" in comparison.words
        )
        assert comparison.interval[0] < alone.interval[0] and comparison.interval[1] > alone.interval[1]
        assert f"{100 * comparison.interval[0]:+.1f}" in comparison.words


def test_a_margin_shown_alone_may_not_be_shown_among_several():
    enough = pairs(tasks_for_margin(0.05) + 1, 0, 0, 0)
    assert compare({"rival": enough}, 0.05)["rival"].not_worse
    several = compare({"rival": enough, "other": enough}, 0.05)["rival"]
    assert not several.not_worse and "that takes 96 tasks at least" in several.words


def test_repeats_of_a_task_that_always_answers_alike_add_no_certainty():
    once, often = one(30, 9, 1, 0), one(30, 9, 1, 0, answers=5)
    assert (often.interval, often.p_value, often.detectable) == (once.interval, once.p_value, once.detectable)
    assert (often.tasks, often.answers) == (40, 200) and "on these 40 tasks (200 answers)" in often.words
