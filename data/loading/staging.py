"""What an ingest works on before it commits: staged rows, what is new, what they cost.

Staging lives in temporary tables of the ingesting cursor. They may be larger than memory: the engine
spills them into a folder under HOME/scratch (`data.scratch`).
"""

from __future__ import annotations

from collections.abc import Mapping

from data import caveats
from data.formats import Format
from data.ledger import Cursor
from data.loading import attribution_rules, control_totals, staged_rows, token_readings, unread_usage
from data.loading.attribution_rules import Rule
from data.loading.containers import NOT_BLANK, File, records
from data.loading.identity import GOOD
from data.prices.book import PriceBook
from data.schema import KEY_ALIAS, TOKENS, USAGE, VOCABULARY
from data.sql_text import literal

# Keys many logs put into their free-form metadata; they fill a column the format left empty.
WELL_KNOWN = {
    "team": ("team", "team_alias"),
    "project": ("project",),
    "feature": ("feature", "agent"),
    "environment": ("environment", "env"),
    "customer_id": ("customer", "customer_id"),
    "user_id": ("user", "user_id"),
    "task_type": ("task_type",),
    "criticality": ("criticality",),
    "data_class": ("data_class",),
    "quality_source": ("quality_source",),
    "quality_score": ("quality_score",),
    "succeeded": ("succeeded",),
}


def stage(cursor, files: list[File], form: Format, keep_text: bool) -> None:
    """Create, from files of one kind, the temp view `log_rows` (see `normalise.whole`; `row_no` tells its rows apart),
    the temp table `misfits` of lines that are no records and, when asked, `kept_texts`.

    Tables keep the order in which they were filled, so that a row's place is its record's number: no thread has to
    count.
    """
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE misfits (file_no INTEGER, record_no BIGINT, reject VARCHAR, raw VARCHAR)"
    )
    rejects = "csv_rejects" if files[0].kind == "csv" else ""
    for table in (rejects, f"{rejects}_scan") if rejects else ():
        cursor.execute(f"DROP TABLE IF EXISTS {table}")  # the engine adds to it: the lines of the file before are there
    fields = {**form.fields, **(form.text_fields if keep_text else {})}
    source = staged_rows.parse_records(records(files, rejects), Format(**{**form.__dict__, "fields": fields}))
    at_once = (form.rows == Format.rows or form.per_record) and not keep_text
    if not at_once:
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE parsed AS {source}")
        numbered = _numbered(cursor, "parsed", files)
        cursor.execute(
            f"INSERT INTO misfits SELECT file_no, record_no, '{staged_rows.NOT_JSON}', raw FROM ({numbered}) WHERE d IS"
            f" NULL AND {NOT_BLANK}"
        )
        paths = ", ".join(literal(f.path) for f in files)
        source = f"SELECT *, [{paths}][file_no] AS path FROM ({numbered}) WHERE d IS NOT NULL"
    rows = f"WITH records AS {'NOT MATERIALIZED' if at_once else ''} ({source}) SELECT * FROM ({form.rows})"
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE staged AS"
        f" {staged_rows.stage_rows(rows, form, numbered=not at_once, may_be_broken=at_once)}"
    )
    if rejects:
        cursor.execute(
            "INSERT INTO misfits SELECT DISTINCT 1, line - 1, 'it has another number of columns than the header',"
            f" csv_line FROM {rejects}"
        )
    if keep_text and form.text_columns:
        given = ", ".join(
            f"masked(({form.text_columns.get(n, 'NULL')})::VARCHAR) AS {n}" for n in ("prompt", "completion")
        )
        key = f"'{form.family}:' || coalesce(clear({form.columns.get('event_key', 'NULL')}), md5(raw))"
        cursor.execute(
            f"CREATE OR REPLACE TEMP TABLE kept_texts AS SELECT DISTINCT ON (event_id) {key} AS event_id, {given} FROM"
            f" ({rows})"
        )
    cursor.execute("DROP TABLE IF EXISTS parsed")
    placed = _numbered(cursor, "staged", files) if at_once else "SELECT *, rowid AS row_no FROM staged"
    cursor.execute(f"CREATE OR REPLACE TEMP VIEW log_rows AS {staged_rows.whole(placed, form)}")
    unread_usage.mark(cursor, form)


def _numbered(cursor, table: str, files: list[File]) -> str:
    """SQL: the rows of a table that was filled from files in order, with each row's number within its file."""
    if len(files) == 1:
        return f"SELECT *, rowid AS row_no, rowid + 1 AS record_no FROM {table}"
    first = dict(cursor.execute(f"SELECT file_no, min(rowid) FROM {table} GROUP BY 1").fetchall())
    return (
        "SELECT *, rowid AS row_no, rowid + 1 -"
        f" [{', '.join(str(first.get(n, 0)) for n in range(1, len(files) + 1))}][file_no] AS record_no FROM {table}"
    )


def price(cursor: Cursor, form: Format, book: PriceBook) -> None:
    """Resolve the batch's model names and decide its token semantics (temp tables `resolved`, `prices`, `readings`)."""
    book.attach(cursor, GOOD)
    token_readings.decide(cursor, GOOD, form, book.price_rows)


