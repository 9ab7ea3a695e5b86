"""Odds and tornado of a break-even."""

from __future__ import annotations

import numpy as np
import pytest

from simulations.hosting import finance, uncertainty
from simulations.hosting.assumptions import Assumption, fixed_figure, in_words, spread
from simulations.hosting.breakeven import BreakevenScenario, main_option, resolve
from simulations.hosting.costs import saving
from simulations.scenario import read_scenario


@pytest.fixture(scope="module")
def case():
    return resolve(read_scenario("breakeven_minimax", BreakevenScenario, "breakeven"))


def test_the_same_seed_gives_the_same_answer(case):
    assert uncertainty.odds(case, "bought", seed=3) == uncertainty.odds(case, "bought", seed=3)
    assert uncertainty.odds(case, "bought", seed=3) != uncertainty.odds(case, "bought", seed=4)


def test_the_tornados_centre_is_the_base_case(case):
    flows = saving(case.base, main_option(case), case.scenario.months, whole=case.whole)
    base = finance.present_value(flows.worth, case.base["discount_rate"])
    swings = uncertainty.npv_swings(case, main_option(case))
    assert 1 < len(swings) <= 12
    assert all(s.base_usd == pytest.approx(base) for s in swings)
    assert [s.width for s in swings] == sorted((s.width for s in swings), reverse=True)
    assert in_words(swings[0].name) in uncertainty.measure_first(swings)


def test_as_many_paths_are_sampled_as_asked(case):
    """Their time is in tests/benchmarks/answer_speed.py."""
    assert uncertainty.odds(case, "bought", paths_log2=14).paths == 16384


def test_more_paths_agree_with_fewer(case):
    few, many = (uncertainty.odds(case, "rented", paths_log2=n).saving["p50"] for n in (10, 13))
    spread_usd = uncertainty.odds(case, "rented").saving
    assert abs(few - many) < 0.05 * (spread_usd["p90"] - spread_usd["p10"])


def test_quantiles_of_an_assumption_are_its_own_figures():
    u = np.array([0.1, 0.5, 0.9])
    assert Assumption("pue", 1.5, 1.2, 1.8).quantile(u) == pytest.approx([1.2, 1.5, 1.8])
    assert Assumption("ongoing_fte", 0.5, 0.25, 1.5).quantile(u) == pytest.approx([0.25, 0.5, 1.5])
    factor = spread("throughput_factor", 1.0, 0.3, "", "")
    assert factor.quantile(u) == pytest.approx([factor.low, 1.0, factor.high])
    assert factor.quantile(np.linspace(0, 1, 1001)).min() > 0
    assert Assumption("api_price_decline", 0.1, 0, 0.6).quantile(np.array([0.0, 1.0])) == pytest.approx([0, 0.95])


def test_without_ranges_there_is_no_uncertainty():
    assert not fixed_figure("x", 3).uncertain
    assert uncertainty.measure_first([]).startswith("No figure")
