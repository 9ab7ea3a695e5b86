"""The data files of a shared store against its catalogue: present, of their size, readable in every column.

Object storage keeps checksums of its own; a changed byte shows there, or as a page that cannot be read.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from data.ailments import ENGINE
from data.data_files import Fault, fault_within, listed_files, unreadable
from data.sql_text import literal
from data.store import Store

if TYPE_CHECKING:
    from data.ledger import Cursor


def faults(cursor: Cursor, store: Store) -> list[Fault]:
    """Every data file of the newest version that is missing, of another size or unreadable."""
    paths = cursor.execute(f"SELECT file FROM glob({literal(store.files + '/**')})").fetchall()
    there = {PurePosixPath(path).name: path for (path,) in paths}
    found = []
    for table, file_id, path, size, rows, gone, gone_bytes, deleted in listed_files(cursor):
        told = _fault_of(cursor, there.get(PurePosixPath(path).name), size, rows)
        if not told and gone:
            told = _fault_of(cursor, there.get(PurePosixPath(gone).name), gone_bytes, deleted)
            told = f"has a list of deleted rows ({PurePosixPath(gone).name}) that {told}" if told else ""
        if told:
            found.append(Fault(table, PurePosixPath(path), file_id, rows - deleted, told))
    return found


def sizes(cursor: Cursor, store: Store) -> list[tuple[str, int]]:
    """Every Parquet file that lies where the store has its files, listed or not, and its bytes."""
    paths = cursor.execute(f"SELECT file FROM glob({literal(store.files + '/**/*.parquet')}) ORDER BY ALL").fetchall()
    return [(path, _size_bytes(cursor, path)) for (path,) in paths]


def remove_superfluous(cursor: Cursor) -> int:
    """Remove the files that no version needs, and those no commit wrote down, after a day; returns how many. The caller
    holds the writers' lock.

    Hosts' clocks may differ and queries of others be under way: a day is longer than both.
    """
    calls = ("ducklake_cleanup_old_files", "ducklake_delete_orphaned_files")
    before = "older_than => now() - INTERVAL 1 DAY"
    return sum(len(cursor.execute(f"CALL {call}('lake', {before})").fetchall()) for call in calls)


def _fault_of(cursor: Cursor, path: str | None, size_bytes: int, rows: int) -> str:
    """What is wrong with a file that should have this size and these rows; "" for nothing."""
    if path is None:
        return "is missing"
    try:
        size = _size_bytes(cursor, path)
        if size != size_bytes:
            return f"has {size:,} bytes where the catalogue says {size_bytes:,}"
    except Exception as error:
        if type(error).__module__ not in ENGINE:
            raise
        return unreadable(error)
    return fault_within(cursor, path, rows)


def _size_bytes(cursor: Cursor, path: str) -> int:
    return cursor.execute(f"SELECT file_size_bytes FROM parquet_file_metadata({literal(path)})").fetchall()[0][0]
