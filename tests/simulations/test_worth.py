"""Is a router worth it: the verdict beside one model, a blind draw and today."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from analytics.scope import Scope
from data.facts.models import shipped_catalog
from data.prices.book import PriceBook
from routing.policies.text import read_policy
from simulations.replay.repricing import Market
from simulations.replay.worth import BLIND, POLICY, SINGLE, TODAY, Way, Worth, worth
from tests.simulations.ledgers import START, ledger_of

MARKET = Market(PriceBook(), shipped_catalog(), datetime.fromisoformat("2026-11-20"))
MODELS = {"gpt-5.2": ("openai", 1.75, 14.0), "minimax-m2": ("minimax", 0.30, 1.20)}


def rows(count: int, model: str, task: str, fresh: int, data: str = "internal") -> list[dict[str, Any]]:
    """Calls of 100 output tokens at list price."""
    provider, fresh_usd, output_usd = MODELS[model]
    usd = Decimal(repr(round((fresh * fresh_usd + 100 * output_usd) / 1e6, 12)))
    return [
        {
            "requested_at": START + timedelta(minutes=i),
            "provider": provider,
            "model": model,
            "model_raw": model,
            "task_type": task,
            "data_class": data,
            "fresh_input_tokens": fresh,
            "output_tokens": 100,
            "cost_usd": usd,
        }
        for i in range(count)
    ]


def asked(home: Any, made: list[dict[str, Any]], policy: str) -> tuple[Worth, dict[str, Way]]:
    ledger = ledger_of(home, made)
    view = ledger.at(ledger.snapshot())
    found = worth(view, Scope.of(view), read_policy(policy), MARKET, {})
    return found, {f"{way.kind} {way.name}" if way.kind == SINGLE else way.kind: way for way in found.ways}


SENDS_CODE_AWAY = "name: p\nrules: [{when: {task_type: [coding]}, use: minimax-m2}, {when: {}, use: gpt-5.2}]"


def test_a_router_that_moves_the_dear_work_beats_a_blind_draw(tmp_path):
    """Long coding calls go to the cheap model, short chats stay: by dollars far below a lot with the same shares."""
    log = rows(40, "gpt-5.2", "chat", 100) + rows(40, "gpt-5.2", "coding", 50_000)
    found, ways = asked(tmp_path, log, SENDS_CODE_AWAY)
    chat, coding = (100 * 1.75 + 100 * 14) / 1e6, (50_000 * 1.75 + 100 * 14) / 1e6
    cheap_chat, cheap_coding = (100 * 0.3 + 100 * 1.2) / 1e6, (50_000 * 0.3 + 100 * 1.2) / 1e6
    assert ways[TODAY].cost_usd == pytest.approx(40 * (chat + coding))
    assert ways[POLICY].cost_usd == pytest.approx(40 * (chat + cheap_coding))
    assert ways[f"{SINGLE} minimax-m2"].cost_usd == pytest.approx(40 * (cheap_chat + cheap_coding))
    assert ways[BLIND].cost_usd == pytest.approx(20 * (chat + coding + cheap_chat + cheap_coding))
    assert ways[BLIND].low < ways[BLIND].cost_usd < ways[BLIND].high
    assert ways[POLICY].cost_usd < ways[BLIND].low
    assert found.better and found.best_single == "gpt-5.2" and "cheaper than the best single model" in found.verdict


def test_a_router_that_one_model_beats_is_told_so(tmp_path):
    """The dear model gets the chats for nothing: the policy pays more than the cheap model alone, at its quality."""
    log = rows(40, "minimax-m2", "chat", 100) + rows(40, "minimax-m2", "coding", 50_000)
    found, ways = asked(tmp_path, log, "name: p\nrules: [{when: {}, split: {minimax-m2: 0.5, minimax-m2@host: 0.5}}]")
    assert found.better is False and found.verdict == "no better than sending everything allowed to minimax-m2"
    assert ways[POLICY].quality == ways[f"{SINGLE} minimax-m2"].quality


def test_one_model_keeps_the_policys_constraints(tmp_path):
    log = rows(10, "gpt-5.2", "chat", 100) + rows(10, "minimax-m2", "chat", 100, data="customer")
    legal = "{when: {data_class: [customer]}, forbid: {origin: [CN], hosting: [api]}}"
    found, ways = asked(
        tmp_path, log, f"name: p\nconstraints: [{legal}]\nrules: [{{when: {{}}, use: current}}]\nfallback: [gpt-5.2]"
    )
    assert ways[f"{SINGLE} gpt-5.2"].cost_usd == pytest.approx(20 * (100 * 1.75 + 100 * 14) / 1e6)
    assert found.ways[0].kind == POLICY and found.better is False


def test_unknown_quality_gives_no_verdict(tmp_path):
    found, _ = asked(tmp_path, rows(10, "gpt-5.2", "chat", 100), "name: p\nrules: [{when: {}, use: gpt-5-mini}]")
    assert found.better is None and "unknown" in found.verdict


def test_a_lot_by_conversation_varies_more_than_one_by_request(tmp_path):
    log = rows(40, "gpt-5.2", "chat", 100) + rows(40, "gpt-5.2", "coding", 50_000)
    _, apart = asked(tmp_path / "apart", log, SENDS_CODE_AWAY)
    together = [row | {"session_id": f"s{i // 10}"} for i, row in enumerate(log)]
    _, whole = asked(tmp_path / "whole", together, SENDS_CODE_AWAY)
    width = [found[BLIND].high - found[BLIND].low for found in (apart, whole)]
    assert width[1] == pytest.approx(width[0] * 10**0.5, rel=1e-6)


def test_a_model_that_may_not_answer_a_few_requests_is_a_rival_on_the_others(tmp_path):
    """What both may answer goes to the cheap model; the long calls that only the policy answers are not compared."""
    log = rows(95, "gpt-5.2", "chat", 100) + rows(5, "gpt-5.2", "chat", 50_000, data="customer")
    legal = "{when: {data_class: [customer]}, forbid: {origin: [CN], hosting: [api]}}"
    sends = "{when: {data_class: [customer]}, use: gpt-5.2}, {when: {}, use: minimax-m2}"
    found, ways = asked(tmp_path, log, f"name: p\nconstraints: [{legal}]\nrules: [{sends}]")
    beside = ways[f"{SINGLE} minimax-m2"].beside
    assert beside.share == pytest.approx(0.95)
    assert beside.usd == pytest.approx(beside.policy_usd) == pytest.approx(95 * (100 * 0.3 + 100 * 1.2) / 1e6)
    assert beside.quality == beside.policy_quality
    assert ways[f"{SINGLE} gpt-5.2"].beside.share == 1.0
    assert found.best_single == "minimax-m2" and found.better is False
    assert found.verdict.endswith("to minimax-m2, on the 95.0% of requests that both answer")


@pytest.mark.parametrize("kept_off, rival", [(10, "minimax-m2"), (30, "gpt-5.2")])
def test_a_model_that_may_answer_too_little_stands_for_no_router(tmp_path, kept_off, rival):
    log = rows(100 - kept_off, "gpt-5.2", "chat", 100) + rows(kept_off, "gpt-5.2", "chat", 100, data="customer")
    legal = "{when: {data_class: [customer]}, forbid: {origin: [CN], hosting: [api]}}"
    sends = "{when: {data_class: [customer]}, use: gpt-5.2}, {when: {}, use: minimax-m2}"
    found, _ = asked(tmp_path, log, f"name: p\nconstraints: [{legal}]\nrules: [{sends}]")
    assert found.best_single == rival
