"""Spans outside OTLP: OpenTelemetry's console exporters, Jaeger's and Zipkin's JSON, Phoenix's own export.

They hold the attributes of `spans` under another roof.
Python's console exporter prints one JSON object a span, with `0x`
before its ids; JavaScript's `ReadableSpan` keeps times as seconds and nanoseconds; Jaeger counts microseconds; Phoenix
names the kind beside the attributes (phoenix 9478f954, `GET /v1/projects/{id}/spans`).
"""

from __future__ import annotations

from data.formats import Format, has, spans
from data.sql_text import open_json

# Attributes as JSON, dotted or nested, as the entries that `spans` wants.
LEAVES = f"""
{open_json("opened", "SELECT place AS id, attributes AS part FROM placed")},
leaves AS (
    SELECT place, list(struct_pack(k := key_path, v := json_extract_string(part, '$')) ORDER BY key_path) AS entries
    FROM (SELECT id AS place, path[3:] AS key_path, part FROM opened
          WHERE json_type(part) NOT IN ('OBJECT', 'ARRAY', 'NULL'))
    WHERE {spans.is_wanted("key_path")} GROUP BY place
),
spans AS (
    SELECT file_no, row_number() OVER (PARTITION BY file_no ORDER BY place) AS record_no, path, trace_id, span_id,
        parent_id, name, started_at, duration_ms, failed, coalesce(entries, []) AS entries
    FROM placed LEFT JOIN leaves USING (place)
)"""


def span_ctes(found: str) -> str:
    """CTEs that turn `found` (a span's columns and its `attributes` as one JSON object) into `spans`."""
    return f"placed AS (SELECT *, row_number() OVER (ORDER BY file_no, record_no) AS place FROM ({found})),{LEAVES}"


def merge_json(*objects: str) -> str:
    """SQL: JSON objects in one; of one key the last object's value counts."""
    return "json_merge_patch('{}', " + ", ".join(f"coalesce({text}, '{{}}')" for text in objects) + ")"


def _plain(identity: str) -> str:
    return f"regexp_replace({identity}, '^0x', '')"


# JavaScript gives [seconds, nanoseconds], Python text.
def instant(name: str) -> str:
    seconds, rest = (f"TRY_CAST(d.{name} ->> {n} AS HUGEINT)" for n in (0, 1))
    return f"""CASE WHEN json_type(d.{name}) = 'ARRAY' THEN utc(({seconds} * 1000000000 + {rest})::VARCHAR)
        ELSE utc(d.{name} ->> '$') END"""


CONSOLE = f"""
    SELECT file_no, record_no, path, name, {_plain("trace_id")} AS trace_id,
        {_plain("span_id")} AS span_id, {_plain("parent_id")} AS parent_id, started_at, date_diff('microsecond',
            started_at, ended_at) / 1000.0 AS duration_ms,
        failed, {merge_json("resource", "attributes")} AS attributes
    FROM (SELECT file_no, record_no, path, d.name AS name, coalesce(d.context.trace_id, d.spanContext.traceId,
        d.traceId) AS trace_id,
        coalesce(d.context.span_id, d.spanContext.spanId, d.id) AS span_id,
        coalesce(d.parent_id, d.parentSpanId, d.parentId, d.parentSpanContext.spanId) AS parent_id,
        coalesce({instant("start_time")}, {instant("startTime")}, utc(d.timestamp)) AS started_at,
        coalesce({instant("end_time")}, {instant("endTime")}, started_at + to_microseconds(d.duration)) AS ended_at,
        d.status.status_code = 'ERROR' OR d.status.code IN ('2', 'ERROR') AS failed,
        json_of(d.attributes) AS attributes, json_of(d.resource.attributes) AS resource FROM records)"""

# A key may come twice; the first counts.
TAGS = """to_json(map_from_entries(list_transform(list_distinct(list_transform(span.tags, lambda t: t.key)),
    lambda key: struct_pack(k := key, v := list_filter(span.tags, lambda t: t.key = key)[1].value))))"""
ALONE = "struct_pack(traceID := d.traceID, spans := d.spans, processes := d.processes)"
JAEGER = f"""
    SELECT file_no, record_no, path, span.operationName AS name, coalesce(span.traceID, traceID) AS trace_id,
        span.spanID AS span_id,
        coalesce(list_filter(span."references", lambda r: r.refType = 'CHILD_OF')[1].spanID, span.parentSpanID,
            list_filter(span."references", lambda r: r.refType = 'FOLLOWS_FROM')[1].spanID) AS parent_id,
        utc(span.startTime) AS started_at, number(span.duration) / 1000 AS duration_ms,
        (tags ->> 'error') = 'true' OR (tags ->> 'otel.status_code') = 'ERROR' AS failed,
        {merge_json("json_object('service.name', json_of(processes) -> span.processID ->> 'serviceName')", "tags")} AS
            attributes
    FROM (SELECT *, {TAGS} AS tags FROM (
        SELECT file_no, record_no, path, t.traceID AS traceID, t.processes AS processes, unnest(t.spans) AS span
        FROM (SELECT file_no, record_no, path, unnest(coalesce(d.data, [{ALONE}])) AS t FROM records)))"""