def ledger_rows(form: Format, book: PriceBook, rules: Mapping[str, Rule], batch: str, free: Mapping[str, str]) -> str:
    """SQL for the finished usage rows of `fresh_rows`, in the ledger's column order.

    `batch` is SQL for the batch id, `free` for each of the operator's own columns, over the other columns of a row.
    """
    known = f"json_transform(s.tags, '{_known_keys()}')" if "tags" in form.columns else "NULL"
    in_cache = "coalesce(s.input_has_cache, g.input_has_cache, TRUE)"
    with_reason = "coalesce(s.output_has_reasoning, g.output_has_reasoning, TRUE)"
    verdict = "CASE WHEN g.verdict IS NULL THEN 'reported' ELSE g.verdict END"
    keep = [c.name for c in USAGE if c.name not in _COMPUTED]
    seen = f"coalesce(s.caveats, []) || [CASE WHEN u.row_no IS NOT NULL THEN 'unread_usage' END, {_twice(form)}]"
    base = f"""
        SELECT {", ".join(_plain(name, known != "NULL") for name in keep)}, s.event_id, '{form.name}' AS source,
            {batch} AS batch_id,
            coalesce(text_of(s.call_id), s.event_id) AS call_id, {_attempt(form)} AS attempt,
            {token_readings.disjoint(in_cache, with_reason)}, {verdict} AS token_semantics, coalesce(s.unmetered,
                FALSE) AS unmetered,
            {seen} AS caveats, s.total_tokens AS total_tokens
        FROM (SELECT *, {known} AS k FROM log_rows s) AS s SEMI JOIN fresh_rows f ON s.row_no = f.row_no
        LEFT JOIN unread_rows u ON s.row_no = u.row_no
        LEFT JOIN readings g ON s.provider IS NOT DISTINCT FROM g.provider AND s.model_raw IS NOT DISTINCT FROM
        g.model_raw
            AND (s.input_has_cache IS NULL OR s.output_has_reasoning IS NULL)"""
    if "total_tokens" in form.columns:
        base = control_totals.compare_totals(base)
    base = control_totals.mark_half_counted(base)
    expressions = attribution_rules.expressions(rules)
    if expressions:
        replaced = ", ".join(f"{sql} AS {column}" for column, sql in expressions.items())
        base = f"SELECT * REPLACE ({replaced}) FROM ({base})"
    names = [c.name for c in USAGE if c.name != "key_alias"]
    derived = [f"{sql} AS {column}" for column, sql in {"key_alias": KEY_ALIAS, **free}.items()]
    kept = caveats.normal_form("caveats")
    rows = f"SELECT * REPLACE ({kept} AS caveats) FROM ({book.price_rows(f'({base})')})"
    return f"SELECT {', '.join([*names, *derived])} FROM ({rows})"


_COMPUTED = (
    "event_id",
    "source",
    "batch_id",
    "call_id",
    "attempt",
    "model",
    "token_semantics",
    "list_cost_usd",
    "cost_usd",
    "cost_basis",
    "tool_fees_usd",
    *TOKENS,
    "caveats",
    "key_alias",
)


def _known_keys() -> str:
    return "{" + ", ".join(f'"{key}": "VARCHAR"' for keys in WELL_KNOWN.values() for key in keys) + "}"


def _plain(name: str, has_tags: bool) -> str:
    value = f"s.{name}"
    if has_tags and name in WELL_KNOWN:
        kind = next(c.type for c in USAGE if c.name == name)
        value = f"coalesce({value}, {', '.join(f'TRY_CAST(text_of(s.k.{key}) AS {kind})' for key in WELL_KNOWN[name])})"
    if words := VOCABULARY.get(name):
        other = "'other'" if "other" in words else "'unknown'"
        value = (
            f"CASE WHEN {value} IS NULL THEN 'unknown' WHEN lower({value}) IN {words} THEN lower({value}) ELSE"
            f" {other} END"
        )
    return f"{value} AS {name}"


def _attempt(form: Format) -> str:
    """The log's attempt number, else the order of attempts within the call, earlier batches included."""
    shared = form.columns.get("call_id") not in (None, form.columns.get("event_key"))
    if not shared:
        return "coalesce(s.attempt, 1)"
    order = (
        "row_number() OVER (PARTITION BY coalesce(text_of(s.call_id), s.event_id) ORDER BY s.requested_at, s.row_no)"
    )
    return (
        f"coalesce(s.attempt, ({order} + coalesce((SELECT c.attempts FROM earlier_calls c WHERE c.call_id = s.call_id),"
        " 0))::INTEGER)"
    )


def _twice(form: Format) -> str:
    """The caveat of a success whose call has another one, in these files or in the ledger."""
    if not form.one_answer:
        return "NULL"
    here = (
        """count(*) FILTER (WHERE s.status = 'success') OVER (PARTITION BY coalesce(text_of(s.call_id), s.event_id))"""
    )
    before = "coalesce((SELECT c.successes FROM earlier_calls c WHERE c.call_id = s.call_id), 0)"
    return f"CASE WHEN s.status = 'success' AND {here} + {before} > 1 THEN 'logged_twice' END"


def earlier_calls(cursor, form: Format) -> None:
    """Temp table `earlier_calls`: attempts the ledger already has of calls that this batch goes on with."""
    cursor.execute("CREATE OR REPLACE TEMP TABLE earlier_calls (call_id VARCHAR, attempts BIGINT, successes BIGINT)")
    if form.columns.get("call_id") not in (None, form.columns.get("event_key")):
        cursor.execute(
            "INSERT INTO earlier_calls SELECT u.call_id, count(*), count(*) FILTER (u.status = 'success') FROM"
            f" lake.main.usage u WHERE u.requested_at BETWEEN (SELECT min(requested_at) - INTERVAL 1 HOUR FROM {GOOD})"
            f" AND (SELECT max(requested_at) FROM {GOOD}) AND u.call_id IN (SELECT call_id FROM {GOOD}) AND u.event_id"
            f" NOT IN (SELECT event_id FROM {GOOD}) GROUP BY 1"
        )
