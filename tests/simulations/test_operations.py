"""Operations are separate worlds: embeddings and chat never trade places, in a mix or under a policy."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from analytics.scope import Scope
from data.facts.models import shipped_catalog
from data.prices.book import PriceBook
from routing.policies.text import read_policy
from simulations.mixes.from_log import with_shares
from simulations.mixes.optimise import Demands, Solution, optimise
from simulations.mixes.problem_from_log import OTHER_WORK, programme
from simulations.replay.replay import replay
from simulations.replay.repricing import Market
from simulations.replay.summary import summary
from tests.simulations.ledgers import START, ledger_of

MARKET = Market(PriceBook(), shipped_catalog(), datetime.fromisoformat("2026-11-20"))
EMBEDDER = "text-embedding-3-small"


@pytest.fixture
def view(tmp_path) -> Any:
    """Chats and embeddings of one provider over ten days."""
    rows = []
    for i in range(40):
        chat = i % 2 == 0
        rows.append(
            {
                "requested_at": START + timedelta(hours=6 * i),
                "provider": "openai",
                "model": "gpt-5.2" if chat else EMBEDDER,
                "operation": "chat" if chat else "embedding",
                "fresh_input_tokens": 1000,
                "output_tokens": 100 if chat else 0,
                "cost_usd": Decimal("0.00315") if chat else Decimal("0.00002"),
            }
        )
    ledger = ledger_of(tmp_path, rows)
    return ledger.at(ledger.snapshot())


def test_a_policy_for_everything_leaves_embeddings_where_they_are(view):
    everything = read_policy("name: p\nrules: [{when: {}, use: minimax-m2}]\nfallback: [gpt-5.2]")
    moves = summary(replay(view, Scope.of(view), everything, MARKET), MARKET)["flows"]
    assert {(flow["old_model"], flow["target"]) for flow in moves} == {("gpt-5.2", "minimax-m2"), (EMBEDDER, EMBEDDER)}
    assert all(flow["stays"] == (flow["old_model"] == EMBEDDER) for flow in moves)


def test_a_rule_that_names_the_operation_moves_it(view):
    named = read_policy("name: p\nrules: [{when: {operation: [embedding]}, use: gpt-5-mini}, {when: {}, use: current}]")
    moves = summary(replay(view, Scope.of(view), named, MARKET), MARKET)["flows"]
    assert (EMBEDDER, "gpt-5-mini") in {(flow["old_model"], flow["target"]) for flow in moves}


def test_no_mix_trades_them(view):
    made = programme(view, Scope.of(view), MARKET, ["minimax-m2"])
    task, apart = made.problem, made.segments["separate"].to_numpy(bool)
    embedder = task.models.index(EMBEDDER)
    assert task.allowed[apart].sum(1).tolist() == [1] * apart.sum() and task.allowed[apart][:, embedder].all()
    assert not task.allowed[~apart][:, embedder].any() and OTHER_WORK in task.refusals.values()
    cheapest = optimise(task, Demands())
    assert isinstance(cheapest, Solution)
    by_hand = with_shares(made, {name: float(name == "minimax-m2") for name in task.models})
    for shares in (cheapest.shares, by_hand):
        assert np.array_equal(shares[apart], made.current_shares[apart])
        assert shares[~apart][:, embedder].sum() == 0
