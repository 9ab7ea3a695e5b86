"""Processes take turns at a store by locks that go when one dies: of files by the kernel, of a shared catalogue by
PostgreSQL (`data.postgres`).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from data.errors import LedgerError
from data.store import Store


class Turn:
    """A turn at the writers' lock. `died_since` is when the first of the writers before who died in theirs took it
    (seconds since 1970), where what they had begun is not removed yet, else None.
    """

    died_since: float | None = None

    def assure(self) -> None:
        """Before a commit: LedgerError where the lock was lost meanwhile, as it can be over a network."""


@contextmanager
def turn_to_open(store: Store) -> Iterator[None]:
    """Processes open a store one after another: of two that find it new, one makes it and the other waits."""
    if store.catalog:
        from data import postgres

        with postgres.turn(store, postgres.OPENING):
            yield
        return
    try:
        handle = open(store.home / "open.lock", "a")  # noqa: SIM115
    except OSError:  # a store that may only be read is not being made
        yield
        return
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def turn_to_write(store: Store) -> Iterator[Turn]:
    """The writers' lock; LedgerError where the store cannot be written, or another writes a shared one for too long."""
    if store.catalog:
        from data import postgres

        with postgres.turn(store, postgres.WRITING) as shared:
            yield shared
        return
    with _file_turn(store.home) as turn:
        yield turn


def is_left(store: Store) -> bool:
    """Whether a writer of a store of files died in its turn, and nobody has written since or does now."""
    if store.catalog:
        return False
    with suppress(OSError), open(store.home / "writer.lock") as handle:  # no such file, or another's turn
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return bool(os.fstat(handle.fileno()).st_size)
    return False


@contextmanager
def _file_turn(home: Path) -> Iterator[Turn]:
    """A turn under way shows as a lock file of one byte; a byte that is never written takes no space, which may have
    run out. One that was left stays as it was, so that the next writer knows of it too if this one dies sweeping.
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
        turn = Turn()
        turn.died_since = before.st_mtime if before.st_size else None
        if turn.died_since is None:
            os.truncate(handle.fileno(), 1)
        try:
            yield turn
        finally:
            if turn.died_since is None:
                os.truncate(handle.fileno(), 0)
