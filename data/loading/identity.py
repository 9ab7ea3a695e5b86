"""Which staged rows are new: one id is one row, however far its time has moved.

Looking for a hundred ids in fifty million random ones would read them all. The table `identities` holds a 32-bit hash
of every id and its day; whoever finds a hash there looks for the id itself in that day alone. Entries are only added:
one that points to a row that has gone since costs a look, nothing else.
Measured: 100 ids in 10 million take 0.1 s of one core (0.6 s by the ids themselves), 50 million five times that.
"""

from __future__ import annotations

from datetime import date, timedelta

from data.formats import Format
from data.ledger import Cursor
from data.loading import token_readings
from data.schema import TOKENS, id_hash, identities

GOOD = "(FROM log_rows WHERE skip IS NULL AND reject IS NULL)"
MANY_SPANS = 20


def choose_rows(cursor: Cursor, form: Format) -> int:
    """Create temp table `fresh_rows` (row_no, file_no, event_id, replaces),
    the staged rows to load; returns how many replace.

    Of staged rows with one identity the highest rank wins, of equal ones the first; the last where their costs
    differ. A row the ledger has is a duplicate unless the new one corrects its cost, or the format supersedes and the
    new one says more. Also leaves temp table `known` (event_id, requested_at): the ledger's rows of these identities.
    """
    if form.table == "usage":
        _find_known(cursor)
        size, cost = _tokens(form), "s.reported_cost_usd"
        rank = f"coalesce(rank, {size})"
        # Where the log's total is above its parts, the stored row may have the difference as output.
        same = f"k.stored IN ({size}, coalesce(s.total_tokens, 0))"
        corrected = f"k.source = '{form.name}' AND {same} AND {cost} <> k.cost"
        better = f"{'k.stored < ' + size + ' OR ' if form.supersedes else ''}{corrected}"
        differ = "min(reported_cost_usd) <> max(reported_cost_usd)"
    else:
        cursor.execute(f"""CREATE OR REPLACE TEMP TABLE known AS SELECT bill_id AS event_id, day AS requested_at,
                    NULL AS source,
                    [amount::VARCHAR, quantity::VARCHAR] AS stored, NULL AS cost
                FROM lake.main.billed WHERE bill_id IN (SELECT event_id FROM {GOOD})""")
        rank, differ = "0", "true"
        better = "k.stored IS DISTINCT FROM [s.amount::VARCHAR, s.quantity::VARCHAR]" if form.supersedes else "false"
    cursor.execute(f"""CREATE OR REPLACE TEMP TABLE repeats AS
            SELECT event_id, CASE WHEN {differ} THEN arg_max(row_no, {{'r': {rank}, 'n': row_no}})
                ELSE arg_max(row_no, {{'r': {rank}, 'n': -row_no}}) END AS winner
            FROM {GOOD} GROUP BY event_id HAVING count(*) > 1""")
    cursor.execute(f"""CREATE OR REPLACE TEMP TABLE fresh_rows AS
            SELECT s.row_no, s.file_no, s.event_id, k.event_id IS NOT NULL AS replaces FROM {GOOD} s
            LEFT JOIN repeats p ON s.event_id = p.event_id
            LEFT JOIN (SELECT event_id, max(source) AS source, max(stored) AS stored, max(cost) AS cost
                FROM known GROUP BY 1) k ON s.event_id = k.event_id
            WHERE (p.winner IS NULL OR p.winner = s.row_no) AND (k.event_id IS NULL OR {better})""")
    return int(cursor.execute("SELECT count(*) FROM fresh_rows WHERE replaces").fetchall()[0][0])


def _find_known(cursor: Cursor) -> None:
    stored = " + ".join(f"coalesce(t.{name}, 0)" for name in TOKENS)
    cursor.execute("""CREATE OR REPLACE TEMP TABLE known
           (event_id VARCHAR, requested_at TIMESTAMP, source VARCHAR, stored HUGEINT, cost DECIMAL(18,12))""")
    days = cursor.execute(f"""SELECT DISTINCT day FROM lake.main.identities
            WHERE id_hash IN (SELECT {id_hash("event_id")} FROM {GOOD}) AND day IS NOT NULL ORDER BY day""").fetchall()
    for first, last in spans([day for (day,) in days]):
        cursor.execute(f"""INSERT INTO known
                SELECT t.event_id, t.requested_at, t.source, {stored}, t.reported_cost_usd FROM lake.main.usage t
                WHERE t.requested_at >= DATE '{first}' AND t.requested_at < DATE '{last}' + 1
                    AND t.event_id IN (SELECT event_id FROM {GOOD})""")


def spans(days: list[date]) -> list[tuple[date, date]]:
    """Sorted days as spans without gaps, first and last included; one span over all of them where they are many."""
    found: list[tuple[date, date]] = []
    for day in days:
        if found and day - found[-1][1] <= timedelta(days=1):
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found if len(found) <= MANY_SPANS else [(days[0], days[-1])]


def remember(cursor: Cursor, written: str) -> None:
    """Note where the usage rows of the condition `written` are."""
    cursor.execute(f"INSERT INTO lake.main.identities {identities(f'lake.main.usage WHERE {written}')}")


def _tokens(form: Format) -> str:
    """All tokens of a staged row, counted once, as the buckets of a stored one are."""
    inclusive = f"coalesce(input_has_cache, {form.assume_input_has_cache})"
    within = f"coalesce(output_has_reasoning, {form.assume_output_has_reasoning})"
    return f"""(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)
        + CASE WHEN {inclusive} THEN 0 ELSE {token_readings.CACHE_ONCE} END
        + CASE WHEN {within} THEN 0 ELSE coalesce(reasoning_tokens, 0) END)"""
