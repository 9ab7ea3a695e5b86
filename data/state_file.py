"""The state of one folder: a SQLite file. This is the only module that opens SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data import audit_trail
from data.errors import LedgerError
from data.sql_text import identifier


class StateFile:
    """A state in a file of its own; a connection per transaction, so that threads and processes may share it."""

    def __init__(self, path: Path) -> None:
        self.where = str(path)
        self._path = path

    def connection(self, durable: bool = True) -> sqlite3.Connection:
        """An open connection, which the caller closes; one thread at a time."""
        try:
            db = sqlite3.connect(self._path, timeout=30, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise LedgerError(f"{self.where} cannot be opened ({error}); check the folder's permissions.") from error
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        except sqlite3.Error as error:
            db.close()
            raise self._unwritable(error) from error
        return db

    @contextmanager
    def transaction(self, durable: bool = True, kept: sqlite3.Connection | None = None) -> Iterator[sqlite3.Connection]:
        """One immediate transaction, as `State.transaction` has it."""
        db = kept or self.connection(durable)
        try:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            if type(error) not in (
                sqlite3.OperationalError,
                sqlite3.DatabaseError,
            ):  # a broken constraint is a defect of ours
                raise
            raise self._unwritable(error) from error
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")
            if kept is None:
                db.close()

    reading = transaction

    def step(self, db: sqlite3.Connection) -> int:
        """The number of its newest migration."""
        return db.execute("PRAGMA user_version").fetchone()[0]

    def keep_step(self, db: sqlite3.Connection, number: int) -> None:
        """Write down that a migration is done."""
        db.execute(f"PRAGMA user_version = {number}")

    def count_on(self, db: sqlite3.Connection) -> None:
        """After rows came with their numbers: SQLite goes on from the largest by itself."""

    def guard(self, db: sqlite3.Connection) -> list[str]:
        """Put back the triggers that refuse a change of the audit trail; which of them were missing."""
        held = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()}
        missing = [verb for verb in audit_trail.VERBS if f"audit_no_{verb.lower()}" not in held]
        for verb in missing:
            db.execute(
                f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit "
                f"BEGIN SELECT RAISE(ABORT, '{audit_trail.APPEND_ONLY}'); END"
            )
        return missing

    def _unwritable(self, error: sqlite3.Error) -> LedgerError:
        if isinstance(error, sqlite3.OperationalError):
            return LedgerError(
                f"{self.where} cannot be written ({error}); check permissions and free space, then try again."
            )
        return LedgerError(f"{self.where} is damaged ({error}); restore it from a backup.")


def copy_database(source: Path, target: Path) -> None:
    """A consistent copy of a SQLite database, taken while others read and write it; LedgerError where it cannot."""
    try:
        held, copy = sqlite3.connect(source, timeout=30), sqlite3.connect(target)
        try:
            held.backup(copy)
        finally:
            held.close()
            copy.close()
    except sqlite3.Error as error:
        raise LedgerError(
            f"{source} cannot be copied to {target} ({error}); check the disk and the permissions."
        ) from error


def rewrite_database(path: Path) -> None:
    """Write a SQLite database anew, so that nothing of what was deleted is left in it or in its log.

    Raises LedgerError where somebody holds it open for longer than half a minute.
    """
    try:
        db = sqlite3.connect(path, timeout=30, isolation_level=None)
        try:
            db.execute("VACUUM")
            busy = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        finally:
            db.close()
    except sqlite3.Error as error:
        raise LedgerError(
            f"{path} cannot be written anew ({error}); stop what reads the store, and run it again."
        ) from error
    if busy:
        raise LedgerError(f"{path} is being read, so that its log cannot be emptied; stop that, and run it again.")


def texts_in(path: Path) -> Iterator[tuple[str, str]]:
    """Every value of a SQLite database as text, with the name of its table."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
    try:
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in db.execute(f"SELECT * FROM {identifier(table)}"):
                yield from ((table, str(value)) for value in row if isinstance(value, str | bytes))
    finally:
        db.close()
