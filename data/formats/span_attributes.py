"""A span as one flat record: its attributes under their full names beside its time and ids.

Columnar stores and log collectors write spans like this: ClickHouse's exporter (`Timestamp`, `TraceId`,
`SpanAttributes`; opentelemetry-collector-contrib, exporter/clickhouseexporter), Honeycomb (`trace.trace_id`), Elastic
(`@timestamp`, `trace.id`), or a script that keeps what it set on the span. A record without ids is a call of its own.
"""

from __future__ import annotations

from data.formats import Format, span_exports, spans

NAMES = {
    "time": ("timestamp", "Timestamp", "@timestamp", "time", "start_time", "startTime", "startTimeUnixNano", "start"),
    "trace": ("trace_id", "traceId", "TraceId", "trace.trace_id", "trace.id"),
    "span": ("span_id", "spanId", "SpanId", "trace.span_id", "span.id"),
    "parent": ("parent_id", "parent_span_id", "parentSpanId", "ParentSpanId", "trace.parent_id", "parent.id"),
    "name": ("name", "span_name", "SpanName", "span.name"),
    "status": ("status_code", "StatusCode", "status.code", "otel.status_code"),
    "answer": ("gen_ai.response.id", "llm.response.id"),
    "ms": ("duration_ms", "durationMs", "latency_ms"),
    "ns": ("Duration", "duration_nano", "duration_ns"),
}
MAPS = ("SpanAttributes", "ResourceAttributes")


def _first(kind: str) -> str:
    """SQL: the first of the names that the record has; names differ in case alone, which a struct's do not."""
    paths = ", ".join(f"""'$."{name}"'""" for name in NAMES[kind])
    return f"list_filter(json_extract_string(raw, [{paths}]), lambda found: text_of(found) IS NOT NULL)[1]"


FLAT = f"""
    SELECT file_no, record_no, path, name, coalesce(trace, answer, place) AS trace_id,
        coalesce(span, answer, place) AS span_id, parent AS parent_id, utc(time) AS started_at,
        coalesce(number(ms), number(ns) / 1e6) AS duration_ms,
        upper(status) IN ('ERROR', 'STATUS_CODE_ERROR', '2') AS failed,
        {span_exports.merge_json("inner_of_resource", "raw::JSON", "inner_of_span")} AS attributes
    FROM (SELECT file_no, record_no, path, raw, md5(raw) AS place,
        {", ".join(f"{_first(kind)} AS {kind}" for kind in NAMES)},
        json_of(d.SpanAttributes) AS inner_of_span, json_of(d.ResourceAttributes) AS inner_of_resource FROM records)"""


def _counts(record: dict) -> bool:
    inner = record.get("SpanAttributes")
    keys = [*record, *(inner if isinstance(inner, dict) else ())]
    return any(key.startswith(("gen_ai.usage.", "llm.token_count.", "ai.usage.")) for key in keys)


FORMATS = (
    Format(
        name="span_attributes",
        label="Spans as flat records (attributes beside the time; ClickHouse, Honeycomb, Elastic)",
        recognise=lambda sample: any(map(_counts, sample)),
        fields=dict.fromkeys(MAPS, "JSON"),
        rows=spans.rows(span_exports.span_ctes(FLAT)),
        columns=spans.COLUMNS | {"session_id": "coalesce(session, CASE WHEN trace_id <> span_id THEN trace_id END)"},
        usage=spans.USAGE_OBJECTS,
        one_answer=True,
        family="otlp",
        order=46,
    ),
)
