"""LiteLLM's own table of calls, read where it is: `"LiteLLM_SpendLogs"` of its PostgreSQL.

Read-only, in the order of its index (startTime, request_id), what was said in prompts and answers left out. A table
without a column that the figures need is refused by that column's name, as is one that has lost a column since the last
pull. Source: litellm `proxy/schema.prisma`; `startTime` is a timestamp without a zone, in UTC.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from data import postgres
from data.errors import Refused
from data.formats.litellm import FIELDS
from data.sources.addresses import checked_address
from data.sources.apis import Window
from data.sources.source import Source

TABLE, FORM, STEP = "LiteLLM_SpendLogs", "litellm", timedelta(days=1)
AT_ONCE = 5000
NEEDED = (
    *("request_id", "call_type", "spend", "total_tokens", "prompt_tokens", "completion_tokens", "startTime", "endTime"),
    *("completionStartTime", "model", "model_group", "custom_llm_provider", "api_base", "user", "metadata"),
    *("cache_hit", "request_tags", "team_id", "end_user"),
)
UNREAD = ("response",)  # what was said
COLUMNS = """SELECT a.attname FROM pg_attribute a WHERE a.attrelid = to_regclass('"LiteLLM_SpendLogs"')
    AND a.attnum > 0 AND NOT a.attisdropped"""


def read_window(source: Source, window: Window, path: Path) -> tuple[set[date], list[str]]:
    """Write the calls of a window to a file, one a line; returns their days and the columns that were read.

    The file is left out where there are none. Raises Refused, in a clause about the source.
    """
    database = source.database()
    days: set[date] = set()
    with postgres.reading(database, checked_address(database.host, database.port)) as db:
        columns = _columns(db)
        rows = _rows(db, columns, window)
        if (first := next(rows, None)) is None:
            return days, columns
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            for at, text in (first, *rows):
                days.add(at.date())
                file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
    return days, columns


def _columns(db: Any) -> list[str]:
    there = {name for (name,) in db.execute(COLUMNS).fetchall()}
    if not there:
        raise Refused(f'has no table "{TABLE}" that its user can see; name LiteLLM\'s own database')
    if missing := [name for name in NEEDED if name not in there]:
        raise Refused(
            f'has a table "{TABLE}" without the column{"s" * (len(missing) > 1)} {", ".join(missing)}, which the'
            " figures need; nothing of it is kept"
        )
    return sorted(there & {*FIELDS, *NEEDED} - {*UNREAD})


def _rows(db: Any, columns: list[str], window: Window) -> Iterator[tuple[datetime, str]]:
    """Every call of a window, as its time and its JSON; from one to the next by the index, never by an offset."""
    names = ", ".join(f't."{name}"' for name in columns)
    question = f"""SELECT t."startTime", t.request_id, row_to_json(r)::text FROM "{TABLE}" t
        CROSS JOIN LATERAL (SELECT {names}) r
        WHERE t."startTime" >= %s AND t."startTime" < %s AND (t."startTime", t.request_id) > (%s, %s)
        ORDER BY t."startTime", t.request_id LIMIT {AT_ONCE}"""
    after: tuple[datetime, str] = window.start, ""
    while found := db.execute(question, (*window, *after)).fetchall():
        yield from ((at, text) for at, _, text in found)
        after = found[-1][:2]
