"""Prompt caches of sessions with gaps, shares and lives of all kinds, against a plain twin that follows each cache."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from analytics.scope import Scope
from data.facts.models import shipped_catalog
from data.prices.book import PriceBook
from routing.policies.text import read_policy
from simulations.replay.replay import replay
from simulations.replay.repricing import Market
from simulations.replay.summary import summary
from tests.simulations.ledgers import ledger_of

MARKET = Market(PriceBook(), shipped_catalog(), datetime.fromisoformat("2026-11-20"))
POLICY = read_policy("name: p\nrules: [{when: {user_id: [moved]}, use: claude-haiku-4-5}, {when: {}, use: current}]")
START, OUT, FRESH = datetime.fromisoformat("2026-11-01T08:00"), 300, 5
# USD per million tokens: fresh, read, written for five minutes, for an hour, output.
OPUS, HAIKU = (5.0, 0.5, 6.25, 10.0, 25.0), (1.0, 0.1, 1.25, 2.0, 5.0)


def usd(price: tuple[float, ...], read: int, written: int, hour: bool) -> float:
    fresh, cached, short, long, out = price
    return (FRESH * fresh + read * cached + written * (long if hour else short) + OUT * out) / 1e6


def sessions(rng: random.Random, share: float, gaps: list[int], hour: bool) -> tuple[list[dict[str, Any]], float]:
    """Rows of 40 sessions on one model, in no order, and what they cost where this share of the turns moves."""
    life, rows, right = 3600 if hour else 300, [], 0.0
    for number in range(40):
        at, size, before = START + timedelta(minutes=97 * number), 5000, None
        held: dict[bool, tuple[int, datetime | None]] = {True: (0, None), False: (0, None)}
        for turn in range(12):
            at += timedelta(seconds=rng.choice(gaps) if turn else 0)
            logged = size if before is not None and (at - before).total_seconds() <= life else 0
            size += rng.randint(500, 3000)
            moved = rng.random() < share
            kept, used = held[moved]
            warm = kept if used is not None and (at - used).total_seconds() <= life else 0
            right += usd(HAIKU if moved else OPUS, warm, size - warm, hour)
            held[moved], before = (size, at), at
            cost = Decimal(repr(round(usd(OPUS, logged, size - logged, hour), 12)))
            writes = {"cache_write_1h_tokens" if hour else "cache_write_5m_tokens": size - logged}
            row = {"provider": "anthropic", "model": "claude-opus-4-5", "model_raw": "claude-opus-4-5"}
            row |= {"session_id": f"s{number}", "user_id": "moved" if moved else "stays", "requested_at": at}
            row |= {"fresh_input_tokens": FRESH, "cache_read_tokens": logged, "output_tokens": OUT, "cost_usd": cost}
            rows.append(row | writes)
    rng.shuffle(rows)
    return rows, right


@pytest.mark.parametrize(
    ("share", "gaps", "hour"),
    [
        (0.1, [20, 100, 290], False),
        (0.3, [50, 310, 290], False),
        (0.8, [250, 299, 301, 30], False),
        (0.5, [120, 2400, 4200], True),
    ],
)
def test_whatever_the_gaps_shares_and_lives_each_cache_is_followed_to_the_cent(home, share, gaps, hour):
    rows, right = sessions(random.Random(7), share, gaps, hour)
    ledger = ledger_of(home, rows)
    view = ledger.at(ledger.snapshot())
    said = summary(replay(view, Scope.of(view), POLICY, MARKET), MARKET)
    got, cache = float(said["policy_cost_usd"]), said["cache"]
    assert got == pytest.approx(right, rel=1e-6)
    assert cache["usd_if_always_warm"] <= got <= cache["usd_if_never_warm"] + 1e-9
