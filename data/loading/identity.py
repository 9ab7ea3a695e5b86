"""Which staged rows are new: one id is one row, however far its time has moved.

Looking for a hundred ids in fifty million random ones would read them all. The table `identities` holds a 32-bit hash
of every id and the instant of its row; whoever finds a hash there looks for the id itself among the rows of that
instant alone, so that the engine reads the text of ids only where an instant fits. Entries are only added: one that
points to a row that has gone since costs a look, nothing else.
What it takes, and what else was tried, is in tests/benchmarks/identity_lookup.py.
"""

from __future__ import annotations

from data.formats import Format
from data.ledger import Cursor
from data.loading import token_readings
from data.schema import TOKENS, sorted_identities

GOOD = "(FROM log_rows WHERE skip IS NULL AND reject IS NULL)"
FEW = 1000  # ids; of more, hardly a row group has none


def choose_rows(cursor: Cursor, form: Format) -> tuple[int, int]:
    """Create temp table `fresh_rows` (row_no, file_no, event_id, replaces),
    the staged rows to load; returns how many there are, and how many of them replace.

    Of staged rows with one identity the newest wins by the log's own word, else the highest rank, of equal ones the
    first; the last where their costs differ. Against a row that the ledger has it is the same (see `_better`).
    Also leaves temp table `known` (event_id, requested_at): the ledger's rows of these identities.
    """
    if form.table == "usage":
        _find_known(cursor)
        rank = f"{{'r': coalesce(rank, {_tokens(form)}), 'c': reported_cost_usd IS NOT NULL}}"
        differ = "min(reported_cost_usd) <> max(reported_cost_usd)"
        newest, better, readings = "coalesce(recorded_at, TIMESTAMP '1970-01-01')", _better(form), READINGS
    else:
        cursor.execute(f"""CREATE OR REPLACE TEMP TABLE known AS SELECT bill_id AS event_id, day AS requested_at,
                    [amount::VARCHAR, quantity::VARCHAR] AS stored
                FROM lake.main.billed WHERE bill_id IN (SELECT event_id FROM {GOOD})""")
        rank, differ, newest, readings = "0", "true", "0", ""
        better = "k.stored IS DISTINCT FROM [s.amount::VARCHAR, s.quantity::VARCHAR]" if form.supersedes else "false"
    cursor.execute(f"""CREATE OR REPLACE TEMP TABLE repeats AS
            SELECT event_id, CASE
                WHEN {differ} THEN arg_max(row_no, {{'t': {newest}, 'r': {rank}, 'f': file_no, 'n': record_no}})
                ELSE arg_max(row_no, {{'t': {newest}, 'r': {rank}, 'f': -file_no, 'n': -record_no}}) END AS winner
            FROM {GOOD} WHERE id_hash IN (SELECT id_hash FROM {GOOD} GROUP BY 1 HAVING count(*) > 1)
            GROUP BY event_id HAVING count(*) > 1""")
    cursor.execute(f"""CREATE OR REPLACE TEMP TABLE fresh_rows AS
            SELECT s.row_no, s.file_no, s.event_id, k.event_id IS NOT NULL AS replaces FROM {GOOD} s
            LEFT JOIN repeats p ON s.event_id = p.event_id
            LEFT JOIN (SELECT event_id, max(COLUMNS(* EXCLUDE (event_id, requested_at))) FROM known GROUP BY 1) k
                ON s.event_id = k.event_id {readings}
            WHERE (p.winner IS NULL OR p.winner = s.row_no) AND (k.event_id IS NULL OR {better})""")
    return cursor.execute("SELECT count(*), count(*) FILTER (replaces) FROM fresh_rows").fetchall()[0]


READINGS = """LEFT JOIN readings g
    ON s.provider IS NOT DISTINCT FROM g.provider AND s.model_raw IS NOT DISTINCT FROM g.model_raw"""


