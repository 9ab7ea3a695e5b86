"""OpenTelemetry traces as OTLP JSON: the GenAI conventions, their older names, and OpenInference.

A record is one export document (the collector's file exporter writes one a line) with many spans. Names may also be
those of the protocol (`resource_spans`), which its JSON allows too. Tempo answers with `batches` or a `trace`, Jaeger's
newer API with a `result`.
"""

from __future__ import annotations

from data.formats import Format, has, spans
from data.formats.agent_events import EVENT_ATTRIBUTES, text_of_value
from data.formats.spellings import both, either, snake

SPAN = {
    "traceId": "VARCHAR",
    "spanId": "VARCHAR",
    "parentSpanId": "VARCHAR",
    "name": "VARCHAR",
    "startTimeUnixNano": "VARCHAR",
    "endTimeUnixNano": "VARCHAR",
    "attributes": EVENT_ATTRIBUTES,
    "status": {"code": "VARCHAR", "message": "VARCHAR"},
}
BEGAN, ENDED = either("span", "startTimeUnixNano"), either("span", "endTimeUnixNano")

RESOURCE_SPANS = f"""
resources AS (
    SELECT file_no, record_no, path, unnest(coalesce({either("d", "resourceSpans")}, d.batches,
        {either("d.trace", "resourceSpans")}, {either("d.result", "resourceSpans")})) AS r FROM records),
scopes AS (
    SELECT file_no, record_no, path, r.resource.attributes AS resource,
        unnest(coalesce({either("r", "scopeSpans")}, {either("r", "instrumentationLibrarySpans")})) AS s
    FROM resources
),
found AS (SELECT file_no, record_no, path, resource, unnest(s.spans) AS span FROM scopes)"""
BARE_SPANS = "found AS (SELECT file_no, record_no, path, NULL AS resource, d AS span FROM records)"
SPANS = f"""
spans AS (
    SELECT file_no, row_number() OVER (PARTITION BY file_no ORDER BY record_no) AS record_no, path,
        {either("span", "traceId")} AS trace_id, {either("span", "spanId")} AS span_id,
        {either("span", "parentSpanId")} AS parent_id, span.name AS name, utc({BEGAN}) AS started_at,
        span.status.code IN ('2', 'STATUS_CODE_ERROR') AS failed,
        (number({ENDED}) - number({BEGAN})) / 1e6 AS duration_ms,
        list_transform(list_filter(list_concat(span.attributes, coalesce(resource, [])),
                lambda a: {spans.is_wanted("a.key")}),
            lambda a: struct_pack(k := a.key, v := {text_of_value("a.value")})) AS entries
    FROM found
)"""

INNER = [{"spans": [SPAN]}]
RESOURCES = [
    {
        "resource": {"attributes": EVENT_ATTRIBUTES},
        "scopeSpans": INNER,
        "instrumentationLibrarySpans": INNER,
    }
]
DOCUMENT = {"resourceSpans": RESOURCES}


def _is_otlp(sample: list[dict]) -> bool:
    roofs = [roof for r in sample for name in ("trace", "result") if isinstance(roof := r.get(name), dict)]
    batches = [b for r in sample if isinstance(r.get("batches"), list) for b in r["batches"] if isinstance(b, dict)]
    direct = has(sample, "resourceSpans") or has(sample, "resource_spans")
    return direct or has(roofs, "resourceSpans") or has(batches, "scopeSpans")


def _is_span(sample: list[dict]) -> bool:
    """A span's attributes are a list of keys and values here; elsewhere they are an object."""
    spans_found = [record for record in sample if isinstance(record.get("attributes"), list)]
    return any(has(spans_found, *map(name, ("traceId", "spanId", "startTimeUnixNano"))) for name in (str, snake))


FORMATS = (
    Format(
        name="otlp",
        label="OpenTelemetry traces (OTLP JSON, GenAI and OpenInference attributes)",
        recognise=_is_otlp,
        fields=both({**DOCUMENT, "batches": RESOURCES, "trace": DOCUMENT, "result": DOCUMENT}),
        rows=spans.rows(f"{RESOURCE_SPANS},{SPANS}"),
        columns=spans.COLUMNS,
        usage=spans.USAGE_OBJECTS,
        one_answer=True,
        order=40,
        documents=True,
        note=(
            "Traces carry no cost; whether older instrumentations count the cache inside the input is decided from the"
            " numbers."
        ),
    ),
    Format(
        name="otlp_spans",
        label="OpenTelemetry spans (OTLP JSON) outside of their resources",
        recognise=_is_span,
        fields=both(SPAN),
        rows=spans.rows(f"{BARE_SPANS},{SPANS}"),
        columns=spans.COLUMNS,
        usage=spans.USAGE_OBJECTS,
        one_answer=True,
        family="otlp",
        order=40,
    ),
)
