"""Wrong versions of the routing code that once passed every test: each case has its right value by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from data.facts.models import shipped_catalog
from routing.calling.limiter import AdaptiveRate, Bucket
from routing.grading.comparison import Pair, compare
from routing.grading.statistics import _discordant
from routing.policies.choice import candidates
from routing.policies.text import read_policy
from tests.routing.test_laws import Clock


def test_a_bucket_gives_what_flowed_in_and_says_how_long_the_rest_takes():
    """Mutants 6: one that never gave anything kept the only law, that it never gives too much."""
    clock = Clock()
    bucket = Bucket(clock, per_minute=120, burst_s=3)  # two a second, six at once
    assert bucket.wait_s(6) == 0
    bucket.take(6)
    assert bucket.wait_s() == 0.5 and bucket.wait_s(4) == 2.0
    assert bucket.wait_s(1000) == 3.0  # more than it holds waits for a full one
    clock.now += 0.5
    assert bucket.wait_s() == 0
    bucket.take(3)  # below zero: later calls wait for it
    assert bucket.wait_s() == 1.5
    bucket.give_back(2)
    assert bucket.wait_s() == 0.5
    bucket.give_back(-5)
    assert bucket.wait_s() == 0.5
    clock.now += 100
    bucket.give_back(100)
    bucket.take(6)
    assert bucket.wait_s() == 0.5  # a full bucket holds six, whatever came back
    clock.now += 100
    bucket.take(6)  # without a question before it: what flowed in until now is no more than a full bucket either
    assert bucket.wait_s() == 0.5
    assert Bucket(clock, per_minute=6).wait_s() == 0  # one call fits always


def test_a_declared_rate_spaces_calls_and_a_late_one_is_made_up_for_once():
    clock = Clock()
    rate = AdaptiveRate(clock, highest_per_minute=60)
    rate.take()
    assert rate.wait_s() == 0
    rate.take()
    assert rate.wait_s() == 1.0
    clock.now += 0.4
    assert rate.wait_s() == pytest.approx(0.6)
    clock.now += 5.6
    rate.take()
    assert rate.wait_s() == 0  # one start late is made up for
    rate.take()
    assert rate.wait_s() == 1.0  # a backlog is not


@pytest.mark.parametrize(("good", "cut"), [(22, True), (27, True), (28, False)])
def test_more_than_a_tenth_of_overload_cuts_and_rests(good, cut):
    """Mutants 6: three of 25 and of 30 are above a tenth and at it. 0.97 is the trim of the first refusal."""
    clock = Clock()
    rate = AdaptiveRate(clock, highest_per_minute=60)
    for _ in range(good):
        rate.record(False)
    for _ in range(3):
        rate.record(True)
    share = 3 / (good + 3)
    if cut and share > 0.1:
        # None of the calls since the refusals began came through: half a call of four.
        assert rate.per_s == pytest.approx(0.97 * 0.5 / 4)
        assert rate.resting_s() == 5 and rate.failure_share == 0
        clock.now += 4
        assert rate.resting_s() == 1 == rate.wait_s()
    else:
        assert rate.per_s == pytest.approx(0.97) and rate.resting_s() == 0
        assert rate.failure_share == pytest.approx(share)


def test_fewer_than_twenty_five_calls_cut_nothing():
    rate = AdaptiveRate(Clock(), highest_per_minute=60)
    for overloaded in [False] * 21 + [True] * 3:
        rate.record(overloaded)
    assert rate.resting_s() == 0 and rate.failure_share == 0.125


def test_an_unlimited_endpoint_learns_its_rate_from_what_was_sent():
    clock = Clock()
    rate = AdaptiveRate(clock)
    assert rate.per_s is None and rate.wait_s() == 0
    rate.take()
    rate.record(True)  # in the very moment: nothing to divide by
    assert rate.per_s == pytest.approx(0.97)
    other = AdaptiveRate(clock)
    for _ in range(10):
        other.take()
        clock.now += 0.5
    other.record(True)
    assert other.per_s == pytest.approx(2 * 0.97)


def test_a_rate_climbs_briskly_below_its_ceiling_and_slowly_above():
    clock = Clock()
    rate = AdaptiveRate(clock, highest_per_minute=600)
    rate.record(True)
    assert rate.per_s == pytest.approx(9.7)
    clock.now += 4.9
    rate.wait_s()
    assert rate.per_s == pytest.approx(9.7)  # held for five seconds
    clock.now += 1.1
    rate.wait_s()
    above = 0.0003 * (1 + (6 / 30) ** 2)
    assert rate.per_s == pytest.approx(9.7 * (1 + above))
    rate._ceiling = 20.0
    clock.now += 1
    rate.wait_s()
    assert rate.per_s == pytest.approx(9.7 * (1 + above) * 1.015)
    for _ in range(10):
        clock.now += 1
        rate.wait_s()
    assert rate.per_s == 10  # never above what is declared


def test_what_was_proven_fades_within_minutes():
    clock = Clock()
    rate = AdaptiveRate(clock)
    for _ in range(25):
        rate.take()
        clock.now += 0.1
    rate.record(False)
    assert rate._proven() == pytest.approx(10)
    clock.now += 60
    assert rate._proven() == pytest.approx(10 / math.e)
    half = AdaptiveRate(clock)
    for _ in range(25):
        half.take()
        clock.now += 0.1
    half.record(True)
    half.record(False)
    assert half._proven() == pytest.approx(5)  # ten a second, half of which came through


SPARES = """
name: p
constraints: [{when: {}, forbid: {origin: [CN]}}]
rules: [{when: {}, use: deepseek-v3.2}]
fallback: [gpt-5.2, claude-opus-4-6]
"""


def test_a_rule_that_is_refused_leaves_one_answer_and_the_other_as_its_spare():
    """Mutants 11: of two fallbacks both were taken to answer, and the second was lost as a substitute."""
    choice = candidates(read_policy(SPARES), {"task_type": "chat"}, shipped_catalog())
    assert choice.way == "fallback" and [target for target, _ in choice.refused] == ["deepseek-v3.2"]
    assert [c.target for c in choice.candidates] == ["gpt-5.2"]
    assert [c.target for c in choice.fallback] == ["claude-opus-4-6"]


def outcomes(better: int, worse: int, same: int) -> list[Pair]:
    """A does better on some tasks, B on others; every task costs A 2 and B 3 cents, in 100 and 150 ms."""
    verdicts = [(1.0, 0.0)] * better + [(0.0, 1.0)] * worse + [(1.0, 1.0)] * same
    return [Pair(f"t{n}", 1, a, b, 0.02, 0.03, 100.0, 150.0) for n, (a, b) in enumerate(verdicts)]


@pytest.mark.heavy
def test_every_figure_of_a_comparison_by_hand():
    """Mutants 13: qualities a hundred times too large and "p < 0.001" where it is above passed."""
    found = compare({"rival": outcomes(6, 2, 12)}, 0.05)["rival"]
    assert (found.tasks, found.answers, found.only_a, found.only_b) == (20, 20, 6, 2)
    assert (found.quality_a, found.quality_b, found.difference) == pytest.approx((0.9, 0.7, 0.2))
    assert found.cost_difference_usd == pytest.approx(-0.2)
    assert found.latency_difference_ms == -50
    # Exact McNemar: at most two of eight heads, both ways: 2 x (1 + 8 + 28) / 256.
    assert found.p_value == pytest.approx(2 * 37 / 256) and "p = 0.29)" in found.words
    clear = compare({"rival": outcomes(12, 0, 8)}, 0.05)["rival"]
    assert clear.p_value == pytest.approx(2 / 2**12) and "p < 0.001)" in clear.words and "better" in clear.words
    near = compare({"rival": outcomes(8, 0, 12)}, 0.05)["rival"]
    assert near.p_value == pytest.approx(2 / 2**8) and "p = 0.008)" in near.words
    few = compare({"rival": outcomes(10, 2, 0)}, 0.05)["rival"]
    assert few.detectable is not None and few.detectable > 0.5
    assert f"a difference of {round(100 * few.detectable)} points or more" in few.words


def test_tasks_asked_once_are_as_many_as_they_are():
    assert _discordant(np.array([1.0] * 500 + [0.0] * 500)) == pytest.approx((500, 0, 1000))
    assert _discordant(np.array([1.0] * 300 + [-1.0] * 100 + [0.0] * 600)) == pytest.approx((300, 100, 1000))
