"""The ledger's data files against the catalogue: present, of the size and the bytes they were written with, readable.

A checksum of every file is kept beside the store when a commit makes it (`files.sha256`, in the form of `sha256sum`),
since a flipped bit in a Parquet page may read as another number without any error.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from data.ailments import ENGINE
from data.lake import TABLES
from data.sql_text import literal

if TYPE_CHECKING:
    from data.ledger import Cursor

CHECKSUMS = "files.sha256"
DAMAGED = "damaged"  # the folder in which files that were set aside lie
_CATALOGUE = '"__ducklake_metadata_lake"'
_LISTED = f"""SELECT t.table_name, f.data_file_id, f.path, f.file_size_bytes, f.record_count
    FROM {_CATALOGUE}.ducklake_data_file f JOIN {_CATALOGUE}.ducklake_table t USING (table_id)
    WHERE f.end_snapshot IS NULL AND t.end_snapshot IS NULL ORDER BY ALL"""


class Fault(NamedTuple):
    """One data file that is not what the catalogue says, in words; `file_id` is the catalogue's."""

    table: str
    path: Path
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


def listed(cursor: Cursor, home: Path) -> list[Listed]:
    """The data files of the newest version."""
    folders = {str(path.name): path for path in (home / "files").rglob("*.parquet")}
    return [
        Listed(table, folders.get(Path(path).name, home / "files" / "main" / table / path), number, size, rows)
        for table, number, path, size, rows in cursor.execute(_LISTED).fetchall()
        if table in TABLES
    ]


def keep_checksums(cursor: Cursor, home: Path) -> int:
    """Write down the checksum of every data file that has none yet; returns how many. The caller holds the lock."""
    known = checksums(home)
    fresh = [file.path for file in listed(cursor, home) if file.path.name not in known and file.path.is_file()]
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
    for file in listed(cursor, home):
        if told := _fault_of(cursor, file, known.get(file.path.name)):
            found.append(Fault(file.table, file.path, file.file_id, file.rows, told))
    return found


def batches_of(cursor: Cursor, fault: Fault) -> list[tuple[str, str]]:
    """The batches whose rows a data file may hold, as `(batch_id, path)`: those to load again when it is lost."""
    ends = cursor.execute(
        f"""SELECT s.min_value, s.max_value FROM {_CATALOGUE}.ducklake_file_column_stats s
            JOIN {_CATALOGUE}.ducklake_column c ON c.column_id = s.column_id AND c.table_id = s.table_id
            WHERE s.data_file_id = ? AND c.column_name = 'batch_id' AND c.end_snapshot IS NULL""",
        [fault.file_id],
    ).fetchone()
    if ends is None:
        return []
    return cursor.execute(
        "SELECT batch_id, path FROM lake.main.batches WHERE batch_id BETWEEN ? AND ? ORDER BY ALL", list(ends)
    ).fetchall()


def set_aside(cursor: Cursor, home: Path, found: Iterable[Fault]) -> None:
    """Take damaged files out of the newest version, which cannot be read with them, and move them to `damaged/`.

    The caller holds the writers' lock and has read nothing in its transaction yet. Versions before still need them.
    """
    snapshot = cursor.execute("SELECT id FROM lake.current_snapshot()").fetchall()[0][0]
    for fault in found:
        cursor.execute(
            f"UPDATE {_CATALOGUE}.ducklake_data_file SET end_snapshot = ? WHERE data_file_id = ?",
            [snapshot, fault.file_id],
        )
        if fault.path.is_file():
            (home / DAMAGED).mkdir(exist_ok=True)
            fault.path.rename(home / DAMAGED / fault.path.name)


def strays(cursor: Cursor, home: Path) -> list[Path]:
    """Data files that no version knows: what a load that died left behind. They cost space and count nowhere."""
    names = cursor.execute(
        f"SELECT path FROM {_CATALOGUE}.ducklake_data_file UNION ALL SELECT path FROM {_CATALOGUE}.ducklake_delete_file"
        f" UNION ALL SELECT path FROM {_CATALOGUE}.ducklake_files_scheduled_for_deletion"
    ).fetchall()
    known = {Path(path).name for (path,) in names}
    return sorted(path for path in (home / "files").rglob("*.parquet") if path.name not in known)


def _fault_of(cursor: Cursor, file: Listed, checksum: str | None) -> str:
    if not file.path.is_file():
        return "is missing"
    size = file.path.stat().st_size
    if size != file.size_bytes:
        return f"has {size:,} bytes where the catalogue says {file.size_bytes:,}"
    if checksum and _digest(file.path) != checksum:
        return "has other bytes than were written"
    try:
        every_column = f"SELECT count(*), sum(hash(t)) FROM read_parquet({literal(file.path)}) t"
        rows = cursor.execute(every_column).fetchall()[0][0]
    except Exception as error:
        if type(error).__module__ not in ENGINE:
            raise
        return f"cannot be read ({str(error).splitlines()[0][:120]})"
    return "" if rows == file.rows else f"holds {rows:,} rows where the catalogue says {file.rows:,}"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
