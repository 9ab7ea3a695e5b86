"""A store moved into another tier and back: `python -m data move --to ...`.

The newest data version, the decisions and the audit trail go over, each part in one transaction; what was there is
only read. The same command, run again after a death, finishes. Data versions count on where the old store was, so that
no number names two of them; older versions stay behind. Nothing is called moved before both stores say the same.
"""

from __future__ import annotations

import argparse
import os
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from data import checks, console, kept_files, people, wording
from data.errors import BadInput, LedgerError
from data.home import VARIABLE, home_dir
from data.lake import CATALOGUE, TABLES
from data.ledger import Cursor, Ledger
from data.state import State
from data.store import CATALOG, DATA, Store

MOVED = "store moved"  # the audit trail's word
FOLDER_FILES = ("litellm_prices.json", "catalog/*.csv", "price_books/*.json")  # of the operator's own, beside tables
BATCH = 100_000  # rows on their way at a time


class Contents(NamedTuple):
    """What must be equal on both sides."""

    rows: int
    cost_usd: Decimal
    rollup_rows: int
    rollup_usd: Decimal
    tables: tuple[int, ...]
    audit: str

    @property
    def empty(self) -> bool:
        return not any(self.tables)


def move(source: Store, target: Store) -> Contents:
    """Copy a store into an empty one and hold them against each other.

    Raises BadInput for a target that holds anything else, LedgerError for what either suffers.
    """
    people.require("maintenance")
    if (source.catalog, source.files) == (target.catalog, target.files):
        raise BadInput(f"The store to be moved is {target.named} itself; name another with --to.")
    ours, theirs = Ledger.open(source), Ledger.open(target)
    decisions, their_decisions = State.open(source), State.open(target)
    try:
        held = _contents(theirs, their_decisions)
        with ours.lock():
            if not any(entry.event == MOVED for entry in decisions.audit(1)):
                decisions.append_audit(MOVED, {"to": target.where, "snapshot": ours.snapshot()})
            wanted = _contents(ours, decisions)
            if held.empty:
                _copy_ledger(ours, theirs)
            elif held.tables != wanted.tables or held.audit not in ("", wanted.audit):
                raise BadInput(
                    f"The store {target.where} holds other rows or decisions, and nothing is moved over them; name an"
                    " empty one."
                )
            _copy_files(source, target)
            their_decisions.take_over(decisions)
        found = _contents(theirs, their_decisions)
    finally:
        ours.close()
        theirs.close()
    if found != wanted:
        raise LedgerError(
            f"The store {target.where} holds {found.rows:,} rows and ${found.cost_usd} where {wanted.rows:,} and"
            f" ${wanted.cost_usd} were to be moved: go on with the old one, which is as it was, and empty the other."
        )
    return found


def _contents(ledger: Ledger, state: State) -> Contents:
    """Count a store; LedgerError where its audit trail does not hold."""
    view = ledger.at(ledger.snapshot())
    standing = state.audit_standing()
    if standing.first_bad is not None:
        raise LedgerError(standing.sentence)
    found = checks.check(view)
    counts = tuple(int(view.sql(f"SELECT count(*) AS n FROM {view.name(table)}")["n"][0]) for table in TABLES)
    newest = state.audit(1)
    return Contents(
        found["attempts"],
        found["cost_usd"],
        found["rollup_attempts"],
        found["rollup_cost_usd"],
        counts,
        newest[0].hash if newest else "",
    )


def _copy_ledger(ours: Ledger, theirs: Ledger) -> None:
    """All tables of the newest version in one transaction, as the version after the one that was left."""
    with theirs.lock(), theirs.explain_ailments():
        _count_on(theirs.cursor(), ours.snapshot())
    with theirs.write() as cursor:
        for table in (*TABLES, "settings"):
            rows = ours.cursor().execute(f"FROM lake.main.{table}").to_arrow_reader(BATCH)
            cursor.register("moved_rows", rows)
            cursor.execute(f"INSERT INTO lake.main.{table} BY NAME FROM moved_rows")
            cursor.unregister("moved_rows")


def _count_on(cursor: Cursor, version: int) -> None:
    """Make the blank version of an empty store the number `version`, and the only one."""
    newest = cursor.execute("SELECT id FROM lake.current_snapshot()").fetchall()[0][0]
    for table in ("ducklake_snapshot", "ducklake_snapshot_changes"):
        cursor.execute(f"DELETE FROM {CATALOGUE}.{table} WHERE snapshot_id < ?", [newest])
        cursor.execute(f"UPDATE {CATALOGUE}.{table} SET snapshot_id = ? WHERE snapshot_id = ?", [version, newest])


def _copy_files(source: Store, target: Store) -> None:
    """The operator's own files, from home to home."""
    kept_files.fetch(source)
    for path in (path for pattern in FOLDER_FILES for path in sorted(source.home.glob(pattern))):
        there = target.home / path.relative_to(source.home)
        if there != path:
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(path.read_bytes())
        kept_files.keep(target, there)


def register(commands: console.Commands) -> None:
    """`python -m data move --to ...`."""
    sub = commands.add("move", _move, needs_store=True)
    sub.add_argument("--to", required=True, metavar="WHERE", help="postgresql://user@host/database, or a folder")
    sub.add_argument("--files", metavar="WHERE", help="with PostgreSQL: s3://bucket/path, or a folder all hosts see")


def _move(args: argparse.Namespace) -> None:
    source, to = Store.of(home_dir(args.home)), args.to.strip()
    if not to:
        raise BadInput("--to is empty; name a folder, or postgresql://user@host/database.")
    if "://" not in to and ("@" in to or "password" in to.lower() or to.lower().startswith("postgres")):
        raise BadInput("--to looks like an address of a database; write postgresql://user@host/database.")
    if "://" in to:
        files = args.files or ""
        if files and "://" not in files:
            files = str(Path(files).expanduser().resolve())
        target = Store.of(source.home, {**os.environ, CATALOG: to, DATA: files})
    elif args.files:
        raise BadInput("--files goes with --to postgresql://...; a folder has its files in it.")
    else:
        folder = Path(to).expanduser().resolve()
        if source.home.resolve() in (folder, *folder.parents):
            raise BadInput(f"{folder} lies in the store that would be moved; name a folder outside of it.")
        target = Store.of(home_dir(folder), {})
    found = move(source, target)
    if args.json:
        console.emit_json(found._asdict())
    else:
        moved = f"{wording.count_of(found.rows, 'row')} and {wording.usd_cents(found.cost_usd)} moved to {target.named}"
        console.say(f"{moved}, counted again there. {_how_to_use(source, target)}")


def _how_to_use(source: Store, target: Store) -> str:
    """What to set, so that the next command is about the store that was moved to."""
    if target.shared:
        return f"Set {CATALOG} and {DATA} to use it."
    unset = f"Unset {CATALOG} and {DATA}, and set" if source.shared else "Set"
    return f"{unset} {VARIABLE} to {target.home} to use it, or name it with --home."
