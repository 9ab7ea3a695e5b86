"""The tables of a shared store in PostgreSQL: written anew without what was deleted, and every text in them read.

PostgreSQL keeps deleted rows in a table's pages, and samples of its values in its statistics, until both are rewritten.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from data import postgres
from data.errors import LedgerError
from data.shared_state import SCHEMA, WAIT_S
from data.sql_text import identifier
from data.store import Store

STATISTICS = ("pg_catalog", "pg_statistic")


def write_anew(store: Store) -> None:
    """Rewrite the catalogue's and the state's tables and their statistics; the caller holds the writers' turn.

    Raises LedgerError where a table is read for longer than half a minute, or is not this user's to rewrite.
    """
    with postgres.session_of(store) as session:
        passed_over: list[str] = []
        session.add_notice_handler(lambda told: passed_over.append(str(told.message_primary)))
        session.execute("SET client_min_messages = warning")  # what may not be rewritten is passed over with one
        session.execute(f"SET lock_timeout = '{WAIT_S}s'")
        for schema, table in (*_tables(session), STATISTICS):  # rewriting the others fills the statistics anew
            how = "FULL" if schema == STATISTICS[0] else "FULL, ANALYZE"
            try:
                session.execute(f"VACUUM ({how}) {identifier(schema)}.{identifier(table)}")
            except postgres.LockNotAvailable as error:
                raise LedgerError(
                    f"{table} of the {store.catalogue} is being read, so that it cannot be written anew; stop the"
                    " dashboards and loads that use it, and run it again."
                ) from error
    if passed_over:
        raise LedgerError(
            f"The {store.catalogue} cannot be written anew ({passed_over[0]}): make its user the owner of the database,"
            " and run it again."
        )


def texts_in(store: Store) -> Iterator[tuple[bool, str, str]]:
    """Every text in the tables: whether it is of the state, its table, the text."""
    with postgres.session_of(store) as session:
        for schema, table in _tables(session):
            for row in session.execute(f"SELECT * FROM {identifier(schema)}.{identifier(table)}"):
                # Rows that wait in the catalogue have their texts as bytes.
                texts = (one.decode(errors="replace") if isinstance(one, bytes) else one for one in row)
                yield from ((schema == SCHEMA, table, text) for text in texts if isinstance(text, str))


def _tables(session: Any) -> list[tuple[str, str]]:
    """Baton's own: another program may have tables in this database."""
    return session.execute(
        """SELECT schemaname::text, tablename::text FROM pg_tables
            WHERE schemaname = %s OR starts_with(tablename, 'ducklake_') ORDER BY 1, 2""",
        (SCHEMA,),
    ).fetchall()
