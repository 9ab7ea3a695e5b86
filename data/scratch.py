"""A process's own working space under HOME/scratch, gone when its work is done and swept after its death."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from data.errors import LedgerError

FOLDER = "scratch"


def spill_folder(home: Path) -> Path:
    """Where this process's engine spills what is larger than memory; each its own, since the engine clears it."""
    _make(home / FOLDER, home)
    return home / FOLDER / f"spill-{os.getpid()}"


def extension_folder(home: Path, version: str) -> Path:
    """Where the engine of this version keeps its extensions, for every store of this user."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / f"baton/duckdb-{version}"
    _make(cache, home)
    return cache


def _make(folder: Path, home: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerError(
            f"The store {home} cannot be written ({error.strerror}); check the folder's permissions and free space."
        ) from error


@contextmanager
def copies(home: Path) -> Iterator[Path]:
    """A folder for one piece of work's copies of files, made when the first copy is, and gone at the end."""
    folder = home / FOLDER / f"spill-{os.getpid()}-{uuid4().hex[:8]}"
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def upload_folder(home: Path) -> Path:
    """A new folder for files that were dropped on a page."""
    folder = home / "uploads" / f"{os.getpid()}-{uuid4().hex[:8]}"
    folder.mkdir(parents=True)
    return folder


def sweep(home: Path) -> None:
    """Remove what processes that died left: spilled tables, copies, and uploads that nobody can come back to."""
    for leftover in (*(home / FOLDER).glob("spill-*"), *(home / FOLDER).glob("*.clean"), *(home / "uploads").glob("*")):
        number = leftover.name.removeprefix("spill-").split("-")[0]
        if not (number.isdecimal() and _alive(int(number))):
            shutil.rmtree(leftover, ignore_errors=True) if leftover.is_dir() else leftover.unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True
