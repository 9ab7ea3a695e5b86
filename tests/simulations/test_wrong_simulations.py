"""Wrong versions of the simulations' code that once passed every test: each case has its right value by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from data.schema import TOKENS
from simulations.hosting.costs import costs
from simulations.mixes.optimise import Demands, Infeasible, optimise
from simulations.replay.repricing import UNKNOWN_VERBOSITY
from tests.simulations.test_breakeven import answer
from tests.simulations.test_optimise import demands, problem
from tests.simulations.test_replay import AT, BOOK, market

TIERED = "gemini-2.5-pro"  # dearer from the 200,001st token of input on, for the whole request


def segment(tokens: int, band: int) -> pd.DataFrame:
    counts = dict.fromkeys(TOKENS, 0) | {"fresh_input_tokens": tokens, "output_tokens": 100}
    told = {"model": "gpt-5.2", "band": band, "service_tier": "standard", "tool_fees_usd": 0.0}
    return pd.DataFrame([counts | told])


def test_a_tier_of_price_is_an_edge_and_each_side_costs_its_own():
    """Mutants 7: without the edge a segment across it was priced at one rate."""
    prices = market(verbosity=1.0)
    assert prices.edges([TIERED]) == [200_001]
    for tokens in (199_999, 200_000, 200_001):
        quote = BOOK.quote("google", TIERED, AT, fresh_input=tokens, output=100).cost_usd
        band = 200_001 if tokens > 200_000 else 0
        assert float(prices.cost_usd(segment(tokens, band), TIERED)[0]) == pytest.approx(float(quote), rel=1e-12)


def test_a_model_writes_as_long_as_itself_wherever_it_runs():
    """Mutants 7: half to double, where it is one."""
    prices = market()
    assert prices.verbosity("gpt-5.2", "gpt-5.2@cloud") == (1, 1, 1, True)
    assert prices.verbosity("nobody-knows", "gpt-5.2") == (*UNKNOWN_VERBOSITY, False)


def test_two_models_compare_by_their_factors_against_the_same_reference():
    """GPT-5 writes 1 (0.53 to 1.79) of the reference, Gemini 2.5 Pro 2.82 (1.4 to 5.6): the ends as far as they go."""
    prices = market()
    assert prices.verbosity("gpt-5", TIERED) == pytest.approx((2.82, 1.4 / 1.79, 5.6 / 0.53, True))
    assert prices.verbosity(TIERED, "gpt-5") == pytest.approx((1 / 2.82, 0.53 / 5.6, 1.79 / 1.4, True))
    long = float(prices.cost_usd(segment(1000, 0).assign(model="gpt-5"), TIERED)[0])
    quote = BOOK.quote("google", TIERED, AT, fresh_input=1000, output=282).cost_usd
    assert long == pytest.approx(float(quote), rel=1e-9)


def test_two_models_that_nobody_knows_are_not_the_same():
    prices = market()
    assert prices.verbosity("nobody-knows", "nor-this") == (*UNKNOWN_VERBOSITY, False)
    assert prices.verbosity("nobody-knows", "nobody-knows@self") == (1, 1, 1, True)


@pytest.mark.parametrize("name", ["quality_floor", "any_vendor_cap", "max_moved_share", "max_failure_share"])
def test_a_share_that_is_demanded_lies_between_none_and_all(name):
    """Mutants 14: a cap of less than nothing was taken."""
    for share, taken in ((-0.01, False), (0, True), (1, True), (1.01, False)):
        try:
            found = getattr(Demands(**{name: share}), name) == share
        except ValueError:
            found = False
        assert found is taken, share


def test_only_what_blocks_is_named_as_blocking():
    task = replace(problem(np.random.default_rng(4)), quality=np.full((3, 3), 0.8))
    answer = optimise(task, Demands(quality_floor=0.9, vendor_cap={"a": 1.0}))
    assert isinstance(answer, Infeasible) and len(answer.blocking) == 1 and "quality floor" in answer.blocking[0]


def test_of_two_own_options_the_cheaper_one_is_told():
    """Mutants 4: the headline, payback and return could be those of the dearer one."""
    told = answer(traffic={"requests_per_month": 2e8, "input_tokens": 3000, "output_tokens": 500})
    cost = {name: told["options"][name]["present_cost_usd"] for name in ("rented", "bought")}
    assert cost[told["option"]] == min(cost.values()) < max(cost.values())


def test_a_million_tokens_cost_the_bill_over_the_tokens_of_growing_months():
    """Mutants 4: any factor passed, for the only test was of which is less."""
    told = answer(months=24, assumptions={"growth_per_year": {"value": 0.2}, "api_price_decline": {"value": 0}})
    tokens = sum(2e6 * 3500 * 1.2 ** (month / 12) for month in range(24))
    for name in ("api", "host", "rented", "bought"):
        option = told["options"][name]
        assert option["usd_per_mtok_reserved"] == pytest.approx(option["total_usd"] / tokens * 1e6)
    monthly = 2e6 * (3000 * 2 + 500 * 10) / 1e6
    assert told["options"]["api"]["total_usd"] == pytest.approx(
        sum(monthly * 1.2 ** (month / 12) for month in range(24)), rel=1e-9
    )


def test_a_bill_grows_with_the_work_and_falls_with_the_prices():
    """A fifth more work at a tenth less a year: 10,000 are 10,800 a year on, and 11,664 after two."""
    figures = {"api_usd_per_month": 10_000.0, "growth_per_year": 0.2, "api_price_decline": 0.1}
    flow = costs(figures, "api", 25)
    assert [flow[month] for month in (0, 1, 13, 25)] == pytest.approx([0.0, 10_000.0, 10_800.0, 11_664.0])


def test_what_saves_at_any_traffic_breaks_even_at_none():
    told = answer(api={"input_usd_per_mtok": 2e6, "output_usd_per_mtok": 1e6})["breakeven_volume"]
    assert (told["multiple"], told["tokens_per_month"], told["utilisation"]) == (0.0, 0.0, None)
    assert told["searched_to"] == pytest.approx(100)


def test_every_promise_holds_on_the_mix_itself():
    """Mutants 9: the optimiser's own rows were the yardstick, so a promise left out of them was kept."""
    rng, met = np.random.default_rng(3), 0
    for case in range(60):
        task, asked = problem(rng, 6, 4), demands(rng, case)
        answer = optimise(task, asked)
        if isinstance(answer, Infeasible):
            continue
        met += 1
        requests = answer.shares * task.weights[:, None]
        by_model, total = requests.sum(0), task.weights.sum()

        def part(labels, name, by_model=by_model, total=total):
            return sum(n for n, label in zip(by_model, labels, strict=True) if label == name) / total

        near = 1e-6
        for name, cap in asked.origin_cap.items():
            assert part(task.origins, name) <= cap + near
        for name, cap in asked.vendor_cap.items():
            assert part(task.vendors, name) <= cap + near
        for name, share in asked.min_share.items():
            assert part(task.models, name) >= share - near
        for name, most in asked.capacity.items():
            assert part(task.models, name) * total <= most + near * total
        if asked.max_moved_share is not None:
            stayed = sum(requests[s, m] for s, m in enumerate(task.current)) / total
            assert 1 - stayed <= asked.max_moved_share + near
        if asked.max_latency_ms is not None:
            waits = [asked.latency_ms[name] for name in task.models]
            assert float((by_model * waits).sum()) / total <= asked.max_latency_ms + near * 1000
        quality = task.quality * requests
        if asked.quality_floor is not None:
            assert quality.sum() / total >= asked.quality_floor - near
        for level, floor in asked.floor_by_criticality.items():
            inside = [c == level for c in task.criticality]
            assert quality[inside].sum() / task.weights[inside].sum() >= floor - near
    assert met > 30
