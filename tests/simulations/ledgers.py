"""Small ledgers with known rows, written straight into the usage table."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from data import rollups
from data.ledger import Ledger
from data.schema import MEDIA_TOKENS, USAGE
from tests.stores import fill_usage, new_ledger

START = datetime.fromisoformat("2026-10-05")
COLUMNS = [column.name for column in USAGE]
TYPICAL: dict[str, Any] = {
    "source": "test",
    "batch_id": "b1",
    "attempt": 1,
    "provider": "openai",
    "model": "gpt-5.2",
    "model_raw": "gpt-5.2",
    "operation": "chat",
    "service_tier": "standard",
    "team": "core",
    "task_type": "chat",
    "criticality": "normal",
    "data_class": "internal",
    "fresh_input_tokens": 1000,
    "cache_read_tokens": 0,
    "cache_write_5m_tokens": 0,
    "cache_write_1h_tokens": 0,
    "output_tokens": 200,
    "reasoning_tokens": 0,
    "token_semantics": "reported",
    "latency_ms": 900.0,
    "status": "success",
    "cost_basis": "list",
    "cost_usd": Decimal("0.004550"),
    "list_cost_usd": Decimal("0.004550"),
    "tags": "{}",
}


def ledger_of(home: Path, rows: list[dict[str, Any]]) -> Ledger:
    """A ledger with these rows, a day apart; what a row leaves out is typical, call ids are its numbers."""
    ledger = new_ledger(home)
    full = []
    for number, row in enumerate(rows):
        base = {
            "event_id": f"e{number}",
            "record_no": number,
            "call_id": f"c{number}",
            "requested_at": START + timedelta(days=number % 14, hours=3),
        }
        full.append({**TYPICAL, **base, **row})
    with ledger.write() as cursor:
        fill_usage(cursor, full)
        rollups.add(cursor)
    return ledger


MODELS = "['gpt-5.2', 'minimax-m2', 'deepseek-v3.2', 'house-model']"
PROVIDERS = "['openai', 'minimax', 'deepseek', 'self']"
UNUSED = {"succeeded", "http_status", "provider_raw", "caveats", "server_tools", "tool_fees_usd", *MEDIA_TOKENS}
UNUSED |= {"recorded_at", "key_alias"}
RANDOM_ROWS = f"""
INSERT INTO lake.main.usage ({", ".join(name for name in COLUMNS if name not in UNUSED)})
SELECT 'e' || i, 'test', 'b1', i, 'c' || (i // 2 * 2), 1 + i % 2 * (r1 < 0.1)::INT,
       TIMESTAMP '2026-10-01' + INTERVAL (i * 9973 % (28 * 86400)) SECOND,
       {PROVIDERS}[m], CASE WHEN m = 4 THEN 'self' END, NULL,
            CASE WHEN r2 < 0.1 THEN 'batch' ELSE 'standard' END, {MODELS}[m], {MODELS}[m], 'chat',
       ['core', 'search', 'legal', 'ops', 'sales', NULL][1 + (r3 * 6)::INT % 6],
            NULL, 'feature ' || (r4 * 20)::INT, 'production', NULL, NULL, NULL, '{{}}',
       ['coding', 'reasoning', 'extraction', 'chat', 'other', NULL][1 + (r4 * 6)::INT % 6],
            ['high', 'normal', 'low', 'unknown'][1 + (r5 * 4)::INT % 4],
       ['public', 'internal', 'customer', 'regulated', NULL][1 + (r6 * 5)::INT % 5],
       CASE WHEN r1 > 0.99 THEN NULL ELSE (r1 * r2 * 300000)::BIGINT END,
            CASE WHEN r2 > 0.5 THEN (r3 * 5000)::BIGINT END, 0, 0,
       CASE WHEN r1 > 0.99 THEN NULL ELSE (r5 * 2000)::BIGINT END,
            (r6 * 300)::BIGINT, 'reported', 500 + r1 * 3000, NULL,
       CASE WHEN r6 > 0.95 THEN 'error' ELSE 'success' END, CASE WHEN r6 > 0.95 THEN 'timeout' END, NULL,
       CASE WHEN m = 4 OR r1 > 0.99 THEN NULL WHEN r6 > 0.95 THEN 0
            ELSE (0.001 + r1 * r2 * 0.5 + r5 * 0.02)::DECIMAL(18, 12) END,
       CASE WHEN m = 4 OR r1 > 0.99 THEN NULL WHEN r6 > 0.95 THEN 0
            ELSE (0.001 + r1 * r2 * 0.5 + r5 * 0.02)::DECIMAL(18, 12) END,
       CASE WHEN r1 > 0.99 THEN 'unmetered' WHEN m = 4 THEN 'unpriced' ELSE 'list' END,
            CASE WHEN r4 < 0.3 THEN r5 END, NULL
FROM (SELECT i, 1 + (hash(i * 8 + 7) % 100 >= 60)::INT + (hash(i * 8 + 7) % 100 >= 85)::INT
            + (hash(i * 8 + 7) % 100 >= 97)::INT AS m,
             {", ".join(f"hash(i * 8 + {k}) % 1000003 / 1000003.0 AS r{k}" for k in range(1, 7))}
      FROM range(?) numbers(i))
"""


def random_ledger(home: Path, rows: int) -> Ledger:
    """A deterministic ledger of any size: four models, six teams, retries, failures, unpriced and unmetered rows."""
    ledger = new_ledger(home)
    with ledger.write() as cursor:
        cursor.execute(RANDOM_ROWS, [rows])
        rollups.add(cursor)
    return ledger
