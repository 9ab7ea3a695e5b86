"""One call told by two sources: a gateway's log beside a tracing product, a session file beside the provider's bodies.

Nobody can know whether both are one call, so nothing is dropped: both rows are marked `logged_twice`, and Data and
prices names their dollars. Two rows of different families are taken for one call where

- both carry the same id that the provider gave its answer (`chatcmpl-...`, `resp_...`, `msg_...`, `gen-...`), or
- model and tokens are the same and the times are within the call: five seconds and the longer latency, two minutes at
  most. Calls of a few tokens are often alike by chance and are left alone.

What sums a whole run of an agent up tells all the calls that the same session made until then.

Of one source, two rows that began in the same microsecond, took as long, and are equal in model, tokens and user.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from data.formats import Format, all_formats
from data.ledger import Cursor
from data.loading import identity
from data.rollups import USAGE
from data.sql_text import literal

ANSWER_ID = "nullif(regexp_extract(event_id, '(chatcmpl-|resp_|msg_|gen-)[A-Za-z0-9_-]{6,}'), '')"
INPUT = """coalesce(fresh_input_tokens, 0) + coalesce(cache_read_tokens, 0) + coalesce(cache_write_5m_tokens, 0)
    + coalesce(cache_write_1h_tokens, 0)"""
OUTPUT = "coalesce(output_tokens, 0) + coalesce(reasoning_tokens, 0)"
FEW_INPUT, FEW_OUTPUT = 100, 10  # tokens; fewer say nothing
LONGEST = 120  # seconds between two records of one call
AROUND = LONGEST // 60  # minutes
LATE = f"INTERVAL {LONGEST} SECOND"
MINUTE = "(epoch_us(requested_at) // 60000000)::INTEGER"
SHORT = timedelta(hours=1)  # a span all of whose rows are looked at
CALL = f"event_id, requested_at, session_id, model, user_id, latency_ms, {INPUT} AS tokens_in, {OUTPUT} AS tokens_out"
APART = "abs(date_diff('millisecond', a.requested_at, b.requested_at))"
IN_TIME = f"""{APART} <= least(5000 + coalesce(greatest(a.latency_ms, b.latency_ms), 0), {LONGEST * 1000})"""
RUNS = "claude_run"  # the family of rows that sum up a run
IS_RUN = f"starts_with({{0}}event_id, '{RUNS}:')"
COUNTS = f"(status = 'success' OR {IS_RUN.format('')})"
OF_RUN = f"""a.session_id = b.session_id AND ({IS_RUN.format("a.")} AND b.requested_at <= a.requested_at + {LATE}
        OR {IS_RUN.format("b.")} AND a.requested_at <= b.requested_at + {LATE})"""
SAME_TOKENS = """a.model = b.model AND a.tokens_in = b.tokens_in AND a.tokens_out = b.tokens_out"""


def mark(cursor: Cursor, form: Format, written: str, table: str) -> int:
    """Mark the rows of the relation `written`, which are those of a load in `table`, and the rows of other loads that
    tell the same calls; returns how many of these there are, and adds their times to the temp table `gone_rows`, since
    their days have to be summed up anew."""
    span = f"SELECT min(requested_at), max(requested_at) FROM {identity.GOOD} SEMI JOIN fresh_rows USING (row_no)"
    first, last = cursor.execute(span).fetchall()[0]
    if first is None:
        return 0
    near = "FALSE"
    if _has_other_sources(cursor, form):
        near = f"({_near(cursor, written, first, last)} OR {_of_sessions(cursor, form, written)})"
    cursor.execute(f"""CREATE OR REPLACE TEMP TABLE other_calls AS SELECT {CALL}, {ANSWER_ID} AS answer FROM {USAGE}
            WHERE {near} AND {COUNTS} AND NOT starts_with(event_id, {literal(form.family + ":")})""")
    others = cursor.execute("SELECT count(*) FROM other_calls").fetchall()[0][0]
    # With no other source, only calls of one instant can be alike: the text of all other ids need not be read.
    answer, candidate = (ANSWER_ID, "TRUE") if others else ("NULL::VARCHAR", f"requested_at IN ({_shared(written)})")
    cursor.execute(f"""CREATE OR REPLACE TEMP TABLE new_calls AS SELECT {CALL}, {answer} AS answer
            FROM (FROM {written}) WHERE {COUNTS} AND {candidate}""")
    pairs = [
        "SELECT a.event_id AS a, b.event_id AS b FROM new_calls a JOIN other_calls b ON a.answer = b.answer",
        f"""SELECT a.event_id, b.event_id FROM new_calls a JOIN other_calls b ON {SAME_TOKENS} AND {IN_TIME}
            WHERE a.tokens_in >= {FEW_INPUT} AND a.tokens_out >= {FEW_OUTPUT}""",
        f"SELECT a.event_id, b.event_id FROM new_calls a JOIN other_calls b ON {OF_RUN}",
        f"""SELECT a.event_id, b.event_id FROM new_calls a JOIN new_calls b ON {SAME_TOKENS}
            AND a.requested_at = b.requested_at AND a.latency_ms = b.latency_ms AND a.event_id <> b.event_id
            AND a.user_id IS NOT DISTINCT FROM b.user_id
            WHERE date_part('microsecond', a.requested_at) % 1000000 <> 0 AND a.latency_ms > 0
                AND a.tokens_in >= {FEW_INPUT} AND a.tokens_out >= {FEW_OUTPUT}""",
    ]
    cursor.execute(f"""CREATE OR REPLACE TEMP TABLE twice AS
            SELECT DISTINCT unnest([a, b]) AS event_id FROM ({" UNION ALL ".join(pairs)})""")
    if not cursor.execute("SELECT count(*) FROM twice").fetchall()[0][0]:
        return 0
    unmarked = "event_id IN (FROM twice) AND NOT list_contains(coalesce(caveats, []), 'logged_twice')"
    earlier = f"SELECT requested_at FROM {USAGE} WHERE {near} AND {unmarked}"
    count = cursor.execute(
        f"INSERT INTO gone_rows {earlier} AND event_id IN (SELECT event_id FROM other_calls)"
    ).fetchall()[0][0]
    marked = "SET caveats = list_sort(list_append(coalesce(caveats, []), 'logged_twice'))"
    if table != USAGE:
        cursor.execute(f"UPDATE {table} {marked} WHERE {unmarked}")
    if table == USAGE or count:
        cursor.execute(f"UPDATE {USAGE} {marked} WHERE {near} AND {unmarked}")
    return int(count)


def _shared(written: str) -> str:
    """SQL: the instants at which several calls of the relation began that took as long."""
    return f"""SELECT requested_at FROM (FROM {written}) WHERE status = 'success' AND latency_ms > 0
            AND date_part('microsecond', requested_at) % 1000000 <> 0
            GROUP BY requested_at, latency_ms HAVING count(*) > 1"""


def _has_other_sources(cursor: Cursor, form: Format) -> bool:
    """Whether calls of another family were ever loaded. Where none were, no time of the ledger has to be read."""
    known = [other.name for other in all_formats() if other.table == "billed" or other.family == form.family]
    names = ", ".join(map(literal, [form.name, *known]))
    others = f"SELECT 1 FROM lake.main.batches WHERE format NOT IN ({names}) LIMIT 1"
    return cursor.execute(others).fetchone() is not None


def _of_sessions(cursor: Cursor, form: Format, written: str) -> str:
    """A condition on rows of the ledger: of a session of the calls `written`, where one of both sums up runs."""
    names = ", ".join(literal(other.name) for other in all_formats() if other.family == RUNS)
    has_runs = f"SELECT 1 FROM lake.main.batches WHERE format IN ({names}) LIMIT 1"
    if form.family != RUNS and not cursor.execute(has_runs).fetchone():
        return "FALSE"
    sums = "NOT " * (form.family == RUNS) + f"source IN ({names})"
    return f"({sums} AND session_id IN (SELECT session_id FROM (FROM {written}) WHERE session_id IS NOT NULL))"


def _near(cursor: Cursor, written: str, first: datetime, last: datetime) -> str:
    """A condition on time that holds for all rows that may tell one of the calls `written`, made from `first` to
    `last`."""
    window = f"""requested_at BETWEEN TIMESTAMP '{first}' - INTERVAL {LONGEST} SECOND
        AND TIMESTAMP '{last}' + INTERVAL {LONGEST} SECOND"""
    if last - first <= SHORT:
        return window
    # Few calls may be of a whole year: the text of ids is read only where a call was at that time. Minutes as numbers
    # are compared in half the time of minutes as timestamps.
    minutes = f"""SELECT {MINUTE} + unnest(range(-{AROUND}, {AROUND + 1})) FROM (
            SELECT DISTINCT requested_at FROM (FROM {written}))"""
    cursor.execute(f"""CREATE OR REPLACE TEMP TABLE moments AS
            SELECT DISTINCT requested_at FROM {USAGE} WHERE {window} AND {MINUTE} IN ({minutes})""")
    return identity.at_instants(cursor, "moments")
