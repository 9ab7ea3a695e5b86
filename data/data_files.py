"""The ledger's data files against the catalogue: present, of the size and the bytes they were written with, readable.

A checksum of every file is kept beside the store when a commit makes it (`files.sha256`, in the form of `sha256sum`),
since a flipped bit in a Parquet page may read as another number without any error.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, NamedTuple

from data.ailments import ENGINE
from data.lake import CATALOGUE, TABLES
from data.sql_text import literal

if TYPE_CHECKING:
    from data.ledger import Cursor

CHECKSUMS = "files.sha256"
DAMAGED = "damaged"  # the folder in which files that were set aside lie
# A file of rows may have one beside it that lists which of them were deleted since.
_LISTED = f"""SELECT t.table_name, f.data_file_id, f.path, f.file_size_bytes, f.record_count, d.path,
        coalesce(d.file_size_bytes, 0), coalesce(d.delete_count, 0)
    FROM {CATALOGUE}.ducklake_data_file f JOIN {CATALOGUE}.ducklake_table t USING (table_id)
    LEFT JOIN {CATALOGUE}.ducklake_delete_file d ON d.data_file_id = f.data_file_id AND d.end_snapshot IS NULL
    WHERE f.end_snapshot IS NULL AND t.end_snapshot IS NULL ORDER BY ALL"""


class Fault(NamedTuple):
    """One data file that is not what the catalogue says, in words; `file_id` is the catalogue's.

    A file whose list of deleted rows is hurt is hurt itself: nobody knows which of its rows still count.
    """

    table: str
    path: PurePath  # a shared store's: as its catalogue has it
    file_id: int
    rows: int
    told: str


class Listed(NamedTuple):
    """A data file of the newest version, as the catalogue says it is."""

    table: str
    path: Path
    file_id: int
    size_bytes: int
    rows: int
    deletions: Path | None = None  # the list of its rows that were deleted since
    deletions_bytes: int = 0
    deleted: int = 0


class Log(NamedTuple):
    """A log that was loaded: its batch, its format and the file it was read from."""

    batch_id: str
    format: str
    path: str


def current_files(cursor: Cursor, home: Path) -> list[Listed]:
    """The data files of the newest version."""
    folders = {str(path.name): path for path in (home / "files").rglob("*.parquet")}

    def placed(table: str, path: str) -> Path:
        return folders.get(Path(path).name, home / "files" / "main" / table / path)

    return [
        Listed(table, placed(table, path), number, size, rows, placed(table, gone) if gone else None, *rest)
        for table, number, path, size, rows, gone, *rest in listed_files(cursor)
    ]


def listed_files(cursor: Cursor) -> list[tuple]:
    """What the catalogue lists for the newest version: the columns of `Listed`, with paths as they stand there."""
    return [row for row in cursor.execute(_LISTED).fetchall() if row[0] in TABLES]


def keep_checksums(cursor: Cursor, home: Path) -> int:
    """Write down the checksum of every data file that has none yet; returns how many. The caller holds the lock."""
    known = checksums(home)
    written = (path for file in current_files(cursor, home) for path in (file.path, file.deletions) if path)
    fresh = [path for path in written if path.name not in known and path.is_file()]
    lines = "".join(f"{_digest(path)}  {path.relative_to(home)}\n" for path in fresh)
    if lines:
        with open(home / CHECKSUMS, "a", encoding="utf-8") as out:
            out.write(lines)
            out.flush()
            os.fsync(out.fileno())
    return len(fresh)


def checksums(home: Path) -> dict[str, str]:
    """Checksums by the file's name (which the lake makes unique); a line cut off by a death is left out."""
    try:
        lines = (home / CHECKSUMS).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return {}
    parts = (line.split("  ", 1) for line in lines)
    return {Path(part[1]).name: part[0] for part in parts if len(part) == 2 and len(part[0]) == 64}


