"""One fold for several policies gives each what a fold of its own gives; replayed together is replayed alone."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from analytics.scope import Scope
from data.errors import BadInput
from data.facts.models import shipped_catalog
from data.ledger import Ledger
from data.prices.book import PriceBook
from routing.policies.policy import Policy
from routing.policies.saved_policies import examples
from simulations.replay.joint_traffic import Asked, traffics
from simulations.replay.policy_query import folding
from simulations.replay.replay import Play, replay, replays_of
from simulations.replay.repricing import Market
from simulations.replay.side_by_side import side_by_side
from simulations.replay.summary import summary
from simulations.replay.traffic import fold
from simulations.replay.worth import worth
from tests.simulations.ledgers import START, ledger_of

MARKET = Market(PriceBook(), shipped_catalog(), datetime.fromisoformat("2026-11-20"))
pytestmark = pytest.mark.heavy  # each policy is folded twice
SEEDS = range(3)


@pytest.fixture(scope="module")
def view(tmp_path_factory) -> Ledger:
    """Conversations of all kinds of work, with caches, failures and retries, and what is unknown."""
    made = random.Random(7)
    rows = [row for number in range(60) for row in _conversation(made, number)]
    ledger = ledger_of(tmp_path_factory.mktemp("joint"), rows)
    return ledger.at(ledger.snapshot())


def _conversation(made: random.Random, number: int) -> list[dict[str, Any]]:
    provider, model = made.choice([("openai", "gpt-5.2"), ("minimax", "minimax-m2"), ("anthropic", "claude-opus-4-6")])
    about = {
        "provider": provider,
        "model": model,
        "model_raw": model,
        "session_id": made.choice([None, f"s{number}"]),
        "user_id": made.choice([None, f"u{number % 7}"]),
        "task_type": made.choice(["coding", "chat", "extraction", "unknown", None]),
        "data_class": made.choice(["internal", "customer", None]),
        "criticality": made.choice(["high", "normal"]),
        "team": made.choice(["search", "support", None]),
    }
    start, held = START + timedelta(minutes=7 * number), 0
    rows = []
    for turn in range(made.randint(1, 6)):
        fresh, size = made.randint(10, 400), 10 ** made.randint(0, 3)
        call = f"c{number}-{turn}"
        failed = made.random() < 0.2
        for attempt in range(1, 2 + failed):
            error = failed and attempt == 1
            rows.append(
                {
                    **about,
                    "call_id": call,
                    "attempt": attempt,
                    "status": "error" if error else "success",
                    "requested_at": start + timedelta(seconds=90 * turn + attempt),
                    "fresh_input_tokens": made.choice([None, 0]) if error else fresh * size,
                    "cache_read_tokens": None if error else held,
                    "output_tokens": None if error else made.randint(1, 900),
                    "cost_usd": made.choice([None, Decimal("0.25")]) if error else Decimal(fresh) / 1000,
                    "latency_ms": made.choice([None, made.randint(100, 9000)]),
                    "quality_score": made.choice([None, made.random()]),
                }
            )
        held += fresh * size
    return rows


def drawn_policy(seed: int) -> Policy:
    """A policy of random rules; some decide by the size of an answer, which bands do not know."""
    made = random.Random(seed)
    models = ["gpt-5.2", "minimax-m2", "deepseek-v3.2", "claude-opus-4-6", "current"]
    conditions: list[dict[str, Any]] = [
        {"task_type": made.sample(["coding", "chat", "extraction"], 2)},
        {"team": ["search"], "input_tokens": {"gt": made.choice([100, 5_000, 60_000])}},
        {"input_tokens": {"le": made.choice([50, 2_000, 9_999])}},
        {"data_class": ["customer"], "criticality": ["high"]},
    ]
    if seed % 2:
        conditions.append({"output_tokens": {"gt": 300}})
    made.shuffle(conditions)
    ways: list[dict[str, Any]] = [
        {"use": made.choice(models)},
        {"split": {"gpt-5.2": 0.5, "minimax-m2": 0.5}},
        {"cascade": ["minimax-m2", "gpt-5.2"], "confidence_floor": 0.7},
        {"use": made.choice(models)},
        {"use": "minimax-m2"},
    ]
    rules = [{"when": when, **way} for when, way in zip(conditions, ways, strict=False)]
    limit = {"when": {"data_class": ["customer"]}, "forbid": {"origin": "CN"}}
    return Policy.model_validate({"name": f"p{seed}", "constraints": [limit] * (seed % 3 > 0), "rules": rules})


def asked_together() -> list[Asked]:
    drawn = [Asked(drawn_policy(seed), by=("team",) if seed % 2 else ()) for seed in SEEDS]
    shipped = [Asked(policy) for policy in list(examples().values())[:2]]
    return [*drawn, *shipped, Asked(drawn[0].policy, beside=tuple(MARKET.catalog), by=("day",))]


def test_every_policy_gets_the_groups_of_a_fold_of_its_own(view):
    asked, scope = asked_together(), Scope.of(view)
    together = traffics(view, scope, asked, MARKET)
    assert len({len(one.groups) for one in together}) > 3
    for (policy, beside, by), one in zip(asked, together, strict=True):
        own = fold(view, scope, folding(policy, MARKET.edges(dict.fromkeys([*policy.targets, *beside])), by=by))
        own = own.drop(columns="place")
        pd.testing.assert_frame_equal(
            one.groups[list(own.columns)], own, check_dtype=False, check_exact=False, rtol=1e-12
        )
        assert list(one.groups["cost_usd"]) == list(own["cost_usd"])  # to the last digit


def test_replayed_together_is_replayed_alone(view):
    asked, scope = asked_together(), Scope.of(view)
    together = zip(traffics(view, scope, asked, MARKET), asked, strict=True)
    plays = [Play(traffic, one.policy) for traffic, one in together]
    lost = 0.0
    for one, made in zip(asked, replays_of(view, scope, plays, MARKET), strict=True):
        if one.beside:
            continue
        alone = replay(view, scope, one.policy, MARKET, by=one.by)
        said, told = (summary(found, MARKET, by=one.by) for found in (made, alone))
        assert rounded(said) == rounded(told)
        lost += float(made.flows["lost_reads"].sum())
    assert lost > 0  # caches were followed


def test_the_verdict_beside_others_is_the_verdict_alone(view):
    policies, scope = [drawn_policy(1), drawn_policy(2), *list(examples().values())[:1]], Scope.of(view)
    found = side_by_side(view, scope, policies, MARKET, {}, by=("team",))
    alone = worth(view, scope, policies[0], MARKET, {})
    assert found.worth.sentence == alone.sentence
    assert rounded([way._asdict() for way in found.worth.ways]) == rounded([way._asdict() for way in alone.ways])


def test_a_policy_that_the_log_cannot_decide_is_refused_with_the_others(view):
    words = Policy.model_validate({"name": "w", "rules": [{"when": {"prompt_words": {"gt": 5}}, "use": "gpt-5.2"}]})
    with pytest.raises(BadInput, match="words of a prompt"):
        traffics(view, Scope.of(view), [Asked(drawn_policy(1)), Asked(words)], MARKET)


def rounded(said: Any) -> Any:
    """What was said, its numbers to nine digits: sums come in another order."""
    if isinstance(said, dict):
        return {key: rounded(value) for key, value in said.items()}
    if isinstance(said, list | tuple):
        return [rounded(value) for value in said]
    if isinstance(said, Decimal | float) and not isinstance(said, bool):
        return float(f"{said:.9g}")
    return said
