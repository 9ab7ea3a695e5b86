"""OpenTelemetry traces as OTLP JSON: the GenAI conventions, their older names, and OpenInference.

A record is one export document (the collector's file exporter writes one a line) with many spans.
"""

from __future__ import annotations

from data.formats import Format, has, spans

VALUE = {
    **dict.fromkeys(("stringValue", "intValue", "doubleValue", "boolValue"), "VARCHAR"),
    **dict.fromkeys(("arrayValue", "kvlistValue"), "JSON"),
}
ATTRIBUTES = [{"key": "VARCHAR", "value": VALUE}]
SPAN = {
    "traceId": "VARCHAR",
    "spanId": "VARCHAR",
    "parentSpanId": "VARCHAR",
    "name": "VARCHAR",
    "startTimeUnixNano": "VARCHAR",
    "endTimeUnixNano": "VARCHAR",
    "attributes": ATTRIBUTES,
    "status": {"code": "VARCHAR", "message": "VARCHAR"},
}
TEXT = f"coalesce({', '.join(f'a.value.{kind}::VARCHAR' for kind in VALUE)})"

SPANS = f"""
resources AS (SELECT file_no, record_no, path, unnest(d.resourceSpans) AS r FROM records),
scopes AS (
    SELECT file_no, record_no, path, r.resource.attributes AS resource,
        unnest(coalesce(r.scopeSpans, r.instrumentationLibrarySpans)) AS s
    FROM resources
),
found AS (SELECT file_no, record_no, path, resource, unnest(s.spans) AS span FROM scopes),
spans AS (
    SELECT file_no, row_number() OVER (PARTITION BY file_no ORDER BY record_no) AS record_no, path,
        span.traceId AS trace_id, span.spanId AS span_id, span.parentSpanId AS parent_id, span.name AS name,
        utc(span.startTimeUnixNano) AS started_at, span.status.code IN ('2', 'STATUS_CODE_ERROR') AS failed,
        (number(span.endTimeUnixNano) - number(span.startTimeUnixNano)) / 1e6 AS duration_ms,
        list_transform(list_filter(list_concat(span.attributes, resource), lambda a: {spans.wanted("a.key")}),
            lambda a: struct_pack(k := a.key, v := {TEXT})) AS entries
    FROM found
)"""

INNER = [{"spans": [SPAN]}]

FORMATS = (
    Format(
        name="otlp",
        label="OpenTelemetry traces (OTLP JSON, GenAI and OpenInference attributes)",
        recognise=lambda sample: has(sample, "resourceSpans"),
        fields={
            "resourceSpans": [
                {"resource": {"attributes": ATTRIBUTES}, "scopeSpans": INNER, "instrumentationLibrarySpans": INNER}
            ]
        },
        rows=spans.rows(SPANS),
        columns=spans.COLUMNS,
        usage=spans.USAGE_OBJECTS,
        order=40,
        documents=True,
        note=(
            "Traces carry no cost; whether older instrumentations count the cache inside the input is decided from the"
            " numbers."
        ),
    ),
)