def faults(cursor: Cursor, home: Path) -> list[Fault]:
    """Every data file that is missing, of another size, unreadable in any column, or not as it was written."""
    known = checksums(home)
    found = []
    for file in current_files(cursor, home):
        told = _fault_of(cursor, file.path, file.size_bytes, file.rows, known)
        if not told and file.deletions:
            gone = _fault_of(cursor, file.deletions, file.deletions_bytes, file.deleted, known)
            told = f"has a list of deleted rows ({file.deletions.name}) that {gone}" if gone else ""
        if told:
            found.append(Fault(file.table, file.path, file.file_id, file.rows - file.deleted, told))
    return found


def bounds(cursor: Cursor, fault: Fault, column: str) -> tuple[str | None, str | None]:
    """The least and the greatest value of a column in a data file, by the catalogue; None where it cannot say."""
    ends = cursor.execute(
        f"""SELECT s.min_value, s.max_value FROM {CATALOGUE}.ducklake_file_column_stats s
            JOIN {CATALOGUE}.ducklake_column c ON c.column_id = s.column_id AND c.table_id = s.table_id
            WHERE s.data_file_id = ? AND c.column_name = ? AND c.end_snapshot IS NULL""",
        [fault.file_id, column],
    ).fetchone()
    return (ends[0], ends[1]) if ends else (None, None)


def logs_of(cursor: Cursor, fault: Fault) -> list[Log]:
    """The logs whose rows a data file may hold: those to load again when it is lost; none where no column says so or
    the list of logs is hurt itself.
    """
    first, last = bounds(cursor, fault, "batch_id")
    if first is None:
        return []
    sources = bounds(cursor, fault, "source")
    try:
        rows = cursor.execute(
            """SELECT batch_id, format, path FROM lake.main.batches
                WHERE batch_id BETWEEN ? AND ? AND (? IS NULL OR format BETWEEN ? AND ?) ORDER BY ALL""",
            [first, last, sources[0], *sources],
        ).fetchall()
    except Exception as error:
        if type(error).__module__ not in ENGINE:
            raise
        return []
    return [Log(*row) for row in rows]


def narrow_bounds(cursor: Cursor) -> None:
    """Tell the least and greatest texts of every column anew from the files there are: the catalogue never narrows them
    by itself, and they may be of a row that is gone.
    """
    cursor.execute(
        f"""UPDATE {CATALOGUE}.ducklake_table_column_stats AS t SET min_value = f.least, max_value = f.greatest FROM (
                SELECT c.table_id, c.column_id, min(s.min_value) FILTER (d.data_file_id IS NOT NULL) AS least,
                    max(s.max_value) FILTER (d.data_file_id IS NOT NULL) AS greatest
                FROM {CATALOGUE}.ducklake_column c
                LEFT JOIN {CATALOGUE}.ducklake_file_column_stats s USING (table_id, column_id)
                LEFT JOIN {CATALOGUE}.ducklake_data_file d
                    ON d.data_file_id = s.data_file_id AND d.end_snapshot IS NULL
                WHERE c.end_snapshot IS NULL AND c.column_type IN ('varchar', 'json') GROUP BY ALL) AS f
            WHERE t.table_id = f.table_id AND t.column_id = f.column_id
                AND (t.min_value IS DISTINCT FROM f.least OR t.max_value IS DISTINCT FROM f.greatest)"""
    )


def set_aside(cursor: Cursor, home: Path, found: Iterable[Fault]) -> None:
    """Take damaged files out of the newest version, which cannot be read with them, and move them to `damaged/`.

    The caller holds the writers' lock and has read nothing in its transaction yet. Versions before still need them.
    """
    snapshot = cursor.execute("SELECT id FROM lake.current_snapshot()").fetchall()[0][0]
    for fault in found:
        for table in ("ducklake_data_file", "ducklake_delete_file"):
            cursor.execute(
                f"""UPDATE {CATALOGUE}.{table} SET end_snapshot = ?
                    WHERE data_file_id = ? AND end_snapshot IS NULL""",
                [snapshot, fault.file_id],
            )
        if isinstance(fault.path, Path) and fault.path.is_file():
            (home / DAMAGED).mkdir(exist_ok=True)
            fault.path.rename(home / DAMAGED / fault.path.name)