def _better(form: Format) -> str:
    """SQL: whether the staged row `s` counts more than the ledger's row `k` of the same id.

    The newer by the log's own word; where that is silent the one with more tokens, and of equal ones a later cost or
    score is a correction. Formats of one family may count a call in different ways: only one that supersedes is
    compared with another's rows.
    """
    size = _tokens(form, "s.", ("g.input_has_cache", "g.output_has_reasoning"))
    # Where the log's total is above its parts, the stored row may have the difference as output.
    same = f"k.stored IN ({size}, coalesce(s.total_tokens, 0))"
    own = f"k.source = '{form.name}'"
    corrected = " OR ".join(
        f"s.{name} IS NOT NULL AND s.{name} IS DISTINCT FROM k.{name}"
        for name in ("reported_cost_usd", "quality_score")
        if name in form.columns
    )
    more = f"k.stored < {size} AND {'TRUE' if form.supersedes else own}"
    return f"""CASE WHEN s.recorded_at <> k.recorded_at THEN s.recorded_at > k.recorded_at
        ELSE {more} OR {own} AND {same} AND ({corrected or "FALSE"}) END"""


def _find_known(cursor: Cursor) -> None:
    stored = " + ".join(f"coalesce(t.{name}, 0)" for name in TOKENS)
    cursor.execute("""CREATE OR REPLACE TEMP TABLE known (event_id VARCHAR, requested_at TIMESTAMP, source VARCHAR,
            stored HUGEINT, reported_cost_usd DECIMAL(18,12), quality_score DOUBLE, recorded_at TIMESTAMP)""")
    cursor.execute(f"""CREATE OR REPLACE TEMP TABLE instants AS SELECT DISTINCT requested_at FROM lake.main.identities
            WHERE id_hash IN ({_hashes(cursor)})""")
    cursor.execute(f"""INSERT INTO known SELECT t.event_id, t.requested_at, t.source, {stored},
                t.reported_cost_usd, t.quality_score, t.recorded_at
            FROM lake.main.usage t
            WHERE {at_instants(cursor, "instants")} AND t.event_id IN (SELECT event_id FROM {GOOD})""")


def _hashes(cursor: Cursor) -> str:
    """SQL for the hashes of the staged ids: as constants where they are few, since the engine skips what has none of
    them."""
    found = f"SELECT DISTINCT id_hash FROM {GOOD}"
    few = cursor.execute(f"{found} LIMIT {FEW + 1}").fetchall()
    return ", ".join(str(one) for (one,) in few) if 0 < len(few) <= FEW else found


def at_instants(cursor: Cursor, relation: str) -> str:
    """A condition on usage rows: of the instants (`requested_at`) in `relation`. The engine skips files by its first
    half, and what it can of a file by its second, which is of constants where they are few: it makes none of more than
    fifty joined ones."""
    distinct = f"SELECT DISTINCT requested_at FROM {relation} WHERE requested_at IS NOT NULL"
    first, last = cursor.execute(f"SELECT min(requested_at), max(requested_at) FROM {relation}").fetchall()[0]
    if first is None:
        return "false"
    few = cursor.execute(f"{distinct} LIMIT {FEW + 1}").fetchall()
    listed = ", ".join(f"TIMESTAMP '{one}'" for (one,) in few) if len(few) <= FEW else distinct
    return f"""requested_at BETWEEN TIMESTAMP '{first}' AND TIMESTAMP '{last}'
        AND requested_at IN ({listed})"""


def remember(cursor: Cursor) -> None:
    """Note where the usage rows of `fresh_rows` are."""
    cursor.execute(
        f"INSERT INTO lake.main.identities {sorted_identities(f'{GOOD} SEMI JOIN fresh_rows USING (row_no)')}"
    )


def _tokens(form: Format, of: str = "", read: tuple[str, str] = ("NULL", "NULL")) -> str:
    """All tokens of a staged row, counted once, as the buckets of a stored one are; `read` is how the log was read
    where the row does not say whether the input has the cache in it and the output the reasoning."""
    inclusive = f"coalesce({of}input_has_cache, {read[0]}, {form.assume_input_has_cache})"
    within = f"coalesce({of}output_has_reasoning, {read[1]}, {form.assume_output_has_reasoning})"
    return f"""(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)
        + CASE WHEN {inclusive} THEN 0 ELSE {token_readings.CACHE_ONCE} END
        + CASE WHEN {within} THEN 0 ELSE coalesce(reasoning_tokens, 0) END)"""
