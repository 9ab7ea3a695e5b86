"""PostgreSQL, where a shared store has its catalogue and its state: connections, and turns at an advisory lock.

A turn is a lock of a session that does nothing else: PostgreSQL releases it when the session ends, and ends the session
of a host that vanished within a minute. This is the only module that opens PostgreSQL by itself; the engine reaches
the catalogue with an extension of its own.
"""

from __future__ import annotations

import atexit
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import psycopg
from psycopg.errors import LockNotAvailable

from data.ailments import shared_ailment
from data.errors import LedgerError, Refused
from data.store import WAIT, Catalog, Store, lock_wait_s
from data.turns import Turn

LOCKS = 0x42A7  # the first of the two numbers of every advisory lock of Baton's; another program's begin otherwise
# PostgreSQL asks an idle session's host whether it is still there, and gives it up after a minute.
READ_WITHIN_S = 300  # one question to a foreign database
KEEPALIVES = "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"


class Lock(NamedTuple):
    """One of Baton's advisory locks: its second number, and what its holder is doing."""

    number: int
    doing: str


WRITING = Lock(1, "writing to")
OPENING = Lock(2, "opening or migrating")
DECIDING = Lock(3, "saving a decision to")
IDLE = 4  # sessions that a process keeps for its next transaction


class SharedTurn(Turn):
    """A turn that a session holds; lost with its connection."""

    def __init__(self, store: Store, session: psycopg.Connection) -> None:
        self._store, self._session = store, session

    def assure(self) -> None:
        try:
            self._session.execute("SELECT 1")
        except psycopg.Error as error:
            raise LedgerError(
                f"The connection that held the writers' turn at the {self._store.catalogue} was lost; nothing was"
                " changed. Run it again."
            ) from error


@contextmanager
def turn(store: Store, lock: Lock) -> Iterator[Turn]:
    """Hold a lock for the length of a block. LedgerError says who has held it since when, where the wait is over."""
    wait_s = lock_wait_s()
    with session_of(store) as session:
        session.execute(f"SET lock_timeout = {int(wait_s * 1000)}")
        try:
            session.execute("SELECT pg_advisory_lock(%s, %s)", (LOCKS, lock.number))
        except LockNotAvailable as error:
            raise LedgerError(
                f"{_holder(session, lock)} has been {lock.doing} the {store.catalogue} for longer than this one waits"
                f" ({wait_s:g} s, {WAIT}); nothing was changed. Try again when it has finished."
            ) from error
        session.execute(
            """SELECT set_config('application_name',
                %s || to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), false)""",
            (f"baton {socket.gethostname()[:24]} {os.getpid()} ",),
        )
        yield SharedTurn(store, session)


@contextmanager
def session_of(store: Store) -> Iterator[psycopg.Connection]:
    """A connection of its own, each statement a transaction; closed at the end. LedgerError where there is none."""
    db = connect(store)
    try:
        with explain(store):
            yield db
    finally:
        with suppress(psycopg.Error):
            db.close()


@contextmanager
def explain(store: Store) -> Iterator[None]:
    """Turn what PostgreSQL suffers into one sentence; let defects through."""
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise sentence_for(store, error) from error


def connect(store: Store, options: str = "") -> psycopg.Connection:
    """A connection of a shared store's catalogue; LedgerError where there is none to be had."""
    if store.catalog is None:
        raise ValueError("a store in a folder has no PostgreSQL")
    words = f"{KEEPALIVES} {options}".strip()
    try:
        return psycopg.connect(store.catalog.dsn, autocommit=True, prepare_threshold=None, options=words)
    except psycopg.OperationalError as error:
        raise sentence_for(store, error) from error


def sentence_for(store: Store, error: psycopg.Error) -> LedgerError:
    """What PostgreSQL said, as a sentence without the address it was given."""
    kind = type(error).__name__
    return LedgerError(
        shared_ailment(store, str(error))
        or f"The {store.catalogue} failed ({kind}); nothing was changed. Its own log says why."
    )


def _holder(session: psycopg.Connection, lock: Lock) -> str:
    """Who holds a lock, as its session says."""
    row = session.execute(
        """SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
            WHERE l.locktype = 'advisory' AND l.granted AND l.classid = %s AND l.objid = %s
                AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())""",
        (LOCKS, lock.number),
    ).fetchone()
    words = (row[0] if row and row[0] else "").split(" ", 3)
    if len(words) < 4:
        return "Another Baton"
    return f"Another Baton (process {words[2]} on {words[1]}, since {words[3]} UTC)"


# What a foreign database refuses, by its class of errors, and what to do about it.
REFUSALS = {
    psycopg.errors.InsufficientPrivilege: "does not let its user read that; grant SELECT on the table",
    psycopg.errors.QueryCanceled: "took longer than it may; ask again, or for a shorter time",
    psycopg.errors.InvalidPassword: "refused the password; set PGPASSWORD or write it into ~/.pgpass (mode 600)",
}


@contextmanager
def reading(database: Catalog, address: str) -> Iterator[psycopg.Connection]:
    """A read-only look at another program's database, at the address that its host was checked to have.

    Everything within the block sees one moment. Raises Refused, in a clause that begins with "has a database".
    """
    options = (
        f"{KEEPALIVES} -c default_transaction_read_only=on -c TimeZone=UTC -c statement_timeout={READ_WITHIN_S * 1000}"
    )
    try:
        with psycopg.connect(database.dsn, hostaddr=address, options=options, prepare_threshold=None) as db:
            db.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            yield db
    except psycopg.Error as error:
        said = str(error).lower()
        told = next((told for kind, told in REFUSALS.items() if isinstance(error, kind)), "")
        if not told and ("password" in said or "authentication" in said):
            told = REFUSALS[psycopg.errors.InvalidPassword]
        if not told and isinstance(error, psycopg.OperationalError):
            told = "cannot be reached or ended in mid-work; nothing of it is kept"
        raise Refused(
            f"has a database that {told or f'failed ({type(error).__name__}); its own log says why'}"
        ) from error


_idle: dict[tuple[int, str, str], list[psycopg.Connection]] = {}
_guard = threading.Lock()


@contextmanager
def lent_session(store: Store, options: str) -> Iterator[psycopg.Connection]:
    """A session that this process keeps, or a new one; given back at the end. LedgerError where there is none."""
    key = os.getpid(), store.catalogue, options
    session = _idle_session(key) or connect(store, options)
    try:
        with explain(store):
            yield session
    finally:
        with _guard:
            kept = _idle.setdefault(key, [])
            if not session.closed and len(kept) < IDLE:
                kept.append(session)
            else:
                session.close()


def _idle_session(key: tuple[int, str, str]) -> psycopg.Connection | None:
    """One that still answers: those of a database that was restarted do not."""
    while True:
        with _guard:
            session = _idle[key].pop() if _idle.get(key) else None
        if session is None:
            return None
        try:
            session.execute("SELECT 1")
            return session
        except psycopg.Error:
            session.close()


@atexit.register
def close_idle() -> None:
    """Close what this process keeps."""
    with _guard:
        for key, sessions in _idle.items():
            for session in sessions if key[0] == os.getpid() else ():
                session.close()
        _idle.clear()
