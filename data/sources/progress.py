"""How far each saved source has come: its watermark, what its last try met, which days it brought something of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from data.calendar import DAY
from data.sources.source import Source
from data.state import State

COLUMNS = "columns of the table"  # in place of a file: what a table had when it was read


class Pulled(NamedTuple):
    """How far a source has come: everything before `watermark` (UTC) is loaded; `problem` is what the last try met."""

    watermark: datetime | None = None
    tried_at: datetime | None = None
    pulled_at: datetime | None = None
    problem: str = ""
    loaded: int = 0

    def is_due(self, source: Source, now: datetime) -> bool:
        """Whether it is time to ask again; what failed is tried again at once."""
        return (
            self.pulled_at is None or bool(self.problem) or now - self.pulled_at >= timedelta(hours=source.every_hours)
        )


def progress_of(state: State, name: str) -> Pulled:
    """How far a source has come."""
    with state.transaction() as db:
        row = db.execute(
            "SELECT watermark, tried_at, pulled_at, problem, loaded FROM source_progress WHERE name = ?", (name,)
        ).fetchone()
    if row is None:
        return Pulled()
    watermark, tried_at, pulled_at = (datetime.fromisoformat(text) if text else None for text in row[:3])
    return Pulled(watermark, tried_at, pulled_at, row[3], row[4])


def keep_progress(state: State, name: str, progress: Pulled) -> None:
    """Write down how far a source has come; it is no decision of anybody, so the audit trail does not hold it."""
    times: tuple[Any, ...] = tuple(at.isoformat() if at else None for at in progress[:3])
    with state.transaction() as db:
        db.execute("DELETE FROM source_progress WHERE name = ?", (name,))
        db.execute("INSERT INTO source_progress VALUES (?, ?, ?, ?, ?, ?)", (name, *times, *progress[3:]))


def keep_days(state: State, name: str, days: Iterable[date]) -> None:
    """Write down that a source brought something of these days (UTC)."""
    with state.transaction() as db:
        for day in set(days) - _days(db, name):
            db.execute("INSERT INTO source_days VALUES (?, ?)", (name, day.isoformat()))


def gaps(state: State, name: str, until: datetime | None) -> list[date]:
    """The whole days (UTC) between the first one that a source brought something of and `until` with nothing."""
    with state.transaction() as db:
        days = _days(db, name)
    last = until.date() if until else max(days, default=date.min)
    span = (last - min(days, default=last)).days
    return [day for n in range(span) if (day := min(days) + n * DAY) not in days]


def _days(db: Any, name: str) -> set[date]:
    rows = db.execute("SELECT day FROM source_days WHERE name = ?", (name,)).fetchall()
    return {date.fromisoformat(text) for (text,) in rows}


def marks(state: State, name: str) -> dict[str, str]:
    """The files of a source that were loaded, and the mark each had then."""
    with state.transaction() as db:
        rows = db.execute("SELECT path, mark FROM source_files WHERE name = ?", (name,)).fetchall()
    return dict(rows)


def keep_marks(state: State, name: str, loaded: Mapping[str, str]) -> None:
    """Write down which files of a source were loaded."""
    with state.transaction() as db:
        for path, mark in loaded.items():
            db.execute("DELETE FROM source_files WHERE name = ? AND path = ?", (name, path))
            db.execute("INSERT INTO source_files VALUES (?, ?, ?)", (name, path, mark))


def lost_columns(state: State, name: str, columns: Iterable[str]) -> list[str]:
    """The columns that a source's table had at an earlier pull and has not any more; what it has is written down."""
    with state.transaction() as db:
        row = db.execute("SELECT mark FROM source_files WHERE name = ? AND path = ?", (name, COLUMNS)).fetchone()
        held, now = set(json.loads(row[0])) if row else set(), set(columns)
        if not held - now and held != now:
            db.execute("DELETE FROM source_files WHERE name = ? AND path = ?", (name, COLUMNS))
            db.execute("INSERT INTO source_files VALUES (?, ?, ?)", (name, COLUMNS, json.dumps(sorted(now))))
    return sorted(held - now)


def forget_progress(state: State, name: str) -> None:
    """A source of this name that is saved later begins anew."""
    with state.transaction() as db:
        for table in ("source_progress", "source_days", "source_files"):
            db.execute(f"DELETE FROM {table} WHERE name = ?", (name,))
