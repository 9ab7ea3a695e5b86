"""Synthetic ledgers whose cause of change is known, for the bridge, the anomalies and the savings.

A small company over `days` days: three teams, five workloads, a weekly rhythm, noise of a few per
cent. A plant changes one thing from a day on; `quiet` changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from data import rollups
from data.ledger import Ledger

END = date(2026, 11, 2)  # a Monday: the last day is a Sunday, complete
WEEK = (1.0, 1.05, 1.05, 1.0, 0.95, 0.5, 0.45)
# USD per token: fresh, cache read, cache write, output.
PRICES = {
    ("openai", "gpt-5.2"): (1.75e-6, 0.175e-6, 0.0, 14e-6),
    ("anthropic", "claude-opus-4-6"): (5e-6, 0.5e-6, 6.25e-6, 25e-6),
    ("minimax", "minimax-m2"): (0.3e-6, 0.03e-6, 0.0, 1.2e-6),
}


@dataclass(frozen=True)
class Workload:
    """What one feature asks of one model on a typical day; tokens per request."""

    team: str
    feature: str
    provider: str
    model: str
    task_type: str
    criticality: str
    requests: float
    fresh: float
    read: float
    output: float
    turns: int = 1
    price: float = 1.0
    failing: float = 0.01
    wasted: float = 0.0  # share of an answer's cost that a failed attempt costs
    context: float = 0.0  # growth of input per turn
    quality: float | None = 0.9
    fallback: tuple[str, str] | None = None  # provider and model of the second attempt; None is the same again


COMPANY = (
    Workload("search", "answers", "openai", "gpt-5.2", "chat", "normal", 40, 3000, 1500, 500),
    Workload("search", "ranking", "minimax", "minimax-m2", "chat", "low", 60, 2500, 2500, 250, quality=0.89),
    Workload("legal", "contracts", "anthropic", "claude-opus-4-6", "reasoning", "high", 25, 6000, 6000, 1200, turns=5),
    Workload("support", "replies", "openai", "gpt-5.2", "summarisation", "normal", 50, 2000, 2000, 400),
    Workload("support", "tags", "minimax", "minimax-m2", "classification", "low", 80, 1500, 500, 60, quality=0.9),
)

PLANTS = {
    "quiet": {},
    "price rise": {"answers": {"price": 1.4}},
    "cache broke": {"replies": {"fresh": 4000, "read": 0}},
    "longer outputs": {"answers": {"output": 1300}},
    "longer inputs": {"contracts": {"fresh": 14000, "read": 14000}},
    "retry storm": {"contracts": {"failing": 0.35, "wasted": 0.9}},
    "volume": {"replies": {"requests": 130}},
    "failing model": {"ranking": {"failing": 0.3, "fallback": ("openai", "gpt-5.2")}},
    "mix shift": {"ranking": {"model": "claude-opus-4-6", "provider": "anthropic"}},
}


def build(
    home: Path,
    plant: str = "quiet",
    *,
    days: int = 120,
    since: int = 7,
    until: int = 0,
    scale: float = 1.0,
    seed: int = 1,
) -> Ledger:
    """A ledger of `days` days before END; the plant holds from `since` to `until` days before END."""
    ledger = Ledger.open(home)
    rows = usage(plant, days=days, since=since, until=until, scale=scale, seed=seed)
    load(ledger, rows)
    return ledger


def load(ledger: Ledger, rows: pd.DataFrame) -> None:
    """Insert usage rows and rebuild the roll-ups, as ingest would."""
    with ledger.write() as cursor:
        cursor.register("planted_rows", rows)
        cursor.execute("INSERT INTO lake.main.usage BY NAME FROM planted_rows")
        cursor.execute(
            "INSERT INTO lake.main.batches BY NAME SELECT 'planted' AS batch_id, 'planted' AS format, ? AS loaded",
            [len(rows)],
        )
        rollups.rebuild(cursor)


def usage(
    plant: str, *, days: int, since: int, until: int = 0, scale: float = 1.0, seed: int = 1, company=COMPANY
) -> pd.DataFrame:
    """The rows themselves."""
    rng = np.random.default_rng(seed)
    parts = []
    for ago in range(days, 0, -1):
        day = END - timedelta(days=ago)
        changes = PLANTS[plant] if until < ago <= since else {}
        shift = rng.normal(0, 0.04)
        for workload in company:
            todays = replace(workload, **changes.get(workload.feature, {}))
            expected = todays.requests * scale * WEEK[day.weekday()] * np.exp(shift + rng.normal(0, 0.05))
            parts.append(_requests(todays, day, int(round(expected)), rng))
    rows = pd.concat([part for part in parts if len(part)], ignore_index=True)
    rows["event_id"] = [f"{seed}-{n}" for n in range(len(rows))]
    rows["record_no"] = np.arange(1, len(rows) + 1)
    return rows.assign(
        source="planted",
        batch_id="planted",
        operation="chat",
        service_tier="standard",
        environment="production",
        token_semantics="reported",
    )


def _requests(workload: Workload, day: date, count: int, rng: np.random.Generator) -> pd.DataFrame:
    fails = rng.random(count) < workload.failing
    turn = np.arange(count) % workload.turns
    grown = (1 + workload.context * turn) * np.exp(rng.normal(0, 0.15, count))
    tokens = {
        "fresh_input_tokens": workload.fresh * grown,
        "cache_read_tokens": workload.read * grown,
        "output_tokens": workload.output * np.exp(rng.normal(0, 0.15, count)),
    }
    whole = {name: np.round(values).astype("int64") for name, values in tokens.items()}
    first = workload.provider, workload.model
    second = workload.fallback or first
    cost = np.where(fails, _cost(whole, second), _cost(whole, first)) * workload.price
    call = [f"{workload.feature}-{day}-{n}" for n in range(count)]
    seconds = np.sort(rng.integers(0, 86_400, count))
    seconds[-1:] = 86_000  # every day is complete
    at = pd.to_datetime(datetime.combine(day, datetime.min.time())) + pd.to_timedelta(seconds, unit="s")
    shared = {
        "team": workload.team,
        "feature": workload.feature,
        "task_type": workload.task_type,
        "criticality": workload.criticality,
        "data_class": "internal",
        "cost_basis": "list",
    }
    answered = pd.DataFrame(
        {
            "call_id": call,
            "attempt": np.where(fails, 2, 1),
            "requested_at": at,
            **whole,
            "cost_usd": np.round(cost, 9),
            "status": "success",
            "provider": np.where(fails, second[0], first[0]),
            "model": np.where(fails, second[1], first[1]),
            "session_id": [
                f"{workload.feature}-{day}-s{n // workload.turns}" if workload.turns > 1 else None for n in range(count)
            ],
            "latency_ms": 900.0,
            "quality_score": np.nan
            if workload.quality is None
            else np.clip(workload.quality + rng.normal(0, 0.03, count), 0, 1),
            **shared,
        }
    )
    failed = answered[fails].assign(
        provider=first[0],
        model=first[1],
        attempt=1,
        status="error",
        error_class="rate_limit",
        quality_score=np.nan,
        latency_ms=50.0,
        output_tokens=0,
    )
    failed["cost_usd"] = np.round(failed["cost_usd"] * workload.wasted, 9)
    both = pd.concat([answered, failed], ignore_index=True)
    both["list_cost_usd"] = both["cost_usd"]
    return both.assign(model_raw=both["model"])


def _cost(tokens: dict[str, np.ndarray], seller: tuple[str, str]) -> np.ndarray:
    """USD of each request's tokens at a provider and model."""
    fresh, read, _, output = PRICES[seller]
    return tokens["fresh_input_tokens"] * fresh + tokens["cache_read_tokens"] * read + tokens["output_tokens"] * output
