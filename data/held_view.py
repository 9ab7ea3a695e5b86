"""What somebody held to some teams may read: a pinned data version with only those teams' rows in it.

The narrowing stands where tables get their names, so that no page, export or query can forget it. Tables that say
nothing of teams (bills, rejected records, files) are empty in such a view.
"""

from __future__ import annotations

from hashlib import sha256

from data.lake import full_name
from data.ledger import Ledger
from data.rollups import caveat_sums, day_in
from data.sql_text import literal

NARROWED = ("usage", "spend_by_day")
# How counts are read, what tags are called, and on which days rows are lost: nobody's figures.
PLAIN = ("semantics", "dimensions", "lost_rows")


class HeldView(Ledger):
    """One data version as somebody held to `teams` may see it; read-only, as every pinned version."""

    def __init__(self, view: Ledger, teams: frozenset[str]) -> None:
        super().__init__(view._root, view.store, view.pinned)
        self.catalog, self.teams, self._whole = view.catalog, teams, view
        self._called = f"held_{sha256(repr(sorted(teams)).encode()).hexdigest()[:16]}_{view.pinned}"
        self._made: set[str] = set()

    def name(self, table: str) -> str:
        """Of a view with the held teams' rows of one of `TABLES`."""
        whole, narrowed = self._whole.name(table), full_name("memory", f"{table}_{self._called}")
        with self._guard:
            if table not in self._made:
                self.rows(f"CREATE OR REPLACE VIEW {narrowed} AS {self._rows(table, whole)}")
                self._made.add(table)
        return narrowed

    def _rows(self, table: str, whole: str) -> str:
        if table in NARROWED:
            return f"SELECT * FROM {whole} WHERE team IN ({', '.join(literal(team) for team in sorted(self.teams))})"
        if table == "caveats_by_day":
            return caveat_sums(self.name("usage"), day_in(self.time_zone))
        if table == "texts":
            return f"SELECT * FROM {whole} WHERE event_id IN (SELECT event_id FROM {self.name('usage')})"
        if table == "lost_files":
            return f"SELECT * REPLACE ([]::VARCHAR[] AS paths, []::VARCHAR[] AS batches) FROM {whole}"
        return f"SELECT * FROM {whole}" + ("" if table in PLAIN else " WHERE false")

    def at(self, snapshot: int) -> Ledger:
        """Another data version, as narrow as this one."""
        return restrict_to_teams(self._whole.at(snapshot), self.teams)

    def forget(self) -> None:
        """Drop the engine's views and tables of this one, whose data version is let go."""
        self.kept.let_go()
        for table in self._made:
            self.rows(f"DROP VIEW IF EXISTS {full_name('memory', f'{table}_{self._called}')}")


def restrict_to_teams(view: Ledger, teams: frozenset[str]) -> Ledger:
    """A pinned view as somebody held to `teams` may see it; the view itself where they are held to none."""
    if not teams:
        return view
    with view._guard:
        if teams not in view.narrowed:
            view.narrowed[teams] = HeldView(view, teams)
        return view.narrowed[teams]
