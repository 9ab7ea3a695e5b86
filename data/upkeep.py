"""Upkeep of a store that many small loads go into: what they leave behind is folded, merged and given up.

A load writes a file or two into every table it touches, a row per key into the roll-ups, and makes a data version.
All of it is right, and slower each time. Above a limit a load is followed by upkeep, in steps of which each is whole
or not at all, under the writers' lock; `python -m data maintain` does it on demand. No number changes by it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from data import data_files, rollups, shared_files, versions
from data.console import Progress
from data.errors import BatonError
from data.held_versions import held_numbers
from data.lake import CATALOGUE, ROLLUPS, TABLES
from data.ledger import Cursor, Ledger
from data.room import require_room
from data.sql_text import literal
from data.state import State

SPARE = 24  # files beyond the one that a part of a table needs, before they are merged
SPARE_ROWS = 500  # in the catalogue itself, where loads of a few rows leave them, before they are written to files
# Files are merged among those of their size, so that a large one is not written again for every few small ones.
SIZES = (1 << 20, 16 << 20, 256 << 20)
DELETED_SHARE = 0.25  # of a table's rows still in its files: above it they are written anew
READERS = timedelta(minutes=10)  # files that were replaced stay so long for queries under way
_FILES = f"""SELECT t.table_name, f.data_file_id, f.file_size_bytes AS size, f.record_count AS rows,
        regexp_replace(f.path, '[^/]*$', '') AS part, (SELECT max(v.schema_version)
            FROM {CATALOGUE}.ducklake_schema_versions v
            WHERE v.table_id = f.table_id AND v.begin_snapshot <= f.begin_snapshot) AS shape,
        coalesce(d.delete_count, 0) AS deleted
    FROM {CATALOGUE}.ducklake_data_file f
    JOIN {CATALOGUE}.ducklake_table t ON t.table_id = f.table_id AND t.end_snapshot IS NULL
    LEFT JOIN {CATALOGUE}.ducklake_delete_file d ON d.data_file_id = f.data_file_id AND d.end_snapshot IS NULL
    WHERE f.end_snapshot IS NULL"""


class Measure(NamedTuple):
    """What a store consists of: data files in force and all that lie on the disk, bytes, rows in the catalogue, rows of
    the roll-ups, data versions."""

    files: int
    files_on_disk: int
    size_bytes: int
    rows_in_catalogue: int
    rollup_rows: int
    versions: int


class Done(NamedTuple):
    """What upkeep did."""

    days_folded: int = 0
    files_merged: int = 0
    versions_given_up: int = 0
    files_removed: int = 0


def measure(ledger: Ledger) -> Measure:
    """How much there is of what upkeep holds down."""
    cursor = ledger.cursor()
    with ledger.explain_ailments():
        [(files, size)] = cursor.execute(f"SELECT count(*), coalesce(sum(size), 0) FROM ({_FILES})").fetchall()
        folded = sum(cursor.execute(f"SELECT count(*) FROM lake.main.{table}").fetchall()[0][0] for table in ROLLUPS)
        inlined, there = sum(_rows_in_catalogue(cursor).values()), len(versions.version_times(cursor))
        on_disk = cursor.execute(
            f"SELECT count(*) FROM glob({literal(ledger.store.files + '/**/*.parquet')})"
        ).fetchall()
    return Measure(files, on_disk[0][0], int(size), inlined, folded, there)


def is_due(ledger: Ledger) -> bool:
    """Whether loads have left more behind than a store should carry."""
    cursor = ledger.cursor()
    with ledger.explain_ailments():
        return bool(
            _to_merge(cursor, SPARE)
            or _to_rewrite(cursor, SPARE)
            or sum(_rows_in_catalogue(cursor).values()) > SPARE_ROWS
        )


def after_load(ledger: Ledger, state: State, progress: Progress) -> None:
    """Upkeep where it is due; the load stands whatever becomes of it, and the next one tries again."""
    try:
        if is_due(ledger):
            maintain(ledger, state, progress, spare=SPARE)
    except BatonError as error:
        progress("upkeep", 1.0, str(error))


def maintain(ledger: Ledger, state: State, progress: Progress, *, spare: int = 0) -> Done:
    """Fold, write out, merge, give up, remove; each step is committed for itself, so that a death at any moment leaves
    a whole store and the next upkeep goes on.

    `spare` files may stay as they are in each part of a table. Raises LedgerError for what the store suffers.
    """
    require_room(ledger.home)
    progress("folding roll-ups", 0.0, "")
    with ledger.write() as cursor:
        folded = rollups.fold_blocks(cursor)
    progress("writing out", 0.2, "")
    with ledger.write() as cursor:
        _call(cursor, "ducklake_flush_inlined_data('lake')")
    with ledger.write() as cursor:
        for table in _to_rewrite(cursor, spare):
            _call(cursor, f"ducklake_rewrite_data_files('lake', '{table}', delete_threshold => 0)")
    merged = 0
    for number, (table, largest) in enumerate(wishes := _merges(ledger, spare)):
        progress("merging files", 0.3 + 0.5 * number / len(wishes), table)
        merged += _merge(ledger, table, largest)
    progress("giving up old versions", 0.8, "")
    with ledger.lock(), ledger.explain_ailments():
        given_up = _give_up(ledger.cursor(), state)
    progress("removing files", 0.9, "")
    with ledger.lock(), ledger.explain_ailments():
        removed = _remove(ledger)
    return Done(folded, merged, given_up, removed)


def _merges(ledger: Ledger, spare: int) -> list[tuple[str, int]]:
    with ledger.explain_ailments():
        return _to_merge(ledger.cursor(), spare)


def _merge(ledger: Ledger, table: str, largest: int) -> int:
    """Merge the files of a table that are smaller than `largest` bytes; how many became fewer."""
    with ledger.write() as cursor:
        call = f"ducklake_merge_adjacent_files('lake', '{table}', schema => 'main', max_file_size => {largest})"
        done = _call(cursor, call)
    return sum(row[2] - row[3] for row in done)


def _to_merge(cursor: Cursor, spare: int) -> list[tuple[str, int]]:
    """Tables and sizes (bytes) of which more than `spare` files could be fewer, small ones first. Files can be merged
    that belong to the same part of a table, have the same columns, and none of whose rows were deleted.
    """
    found = []
    for least, largest in pairwise((0, *SIZES)):
        rows = cursor.execute(
            f"""SELECT table_name FROM (SELECT table_name, count(*) AS n FROM ({_FILES})
                    WHERE deleted = 0 AND size >= {least:d} AND size < {largest:d} GROUP BY table_name, part, shape)
                GROUP BY table_name HAVING sum(n - 1) > {spare:d} ORDER BY table_name"""
        ).fetchall()
        found += [(table, largest) for (table,) in rows if table in TABLES]
    return found


def _to_rewrite(cursor: Cursor, spare: int) -> list[str]:
    """Tables with more than `spare` files some of whose rows were deleted, or many such rows: while they are there,
    those files are not merged.
    """
    rows = cursor.execute(
        f"""SELECT table_name FROM ({_FILES}) GROUP BY table_name
            HAVING count(*) FILTER (deleted > 0) > {spare:d} OR sum(deleted) > {DELETED_SHARE} * sum(rows)
            ORDER BY table_name"""
    ).fetchall()
    return [table for (table,) in rows if table in TABLES]


def _rows_in_catalogue(cursor: Cursor) -> dict[str, int]:
    """Rows of small inserts, which wait in the catalogue to be written to a file, by table."""
    kept = cursor.execute(
        f"""SELECT t.table_name, i.table_name FROM {CATALOGUE}.ducklake_inlined_data_tables i
            JOIN {CATALOGUE}.ducklake_table t ON t.table_id = i.table_id AND t.end_snapshot IS NULL"""
    ).fetchall()
    counts: dict[str, int] = {}
    for table, name in kept:
        if table in TABLES:
            rows = cursor.execute(f'SELECT count(*) FROM {CATALOGUE}."{name}" WHERE end_snapshot IS NULL').fetchall()
            counts[table] = counts.get(table, 0) + rows[0][0]
    return counts


def _give_up(cursor: Cursor, state: State) -> int:
    now = datetime.now(UTC).replace(tzinfo=None)
    gone = versions.superfluous_versions(versions.version_times(cursor), held_numbers(state), now, versions.keep_days())
    if gone:
        _call(cursor, f"ducklake_expire_snapshots('lake', versions => [{', '.join(map(str, gone))}])")
    return len(gone)


def _remove(ledger: Ledger) -> int:
    """Remove files that no version needs: replaced ones after a while, and those a writer who died never committed."""
    cursor = ledger.cursor()
    if ledger.store.shared:
        return shared_files.remove_superfluous(cursor)
    gone = data_files.drop_replaced(cursor, ledger.home, datetime.now(UTC) - READERS)
    gone += data_files.drop_uncommitted(cursor, ledger.home)
    data_files.keep_checksums(cursor, ledger.home)
    data_files.drop_old_checksums(ledger.home)
    return gone


def _call(cursor: Cursor, call: str) -> list[tuple]:
    return cursor.execute(f"CALL {call}").fetchall()
