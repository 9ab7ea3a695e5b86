"""A small ledger loaded through the ordinary ingest path, for tests of what happens to loaded rows."""

from __future__ import annotations

import json
from pathlib import Path

from data.loading.ingest import ingest

MODELS = ("gpt-5.2", "prod-chat", "gpt-4o")
KEYS = ("bot-checkout", "it's me", None)


def load(ledger, state, folder: Path, count: int = 90) -> list:
    """`count` Helicone records over nine months: three models in turn (one of them unknown),
    two key aliases and none."""
    path = folder / "log.jsonl"
    path.write_text("".join(json.dumps(_record(number)) + "\n" for number in range(count)))
    return ingest(ledger, state, [path])


def _record(number: int) -> dict:
    alias = KEYS[number // 3 % 3]
    properties = {"key_alias": alias, "nested": {"tier": "gold"}} if alias else {}
    properties |= {"team": "search"} if number % 2 else {}
    return {
        "request_id": f"r{number}",
        "response_id": f"r{number}",
        "request_created_at": f"2026-0{1 + number % 9}-01T0{number % 10}:00:00Z",
        "response_status": 200,
        "provider": "OPENAI",
        "model": MODELS[number % 3],
        "prompt_tokens": 1000 + number,
        "completion_tokens": 100,
        "total_tokens": 1100 + number,
        "properties": properties,
    }


def rows(view, columns: str) -> list[dict]:
    """Rows of usage in the order they were logged."""
    frame = view.sql(f"SELECT {columns} FROM {view.name('usage')} ORDER BY record_no").astype(object)
    return frame.where(frame.notna(), None).to_dict("records")


def adds_up(view) -> bool:
    """Whether the roll-up says what the rows say, to the last digit."""
    sums = "count(*) AS n, sum(cost_usd) AS usd, sum(list_cost_usd) AS listed, count(cost_usd) AS priced"
    days = (
        "sum(attempts)::BIGINT AS n, sum(cost_usd) AS usd, sum(list_cost_usd) AS listed, sum(priced_attempts)::BIGINT"
        " AS priced"
    )
    whole, rolled = (
        view.sql(f"SELECT {what} FROM {view.name(table)}") for what, table in ((sums, "usage"), (days, "spend_by_day"))
    )
    return whole.equals(rolled)
