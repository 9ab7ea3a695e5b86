"""Names within the lake: its tables."""

from __future__ import annotations

CATALOGUE = '"__ducklake_metadata_lake"'  # the tables in which the lake says what it is made of
ROLLUPS = ("spend_by_day", "caveats_by_day")


TABLES = (
    *("usage", "billed", "rejected", "batches", "semantics", "texts", "identities", "page_heads", "dimensions"),
    *("lost_files", "lost_rows"),
    *ROLLUPS,
)


def full_name(catalog: str, table: str) -> str:
    return f'"{catalog}"."main"."{table}"'
