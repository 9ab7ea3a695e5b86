"""A mix against the policy in force: what breaks it today, what would, and what the rule costs."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from analytics.scope import Scope
from data.facts.models import shipped_catalog
from data.prices.book import PriceBook
from routing.policies.text import examples
from simulations.mixes.compliance import breach, without_rules
from simulations.mixes.optimise import Demands, Infeasible, mean_quality, optimise
from simulations.mixes.problem_from_log import programme
from simulations.replay.repricing import Market
from tests.simulations.ledgers import random_ledger

LEGAL = examples()["no_chinese_api"]
MARKET = Market(PriceBook(), shipped_catalog(), datetime.fromisoformat("2026-11-20"))


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    ledger = random_ledger(tmp_path_factory.mktemp("random"), 4000)
    return ledger.at(ledger.snapshot())


@pytest.fixture(scope="module")
def watched(log):
    """No constraint holds; Legal's is in force."""
    return programme(log, Scope.of(log), MARKET, ["claude-opus-4-6"], held=LEGAL)


@pytest.fixture(scope="module")
def under(log):
    """Legal's constraint holds and is in force."""
    return programme(log, Scope.of(log), MARKET, ["claude-opus-4-6"], policy=LEGAL, held=LEGAL)


def test_todays_breaches_are_the_requests_of_the_log(log, watched, under):
    chinese = [name for name, facts in shipped_catalog().items() if facts.origin == "CN"]
    names = ", ".join(f"'{name}'" for name in chinese)
    row = log.sql(
        f"""SELECT count(DISTINCT call_id) AS calls, sum(cost_usd) AS usd FROM {log.name("usage")}
        WHERE data_class IN ('customer', 'regulated') AND status = 'success' AND cost_usd IS NOT NULL
          AND model IN ({names}) AND coalesce(host, '') <> 'self'"""
    ).iloc[0]
    assert row["calls"] > 0
    for made in (watched, under):
        found = breach(made, made.current_shares)
        assert found.usd / made.yearly == pytest.approx(float(row["usd"]), rel=1e-9)
        assert found.requests / made.yearly == pytest.approx(row["calls"], rel=0.02)


def test_an_optimum_under_the_rule_keeps_it_and_one_without_costs_no_more(watched, under):
    demands = Demands(quality_floor=mean_quality(under.problem, under.current_shares))
    allowed, free = optimise(under.problem, demands), without_rules(under, demands)
    assert not isinstance(allowed, Infeasible) and not isinstance(free, Infeasible)
    assert not breach(under, allowed.shares) and free.cost_usd <= allowed.cost_usd + 1e-6
    same = optimise(watched.problem, demands)
    assert free.cost_usd == pytest.approx(same.cost_usd, rel=1e-9)
    assert bool(breach(watched, same.shares)) == bool(breach(under, free.shares))


def test_without_a_policy_in_force_nothing_breaks(log):
    made = programme(log, Scope.of(log), MARKET)
    assert not breach(made, made.current_shares) and np.array_equal(made.kept, made.free)


def test_other_constraints_hold_beside_those_in_force(log, under):
    other = LEGAL.model_copy(update={"name": "other", "constraints": (LEGAL.constraints[0], LEGAL.constraints[0])})
    made = programme(log, Scope.of(log), MARKET, ["claude-opus-4-6"], policy=other, held=LEGAL)
    assert breach(made, made.current_shares).usd == pytest.approx(breach(under, under.current_shares).usd)
    assert np.array_equal(made.kept, made.problem.allowed)
