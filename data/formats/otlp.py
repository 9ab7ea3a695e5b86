"""OpenTelemetry traces as OTLP JSON: the GenAI conventions, their older names, and OpenInference.

A record is one export document (the collector's file exporter writes one a line) with many spans. Agent
and workflow spans repeat the tokens of the calls below them: a span counts when its operation is a model
call, or, where it names none, when no span below it carries tokens. Source: semantic-conventions 384d6616.
"""

from __future__ import annotations

from data.formats import Format, has

CALLS = "('chat', 'text_completion', 'generate_content', 'embeddings', 'completion', 'llm', 'embedding')"
ABOVE_CALLS = (
    "('invoke_agent', 'create_agent', 'invoke_workflow', 'execute_tool', 'agent', 'workflow', 'task', 'chain', 'tool')"
)
VALUE = {"stringValue": "VARCHAR", "intValue": "VARCHAR", "doubleValue": "VARCHAR", "boolValue": "VARCHAR"}
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

# What each of our columns is called, newest convention first.
NAMES = {
    "operation": ("gen_ai.operation.name", "openinference.span.kind", "llm.request.type"),
    "provider": ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system"),
    "model": ("gen_ai.response.model", "gen_ai.request.model", "llm.model_name", "embedding.model_name"),
    "response_id": ("gen_ai.response.id",),
    "session": ("gen_ai.conversation.id", "session.id", "traceloop.association.properties.session_id"),
    "user": ("enduser.id", "user.id", "traceloop.association.properties.user_id"),
    "agent": ("gen_ai.agent.name", "agent.name"),
    "tier": (
        "gen_ai.openai.response.service_tier",
        "openai.response.service_tier",
        "gen_ai.openai.request.service_tier",
    ),
    "region": ("cloud.region", "aws.region"),
    "input": (
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "llm.token_count.prompt",
        "llm.usage.prompt_tokens",
    ),
    "output": (
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.token_count.completion",
        "llm.usage.completion_tokens",
    ),
    "total": ("gen_ai.usage.total_tokens", "llm.usage.total_tokens", "llm.token_count.total"),
    "cache_read": (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.cached_tokens",
        "gen_ai.usage.details.cache_read_tokens",
        "gen_ai.usage.details.cached_tokens",
        "llm.token_count.prompt_details.cache_read",
    ),
    "cache_write": (
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.details.cache_write_tokens",
        "llm.token_count.prompt_details.cache_write",
    ),
    "reasoning": (
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "gen_ai.usage.details.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
    ),
    "cost": ("gen_ai.usage.cost", "gen_ai.usage.total_cost", "llm.cost.total", "operation.cost"),
    "first_chunk_s": ("gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token"),
    "error": ("error.type",),
    "http_status": ("http.response.status_code", "http.status_code"),
    "service": ("service.name",),
    "environment": ("deployment.environment.name", "deployment.environment"),
    "team": ("team", "team.name", "service.namespace"),
}


def _named(name: str) -> str:
    return "coalesce(" + ", ".join(f"attribute['{key}'][1]" for key in NAMES[name]) + f", NULL) AS {name}"


WANTED = "(" + ", ".join(f"'{key}'" for keys in NAMES.values() for key in keys) + ")"
ENTRIES = f"""list_transform(list_filter(list_concat(span.attributes, resource), lambda a: a.key IN {WANTED}),
    lambda a: struct_pack(k := a.key, v := coalesce(a.value.stringValue, a.value.intValue, a.value.doubleValue, a.value.boolValue)))"""

