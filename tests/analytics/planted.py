"""Synthetic ledgers whose cause of change is known, for the bridge, the anomalies and the savings.

A small company over `days` days: three teams, five workloads, a weekly rhythm, noise of a few per
cent. A plant changes one thing from a day on; `quiet` changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data import rollups
from data.ledger import Ledger
from tests.stores import new_ledger

END = date(2026, 11, 2)  # a Monday: the last day is a Sunday, complete
Columns = dict[str, np.ndarray]
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
    latency_ms: float = 900.0
    fallback: tuple[str, str] | None = None  # provider and model of the second attempt; None is the same again


COMPANY = (
    Workload("search", "answers", "openai", "gpt-5.2", "chat", "normal", 40, 3000, 1500, 500),
    Workload("search", "ranking", "minimax", "minimax-m2", "chat", "low", 60, 2500, 2500, 250, quality=0.89),
    Workload("legal", "contracts", "anthropic", "claude-opus-4-6", "reasoning", "high", 25, 6000, 6000, 1200, turns=5),
    Workload("support", "replies", "openai", "gpt-5.2", "summarisation", "normal", 50, 2000, 2000, 400),
    Workload("support", "tags", "minimax", "minimax-m2", "classification", "low", 80, 1500, 500, 60, quality=0.9),
)

PLANTS: dict[str, dict[str, dict[str, Any]]] = {
    "quiet": {},
    "price rise": {"answers": {"price": 1.4}},
    "cache broke": {"replies": {"fresh": 4000, "read": 0}},
    "longer outputs": {"answers": {"output": 1300}},
    "longer inputs": {"contracts": {"fresh": 14000, "read": 14000}},
    "retry storm": {"contracts": {"failing": 0.35, "wasted": 0.9}},
    "volume": {"replies": {"requests": 130}},
    "failing model": {"ranking": {"failing": 0.3, "fallback": ("openai", "gpt-5.2")}},
    "longer answers of a model": {"answers": {"output": 750}, "replies": {"output": 600}},
    "slower model": {"answers": {"latency_ms": 1800.0}, "replies": {"latency_ms": 1800.0}},
    "worse answers of a model": {"answers": {"quality": 0.8}, "replies": {"quality": 0.8}},
    "longer prompts and answers": {"answers": {"fresh": 6000, "read": 3000, "output": 900}},
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
    ledger = new_ledger(home)
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
            parts.extend(_requests(todays, day, int(round(expected)), rng))
    rows = pd.DataFrame({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
    rows["event_id"] = [f"{seed}-{n}" for n in range(len(rows))]
    rows["record_no"] = np.arange(1, len(rows) + 1)
    return rows.assign(
        source="planted",
        batch_id="planted",
        operation="chat",
        service_tier="standard",
        environment="production",
        token_semantics="reported",
        data_class="internal",
        cost_basis="list",
    )


def _requests(workload: Workload, day: date, count: int, rng: np.random.Generator) -> list[Columns]:
    """The answered requests of a day, and the attempts that failed before some of them."""
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
    cost = np.round(np.where(fails, _cost(whole, second), _cost(whole, first)) * workload.price, 9)
    seconds = np.sort(rng.integers(0, 86_400, count))
    seconds[-1:] = 86_000  # every day is complete
    quality = np.full(count, np.nan)
    if workload.quality is not None:
        quality = np.clip(workload.quality + rng.normal(0, 0.03, count), 0, 1)
    name = f"{workload.feature}-{day}"
    model = _texts(count, second[1], where=fails, other=first[1])
    answered = {
        "call_id": np.array([f"{name}-{n}" for n in range(count)], dtype=object),
        "attempt": np.where(fails, 2, 1),
        "requested_at": np.datetime64(day, "s") + seconds.astype("timedelta64[s]"),
        **whole,
        "cost_usd": cost,
        "list_cost_usd": cost,
        "status": _texts(count, "success"),
        "error_class": _texts(count, None),
        "provider": _texts(count, second[0], where=fails, other=first[0]),
        "model": model,
        "model_raw": model,
        "session_id": np.array(
            [f"{name}-s{n // workload.turns}" if workload.turns > 1 else None for n in range(count)], dtype=object
        ),
        "latency_ms": np.full(count, workload.latency_ms),
        "quality_score": quality,
        "team": _texts(count, workload.team),
        "feature": _texts(count, workload.feature),
        "task_type": _texts(count, workload.task_type),
        "criticality": _texts(count, workload.criticality),
    }
    lost = int(fails.sum())
    wasted = np.round(cost[fails] * workload.wasted, 9)
    failed = {column: values[fails] for column, values in answered.items()} | {
        "attempt": np.full(lost, 1),
        "output_tokens": np.zeros(lost, "int64"),
        "cost_usd": wasted,
        "list_cost_usd": wasted,
        "status": _texts(lost, "error"),
        "error_class": _texts(lost, "rate_limit"),
        "provider": _texts(lost, first[0]),
        "model": _texts(lost, first[1]),
        "model_raw": _texts(lost, first[1]),
        "latency_ms": np.full(lost, 50.0),
        "quality_score": np.full(lost, np.nan),
    }
    return [answered, failed]


def _texts(count: int, text: str | None, where: np.ndarray | None = None, other: str | None = None) -> np.ndarray:
    """A column of one text; of `other` but for the rows `where` it holds."""
    values = np.full(count, text if where is None else other, dtype=object)
    if where is not None:
        values[where] = text
    return values


def _cost(tokens: dict[str, np.ndarray], seller: tuple[str, str]) -> np.ndarray:
    """USD of each request's tokens at a provider and model."""
    fresh, read, _, output = PRICES[seller]
    return tokens["fresh_input_tokens"] * fresh + tokens["cache_read_tokens"] * read + tokens["output_tokens"] * output
