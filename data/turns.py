"""Processes take turns at a store by lock files, which the kernel releases when one dies."""

from __future__ import annotations

import fcntl
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
def turn_to_write(home: Path) -> Iterator[None]:
    """The writers' lock; LedgerError where the store cannot be written."""
    try:
        handle = open(home / "writer.lock", "a")  # noqa: SIM115
    except OSError as error:
        raise LedgerError(
            f"The store {home} cannot be written ({error.strerror}); check the folder's permissions."
        ) from error
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
