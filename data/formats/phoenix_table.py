"""Phoenix spans as a table: what `get_spans_dataframe()` was written to, as CSV, Parquet or JSON lines.

Its columns are the span's fields with dots (`context.span_id`, `attributes.llm.token_count.prompt`). Old exports repeat
the sums of a span's children on every span (`cumulative_token_count.*`): those are not read. Source: phoenix 9478f954.
"""

from __future__ import annotations

from data.formats import Format, has, span_exports, spans

# A cell of a CSV file may hold an object as text.
OPENED = """CASE WHEN regexp_matches(e.value::VARCHAR, '^"\\s*[{\\[]') THEN coalesce(json_of(e.value), e.value)
            ELSE e.value END"""
TABLE = f"""
    SELECT file_no, record_no, path, d.name AS name, coalesce(d."context.trace_id", d.trace_id) AS trace_id,
        coalesce(d."context.span_id", d.span_id) AS span_id, d.parent_id AS parent_id, utc(d.start_time) AS started_at,
        date_diff('microsecond', utc(d.start_time), utc(d.end_time)) / 1000.0 AS duration_ms,
            d.status_code = 'ERROR' AS failed,
        {span_exports.merge_json("json_object('openinference.span.kind', d.span_kind)", "attributes")} AS attributes
    FROM (SELECT *, to_json(map_from_entries(list_transform(list_filter(
        map_entries(TRY_CAST(raw::JSON AS MAP(VARCHAR, JSON))), lambda e: starts_with(e.key, 'attributes.')),
        lambda e: struct_pack(k := substring(e.key, 12), v := {OPENED})))) AS attributes FROM records)"""
NAMES = (
    "name",
    "context.trace_id",
    "context.span_id",
    "trace_id",
    "span_id",
    "parent_id",
    "span_kind",
    "start_time",
    "end_time",
    "status_code",
)

FORMATS = (
    Format(
        name="phoenix_table",
        label="Phoenix spans (table of a dataframe)",
        recognise=lambda sample: has(sample, "span_kind", "start_time")
        and any(key.startswith("attributes.") for record in sample for key in record),
        fields=dict.fromkeys(NAMES, "VARCHAR"),
        rows=spans.rows(span_exports.span_ctes(TABLE)),
        columns=spans.COLUMNS,
        usage=spans.USAGE_OBJECTS,
        one_answer=True,
        family="otlp",
        order=40,
    ),
)
