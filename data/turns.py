"""Processes take turns at a store by lock files, which the kernel releases when one dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data.errors import LedgerError


@contextmanager
def turn_to_open(home: Path) -> Iterator[None]:
    """Processes open a store one after another: of two that find it new, one makes it and the other waits."""
    try:
        handle = open(home / "open.lock", "a")  # noqa: SIM115
    except OSError:  # a store that may only be read is not being made
        yield
        return
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def turn_to_write(home: Path) -> Iterator[float | None]:
    """The writers' lock; LedgerError where the store cannot be written.

    Yields when the writer before took it (seconds since 1970) where that one died in its turn, else None. A turn under
    way shows as a lock file of one byte; a byte that is never written takes no space, which may have run out.
    """
    try:
        handle = open(home / "writer.lock", "a")  # noqa: SIM115
    except OSError as error:
        raise LedgerError(
            f"The store {home} cannot be written ({error.strerror}); check the folder's permissions."
        ) from error
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        before = os.fstat(handle.fileno())
        os.truncate(handle.fileno(), 0)
        os.truncate(handle.fileno(), 1)
        try:
            yield before.st_mtime if before.st_size else None
        finally:
            os.truncate(handle.fileno(), 0)
