"""How the engine is started: its extensions, its memory and where it spills."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
from duckdb_extensions import import_extension

from data.errors import LedgerError

Cursor = duckdb.DuckDBPyConnection  # what `Ledger.cursor` gives: a connection with temporary tables of its own
EngineError = duckdb.Error


def connect(home: Path) -> duckdb.DuckDBPyConnection:
    """An engine in memory that spills under `home`; LedgerError where the store cannot be written."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / f"baton/duckdb-{duckdb.__version__}"
    scratch = home / "scratch"
    try:
        scratch.mkdir(exist_ok=True)
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerError(
            f"The store {home} cannot be written ({error.strerror}); check the folder's permissions and free space."
        ) from error
    root = duckdb.connect(
        config={
            "extension_directory": str(cache),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "temp_directory": str(scratch / f"spill-{os.getpid()}"),  # each process its own: the engine clears it
            "memory_limit": os.environ.get("BATON_MEMORY", "2.5GB"),
        }
    )
    root.execute("SET TimeZone = 'UTC'")
    for extension in ("ducklake", "sqlite"):  # from PyPI wheels: nothing is downloaded at run time
        import_extension(extension, con=root)
        root.execute(f"LOAD {extension}")
    return root
