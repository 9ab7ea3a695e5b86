"""What is gone with data files that were set aside: the days and sources of their rows, until they are loaded again.

`lost_files` names each such file with the days, sources and logs of its rows; `lost_rows` has the hash and the day of
every row, told from the index of ids, which is written apart from the rows. While the index cannot say (it was hurt
too, or a repair was cut short) `ids_known` is false, and every day that the file spans counts as hurt.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from data import wording
from data.data_files import Fault, bounds, logs_of
from data.schema import id_hash

if TYPE_CHECKING:
    from data.ledger import Cursor, Ledger

# The tables whose rows no other table can bring back: what people call the rows, and the column with their day.
KINDS = {"usage": "rows", "billed": "bill lines", "rejected": "records set aside", "semantics": "token readings"}
DAYS_OF = {"usage": "requested_at", "billed": "day", "rejected": "", "semantics": ""}


class LostDay(NamedTuple):
    """A UTC day some rows of which are lost, and the sources (log formats) they came from."""

    day: date
    sources: frozenset[str]


def announce(cursor: Cursor, faults: Sequence[Fault]) -> None:
    """Write down what will be lost with these files, so that their logs may be loaded again; inside a transaction.

    It stands before the files are set aside, so that a death in between leaves no hole that nobody knows of.
    """
    for fault in faults:
        first, last = (_day(text) for text in bounds(cursor, fault, DAYS_OF[fault.table]))
        logs = logs_of(cursor, fault)
        cursor.execute(
            "INSERT INTO lake.main.lost_files VALUES (?, ?, ?, ?, ?, ?, ?, ?, now()::TIMESTAMP, false)",
            [
                *(fault.path.name, fault.table, fault.rows, first, last, sorted({log.format for log in logs})),
                *([log.batch_id for log in logs], [log.path for log in logs]),
            ],
        )


def tell_apart(cursor: Cursor) -> None:
    """Find the rows lost with the files newly set aside, as far as the index of ids can tell; inside a transaction.

    Called before the index is built anew from the rows that are left.
    """
    pending = cursor.execute(
        """SELECT min(first_day), max(last_day), sum(rows), list_distinct(flatten(list(sources)))
        FROM lake.main.lost_files WHERE table_name = 'usage' AND NOT ids_known"""
    ).fetchall()[0]
    if pending[2] is None:
        return
    first, last, expected, sources = pending
    cursor.execute(
        f"""CREATE OR REPLACE TEMP TABLE gone_ids AS SELECT DISTINCT requested_at::DATE AS day, id_hash
            FROM lake.main.identities
            WHERE (requested_at::DATE BETWEEN $first AND $last OR $first IS NULL) AND id_hash NOT IN (
                SELECT {id_hash("event_id")} FROM lake.main.usage WHERE event_id IS NOT NULL)
            AND id_hash NOT IN (SELECT id_hash FROM lake.main.lost_rows)""",
        {"first": first, "last": last},
    )
    if cursor.execute("SELECT count(*) FROM gone_ids").fetchall()[0][0] >= expected:
        cursor.execute("INSERT INTO lake.main.lost_rows SELECT day, id_hash, ? FROM gone_ids", [sources])
        cursor.execute("UPDATE lake.main.lost_files SET ids_known = true WHERE table_name = 'usage'")


def batches_to_load(cursor: Cursor) -> set[str]:
    """The batches whose logs may be loaded again, since rows of theirs are lost."""
    rows = cursor.execute(
        """SELECT DISTINCT batch_id FROM lake.main.batches b JOIN lake.main.lost_files f
            ON list_contains(f.batches, b.batch_id) AND b.ingested_at <= f.set_aside_at"""
    ).fetchall()
    return {name for (name,) in rows}


def mark_found(cursor: Cursor) -> None:
    """Rows that are loaded now (`fresh_rows`) are lost no longer, nor is a file whose logs were all loaded again.

    Inside the transaction of a load, after its batches are written.
    """
    if not cursor.execute("SELECT 1 FROM lake.main.lost_files LIMIT 1").fetchall():
        return
    cursor.execute(f"DELETE FROM lake.main.lost_rows WHERE id_hash IN (SELECT {id_hash('event_id')} FROM fresh_rows)")
    cursor.execute(
        """DELETE FROM lake.main.lost_files WHERE table_name = 'usage' AND ids_known
                AND NOT EXISTS (FROM lake.main.lost_rows)
            OR len(batches) > 0 AND NOT EXISTS (FROM lake.main.batches b
                WHERE list_contains(batches, b.batch_id) AND b.ingested_at <= set_aside_at)"""
    )
    cursor.execute(
        "DELETE FROM lake.main.lost_rows WHERE NOT EXISTS (FROM lake.main.lost_files WHERE table_name = 'usage')"
    )


def lost_days(view: Ledger) -> list[LostDay]:
    """The UTC days of which rows of usage are lost, in order."""
    rows = view.rows(
        f"""SELECT day, list_distinct(flatten(list(sources))) AS sources FROM (
                SELECT DISTINCT day, sources FROM {view.name("lost_rows")}
                UNION SELECT unnest(generate_series(first_day, last_day, INTERVAL 1 DAY))::DATE, sources
                FROM {view.name("lost_files")} WHERE table_name = 'usage' AND NOT ids_known)
            WHERE day IS NOT NULL GROUP BY day ORDER BY day"""
    )
    return [LostDay(day, frozenset(sources)) for day, sources in rows]


def lost_bills(view: Ledger) -> list[tuple[date, date]]:
    """The spans of days (last included) whose bill lines are lost with a file."""
    rows = view.rows(
        f"""SELECT DISTINCT first_day, last_day FROM {view.name("lost_files")}
            WHERE table_name = 'billed' AND first_day IS NOT NULL ORDER BY ALL"""
    )
    return [(first, last) for first, last in rows]


def sentence(view: Ledger) -> str:
    """What is lost and which logs bring it back; "" where nothing is."""
    files = view.rows(f"SELECT table_name, first_day, last_day, paths FROM {view.name('lost_files')} ORDER BY ALL")
    if not files:
        return ""
    first = [day for _, day, _, _ in files if day]
    last = [day for _, _, day, _ in files if day]
    when = f" of {wording.days(min(first), max(last))}" if first and last else ""
    paths = list(dict.fromkeys(path for *_, paths in files for path in paths))
    kinds = [told for table, told in KINDS.items() if table in {table for table, *_ in files}]
    return (
        f"{' and '.join(kinds).capitalize()}{when} are lost with damaged files that were set aside: load "
        f"{paths_in_words(paths) or 'their logs'} again."
    )


def paths_in_words(paths: Sequence[str]) -> str:
    """Some paths in words, the first three by name."""
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return f"{', '.join(paths[:3])}{more}"


def in_zone(days: Sequence[LostDay], zone: str) -> list[LostDay]:
    """The days of a reporting zone that the UTC days reach into; each may lack rows."""
    touched: dict[date, frozenset[str]] = {}
    there = ZoneInfo(zone)
    for lost in days:
        start = datetime.combine(lost.day, time(), UTC)
        ends = (start.astimezone(there).date(), (start + timedelta(days=1, microseconds=-1)).astimezone(there).date())
        for day in ends:
            touched[day] = touched.get(day, frozenset()) | lost.sources
    return [LostDay(day, touched[day]) for day in sorted(touched)]


def _day(text: str | None) -> date | None:
    return None if not text else date.fromisoformat(text[:10])
