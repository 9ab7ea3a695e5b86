"""Speed and failures by model, against rows counted by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pytest

from analytics.scope import Scope
from data.facts.models import shipped_catalog
from data.prices.book import PriceBook
from routing.policies.text import read_policy
from simulations.mixes.from_log import service_records
from simulations.mixes.frontier import model_shares
from simulations.mixes.optimise import Demands, optimise
from simulations.mixes.problem_from_log import programme
from simulations.replay.reliability import failure_share, mixed_wait, reliability, service
from simulations.replay.replay import Assumed, replay
from simulations.replay.repricing import Market
from simulations.replay.service import limit_words
from simulations.replay.summary import summary
from tests.simulations.ledgers import ledger_of


def test_failures_and_percentiles_are_each_models_own(home):
    rows = [{"latency_ms": 100.0 * (n + 1)} for n in range(10)]
    rows += [{"latency_ms": 9000.0, "status": "error"}, {"status": "cached"}, {"model": "slow", "latency_ms": None}]
    view = ledger_of(home, rows)
    found = reliability(view.at(view.snapshot()), Scope.of(view))
    mine = found["gpt-5.2"]
    assert (mine.attempts, mine.failure_share) == (11, pytest.approx(1 / 11))
    assert mine.p50_ms == pytest.approx(550, rel=0.01) and 900 < mine.p95_ms <= 1005
    assert found["slow"].p95_ms is None and list(found) == ["gpt-5.2", "slow"]
    assert failure_share({"gpt-5.2": 0.5, "slow@self": 0.5}, found) == pytest.approx(1 / 22)
    assert failure_share({"gpt-5.2": 0.5, "gpt-5.2@cloud": 0.5}, found) == pytest.approx(1 / 11)
    assert failure_share({"nobody": 1.0}, found) is None


def test_what_most_answers_of_a_mix_stay_within_is_that_of_the_two_models_answers_together(home):
    fast, slow = [100.0 + n for n in range(400)], [2000.0 + 10 * n for n in range(400)]
    rows = [{"latency_ms": ms} for ms in fast] + [{"latency_ms": ms, "model": "slow"} for ms in slow]
    view = ledger_of(home, rows)
    known = reliability(view.at(view.snapshot()), Scope.of(view))
    for share in (0.1, 0.5, 0.9):
        mixed = sorted((ms, weight) for part, weight in ((fast, 1 - share), (slow, share)) for ms in part)
        for part in (0.5, 0.95):
            reached, by_hand = 0.0, 0.0
            for ms, weight in mixed:
                reached += weight / 400
                if reached >= part:
                    by_hand = ms
                    break
            found = mixed_wait({"gpt-5.2": 1 - share, "slow@self": share}, known, part)
            if abs((1 - share) - part) > 0.01:  # between the two models anything is right
                assert found == pytest.approx(by_hand, rel=0.01), (share, part)
    late = known["slow"].later_than(3000.0)
    assert late == pytest.approx(sum(ms > 3000 for ms in slow) / 400, abs=0.005)
    assert known["gpt-5.2"].later_than(50.0) == 1 and known["gpt-5.2"].later_than(500.0) == 0
    assert service({"never seen": 1.0}, known) == {"p50_ms": None, "p95_ms": None, "failure_share": None}


def test_a_mix_keeps_the_limits_that_its_policy_states(home):
    """Half of the slow model's answers would break the policy's P95, typed or not; a lower one that is typed counts."""
    rows = [{"latency_ms": 100.0}] * 4 + [{"latency_ms": 9000.0, "model": "gpt-5-mini", "model_raw": "gpt-5-mini"}] * 4
    ledger = ledger_of(home, rows * 2)
    view = ledger.at(ledger.snapshot())
    prices = Market(PriceBook(), shipped_catalog(), datetime.fromisoformat("2026-10-20"))
    stated = read_policy("name: p\nfallback: [gpt-5.2]\nlimits: {max_p95_ms: 2000, max_failure_share: 0.5}")
    made = programme(view, Scope.of(view), prices, policy=stated)
    free = programme(view, Scope.of(view), prices)
    known = reliability(view, made.scope)
    held = service_records(made, known)
    assert held == service_records(free, known, p95_ms=2000, failures=0.5) and held["max_p95_ms"] == 2000
    assert service_records(made, known, p95_ms=500)["max_p95_ms"] == 500
    assert service_records(made, known, p95_ms=5000)["max_p95_ms"] == 2000
    found = optimise(made.problem, Demands(**held))
    models = model_shares(made.problem, found.shares)
    assert sum(share * known[name].later_than(2000) for name, share in models.items()) <= 0.05 + 1e-9
    assert service_records(free, known) == {}


def test_a_cascade_waits_for_its_first_model_and_for_the_second_where_that_is_asked(home):
    """Against every pair of logged waits: 30 % of the answers go on to the slow model, a vote waits for its slowest."""
    quick, slow = [100.0 + 3 * n for n in range(300)], [2000.0 + 10 * n for n in range(300)]
    rows = [{"latency_ms": ms} for ms in quick] + [
        {"latency_ms": ms, "model": "claude-opus-4-6", "model_raw": "claude-opus-4-6"} for ms in slow
    ]
    ledger = ledger_of(home, rows)
    view = ledger.at(ledger.snapshot())
    known, market = (
        reliability(view, Scope.of(view)),
        Market(PriceBook(), shipped_catalog(), datetime.fromisoformat("2026-10-20")),
    )
    assumed = Assumed(acceptance=0.7)

    def waits(way: str) -> dict[str, Any]:
        policy = read_policy(f"name: p\nlimits: {{max_p95_ms: 2500}}\nrules: [{{when: {{}}, {way}}}]")
        return summary(replay(view, Scope.of(view), policy, market, assumed=assumed), market, known=known)

    both = np.add.outer(quick, slow).ravel()
    values, weights = np.concatenate([quick, both]), np.repeat([0.7 / 300, 0.3 / len(both)], [300, len(both)])
    order = np.argsort(values)
    p50, p95 = np.interp([0.5, 0.95], np.cumsum(weights[order]), values[order])
    told = waits("cascade: [gpt-5.2, claude-opus-4-6], confidence_floor: 0.85")
    assert told["service"]["policy"]["p50_ms"] == pytest.approx(p50, rel=0.02)
    assert told["service"]["policy"]["p95_ms"] == pytest.approx(p95, rel=0.02)
    assert "a cascade's waits add up" in told["service"]["note"] and told["limits"][0]["kept"] is False
    slowest = np.maximum.reduce(np.random.default_rng(1).choice(slow, (3, 200_000)))
    voted = waits("use: claude-opus-4-6, samples: 3, vote: majority")["service"]["policy"]
    assert voted["p50_ms"] == pytest.approx(np.quantile(slowest, 0.5), rel=0.02)
    assert voted["p95_ms"] == pytest.approx(np.quantile(slowest, 0.95), rel=0.02)
    judged = waits(
        "cascade: [gpt-5.2, claude-opus-4-6], confidence_floor: 0.85, confidence: verifier, verifier: gpt-5.2"
    )
    assert judged["service"]["policy"]["p95_ms"] is None
    assert limit_words(judged["limits"][0]).endswith("how long a verifier takes is in no log")


def test_what_is_asked_at_once_waits_for_the_slowest_and_not_for_the_sum(home):
    """A vote and a cross-check against every pair of logged waits, as a live run asks them: mean, P50 and P95."""
    quick, slow = [100.0 + 20 * n for n in range(300)], [2000.0 + 10 * n for n in range(300)]
    rows = [{"latency_ms": ms} for ms in quick] + [
        {"latency_ms": ms, "model": "claude-opus-4-6", "model_raw": "claude-opus-4-6"} for ms in slow
    ]
    ledger = ledger_of(home, rows)
    view = ledger.at(ledger.snapshot())
    known = reliability(view, Scope.of(view))
    market = Market(PriceBook(), shipped_catalog(), datetime.fromisoformat("2026-10-20"))

    def told(way: str) -> tuple[float, float, float]:
        policy = read_policy(f"name: p\nrules: [{{when: {{}}, {way}}}]")
        said = summary(replay(view, Scope.of(view), policy, market), market, known=known)
        return said["latency"]["policy_ms"], said["service"]["policy"]["p50_ms"], said["service"]["policy"]["p95_ms"]

    def by_hand(waits: np.ndarray) -> tuple[float, float, float]:
        return float(waits.mean()), float(np.quantile(waits, 0.5)), float(np.quantile(waits, 0.95))

    assert told("cross_check: [gpt-5.2, claude-opus-4-6]") == pytest.approx(
        by_hand(np.maximum.outer(quick, slow)), rel=0.02
    )
    draws = np.maximum.reduce(np.random.default_rng(1).choice(slow, (3, 200_000)))
    assert told("use: claude-opus-4-6, samples: 3, vote: majority") == pytest.approx(by_hand(draws), rel=0.02)
    alone = told("use: claude-opus-4-6")
    assert alone == pytest.approx(by_hand(np.asarray(slow)), rel=0.02)
    blind = summary(
        replay(
            view,
            Scope.of(view),
            read_policy("name: p\nrules: [{when: {}, use: gpt-5.2, samples: 3, vote: majority}]"),
            market,
        ),
        market,
    )
    assert blind["latency"]["policy_ms"] is None and blind["latency"]["unseen_models"] == ["gpt-5.2"]
