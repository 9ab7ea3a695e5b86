"""What live runs keep of people's words: tasks, answers, recordings. Taken out when they are to be forgotten."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

from data import people
from data.state import State

# The columns that hold what was asked, answered and decided, by table.
COLUMNS = {
    "live_runs": ("name", "spec", "progress", "ended"),
    "live_attempts": ("body",),
    "live_results": ("body",),
    "live_reviews": ("reason", "body", "decided_by", "answer"),
    "live_recordings": ("body",),
    "live_pairs": ("body",),
}
# Keys of their JSON, and columns that are plain text, under which words of a task or an answer stand.
WORDS = frozenset(("answer", "verdict", "message", "prompt", "content", "system", "text", "arguments", "value", "url"))


def forget(state: State, pattern: str, before: date | None, forgotten: str) -> int:
    """Take out what `pattern` finds (names; "" for none), and the words of the runs made before a day.

    Costs, times, grades and decisions stay. Returns how many entries were changed.
    """
    people.require("erase")
    find = re.compile(pattern) if pattern else None
    changed = 0
    with state.transaction() as db:
        for table, columns in COLUMNS.items():
            rows = db.execute(
                f"""SELECT t.rowid, r.created_at, {", ".join(f"t.{column}" for column in columns)}
                    FROM {table} t JOIN live_runs r USING (run_id)"""
            ).fetchall()
            for number, made, *values in rows:
                old = before is not None and made < before.isoformat()
                kept = [
                    _without(value, column, find, forgotten, old) for column, value in zip(columns, values, strict=True)
                ]
                if kept != values:
                    sets = ", ".join(f"{column} = ?" for column in columns)
                    db.execute(f"UPDATE {table} SET {sets} WHERE rowid = ?", (*kept, number))
                    changed += 1
    return changed


def _without(text: str | None, column: str, find: re.Pattern[str] | None, forgotten: str, old: bool) -> str | None:
    if not text:
        return text
    if old and column in WORDS:
        return forgotten
    if old and column in ("spec", "body"):
        before = json.loads(text)
        after = _wordless(before, forgotten)
        text = text if after == before else json.dumps(after, sort_keys=True)
    if find is not None:
        for _ in range(2):  # two names may share what is between them
            text = find.sub(lambda found: f"{found[1]}{forgotten}{found[3]}", text)
    return text


def _wordless(value: Any, forgotten: str) -> Any:
    """JSON without the texts that stand under the keys of WORDS."""
    if isinstance(value, dict):
        return {
            key: forgotten if key in WORDS and isinstance(one, str) and one else _wordless(one, forgotten)
            for key, one in value.items()
        }
    return [_wordless(one, forgotten) for one in value] if isinstance(value, list) else value
