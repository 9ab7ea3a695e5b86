"""Answers over usage kept per data version under HOME/cache, and carried on to the next by what a load added to it.

A question that groups rows is asked again after every restart, by every process and of every new version. Its answer
is kept in a file. Where every sum in it adds up (counts, sums, means, least, greatest), what is kept is those sums
before anything is made of them; the next version then takes the sums of the rows that came since
(`ducklake_table_insertions`) to them. Where rows went or changed in between, where a version on the way is no longer
there to say so, or the rows do not add up, all is worked out anew. Only large stores keep answers: small ones are
quicker without.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4
from weakref import WeakKeyDictionary

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from data import versions
from data.added_sums import ADDED_UP, consists_of_sums, split_into_sums
from data.engine_sql import question_text
from data.lake import CATALOGUE, full_name
from data.version import VERSION

if TYPE_CHECKING:
    from data.ledger import Ledger

FOLDER = "cache"
ENGINE = metadata.version("duckdb")
FROM_ROWS = 200_000  # of usage; under it the engine answers before a file is found
MOST_ROWS = 1_000_000  # of an answer: the minutes of a year are half of it
MOST_BYTES = 256 << 20  # of all of them
MOST_VERSIONS = 3  # of one question
ADDED_SHARE = 0.2  # of the rows of a version: where a load added more, it is not carried on
# What changes no row there was; what is rewritten without its deleted rows had lost them before.
HARMLESS = ("inserted_into_table", "inlined_insert", "inline_flush", "merge_adjacent", "rewrite_delete")
ROWS = b"rows of usage"  # how many rows the version had, in the metadata of a file

Run = Callable[[ir.Table], pa.Table]


class Version(NamedTuple):
    """A data version, when it was made (microseconds since 1970: a store brought back may come to the same number
    again), and how many rows of usage it has.
    """

    number: int
    made_us: int
    rows: int

    @property
    def file_name(self) -> str:
        return f"{self.number}-{self.made_us}.parquet"


_VERSIONS: WeakKeyDictionary[Ledger, Version] = WeakKeyDictionary()


def answer(view: Ledger, table: ir.Table, run: Run) -> pa.Table:
    """What `run` gives for an expression over a pinned view, from what is kept where that is the same."""
    if not _is_all_of_a_version(view):
        return run(table)
    usage, whole = view.table("usage").op(), table.op()
    if not _may_be_kept(whole, usage) or (version := _version_of(view)).rows < FROM_ROWS:
        return run(table)
    kept = _Kept(view, version, run)
    parts = [part for part in whole.find(ops.Aggregate) if consists_of_sums(part, usage)]
    without = {part: ops.UnboundTable(name=f"part_{number}", schema=part.schema) for number, part in enumerate(parts)}
    if not parts or whole.replace(without).find(lambda node: node == usage):
        return kept.whole(table)
    return run(whole.replace({part: kept.sums(part) for part in parts}).to_expr())


def answer_to(view: Ledger, asked: Callable[[], str], compute: Callable[[], pa.Table]) -> pa.Table:
    """What `compute` gives for a question that more than one expression puts, from what is kept where that is the same.

    `asked` tells all that the answer depends on but the data version, and holds nothing that is new with every process.
    """
    if not _is_all_of_a_version(view) or (version := _version_of(view)).rows < FROM_ROWS:
        return compute()
    return _Kept(view, version, lambda _: compute()).by_text(asked())


def forget(home: Path) -> None:
    """Remove every answer that is kept: they may hold names."""
    shutil.rmtree(home / FOLDER, ignore_errors=True)


def _is_all_of_a_version(view: Ledger) -> bool:
    """Whether a view shows every row of one version, as it was written."""
    return view.pinned is not None and not view.teams and view.name("usage") == full_name(view.catalog, "usage")


def _version_of(view: Ledger) -> Version:
    if view not in _VERSIONS:
        _forget_versions_that_are_gone(view)
        [(made_us, rows)] = (
            view.cursor()
            .execute(
                f"""SELECT epoch_us(snapshot_time::TIMESTAMPTZ), (SELECT count(*) FROM {view.name("usage")})
                FROM {CATALOGUE}.ducklake_snapshot WHERE snapshot_id = ?""",
                [view.pinned],
            )
            .fetchall()
        )
        _VERSIONS[view] = Version(view.snapshot(), made_us, rows)
    return _VERSIONS[view]


def _forget_versions_that_are_gone(view: Ledger) -> None:
    """Names may have been forgotten with them, from another host even."""
    kept = list((view.home / FOLDER).rglob("*.parquet"))
    there = versions.those_there(view.cursor(), {_number(path) for path in kept} | {view.snapshot()})
    for path in kept:
        if _number(path) not in there:
            path.unlink(missing_ok=True)


class _Kept:
    """The answers of one version of one store."""

    def __init__(self, view: Ledger, version: Version, run: Run) -> None:
        self.view, self.version, self.run = view, version, run
        self.usage = view.table("usage").op()

    def by_text(self, text: str) -> pa.Table:
        """The answer to a question put in words of its own, as it was worked out for this version."""
        folder = self._folder_of(text)
        found = _read(folder / self.version.file_name)
        if found is None:
            found = self.run(self.view.usage)
            self._keep(folder, found)
        return found

    def whole(self, table: ir.Table) -> pa.Table:
        """The answer itself, as it was worked out for this version."""
        folder = self._folder(table)
        found = _read(folder / self.version.file_name)
        if found is None:
            found = self.run(table).cast(table.schema().to_pyarrow())
            self._keep(folder, found)
        return found

    def sums(self, part: ops.Aggregate) -> ops.Relation:
        """The groups of an aggregation over rows, from sums that are kept."""
        plain, made = split_into_sums(part)
        folder = self._folder(plain.to_expr())
        found = _read(folder / self.version.file_name)
        if found is None:
            found = self._carried_on(folder, plain)
            if found is None:
                found = self._sums_of(plain)
            self._keep(folder, found)
        held = ibis.memtable(found).op()
        places = {reduction: value(held) for reduction, value in made.items()}
        columns = {name: ops.Field(held, name) for name in part.groups}
        columns |= {name: value.replace(places) for name, value in part.metrics.items()}
        return ops.Project(held, columns)

    def _sums_of(self, plain: ops.Aggregate) -> pa.Table:
        table = plain.to_expr()
        return self.run(table).cast(table.schema().to_pyarrow())

    def _carried_on(self, folder: Path, plain: ops.Aggregate) -> pa.Table | None:
        """The sums of the nearest version before whose rows are all still there, and of the rows that came since."""
        for path in sorted(folder.glob("*.parquet"), key=lambda path: -_number(path)):
            if _number(path) >= self.version.number or (found := _read(path)) is None:
                continue
            rows = int(found.schema.metadata[ROWS])
            before = Version(_number(path), int(path.stem.partition("-")[2]), rows)
            if not self._only_grew(before):
                return None
            added = self._added_since(before, plain)
            return None if added is None else self._added_up(plain, found, added)
        return None

    def _only_grew(self, before: Version) -> bool:
        """Whether all that happened to usage since then is that rows came, which every version in between must say."""
        rows = (
            self.view.cursor()
            .execute(
                f"""SELECT s.snapshot_id, epoch_us(s.snapshot_time::TIMESTAMPTZ), c.changes_made, (SELECT max(table_id)
                    FROM {CATALOGUE}.ducklake_table WHERE table_name = 'usage' AND end_snapshot IS NULL)
                FROM {CATALOGUE}.ducklake_snapshot s JOIN {CATALOGUE}.ducklake_snapshot_changes c USING (snapshot_id)
                WHERE s.snapshot_id BETWEEN ? AND ? ORDER BY s.snapshot_id""",
                [before.number, self.version.number],
            )
            .fetchall()
        )
        if len(rows) != self.version.number - before.number + 1 or rows[0][1] != before.made_us:
            return False
        table = f":{rows[0][3]}"
        changes = [change for row in rows[1:] for change in (row[2] or "").split(",") if change.endswith(table)]
        return all(change.removesuffix(table) in HARMLESS for change in changes)

    def _added_since(self, before: Version, plain: ops.Aggregate) -> pa.Table | None:
        """The sums of the rows that came since then; None where they are many, or not as many as are more."""
        more = self.version.rows - before.rows
        if not 0 <= more <= ADDED_SHARE * self.version.rows:
            return None
        columns = ", ".join(f'"{name}"' for name in self.usage.schema)
        text = f"""SELECT {columns} FROM ducklake_table_insertions('lake', 'main', 'usage', {before.number + 1},
            {self.version.number})"""
        with self.view.kept.table_of(text) as name:
            place = full_name("memory", name)
            if self.view.cursor().execute(f"SELECT count(*) FROM {place}").fetchall()[0][0] != more:
                return None
            rows = ibis.table(self.usage.schema, name=name, catalog="memory", database="main").op()
            return self._sums_of(plain.replace({self.usage: rows}))

    def _added_up(self, plain: ops.Aggregate, one: pa.Table, other: pa.Table) -> pa.Table:
        both = ibis.memtable(pa.concat_tables([one.replace_schema_metadata(), other.replace_schema_metadata()]))
        again = {name: ADDED_UP[type(value)](both[name]) for name, value in plain.metrics.items()}
        table = both.group_by(list(plain.groups)).aggregate(**again) if plain.groups else both.aggregate(**again)
        return self.run(table).cast(plain.to_expr().schema().to_pyarrow())

    def _folder(self, table: ir.Table) -> Path:
        """Where the answers of a question are: by its text, the same for every version, and what gave it a meaning."""
        anywhere = ops.UnboundTable(name="usage", schema=self.usage.schema)
        text = question_text(table.op().replace({self.usage: anywhere}).to_expr())
        return self._folder_of(f"{table.schema()} {text}")

    def _folder_of(self, text: str) -> Path:
        meaning = f"{VERSION} {ENGINE} {text}"
        return self.view.home / FOLDER / "answers" / sha256(meaning.encode()).hexdigest()[:32]

    def _keep(self, folder: Path, found: pa.Table) -> None:
        """Write an answer down, whole or not at all; not of a version that was given up meanwhile (it may hold names
        that were to be forgotten), and no more than there is room for."""
        if found.num_rows > MOST_ROWS:
            return
        path, fresh = folder / self.version.file_name, folder / f"{uuid4().hex}.new"
        told = found.replace_schema_metadata({ROWS: str(self.version.rows).encode()})
        with suppress(OSError):  # a store that may only be read keeps nothing
            folder.mkdir(parents=True, exist_ok=True)
            pq.write_table(told, fresh, write_page_checksum=True)
            fresh.replace(path)
            if not versions.those_there(self.view.cursor(), [self.version.number]):
                path.unlink(missing_ok=True)
            _make_room(folder, self.view.home)


def _may_be_kept(whole: ops.Node, usage: ops.Node) -> bool:
    """Whether a question is about usage alone, gives groups rather than rows, and gives the same when asked again."""
    tables = whole.find((ops.PhysicalTable, ops.SQLQueryResult))
    return (
        bool(tables)
        and all(one == usage for one in tables)
        and bool(whole.find(ops.Aggregate))
        and not whole.find((ops.Impure, ops.TimestampNow))
    )


def _number(path: Path) -> int:
    return int(path.name.partition("-")[0])


def _read(path: Path) -> pa.Table | None:
    """A kept answer, or None where there is none that can be read whole."""
    try:
        found = pq.read_table(path, page_checksum_verification=True)
        os.utime(path)
    except (OSError, pa.ArrowException):
        return None
    return found


def _make_room(folder: Path, home: Path) -> None:
    """Remove what was used longest ago where there is too much of a question, or of all."""
    for path in _last_used_first(folder)[MOST_VERSIONS:]:
        path.unlink(missing_ok=True)
    size = 0
    for path in _last_used_first(home / FOLDER):
        size += path.stat().st_size
        if size > MOST_BYTES:
            path.unlink(missing_ok=True)


def _last_used_first(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.*"), key=lambda path: -path.stat().st_mtime)
