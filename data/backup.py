"""A store copied whole while it is in use, and brought back: `python -m data backup DIR | restore DIR`.

The writers' lock is held for the length of the copy, so that catalogue and data files belong together; readers
go on. The copy is opened and counted before it is called one; until all of it is there a mark stands in its folder.
"""

from __future__ import annotations

import argparse
import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from data import console
from data.errors import BadInput, LedgerError, Refused
from data.home import home_dir
from data.ledger import Ledger
from data.state import State
from data.state_file import copy_database
from data.store import UNFINISHED, Store

DATABASES = ("catalog.sqlite", "state.sqlite")
MADE = "store backed up"  # the audit trail's word, with the folder
# Working space of processes and answers that are kept: made anew.
LEFT_OUT = ("scratch", "cache", "writer.lock", "open.lock")


class Contents(NamedTuple):
    """What a store holds: enough to tell a copy from a part of one."""

    snapshot: int
    rows: int
    cost_usd: Decimal
    bills: int
    audit_entries: int


def contents(home: Path) -> Contents:
    """Count a store; LedgerError where it cannot be read whole, or its audit trail does not hold."""
    ledger, state = Ledger.open(home), State.open(home)
    try:
        view = ledger.at(ledger.snapshot())
        usage = view.sql(f"SELECT count(*) AS n, coalesce(sum(cost_usd), 0) AS usd FROM {view.name('usage')}").iloc[0]
        bills = view.sql(f"SELECT count(*) AS n FROM {view.name('billed')}").iloc[0]
        standing = state.audit_standing()
    finally:
        ledger.close()
    if standing.first_bad is not None:
        raise LedgerError(standing.sentence)
    return Contents(view.snapshot(), int(usage["n"]), usage["usd"], int(bills["n"]), standing.entries)


def backup(home: Path, target: Path) -> Contents:
    """Copy the store in `home` to `target`, a folder that is not there or empty, and check the copy.

    The audit trail names the folder before anything is in it: one that was cut short holds names and texts too.
    """
    _refuse_shared(home)
    _apart(home, target)
    _must_be_empty(target, "A backup is written to a folder of its own")
    ledger = Ledger.open(home)
    try:
        with ledger.lock():
            State.open(home).append_audit(MADE, {"folder": str(target), "snapshot": ledger.snapshot()})
            _copy(home, target)
    finally:
        ledger.close()
    return _checked(home, target)


def restore(source: Path, home: Path) -> Contents:
    """Bring a backup back as the store in `home`, which must not hold one yet, and check it."""
    _refuse_shared(home)
    _apart(source, home)
    if not (source / DATABASES[0]).is_file():
        raise BadInput(
            f"{source} is no backup: it has no {DATABASES[0]}; name the folder that a backup was written to."
        )
    if (source / UNFINISHED).exists():
        raise BadInput(f"{source} is no backup: the copy into it was cut short; make it again, or name another.")
    _must_be_empty(home, "A backup is restored into an empty store")
    _copy(source, home)
    return _checked(source, home)


def _refuse_shared(home: Path) -> None:
    """Refused for a store that hosts share, whose parts are backed up where they are."""
    store = Store.of(home)
    if store.shared:
        raise Refused(
            f"The store {store.where} is shared: back up its database with pg_dump and its files where they are"
            " (docs/growing.md says how they stay together)."
        )


def _copy(source: Path, target: Path) -> None:
    try:
        target.mkdir(parents=True, exist_ok=True)
        with _marked(target) as mark:
            for entry in source.iterdir():
                if entry.name in LEFT_OUT or entry.name.startswith(DATABASES):
                    continue
                if entry.is_dir():
                    shutil.copytree(entry, target / entry.name, symlinks=True)
                else:
                    shutil.copy2(entry, target / entry.name)
            for name in DATABASES:
                if (source / name).exists():
                    copy_database(source / name, target / name)
            mark.unlink()
    except (OSError, shutil.Error) as error:
        raise LedgerError(f"{source} cannot be copied to {target} ({error}); what was copied is no backup.") from error


@contextmanager
def _marked(folder: Path) -> Iterator[Path]:
    """The mark of a copy under way, held by one process at a time; BadInput where another holds it."""
    mark = folder / UNFINISHED
    with mark.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BadInput(f"Another copy into {folder} is under way; wait for it, or name another folder.") from error
        yield mark


def _checked(source: Path, copy: Path) -> Contents:
    """Count the copy. The source may have grown since the copy was made, but never shrunk."""
    found, whole = contents(copy), contents(source)
    if found.snapshot > whole.snapshot or (found.snapshot == whole.snapshot and found[:4] != whole[:4]):
        raise LedgerError(
            f"The copy in {copy} holds {found.rows} rows where {source} holds {whole.rows}: it is no backup."
        )
    return found


def _apart(one: Path, other: Path) -> None:
    if one == other or one in other.parents or other in one.parents:
        raise BadInput(f"{other} and {one} lie within each other; name a folder outside the store.")


def _must_be_empty(folder: Path, rule: str) -> None:
    """Refuse a folder that holds anything but what a copy left that was cut short, which is removed."""
    if (folder / UNFINISHED).exists():
        with _marked(folder) as mark:
            for entry in folder.iterdir():
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                elif entry != mark:
                    entry.unlink()
        return
    if folder.exists() and (not folder.is_dir() or any(entry.name not in LEFT_OUT for entry in folder.iterdir())):
        raise BadInput(f"{folder} is not empty. {rule}; name another.")


def register(commands: console.Commands) -> None:
    """`python -m data backup DIR` and `restore DIR`."""
    save = commands.add("backup", _backup, needs_store=True)
    save.add_argument("folder", metavar="DIR", type=Path, help="where to: a folder that is empty or not there")
    back = commands.add("restore", _restore)
    back.add_argument("folder", metavar="DIR", type=Path, help="the folder that a backup was written to")


def _backup(args: argparse.Namespace) -> None:
    _tell(args, backup(home_dir(args.home), args.folder.expanduser().resolve()), "backed up to")


def _restore(args: argparse.Namespace) -> None:
    _tell(args, restore(args.folder.expanduser().resolve(), home_dir(args.home)), "restored from")


def _tell(args: argparse.Namespace, found: Contents, done: str) -> None:
    if args.json:
        console.emit_json(found._asdict())
    else:
        console.say(
            f"Data version {found.snapshot}: {found.rows:,} rows, {found.bills:,} bill lines and "
            f"{found.audit_entries:,} audit entries {done} {args.folder}, counted again there."
        )
