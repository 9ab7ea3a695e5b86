"""Ledgers that cover what their name says: the five every page and command is walked on, and their parts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path

import pandas as pd

from data import rollups
from data.ledger import Ledger
from tests.stores import new_ledger

LAST = date(2026, 11, 20)  # a Friday, the last day of every ledger below unless it says otherwise


def day_rows(
    day: date,
    *,
    source: str = "litellm",
    hours: Iterable[float] = (0.5, 8, 16, 23.5),
    usd: float | None = 1.0,
    model: str = "gpt-5.2",
    provider: str = "openai",
    team: str | None = "search",
    output: int = 500,
) -> list[dict]:
    """One request at each of the hours (UTC)."""
    midnight = datetime.combine(day, datetime.min.time())
    return [
        {
            "requested_at": midnight + timedelta(hours=hour),
            "source": source,
            "provider": provider,
            "model": model,
            "model_raw": model,
            "team": team,
            "feature": f"{team}-app",
            "cost_usd": usd,
            "list_cost_usd": usd,
            "fresh_input_tokens": 2000,
            "output_tokens": output,
        }
        for hour in hours
    ]


def days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def ledger_of(home: Path, rows: list[dict], zone: str = "UTC") -> Ledger:
    """A pinned view of a ledger that holds these rows."""
    frame = pd.DataFrame(rows)
    names = [f"r{n}" for n in range(len(frame))]
    frame = frame.assign(event_id=names, call_id=names, record_no=range(1, len(frame) + 1))
    frame = frame.assign(
        attempt=1, batch_id="b", status="success", cost_basis="list", operation="chat", environment="production"
    )
    frame = frame.assign(service_tier="standard", task_type="chat", token_semantics="reported", latency_ms=900.0)
    ledger = new_ledger(home)
    with ledger.write() as cursor:
        cursor.register("covered_rows", frame)
        cursor.execute("INSERT INTO lake.main.usage BY NAME FROM covered_rows")
        cursor.execute(
            "INSERT INTO lake.main.batches BY NAME SELECT 'b' AS batch_id, 'litellm' AS format, ? AS loaded",
            [len(frame)],
        )
        if zone == "UTC":
            rollups.rebuild(cursor)
        else:
            rollups.set_time_zone(cursor, zone)
    return ledger.at(ledger.snapshot())


def one_day(home: Path) -> Ledger:
    """Four requests on one morning."""
    return ledger_of(home, day_rows(LAST, hours=(8, 9, 10, 11)))


def thirty_days(home: Path) -> Ledger:
    return ledger_of(home, [row for day in days(LAST - timedelta(days=29), LAST) for row in day_rows(day)])


def a_hole(home: Path) -> Ledger:
    """13 months without 8 to 17 October 2026."""
    logged = [d for d in days(date(2025, 10, 23), LAST) if not date(2026, 10, 8) <= d <= date(2026, 10, 17)]
    return ledger_of(home, [row for day in logged for row in day_rows(day)])


def one_source_stopped(home: Path) -> Ledger:
    """Two sources for 100 days; langfuse, half the spend, stopped after 14 November 2026."""
    every = days(LAST - timedelta(days=99), LAST)
    kept = [d for d in every if d <= date(2026, 11, 14)]
    rows = [row for day in every for row in day_rows(day)]
    return ledger_of(home, rows + [row for day in kept for row in day_rows(day, source="langfuse", team="support")])


def years_apart(home: Path) -> Ledger:
    """A log of August 2024, and one of October and November 2026."""
    old, new = days(date(2024, 8, 1), date(2024, 8, 31)), days(date(2026, 10, 10), LAST)
    return ledger_of(home, [row for day in old + new for row in day_rows(day)])


FIVE = {
    "one day": one_day,
    "30 days": thirty_days,
    "a hole of ten days": a_hole,
    "one source stopped": one_source_stopped,
    "years apart": years_apart,
}
