"""Which pinned data versions a process keeps open: those asked for last, and none that nobody asks for any more."""

from __future__ import annotations

import time
from collections.abc import Set
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data.ledger import Ledger

PINNED_VIEWS = 12  # attached snapshots kept open per process
SHARED_VIEWS = 4  # the same, where each holds a connection of PostgreSQL
IDLE_S = 300.0  # a snapshot that nobody asked for this long is let go: each holds its roll-ups in memory


class PinnedViews:
    """Views by data version, the one asked for last at the end; whoever uses it holds the ledger's guard."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._views: dict[int, Ledger] = {}
        self._asked: dict[int, float] = {}

    @property
    def versions(self) -> set[int]:
        """The data versions that are open."""
        return set(self._views)

    def get(self, version: int) -> Ledger | None:
        """The open view of a version."""
        return self._views.get(version)

    def keep(self, version: int, view: Ledger) -> Ledger:
        """Keep the view that was just asked for, and let go of what is too much or idle. A new one makes the others
        drop the rows that they hold in memory and nobody reads now."""
        if version not in self._views:
            for older in self._views.values():
                older.release()
        self._views[version] = self._views.pop(version, view)
        self._asked[version] = now = time.monotonic()
        idle = [other for other, asked in self._asked.items() if asked < now - IDLE_S]
        self._let_go(idle)
        self._let_go(list(self._views)[: -self._most])
        return view

    def keep_only(self, there: Set[int]) -> None:
        """Let go of versions that are no more: the engine answers nothing while it has them attached."""
        self._let_go([version for version in self._views if version not in there])

    def _let_go(self, versions: list[int]) -> None:
        for version in versions:
            self._asked.pop(version, None)
            self._views.pop(version).forget()
