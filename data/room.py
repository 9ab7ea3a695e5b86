"""Whether a folder takes more: asked before work whose failure half-way the engine does not undo.

DuckLake writes rows that wait in the catalogue out to files in one commit and drops their tables in a second; where
that second one finds no room, it removes the files that the first has made part of the ledger.
"""

from __future__ import annotations

import resource
import shutil
from pathlib import Path

from data.errors import LedgerError

ROOM = 64 << 20  # bytes beside what the catalogue may be written anew in
LARGEST_FILE = 1 << 30  # bytes that a file must be allowed to have


def require_room(home: Path) -> None:
    """LedgerError where the disk of a store's folder is nearly full, or its files may not grow."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if allowed != resource.RLIM_INFINITY and allowed < LARGEST_FILE:
        raise LedgerError(
            f"A file of this process may not grow beyond {allowed >> 10:,} KB, too little for this; nothing was "
            "changed. Raise the limit (`ulimit -f unlimited`) and run it again."
        )
    catalogue = home / "catalog.sqlite"
    needed = ROOM + 2 * (catalogue.stat().st_size if catalogue.exists() else 0)
    if shutil.disk_usage(home).free < needed:
        raise LedgerError(
            f"The disk under {home} is full: this needs {needed >> 20:,} MB of it; nothing was changed. Free some "
            "space and run it again."
        )
