"""Honest quality: scales that are not mixed, estimators that know when to be silent."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from analytics.scope import Scope
from data.errors import Refused
from data.facts.models import shipped_catalog
from data.prices.book import PriceBook
from routing.policies.text import read_policy
from simulations.replay.off_policy import estimates
from simulations.replay.quality import WORDS, doubly_robust, ips, judge_estimate, scales, score_of, snips
from simulations.replay.repricing import Market
from tests.simulations.ledgers import ledger_of


def experiment(n, epsilon, seed=1, arms=3):
    """Logs of an epsilon-greedy router with known rewards; the new policy always takes arm 2."""
    rng = np.random.default_rng(seed)
    truth = np.array([0.5, 0.6, 0.8])
    logged = np.where(rng.random(n) < epsilon, rng.integers(0, arms, n), 0)
    propensity = np.where(logged == 0, 1 - epsilon + epsilon / arms, epsilon / arms)
    reward = (rng.random(n) < truth[logged]).astype(float)
    return reward, (logged == 2).astype(float), propensity, truth


def test_ips_snips_and_dr_find_the_truth_and_cover_it():
    hits = {"IPS": 0, "SNIPS": 0, "DR": 0}
    for seed in range(60):
        reward, evaluated, propensity, truth = experiment(4000, 0.3, seed)
        guess = np.full(4000, 0.7)
        for estimate in (
            ips(reward, evaluated, propensity),
            snips(reward, evaluated, propensity),
            doubly_robust(reward, evaluated, propensity, guess, guess),
        ):
            hits[estimate.method] += estimate.low <= truth[2] <= estimate.high
    assert all(count >= 50 for count in hits.values()), hits


def test_dr_is_right_with_wrong_propensities_if_the_model_is_right():
    reward, evaluated, propensity, truth = experiment(20_000, 0.5)
    wrong = np.clip(propensity * 1.5, 0, 1)
    predicted = truth[np.where(evaluated == 1, 2, 0)]
    reward = predicted  # a model that predicts every logged reward
    assert doubly_robust(reward, evaluated, wrong, predicted, np.full(20_000, truth[2])).value == pytest.approx(
        truth[2]
    )


def test_an_estimate_on_too_little_is_refused():
    reward, evaluated, propensity, _ = experiment(300, 0.05)
    with pytest.raises(Refused, match="effective samples"):
        judge_estimate(ips(reward, evaluated, propensity))
    reward, evaluated, propensity, _ = experiment(5000, 0.3)
    assert judge_estimate(snips(reward, evaluated, propensity)).effective_samples > 50


def test_a_deterministic_log_supports_nothing_else():
    n = 2000
    reward, evaluated, propensity = np.ones(n), np.where(np.arange(n) < 1000, 1.0, 0.0), np.ones(n)
    with pytest.raises(Refused, match="never tried"):
        judge_estimate(ips(reward, evaluated, propensity))


@pytest.mark.parametrize("share", [0.0, 0.03, 0.06])
def test_work_the_old_router_never_sent_there_widens_the_interval_or_refuses(share):
    """Methods 12: with 3 % of it the interval held the truth in 20 of 100 runs, with 6 % in none."""
    held = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        never = rng.random(3000) < share
        reward = (rng.random(3000) < 0.9).astype(float)
        evaluated = np.where(never, 0.0, rng.integers(0, 2, 3000) == 0)
        estimate = snips(reward, evaluated, np.full(3000, 0.5), 1.0 - never)
        assert estimate.unsupported_share == pytest.approx(never.mean())
        truth = (1 - share) * 0.9 + share * 0.2
        held.append(estimate.low <= truth <= estimate.high)
        if never.mean() > 0.05:
            with pytest.raises(Refused, match="never tried"):
                judge_estimate(estimate)
    assert np.mean(held) >= 0.93


def test_an_interval_of_scores_stays_between_0_and_1():
    reward, evaluated, propensity, _ = experiment(800, 0.2)
    for estimate in (ips(reward, evaluated, propensity), snips(reward, evaluated, propensity)):
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


@pytest.mark.parametrize(
    ("logged", "words"), [([], "no logged request"), ([0.0], "above 0"), ([1.5], "above 0"), ([np.nan], "above 0")]
)
def test_propensities_that_are_none(logged, words):
    values = np.array(logged)
    with pytest.raises(Refused, match=words):
        ips(np.ones(len(values)), np.ones(len(values)), values)


def test_the_scale_that_knows_most_is_chosen_and_missing_models_count_against_it():
    traffic = pd.DataFrame({"model": ["gpt-5.2", "minimax-m2"], "task_type": ["coding", "chat"], "calls": [70, 30]})
    assert scales(shipped_catalog(), traffic)[0].name == "stated"
    assert scales(shipped_catalog(), traffic)[0].coverage == 1.0
    coding = pd.DataFrame({"model": ["minimax-m2"], "task_type": ["coding"], "calls": [1]})
    assert scales(shipped_catalog(), coding, ["gpt-5.1"])[0].name == "SWE-bench bash-only"


def test_unknown_scores_are_nan():
    found = score_of(
        shipped_catalog(), ["gpt-5.2", "minimax-m2@self", "nobody"], ["coding", "coding", "chat"], "stated"
    )
    assert found[:2].tolist() == [0.95, 0.88] and np.isnan(found[2])
    assert set(WORDS) == {"measured", "estimated", "borrowed", "stated", "cost_only", "refused", "unchanged"}


def exploring_log(n=1200, epsilon=0.3):
    """A ledger whose router explored: GPT-5.2 by default, three models at random otherwise, odds in the tags."""
    rng = np.random.default_rng(4)
    names = ("gpt-5.2", "minimax-m2", "deepseek-v3.2")
    truth = (0.6, 0.5, 0.8)
    rows = []
    for _ in range(n):
        arm = int(rng.integers(0, 3)) if rng.random() < epsilon else 0
        odds = 1 - epsilon + epsilon / 3 if arm == 0 else epsilon / 3
        rows.append(
            {
                "model": names[arm],
                "quality_score": float(rng.random() < truth[arm]),
                "tags": f'{{"propensity": {odds}}}',
            }
        )
    return rows


@pytest.mark.heavy
def test_a_policy_is_estimated_from_a_log_that_explored(tmp_path):
    ledger = ledger_of(tmp_path, exploring_log())
    view = ledger.at(ledger.snapshot())
    market = Market(PriceBook(), shipped_catalog(), datetime.fromisoformat("2026-11-20"))
    always = read_policy("name: p\nrules: [{when: {}, use: deepseek-v3.2}]")
    found = {estimate.method: estimate for estimate in estimates(view, Scope.of(view), always, market)}
    assert all(estimate.low <= 0.8 <= estimate.high for estimate in found.values())
    assert found["DR"].high - found["DR"].low <= found["IPS"].high - found["IPS"].low
    never_tried = read_policy("name: p\nrules: [{when: {}, use: claude-opus-4-6}]")
    with pytest.raises(Refused):
        estimates(view, Scope.of(view), never_tried, market)
    with pytest.raises(Refused, match="carries the propensity"):
        estimates(view, Scope.of(view, team="nobody"), always, market)
