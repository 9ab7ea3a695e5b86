"""The ledger: a DuckLake (catalogue and Parquet files), in a folder of its own or shared by hosts (`data.store`).

Every commit is a numbered snapshot, the data version that reports name. Readers never block the
writer and the writer never blocks readers; writers take turns by a lock, which is released when a
process dies (`data.turns`). This is the only module that opens DuckDB.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING

import duckdb
from duckdb_extensions import import_extension

from data import data_files, dimensions, migrations, people, scratch, versions
from data.ailments import ailment, explain_ailments, refuse_a_part_of_a_store
from data.errors import LedgerError
from data.home import home_dir
from data.kept_rows import KeptRows
from data.lake import ROLLUPS, TABLES, full_name
from data.pinned_views import PINNED_VIEWS, SHARED_VIEWS, PinnedViews
from data.schema import KEY_ALIAS
from data.store import Store
from data.turns import Turn, turn_to_open, turn_to_write
from data.unchanged_catalogue import UnchangedCatalogue
from data.work import doing

if TYPE_CHECKING:  # half a second to load, which a command that asks in SQL need not wait for
    import ibis
    import ibis.expr.types as ir
    import pandas as pd
    import pyarrow as pa

    from data.held_view import HeldView

Cursor = duckdb.DuckDBPyConnection  # what `Ledger.cursor` gives: a connection with temporary tables of its own
NotBound = duckdb.BinderException  # SQL that names what is not there


class Ledger:
    """A view of the ledger: the newest version, or (after `at`) one pinned snapshot.

    Safe to share between threads: every query runs on a cursor of its own.
    """

    teams: frozenset[str] = frozenset()  # whose rows alone it shows; none named: all rows (`data.held_view`)

    def __init__(self, root: Cursor, store: Store, pinned: int | None = None) -> None:
        self._root, self.store, self.pinned = root, store, pinned
        self.home = store.home  # scratch and cache, and the rest where the store is not shared
        self.catalog = "lake" if pinned is None else f"lake_at_{pinned}"
        self._guard, self.kept = threading.RLock(), KeptRows(self.rows)
        self._views = PinnedViews(SHARED_VIEWS if store.shared else PINNED_VIEWS)
        self.narrowed: dict[frozenset[str], HeldView] = {}
        self._mirrors: set[str] = set()  # roll-ups of this pinned version that are in memory
        self._unchanged = UnchangedCatalogue(None if store.catalog else self.home / "catalog.sqlite")

    @classmethod
    def open(cls, home: str | os.PathLike | Store | None = None) -> Ledger:
        """Open a store, or that of `home` (see `data.home`), creating or migrating it.

        Raises LedgerError when it cannot be read or written, or was written by a newer Baton.
        """
        store = home if isinstance(home, Store) else Store.of(home_dir(home))
        ledger = cls(open_engine(store), store)
        with explain_ailments(store), turn_to_open(store):
            refuse_a_part_of_a_store(store)
            ledger._attach()
            if migrations.pending(ledger._root):
                with ledger.lock():
                    migrations.apply(ledger._root)
        return ledger

    def _attach(self) -> None:
        self._root.cursor().execute(self.store.attach_text(self.catalog, self.pinned))

    # -- versions -------------------------------------------------------------------------------

    def snapshot(self) -> int:
        """The data version this view reads: the pinned one, else the newest."""
        if self.pinned is not None:
            return self.pinned
        return self._unchanged.ask("newest", lambda: self.rows("SELECT id FROM lake.current_snapshot()")[0][0])

    def at(self, snapshot: int) -> Ledger:
        """A read-only view of one data version; NoData when there is none, or no longer one (`data.versions`)."""
        with self._guard, explain_ailments(self.store):
            asked = frozenset((snapshot, *self._views.versions))
            there = self._unchanged.ask(asked, lambda: versions.those_there(self._root.cursor(), asked))
            self._views.keep_only(there)
            if snapshot not in there:
                raise versions.explain_missing(self._root.cursor(), snapshot)
            if (view := self._views.get(snapshot)) is None:
                (view := Ledger(self._root, self.store, snapshot))._attach()
            return self._views.keep(snapshot, view)

    def release(self) -> None:
        """Drop the rows that this pinned version holds in memory and nobody reads now."""
        for one in (self, *self.narrowed.values()):
            one.kept.release()

    def forget(self) -> None:
        """Let go of this pinned version, and of what the engine's memory holds for it."""
        cursor = self._root.cursor()
        cursor.execute(f"DETACH DATABASE IF EXISTS {self.catalog}")
        for narrowed in self.narrowed.values():
            narrowed.forget()
        self.kept.let_go()
        mirrors = [f"TABLE IF EXISTS memory.main.{table}_{self.pinned}" for table in ROLLUPS]
        for made in (*mirrors, *(f"VIEW IF EXISTS {name}" for name in self.__dict__.get("_stand_ins", {}).values())):
            cursor.execute(f"DROP {made}")

    # -- tables ---------------------------------------------------------------------------------

    def name(self, table: str) -> str:
        """Qualified, quoted SQL name of one of `TABLES` in this view."""
        if table not in TABLES:
            raise ValueError(f"{table} is not a ledger table")
        if self.pinned is None:
            return full_name(self.catalog, table)
        return self._mirror(table) if table in ROLLUPS else self._stand_ins.get(table) or full_name(self.catalog, table)

    @cached_property
    def _stand_ins(self) -> dict[str, str]:
        """Views for what a pinned version, older than a migration, has not got yet, by table: columns that follow from
        others, NULL columns, no rows."""
        found: dict[str, str] = {}
        have = self._columns(self.catalog)
        for table, columns in self._columns("lake").items():
            if missing := {name: kind for name, kind in columns.items() if name not in have.get(table, {})}:
                derived = self._derived() if table == "usage" else {}
                nulls = ", ".join(f"({derived.get(name, 'NULL')})::{kind} AS {name}" for name, kind in missing.items())
                rows = f"*, {nulls} FROM {full_name(self.catalog, table)}" if table in have else f"{nulls} WHERE false"
                found[table] = full_name("memory", f"{table}_at_{self.pinned}")
                self.rows(f"CREATE OR REPLACE VIEW {found[table]} AS SELECT {rows}")
        return found

    def _derived(self) -> dict[str, str]:
        """SQL for the columns of usage that follow from its tags."""
        return dimensions.columns(self._root.cursor()) | {"key_alias": KEY_ALIAS}

    def _columns(self, catalog: str) -> dict[str, dict[str, str]]:
        """Table -> column -> type, in the columns' order."""
        listed = "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = ?"
        found: dict[str, dict[str, str]] = {}
        for table, column, kind in self.rows(f"{listed} ORDER BY table_name, column_index", [catalog]):
            found.setdefault(table, {})[column] = kind
        return found

    def table(self, table: str) -> ir.Table:
        """One of `TABLES` as an unbound ibis table; `frame` runs what is built on it."""
        import ibis

        catalog, database, name = (part.strip('"') for part in self.name(table).split("."))
        return ibis.table(self._schemas[table], name=name, catalog=catalog, database=database)

    usage = property(lambda self: self.table("usage"), doc="One row per billed attempt.")
    billed = property(lambda self: self.table("billed"), doc="Provider invoices and daily reports.")
    rejected = property(lambda self: self.table("rejected"), doc="Records kept aside, with the reason.")
    batches = property(lambda self: self.table("batches"), doc="One row per ingested file.")
    semantics = property(lambda self: self.table("semantics"), doc="How token counts were read, and why.")
    spend_by_day = property(lambda self: self.table("spend_by_day"), doc="Roll-up by reporting-zone day.")
    caveats_by_day = property(lambda self: self.table("caveats_by_day"), doc="Roll-up of rows with a caveat.")

    @cached_property
    def _schemas(self) -> dict[str, ibis.Schema]:
        from data.engine_sql import schema_of

        return {table: schema_of(columns) for table, columns in self._columns("lake").items()}

    def _mirror(self, table: str) -> str:
        """Copy a roll-up of a pinned version into memory once: small queries then take milliseconds."""
        with self._guard:
            mirror = f"{table}_{self.pinned}"
            if mirror not in self._mirrors:
                source = self._stand_ins.get(table) or full_name(self.catalog, table)
                self.cursor().execute(f"CREATE TABLE IF NOT EXISTS memory.main.{mirror} AS FROM {source}")
                self._mirrors.add(mirror)
            return full_name("memory", mirror)

    # -- reading --------------------------------------------------------------------------------

    def frame(self, expr: ir.Expr) -> pd.DataFrame:
        """Run an ibis expression and return a small frame; DECIMAL columns hold exact `Decimal`s."""
        from data import kept_answers

        with explain_ailments(self.store):
            arrow = kept_answers.answer(self, table := expr.as_table(), self._run)
        return arrow.cast(table.schema().to_pyarrow()).to_pandas()

    def _run(self, table: ir.Table) -> pa.Table:
        from data.engine_sql import run

        return run(self.cursor(), table)

    def sql(self, text: str, params: list | dict | None = None, **frames: pd.DataFrame) -> pd.DataFrame:
        """Run SQL (names from `name`, values as parameters, small `frames` by name) and return a frame."""
        from data.engine_sql import exact

        with explain_ailments(self.store):
            cursor = self.cursor()
            for name, frame in frames.items():
                cursor.register(name, exact(frame))
            return cursor.execute(text, params).to_arrow_table().to_pandas()

    def rows(self, text: str, params: list | dict | None = None) -> list[tuple]:
        """Run SQL text as `sql` does and return plain tuples: for a few values, without the libraries of a frame."""
        with explain_ailments(self.store):
            return self.cursor().execute(text, params).fetchall()

    @cached_property
    def _settings(self) -> dict[str, str]:
        return dict(self.rows(f'SELECT name, value FROM "{self.catalog}"."main"."settings"'))

    @property
    def time_zone(self) -> str:
        """The one reporting time zone (IANA name); roll-up days are days of this zone."""
        if self.pinned is None:
            self.__dict__.pop("_settings", None)
        return self._settings.get("time_zone", "UTC")

    # -- writing --------------------------------------------------------------------------------

    def cursor(self) -> Cursor:
        """A fresh connection to the same engine, as for staging work; its queries end when the work they are for is
        given up (`data.work`).
        """
        cursor, work = self._root.cursor(), doing.get()
        return cursor if work is None else work.query(cursor)

    @contextmanager
    def lock(self) -> Iterator[Turn]:
        """Hold the writers' lock, others wait their turn; what a writer who died had begun is removed first."""
        with turn_to_write(self.store) as turn:
            if turn.died_since is not None:
                with explain_ailments(self.store):
                    data_files.sweep(self._root.cursor(), self.home, turn.died_since)
                turn.died_since = None
            yield turn

    @contextmanager
    def write(self, cursor: Cursor | None = None) -> Iterator[Cursor]:
        """One transaction under the writers' lock: all of it becomes one snapshot, or none of it. It runs on `cursor`
        where the caller has staged work on one, else on a fresh one."""
        if self.pinned is not None:
            raise LedgerError(f"Data version {self.pinned} is read-only; open the newest version to change the ledger.")
        people.require("load")
        with self.lock() as turn, explain_ailments(self.store):
            cursor = cursor or self._root.cursor()
            cursor.execute("BEGIN TRANSACTION")
            try:
                yield cursor
                turn.assure()
                cursor.execute("COMMIT")
            except BaseException:
                with suppress(duckdb.Error):  # the failed statement may already have ended the transaction
                    cursor.execute("ROLLBACK")
                raise
            if not self.store.shared:
                with suppress(OSError):  # what is committed stands; the next commit writes its checksums down too
                    data_files.keep_checksums(cursor, self.home)

    def explain_ailments(self) -> AbstractContextManager[None]:
        """For work on `cursor()`: what the store suffers (a full disk, a lock) becomes a LedgerError."""
        return explain_ailments(self.store)

    def suffers(self, error: Exception) -> bool:
        """Whether an error is the store's, not the data's."""
        return bool(ailment(self.store, error))

    def close(self) -> None:
        """Release the store; views of it become unusable."""
        self._root.close()


def open_engine(store: Store, extensions: Iterable[str] | None = None, memory: str = "") -> Cursor:
    """An engine that can reach the parts of a store; one with other `extensions` than its catalogue takes reads a table
    of somebody else's (Iceberg, Delta), so that neither sees the other's keys or memory."""
    root = duckdb.connect(
        config={
            "extension_directory": str(scratch.extension_folder(store.home, duckdb.__version__)),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "temp_directory": str(scratch.spill_folder(store.home)),
            "memory_limit": memory or os.environ.get("BATON_MEMORY", "2.5GB"),
        }
    )
    root.execute("SET TimeZone = 'UTC'")
    root.execute("SET enable_progress_bar = false")
    for extension in store.extensions if extensions is None else extensions:  # from PyPI wheels: nothing is downloaded
        import_extension(extension, con=root)
        root.execute(f"LOAD {extension}")
    if secret := store.secret_text():
        root.execute(secret)
    return root
