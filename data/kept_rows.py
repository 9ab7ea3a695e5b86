"""Tables in the engine's memory with what many questions start from: each worked out once, the last few stay."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from data.ledger import Ledger

KEPT_TABLES = 4
NUMBERS = count()


@dataclass
class _Kept:
    """A table in memory, and how many use it now."""

    name: str
    users: int = 0


class KeptRows:
    """What one data version holds, by the SQL text that made it, the oldest first; `run` runs a statement."""

    def __init__(self, run: Callable[[str], object]) -> None:
        self._run, self._guard = run, threading.Lock()
        self._kept: dict[str, _Kept] = {}

    @contextmanager
    def table_of(self, text: str) -> Iterator[str]:
        """The name of the table in `memory.main` with the rows of a query; it stays at least as long as it is used."""
        with self._guard:
            kept = self._kept.pop(text, None) or self._made(text)
            self._kept[text] = kept
            kept.users += 1
        try:
            yield kept.name
        finally:
            with self._guard:
                kept.users -= 1
                self._drop([one for one in list(self._kept)[:-KEPT_TABLES] if not self._kept[one].users])

    def let_go(self) -> None:
        """Drop every table: the data version is let go."""
        with self._guard:
            self._drop(list(self._kept))

    def release(self) -> None:
        """Drop the tables that nobody uses now; whoever asks for one again makes it anew."""
        with self._guard:
            self._drop([text for text, one in self._kept.items() if not one.users])

    def _made(self, text: str) -> _Kept:
        name = f"kept_{next(NUMBERS)}"
        self._run(f"CREATE TABLE memory.main.{name} AS {text}")
        return _Kept(name)

    def _drop(self, texts: Iterable[str]) -> None:
        for text in texts:
            self._run(f"DROP TABLE IF EXISTS memory.main.{self._kept.pop(text).name}")


@contextmanager
def keeping(view: Ledger, rows: ir.Table) -> Iterator[ir.Table]:
    """The rows of an expression over a view, held in memory for all who ask its data version.

    The newest version, which may change, holds nothing: the expression itself is given.
    """
    if view.pinned is None:
        yield rows
        return
    import ibis

    from data.engine_sql import sql_text

    with view.kept.table_of(sql_text(rows)) as name:
        yield ibis.table(rows.schema(), name=name, catalog="memory", database="main")
