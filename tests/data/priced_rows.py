"""Price hand-written rows in the engine, for tests."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from data.schema import USAGE

COMPUTED = ("model", "list_cost_usd", "cost_usd", "cost_basis", "tool_fees_usd")
TYPES = {c.name: c.type for c in USAGE if c.name not in COMPUTED} | {"unmetered": "BOOLEAN"}
DEFAULTS = {"requested_at": "2026-11-01 12:00:00", "service_tier": "standard", "status": "success", "unmetered": False}


def priced(cursor, book, rows: list[dict]) -> pd.DataFrame:
    """`rows` (usage columns; tokens left out are NULL) as the book prices them in SQL, in order."""
    full = [DEFAULTS | row | {"event_id": f"{number:06}"} for number, row in enumerate(rows)]
    texts = {
        name: pa.array([None if row.get(name) is None else str(row[name]) for row in full], pa.string())
        for name in TYPES
    }
    cursor.register("given_text", pa.table(texts))
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE given AS SELECT"
        f" {', '.join(f'{name}::{kind} AS {name}' for name, kind in TYPES.items())} FROM given_text"
    )
    book.attach(cursor, "given")
    return cursor.execute(f"SELECT * FROM ({book.price_rows('given')}) ORDER BY event_id").to_arrow_table().to_pandas()