ROWS = f"""
SELECT * FROM (
WITH RECURSIVE resources AS (SELECT file_no, record_no, path, unnest(d.resourceSpans) AS r FROM records),
scopes AS (SELECT file_no, record_no, path, r.resource.attributes AS resource, unnest(coalesce(r.scopeSpans, r.instrumentationLibrarySpans)) AS s FROM resources),
spans AS (
    SELECT file_no, row_number() OVER (PARTITION BY file_no ORDER BY record_no) AS record_no, path, resource, span
    FROM (SELECT file_no, record_no, path, resource, unnest(s.spans) AS span FROM scopes)
),
-- The first of repeated keys counts; a map of one-element lists keeps a repeat from being an error.
mapped AS (
    SELECT * EXCLUDE (resource), map_from_entries(list_transform(list_distinct(list_transform(entries, lambda e: e.k)),
        lambda key: struct_pack(k := key, v := list_transform(list_filter(entries, lambda e: e.k = key), lambda e: e.v)))) AS attribute
    FROM (SELECT *, {ENTRIES} AS entries FROM spans)
),
spans_named AS (
    SELECT file_no, record_no, path, span.traceId AS trace_id, span.spanId AS span_id, coalesce(span.parentSpanId, '') AS parent_id,
        json_object('traceId', span.traceId, 'spanId', span.spanId, 'name', span.name)::VARCHAR AS raw,
        utc(span.startTimeUnixNano) AS started_at, span.status.code IN ('2', 'STATUS_CODE_ERROR') AS failed,
        (number(span.endTimeUnixNano) - number(span.startTimeUnixNano)) / 1e6 AS duration_ms,
        {", ".join(_named(name) for name in NAMES)}, coalesce(input, output) IS NOT NULL AS metered
    FROM mapped
),
above AS (  -- every span that has a span with tokens somewhere below it
    SELECT trace_id, parent_id AS span_id FROM spans_named WHERE metered AND parent_id <> ''
    UNION
    SELECT s.trace_id, s.parent_id FROM spans_named AS s JOIN above AS a USING (trace_id, span_id) WHERE s.parent_id <> ''
)
SELECT s.*, lower(s.operation) IN {CALLS} AS is_call,
    EXISTS (SELECT 1 FROM above AS a WHERE a.trace_id = s.trace_id AND a.span_id = s.span_id) AS is_above,
    EXISTS (SELECT 1 FROM spans_named AS c WHERE c.trace_id = s.trace_id AND c.parent_id = s.span_id AND c.metered
        AND c.input = s.input AND c.output = s.output) AS is_repeated
FROM spans_named AS s
)
"""

COLUMNS = {
    "event_key": "coalesce(trace_id || ':' || span_id, response_id)",
    "requested_at": "started_at",
    # Names of clouds differ from the price book's: gcp.vertex_ai, az.ai.openai.
    "provider": "CASE WHEN lower(provider) LIKE 'gcp.%' THEN 'google' WHEN lower(provider) LIKE 'az.%' THEN 'azure' ELSE provider END",
    "region": "region",
    "service_tier": "tier",
    "model_raw": "model",
    "operation": "CASE WHEN lower(operation) LIKE 'embedding%' THEN 'embedding' ELSE 'chat' END",
    "team": "team",
    "project": "service",
    "feature": "coalesce(agent, service)",
    "environment": "environment",
    "user_id": "user",
    "session_id": "coalesce(session, trace_id)",
    "input_tokens": "input",
    "cache_read_tokens": "cache_read",
    "cache_write_tokens": "cache_write",
    "output_tokens": "CASE WHEN lower(operation) LIKE 'embedding%' THEN coalesce(output, '0') ELSE output END",
    "reasoning_tokens": "reasoning",
    "total_tokens": "total",
    # The convention wants the cache inside the input; older Anthropic instrumentations leave it out.
    "input_has_cache": "CASE WHEN provider_of(provider) IN ('openai', 'azure') THEN TRUE END",
    "latency_ms": "duration_ms",
    "ttft_ms": "number(first_chunk_s) * 1000",
    "status": "CASE WHEN failed OR error IS NOT NULL THEN 'error' END",
    "error_class": "error",
    "http_status": "http_status",
    "reported_cost_usd": "cost",
    "unmetered": "NOT metered AND failed IS NOT TRUE AND error IS NULL",
    "skip": f"""CASE
        WHEN lower(operation) IN {ABOVE_CALLS} THEN 'an agent, workflow or tool span: its model calls count'
        WHEN is_call IS NOT TRUE AND NOT metered THEN 'a span without token usage'
        WHEN is_call IS NOT TRUE AND is_above THEN 'it repeats the tokens of the spans below it'
        WHEN is_repeated THEN 'it repeats the tokens of the span below it'
    END""",
}

SPANS = [{"spans": [SPAN]}]

FORMATS = (
    Format(
        name="otlp",
        label="OpenTelemetry traces (OTLP JSON, GenAI and OpenInference attributes)",
        recognise=lambda sample: has(sample, "resourceSpans"),
        fields={
            "resourceSpans": [
                {"resource": {"attributes": ATTRIBUTES}, "scopeSpans": SPANS, "instrumentationLibrarySpans": SPANS}
            ]
        },
        rows=ROWS,
        columns=COLUMNS,
        order=40,
        documents=True,
        note="Traces carry no cost; whether older instrumentations count the cache inside the input is decided from the numbers.",
    ),
)