# Zipkin's tags are texts, its times microseconds.
ZIPKIN = f"""
    SELECT file_no, record_no, path, d.name AS name, d.traceId AS trace_id, d.id AS span_id, d.parentId AS parent_id,
        utc(d.timestamp) AS started_at, number(d.duration) / 1000 AS duration_ms,
        lower(json_of(d.tags) ->> 'error') <> 'false' AS failed,
        {merge_json("json_object('service.name', d.localEndpoint.serviceName)", "json_of(d.tags)")} AS attributes
    FROM records"""

PHOENIX = f"""
    SELECT file_no, record_no, path, d.name AS name, d.context.trace_id AS trace_id,
        d.context.span_id AS span_id, d.parent_id AS parent_id, utc(d.start_time) AS started_at,
        date_diff('microsecond', utc(d.start_time), utc(d.end_time)) / 1000.0 AS duration_ms,
            d.status_code = 'ERROR' AS failed,
        {merge_json("json_object('openinference.span.kind', d.span_kind)", "json_of(d.attributes)")} AS attributes
    FROM records"""

CONSOLE_FIELDS = {
    "name": "VARCHAR",
    "context": {"trace_id": "VARCHAR", "span_id": "VARCHAR"},
    "spanContext": {"traceId": "VARCHAR", "spanId": "VARCHAR"},
    "traceId": "VARCHAR",
    "id": "VARCHAR",
    "parent_id": "VARCHAR",
    "parentSpanId": "VARCHAR",
    "parentId": "VARCHAR",
    "parentSpanContext": {"spanId": "VARCHAR"},
    "start_time": "JSON",
    "end_time": "JSON",
    "startTime": "JSON",
    "endTime": "JSON",
    "timestamp": "VARCHAR",
    "duration": "BIGINT",
    "status": {"status_code": "VARCHAR", "code": "VARCHAR"},
    "attributes": "JSON",
    "resource": {"attributes": "JSON"},
}

JAEGER_TRACE: dict[str, object] = {
    "traceID": "VARCHAR",
    "spans": [
        {
            "traceID": "VARCHAR",
            "spanID": "VARCHAR",
            "parentSpanID": "VARCHAR",
            "operationName": "VARCHAR",
            "references": [{"refType": "VARCHAR", "spanID": "VARCHAR"}],
            "startTime": "VARCHAR",
            "duration": "VARCHAR",
            "processID": "VARCHAR",
            "tags": [{"key": "VARCHAR", "value": "VARCHAR"}],
        }
    ],
    "processes": "JSON",
}
ZIPKIN_FIELDS = {
    **dict.fromkeys(("traceId", "id", "parentId", "name", "timestamp", "duration"), "VARCHAR"),
    "localEndpoint": {"serviceName": "VARCHAR"},
    "tags": "JSON",
}
PHOENIX_FIELDS = {
    "name": "VARCHAR",
    "context": {"trace_id": "VARCHAR", "span_id": "VARCHAR"},
    "parent_id": "VARCHAR",
    "span_kind": "VARCHAR",
    "start_time": "VARCHAR",
    "end_time": "VARCHAR",
    "status_code": "VARCHAR",
    "attributes": "JSON",
}


def _is_console(sample: list[dict]) -> bool:
    python = has(sample, "context.trace_id", "start_time", "attributes") and not has(sample, "span_kind")
    return (
        python
        or has(sample, "spanContext.traceId", "attributes")
        or has(sample, "traceId", "kind", "timestamp", "attributes")
    )


def _is_jaeger(sample: list[dict]) -> bool:
    traces = [t for r in sample for t in (r["data"] if isinstance(r.get("data"), list) else [r]) if isinstance(t, dict)]
    return has(traces, "traceID", "spans", "processes")


FORMATS = (
    Format(
        name="otel_console",
        label="OpenTelemetry spans as console exporters print them",
        recognise=_is_console,
        fields=CONSOLE_FIELDS,
        rows=spans.rows(span_ctes(CONSOLE)),
        columns=spans.COLUMNS,
        usage=spans.USAGE_OBJECTS,
        one_answer=True,
        family="otlp",
        order=45,
    ),
    Format(
        name="jaeger",
        label="Jaeger traces (JSON of the UI and the API)",
        recognise=_is_jaeger,
        fields={"data": [JAEGER_TRACE]} | JAEGER_TRACE,
        rows=spans.rows(span_ctes(JAEGER)),
        columns=spans.COLUMNS,
        usage=spans.USAGE_OBJECTS,
        one_answer=True,
        family="otlp",
        order=40,
        documents=True,
    ),
    Format(
        name="zipkin",
        label="Zipkin spans (JSON, version 2)",
        recognise=lambda sample: has(sample, "traceId", "id", "tags", "timestamp") and not has(sample, "attributes"),
        fields=ZIPKIN_FIELDS,
        rows=spans.rows(span_ctes(ZIPKIN)),
        columns=spans.COLUMNS,
        usage=spans.USAGE_OBJECTS,
        one_answer=True,
        family="otlp",
        order=40,
    ),
    Format(
        name="phoenix",
        label="Phoenix spans (REST API)",
        recognise=lambda sample: has(sample, "span_kind", "context", "start_time", "attributes"),
        fields=PHOENIX_FIELDS,
        rows=spans.rows(span_ctes(PHOENIX)),
        columns=spans.COLUMNS,
        usage=spans.USAGE_OBJECTS,
        one_answer=True,
        family="otlp",
        order=40,
    ),
)
