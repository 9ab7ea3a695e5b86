"""Work that is given up when nobody waits for it any more: its queries are interrupted, and it starts no other.

Whoever works for somebody else sets `doing`; the ledger hands its cursors to it (`Ledger.cursor`).
"""

from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from data.ledger import Cursor


class GivenUp(Exception):
    """Nobody waits for this work any more; told to nobody."""


class Work:
    """A piece of work and the queries it runs; safe to give up from another thread."""

    def __init__(self) -> None:
        self.given_up = False
        self._cursors: WeakSet[Cursor] = WeakSet()
        self._guard = threading.Lock()

    def query(self, cursor: Cursor) -> Cursor:
        """Let this cursor's queries be interrupted with the work; GivenUp where it is given up already."""
        with self._guard:
            if self.given_up:
                raise GivenUp
            self._cursors.add(cursor)
        return cursor

    def give_up(self) -> None:
        """Interrupt what runs, and let nothing start."""
        with self._guard:
            self.given_up = True
            for cursor in self._cursors:
                cursor.interrupt()


doing: ContextVar[Work | None] = ContextVar("doing", default=None)
