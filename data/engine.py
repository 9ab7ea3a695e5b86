"""DuckDB, opened with the extensions it needs from PyPI wheels: nothing is downloaded at run time.

The ledger works with one engine; a source that is a table of its own (Iceberg, Delta) is read by another, so that
neither sees the other's keys or memory. This is the only module that opens DuckDB.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import duckdb
from duckdb_extensions import import_extension

from data import scratch
from data.store import Store

Cursor = duckdb.DuckDBPyConnection  # what `Ledger.cursor` gives: a connection with temporary tables of its own


def open_engine(store: Store, extensions: Iterable[str] | None = None, memory: str = "") -> Cursor:
    """An engine that can reach the parts of a store; with `extensions`, those instead of what its catalogue takes."""
    root = duckdb.connect(
        config={
            "extension_directory": str(scratch.extension_folder(store.home, duckdb.__version__)),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "temp_directory": str(scratch.spill_folder(store.home)),
            "memory_limit": memory or os.environ.get("BATON_MEMORY", "2.5GB"),
        }
    )
    root.execute("SET TimeZone = 'UTC'")
    root.execute("SET enable_progress_bar = false")
    for extension in store.extensions if extensions is None else extensions:
        import_extension(extension, con=root)
        root.execute(f"LOAD {extension}")
    if secret := store.secret_text():
        root.execute(secret)
    return root
