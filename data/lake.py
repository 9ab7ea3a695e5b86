"""Names and addresses within the lake: its tables, and how a catalogue is attached."""

from __future__ import annotations

from pathlib import Path

from data.sql_text import literal

CATALOGUE = '"__ducklake_metadata_lake"'  # the tables in which the lake says what it is made of
ROLLUPS = ("spend_by_day", "caveats_by_day")


TABLES = (
    *("usage", "billed", "rejected", "batches", "semantics", "texts", "identities", "page_heads", "dimensions"),
    *("lost_files", "lost_rows"),
    *ROLLUPS,
)


def attach_text(home: Path, alias: str, snapshot: int | None = None) -> str:
    # WAL lets readers go on while a writer commits; the overridden path lets the folder be moved.
    options = [
        f"DATA_PATH {literal(home / 'files')}",
        "OVERRIDE_DATA_PATH true",
        "META_JOURNAL_MODE 'WAL'",
        "META_BUSY_TIMEOUT 30000",
    ]
    if snapshot is not None:
        options.append(f"SNAPSHOT_VERSION {snapshot:d}")
    address = literal(f"ducklake:sqlite:{home}/catalog.sqlite")
    return f"ATTACH IF NOT EXISTS {address} AS {alias} ({', '.join(options)})"


def full_name(catalog: str, table: str) -> str:
    return f'"{catalog}"."main"."{table}"'