def sweep(cursor: Cursor, home: Path, since: float) -> None:
    """Remove the data files that a writer who died had begun: those no version knows, written `since` (seconds since
    1970). The caller holds the writers' lock.

    Older ones are left alone: somebody may have put an earlier catalogue beside them.
    """
    for path in _strays(cursor, home):
        if path.stat().st_mtime >= since:
            path.unlink()


def drop_replaced(cursor: Cursor, home: Path, before: datetime) -> int:
    """Remove the data files that no version has needed since `before` (UTC, aware); returns how many. The caller holds
    the writers' lock. The lake's own call for it looks at the day alone.
    """
    rows = cursor.execute(
        f"""SELECT data_file_id, path FROM {CATALOGUE}.ducklake_files_scheduled_for_deletion
            WHERE schedule_start::TIMESTAMPTZ < ?""",
        [before],
    ).fetchall()
    there = {path.name: path for path in (home / "files").rglob("*.parquet")}
    for _, path in rows:
        there.get(Path(path).name, home / "files" / path).unlink(missing_ok=True)
    if rows:
        cursor.execute(
            f"""DELETE FROM {CATALOGUE}.ducklake_files_scheduled_for_deletion
                WHERE data_file_id IN ({", ".join(str(number) for number, _ in rows)})"""
        )
    return len(rows)


def drop_uncommitted(cursor: Cursor, home: Path) -> int:
    """Remove the data files that no version knows and no commit wrote down; returns how many. The caller holds the
    writers' lock.

    One with a checksum was committed once: it belongs to a catalogue that somebody may bring back, and stays.
    """
    committed = checksums(home)
    gone = [path for path in _strays(cursor, home) if path.name not in committed]
    for path in gone:
        path.unlink()
    return len(gone)


def drop_old_checksums(home: Path) -> None:
    """Leave out the checksums of files that are gone, where most are; whole at any moment."""
    known, there = checksums(home), {path.name: path for path in (home / "files").rglob("*.parquet")}
    if len(known) <= 2 * len(there):
        return
    fresh = home / f"{CHECKSUMS}.new"
    with open(fresh, "w", encoding="utf-8") as out:
        out.writelines(f"{known[name]}  {path.relative_to(home)}\n" for name, path in there.items() if name in known)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(home / CHECKSUMS)


def _strays(cursor: Cursor, home: Path) -> list[Path]:
    """Data files that no version knows and that do not wait to be removed."""
    names = cursor.execute(
        f"SELECT path FROM {CATALOGUE}.ducklake_data_file UNION ALL SELECT path FROM {CATALOGUE}.ducklake_delete_file"
        f" UNION ALL SELECT path FROM {CATALOGUE}.ducklake_files_scheduled_for_deletion"
    ).fetchall()
    known = {Path(path).name for (path,) in names}
    return [path for path in (home / "files").rglob("*.parquet") if path.name not in known]


def _fault_of(cursor: Cursor, path: Path, size_bytes: int, rows: int, known: dict[str, str]) -> str:
    """What is wrong with a file that should have this size, these rows and the checksum that is known of it."""
    if not path.is_file():
        return "is missing"
    size = path.stat().st_size
    if size != size_bytes:
        return f"has {size:,} bytes where the catalogue says {size_bytes:,}"
    if path.name in known and _digest(path) != known[path.name]:
        return "has other bytes than were written"
    return fault_within(cursor, str(path), rows)


def fault_within(cursor: Cursor, path: str, rows: int) -> str:
    """What is wrong with a file, read in every column, that should hold these rows; "" for nothing."""
    try:
        every_column = f"SELECT count(*), sum(hash(t)) FROM read_parquet({literal(path)}) t"
        found = cursor.execute(every_column).fetchall()[0][0]
    except Exception as error:
        if type(error).__module__ not in ENGINE:
            raise
        return unreadable(error)
    return "" if found == rows else f"holds {found:,} rows where the catalogue says {rows:,}"


def unreadable(error: Exception) -> str:
    """The engine's word on a file that it cannot read."""
    return f"cannot be read ({str(error).splitlines()[0][:120]})"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
