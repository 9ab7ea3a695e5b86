"""A vendor that would get next to nothing is left out of the cheapest mix."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simulations.mixes.optimise import Demands, Infeasible, Problem, Solution, optimise
from simulations.mixes.shadow_prices import rule_prices, vendor_prices
from simulations.mixes.strays import LEAST, settle, stray_words


def small_work(requests: float = 3.0, spared: float = 0.02) -> Problem:
    """Vendor a answers everything today; new vendor c is a little cheaper on a small segment, and only there."""
    usd = requests * 0.1
    return Problem(
        np.array([1000.0, requests]),
        np.array([[100.0, 300.0, 500.0], [usd, 3 * usd, usd - spared]]),
        np.full((2, 3), 0.9),
        np.ones((2, 3), bool),
        np.array([0, 0]),
        ("m-a", "m-b", "m-c"),
        ("a", "b", "c"),
        ("US", "US", "US"),
        ("normal", "normal"),
    )


def test_a_new_vendor_for_next_to_nothing_is_left_out_and_said():
    task = small_work()
    assert optimise(task, Demands()).shares[1, 2] == 1.0
    answer, (stray,) = settle(task, Demands())
    assert isinstance(answer, Solution)
    assert answer.shares[:, 2].sum() == 0 and answer.cost_usd == pytest.approx(100.3)
    assert stray.vendor == "c" and stray.share == pytest.approx(3 / 1003) and stray.more_usd == pytest.approx(0.02)
    assert stray_words(stray).startswith("c, which answers nothing today, would take 0.3% of the requests and $0.28")
    prices = {price.promise: price.usd_per_year for price in vendor_prices(task, Demands(), answer)}
    assert "c" not in prices


@pytest.mark.parametrize(
    "task, demands",
    [
        (small_work(1000 * 2 * LEAST), Demands()),  # worth a vendor
        (small_work(), Demands(min_share={"c": 0.001})),  # asked for
        (small_work(), Demands(min_share={"m-c": 0.001})),
        (replace(small_work(), current=np.array([0, 2])), Demands()),  # used today
        (small_work(), Demands(vendor_cap={"a": 1000 / 1003, "b": 0.0})),  # no mix without it
    ],
)
def test_what_is_asked_for_needed_or_used_today_stays(task, demands):
    answer, strays = settle(task, demands)
    assert not isinstance(answer, Infeasible) and not strays
    assert answer.cost_usd == pytest.approx(optimise(task, demands).cost_usd) and answer.shares[1, 2] > 0


def test_one_that_is_needed_does_not_keep_another():
    task = Problem(
        np.array([1000.0, 1.0, 3.0]),
        np.array([[100.0, 500.0, 500.0], [0.1, 0.1, 0.1], [0.3, 0.9, 0.28]]),
        np.full((3, 3), 0.9),
        np.array([[True] * 3, [False, True, False], [True] * 3]),
        np.array([0, 0, 0]),
        ("m-a", "m-c", "m-d"),
        ("a", "c", "d"),
        ("US", "US", "US"),
        ("normal", "normal", "normal"),
    )
    answer, (stray,) = settle(task, Demands())
    assert stray.vendor == "d" and answer.shares[1, 1] == 1.0 and answer.shares[2, 0] == 1.0


def test_a_little_share_that_saves_much_stays():
    answer, strays = settle(replace(small_work(), cost_usd=np.array([[100.0, 300, 500], [9.0, 9, 0.1]])), Demands())
    assert not strays and answer.shares[1, 2] == 1.0


def test_rules_are_priced_one_by_one_and_together():
    """Lifting one rule changes nothing, lifting the other all: both are said, and what they cost together."""
    task = replace(small_work(1000.0), allowed=np.array([[True, True, True], [False, True, False]]))
    answer, alike = settle(task, Demands()).answer, task.allowed
    assert isinstance(answer, Solution)
    first = np.array([[True, True, True], [False, True, True]])
    found = rule_prices(task, Demands(), answer, {"x": alike, "y": first}, np.ones((2, 3), bool), lambda shares: 7.0)
    both, dearer, cheaper = found
    assert both.sentence == "lifting both rules together saves $200.02 a year"
    assert both.usd_per_year == pytest.approx(answer.cost_usd - optimise(small_work(1000.0), Demands()).cost_usd)
    assert dearer.sentence == "lifting only the rule that y saves $200.02 a year"
    assert cheaper.sentence == "lifting only the rule that x saves nothing"


def test_prices_of_rules_carry_the_caches_that_their_mix_loses():
    task = replace(small_work(1000.0), allowed=np.array([[True, True, True], [False, True, False]]))
    answer = settle(task, Demands()).answer
    assert isinstance(answer, Solution)
    (price,) = rule_prices(
        task, Demands(), answer, {"x": np.ones((2, 3), bool)}, task.allowed, lambda shares: 50.0 * shares[1, 2]
    )
    assert price.usd_per_year == pytest.approx(150.02)
