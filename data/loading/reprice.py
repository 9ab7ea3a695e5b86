"""Bring rows already loaded in line with changed prices, aliases or mapping rules.

Each call is one pass in the engine under the writers' lock and one new snapshot; only rows that
change are written, and the roll-ups of their days are rebuilt. When nothing changes, nothing is written.
"""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

from data import caveats, people, rollups
from data.ledger import Ledger
from data.loading import attribution_rules, reading_macros
from data.loading.attribution_rules import RULES
from data.prices.book import PriceBook
from data.schema import ATTRIBUTION

PRICED = ("provider", "model", "list_cost_usd", "cost_usd", "cost_basis", "tool_fees_usd", "caveats")
MEANT = (*ATTRIBUTION, "tags")


class Change(NamedTuple):
    """What a pass did: rows changed, their first and last UTC day (None when none), the data version after it."""

    rows: int
    first: date | None
    last: date | None
    snapshot: int


def rows_as_logged(usage: str) -> str:
    """SQL: rows of usage as they were before they were priced, for `PriceBook.attach` and `PriceBook.price_rows`.

    What a provider is called was decided when the row was loaded: the log's own word is read anew (`PROVIDER_OF`).
    """
    return f"""SELECT * EXCLUDE ({", ".join(PRICED)}), coalesce(provider_of(provider_raw), provider) AS provider,
        cost_basis = 'unmetered' AS unmetered, {caveats.of_reading("caveats")} AS caveats FROM {usage}"""


def reprice(ledger: Ledger, state: Any) -> Change:
    """Price every row again with today's price book."""
    people.require("reprice")
    book = PriceBook.load(state)

    def changed(cursor: Any) -> str:
        cursor.execute(reading_macros.PROVIDER_OF)
        book.attach(cursor, f"({rows_as_logged('lake.main.usage')})")
        before = ", ".join(f"{column} AS was_{column}" for column in PRICED)
        rows = rows_as_logged(f"(SELECT *, {before} FROM lake.main.usage)")
        priced = f"SELECT * REPLACE ({caveats.normal_form('caveats')} AS caveats) FROM ({book.price_rows(f'({rows})')})"
        differs = " OR ".join(f"{column} IS DISTINCT FROM was_{column}" for column in PRICED)
        return f"SELECT event_id, requested_at, {', '.join(PRICED)} FROM ({priced}) WHERE {differs}"

    return _rewrite(ledger, state, "rows repriced", PRICED, changed)


def reapply_meaning(ledger: Ledger, state: Any) -> Change:
    """Apply today's mapping rules to every row; what a removed rule had set goes back to what the log said."""
    values = attribution_rules.expressions(RULES.all(state), every=True)

    def changed(cursor: Any) -> str:
        after = ", ".join(f"{sql} AS {column}" for column, sql in values.items())
        before = ", ".join(f"{column} AS was_{column}" for column in MEANT)
        differs = " OR ".join(f"{column}::VARCHAR IS DISTINCT FROM was_{column}::VARCHAR" for column in MEANT)
        return f"SELECT * FROM (SELECT event_id, requested_at, {after}, {before} FROM lake.main.usage) WHERE {differs}"

    return _rewrite(ledger, state, "mapping rules applied", MEANT, changed)


def _rewrite(ledger: Ledger, state: Any, event: str, columns: tuple[str, ...], changed: Any) -> Change:
    """Write the rows of a SELECT (event_id, requested_at, columns) over those of the ledger, as one snapshot.

    The audit trail has the event before it stands: a death in between leaves an entry, no silent change.
    """
    with ledger.write() as cursor:
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE changed_rows AS {changed(cursor)}")
        [(rows, first, last)] = cursor.execute(
            "SELECT count(*), min(requested_at)::DATE, max(requested_at)::DATE FROM changed_rows"
        ).fetchall()
        if rows:
            settings = ", ".join(f"{column} = c.{column}" for column in columns)
            cursor.execute(
                f"UPDATE lake.main.usage AS u SET {settings} FROM changed_rows c WHERE u.event_id = c.event_id"
            )
            rollups.fold(cursor, "changed_rows")
            state.append_audit(event, {"rows": rows, "snapshot": ledger.snapshot() + 1})
    return Change(rows, first, last, ledger.snapshot())
