"""Goose sessions: rows of its database's `sessions` table, as CSV or JSON (`sqlite3 -json sessions.db "SELECT * ..."`).

A row holds the sums of a whole session (`accumulated_*`; the plain counts are those of its last request), without the
cache: lines of the session's day for comparison, since a sum of requests has no price of its own. Times are naive UTC.
Source: goose 01643006.
"""

from __future__ import annotations

from data.formats import Format, flat_usage, has, report_page

NAMES = (
    "id",
    "name",
    "working_dir",
    "created_at",
    "updated_at",
    "provider_name",
    "accumulated_input_tokens",
    "accumulated_output_tokens",
    "accumulated_total_tokens",
    "input_tokens",
    "output_tokens",
    "total_tokens",
)
SUMS = tuple(f"accumulated_{side}_tokens" for side in ("input", "output", "total"))
# A session of an old version has no sums: its last request is what is known of it.
HAS_SUMS = f"coalesce({', '.join(f'd.{name}' for name in SUMS)}) IS NOT NULL"
INPUT, OUTPUT, TOTAL = (
    f"CASE WHEN {HAS_SUMS} THEN number(d.{name}) ELSE number(d.{name.removeprefix('accumulated_')}) END"
    for name in SUMS
)
COUNTS = {
    "input_tokens": INPUT,
    "output_tokens": OUTPUT,
    "unsplit_tokens": f"{TOTAL} - coalesce({INPUT}, 0) - coalesce({OUTPUT}, 0)",
}
COLUMNS = {
    "event_key": "text_of(d.id) || ':' || line.item",
    "provider": "provider_of(lower(text_of(d.provider_name)))",
    "day": "CAST(coalesce(utc(d.updated_at), utc(d.created_at)) AS DATE)",
    "line_item": "line.item",
    "model": "jtext(json_of(d.model_config_json), '$.model_name')",
    "project": "text_of(d.working_dir)",
    "kind": "'usage'",
    "quantity": "line.count",
    "unit": "'tokens'",
    "note": f"""nullif(concat_ws(', ', CASE line.item
        WHEN 'unsplit_tokens' THEN 'in the session''s total and in neither input nor output'
        WHEN 'input_tokens' THEN 'the cache is not told apart' END,
        CASE WHEN NOT ({HAS_SUMS}) THEN 'of the last request alone: the session has no sums' END), '')""",
    "skip": "CASE WHEN coalesce(line.count, 0) = 0 THEN 'a count of zero' END",
}

FORMATS = (
    Format(
        name="goose",
        label="Goose sessions (rows of its database)",
        recognise=lambda sample: has(sample, "accumulated_input_tokens", "provider_name"),
        fields=dict.fromkeys(NAMES, "VARCHAR") | {"model_config_json": "JSON"},
        rows=report_page.with_record_numbers(report_page.lines(COUNTS, "FROM records"), "line.n"),
        columns=COLUMNS,
        usage=flat_usage(dict.fromkeys(NAMES, "VARCHAR"), json="CASE WHEN line.n = 1 THEN raw END"),
        table="billed",
        supersedes=True,
        order=40,
        note="Sums of whole sessions on the day they were last used: for comparison, never usage rows.",
    ),
)
