"""A mix as a policy: the same dollars when replayed, few rules where few say it, and what fewer would cost."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import numpy as np
import pytest

from analytics.scope import Scope
from data.facts.models import shipped_catalog
from data.ledger import Ledger
from data.prices.book import PriceBook
from data.wording import usd_short
from routing.policies.checks import dead_ends
from routing.policies.policy import Policy
from routing.policies.text import examples, read_policy, write_policy
from simulations.mixes.as_policy import as_policy
from simulations.mixes.caches import mix_caches
from simulations.mixes.from_log import with_shares
from simulations.mixes.optimise import Demands, optimise, total_cost
from simulations.mixes.problem_from_log import Programme, programme
from simulations.replay.replay import replay
from simulations.replay.repricing import Market
from tests.simulations.ledgers import ledger_of, random_ledger

CATALOG = shipped_catalog()
MARKET = Market(PriceBook(), CATALOG, datetime.fromisoformat("2026-11-20"))
TARGETS = ("claude-opus-4-6", "deepseek-v3.2")


def replayed_usd(view: Ledger, made: Programme, policy: Policy) -> float:
    """What the policy costs on the priced work of the mix, in the days that the log covers, caches as they are lost."""
    groups = replay(view, made.scope, policy, MARKET).groups
    priced = groups[(groups["basis"] == "priced") & groups["comparable"]]
    return float(priced["policy_cost_usd"].astype(float).sum())


def said(view: Ledger, made: Programme, shares: np.ndarray, **more: int) -> Policy:
    compiled = as_policy(made, shares, CATALOG, "the mix", **more)
    assert compiled.unsaid_usd == 0
    return read_policy(write_policy(compiled.policy))  # what a file keeps of it


@pytest.fixture(scope="module")
def random_log(tmp_path_factory) -> Ledger:
    ledger = random_ledger(tmp_path_factory.mktemp("random"), 3000)
    return ledger.at(ledger.snapshot())


@pytest.mark.parametrize("seed", range(6))
def test_a_random_mix_replays_to_the_same_dollars(random_log, seed):
    constraints = examples()["no_chinese_api"] if seed % 2 else None
    made = programme(random_log, Scope.of(random_log), MARKET, TARGETS, policy=constraints)
    if seed < 4:
        demands = Demands(quality_floor=0.9 + seed * 0.01, any_vendor_cap=0.7 if seed > 1 else None)
        shares = optimise(made.problem, demands).shares
    else:
        shares = with_shares(made, {"gpt-5.2": 0.3, "claude-opus-4-6": 0.7})
    lost = mix_caches(random_log, made, shares, MARKET).usd
    usd = (total_cost(made.problem, shares) + lost) / made.yearly
    assert replayed_usd(random_log, made, said(random_log, made, shares)) == pytest.approx(usd, rel=1e-3)


def test_a_share_above_the_own_window_cannot_be_said_and_is_counted(random_log):
    """deepseek answered more than its catalogue gives it room for; a router would not ask it again."""
    made = programme(random_log, Scope.of(random_log), MARKET, TARGETS)
    shares = with_shares(made, {"deepseek-v3.2": 0.5, "claude-opus-4-6": 0.5})
    assert as_policy(made, shares, CATALOG, "the mix").unsaid_usd > 0


def work(task: str, model: str, provider: str, usd: str, **more: object) -> dict[str, object]:
    return {"task_type": task, "model": model, "provider": provider, "cost_usd": Decimal(usd), **more}


@pytest.fixture
def plain(home) -> Ledger:
    """Three kinds of work at two sizes, two levels and two models."""
    rows = [
        work(task, model, provider, "0.02", criticality=level, fresh_input_tokens=size)
        for task in ("coding", "chat", "extraction")
        for level in ("high", "normal")
        for size in (500, 20_000)
        for model, provider in (("gpt-5.2", "openai"), ("minimax-m2", "minimax"))
        for _ in range(3)
    ]
    ledger = ledger_of(home, rows)
    return ledger.at(ledger.snapshot())


def mixed(made: Programme, wanted: dict[str, str]) -> np.ndarray:
    """Shares that send each task type to a model whole; what is not named stays."""
    shares = made.current_shares.copy()
    for row, task in enumerate(made.segments["task_type"]):
        if task in wanted:
            shares[row] = np.eye(len(made.problem.models))[made.problem.models.index(wanted[task])]
    return shares


def test_what_few_rules_say_takes_few(plain):
    made = programme(plain, Scope.of(plain), MARKET, TARGETS)
    rules = said(plain, made, mixed(made, {"coding": "deepseek-v3.2"})).rules
    assert [(dict(r.when), r.use) for r in rules][1:] == [({}, "current")] and rules[0].use == "deepseek-v3.2"
    assert rules[0].when["task_type"].values == ("coding",) and set(rules[0].when) == {"task_type"}
    two = said(plain, made, mixed(made, {"coding": "deepseek-v3.2", "chat": "deepseek-v3.2"})).rules
    assert len(two) == 2  # the third kind of work stays, or two kinds in one rule
    assert len(said(plain, made, made.current_shares).rules) == 1
    everything = mixed(made, dict.fromkeys(("coding", "chat", "extraction"), "deepseek-v3.2"))
    assert [r.use for r in said(plain, made, everything).rules] == ["deepseek-v3.2"]


def test_sizes_become_a_range(plain):
    made = programme(plain, Scope.of(plain), MARKET, TARGETS)
    shares = made.current_shares.copy()
    large = (made.segments["band"] >= 10_000).to_numpy()
    shares[large] = np.eye(len(made.problem.models))[made.problem.models.index("deepseek-v3.2")]
    policy = said(plain, made, shares)
    assert len(policy.rules) == 2
    assert replayed_usd(plain, made, policy) == pytest.approx(total_cost(made.problem, shares) / made.yearly, rel=1e-3)


def test_a_split_is_a_split(plain):
    made = programme(plain, Scope.of(plain), MARKET, TARGETS)
    rules = said(plain, made, with_shares(made, {"gpt-5.2": 0.25, "deepseek-v3.2": 0.75})).rules
    assert len(rules) == 1 and rules[0].split == {"gpt-5.2": 0.25, "deepseek-v3.2": 0.75}


def test_fewer_rules_cost_what_they_are_said_to(plain):
    made = programme(plain, Scope.of(plain), MARKET, TARGETS)
    shares = mixed(made, {"coding": "deepseek-v3.2", "chat": "minimax-m2"})
    whole = as_policy(made, shares, CATALOG, "the mix")
    assert whole.simpler[-1].cost_usd == pytest.approx(total_cost(made.problem, shares))
    for step in whole.simpler:
        policy = as_policy(made, shares, CATALOG, "the mix", most=step.rules).policy
        assert len(policy.rules) == step.rules
        assert replayed_usd(plain, made, policy) == pytest.approx(step.cost_usd / made.yearly, rel=1e-3)
    fewer = as_policy(made, shares, CATALOG, "the mix", most=1)
    assert fewer.unsaid_usd > 0


def test_what_no_condition_tells_apart_is_said_in_dollars(plain):
    made = programme(plain, Scope.of(plain), MARKET, TARGETS)
    groups = made.groups.copy()
    groups["task_type"] = groups["criticality"] = groups["model"] = groups["provider"] = "same"
    blind = Programme(**{**made.__dict__, "groups": groups})
    shares = mixed(made, {"coding": "deepseek-v3.2"})
    compiled = as_policy(blind, shares, CATALOG, "the mix")
    assert 0 < compiled.unsaid_usd <= float(groups["cost_usd"].astype(float).sum()) * made.yearly
    assert f"all of the mix but {usd_short(compiled.unsaid_usd)} a year of work that no condition" in compiled.words


def test_the_constraints_stand_in_the_policy(random_log):
    made = programme(random_log, Scope.of(random_log), MARKET, TARGETS, policy=examples()["no_chinese_api"])
    policy = said(random_log, made, optimise(made.problem, Demands(quality_floor=0.9)).shares)
    assert policy.constraints == examples()["no_chinese_api"].constraints
    assert policy.fallback[0] == "current" and len(policy.fallback) > 1
    assert not dead_ends(policy, CATALOG)
