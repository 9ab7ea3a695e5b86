"""Telemetry events of coding agents: Claude Code, Codex, Gemini CLI, Qwen Code and Copilot, one event per model call.

They come as OTLP logs (`resourceLogs`) or as the JSON objects a file exporter of the JavaScript SDK writes one after
another. Names: Claude Code's monitoring page (copy of 2026-05), codex `session_telemetry.rs` 0136a731, gemini-cli
`docs/cli/telemetry.md` 5411f113, qwen-code `docs/telemetry`, Copilot Chat `docs/monitoring/agent_monitoring.md`.
What "input" holds differs: Claude Code leaves the cache out, the others count it in; Gemini leaves thoughts out of the
output and the prompts of tools out of the input. Codex calls the total of a turn `tool_token_count`.
"""

from __future__ import annotations

from data.formats import Format, UsageObject, has, usage_words
from data.formats.spellings import both, either

CLAUDE = ("api_request", "claude_code.api_request")
CLAUDE_ERROR = ("api_error", "claude_code.api_error")
GEMINI = ("gemini_cli.api_response", "qwen-code.api_response")
GEMINI_ERROR = ("gemini_cli.api_error", "qwen-code.api_error")
INFERENCE = "gen_ai.client.inference.operation.details"
TURN = "copilot_chat.agent.turn"

# What each count is called, by agent; `total` only checks the rest.
COUNTS = {
    "input": ("input_tokens", "input_token_count", "gen_ai.usage.input_tokens"),
    "output": ("output_tokens", "output_token_count", "gen_ai.usage.output_tokens"),
    "cache_read": (
        "cache_read_tokens",
        "cached_token_count",
        "cached_content_token_count",
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
    ),
    "cache_write": (
        "cache_creation_tokens",
        "cache_write_token_count",
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
    ),
    "reasoning": (
        "reasoning_token_count",
        "thoughts_token_count",
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
    ),
    "tool": ("tool_token_count",),
    "total": ("total_token_count",),
}
NAMES = COUNTS | {
    "cost": ("cost_usd",),
    "cost_micros": ("cost_usd_micros",),
    "stated_model": ("model", "model_name", "gen_ai.response.model", "gen_ai.request.model", "slug"),
    "stated_provider": ("gen_ai.provider.name", "gen_ai.system"),
    "session": ("session.id", "conversation.id", "gen_ai.conversation.id"),
    "request_id": ("request_id", "response.id", "response_id", "gen_ai.response.id"),
    "sequence": ("event.sequence",),
    "prompt": ("prompt.id", "prompt_id"),
    "moment": ("event.timestamp",),
    "part": ("event.kind",),
    "duration": ("duration_ms", "duration"),
    "first": ("ttft_ms",),
    "speed": ("speed",),
    "caller": ("query_source", "agent.name", "gen_ai.agent.name"),
    "error": ("error", "error.message", "error_type", "error.type"),
    "http": ("status_code", "http.response.status_code"),
    "tries": ("attempt",),
    "person": ("user.email", "user.account_uuid", "user.account_id", "user.id"),
    "team": ("team", "team.id", "team.name", "department", "cost_center"),
    "environment": ("deployment.environment.name", "deployment.environment", "env"),
    "service": ("service.name",),
}
# Numbers of an event that count what it used; one that is none of `known` was left unread. Sizes of prompts and of the
# context are no usage, and micros are the cost again.
METERS = (
    "regexp_matches(k, '(?i)tokens?(_|$|\\.)|cost|aiu') AND NOT regexp_matches(k, '(?i)limit|max|threshold|budget')"
)
KNOWN = {name: "VARCHAR" for key in (*COUNTS, "cost", "cost_micros") for name in NAMES[key]}


def _named(name: str) -> str:
    return "coalesce(" + ", ".join(f"""jtext(a, '$."{key}"')""" for key in NAMES[name]) + f", NULL) AS {name}"


CLAUDE_SAYS = f"event IN {CLAUDE}"
GEMINI_SAYS = f"event IN {GEMINI}"
CODEX_SAYS = "starts_with(event, 'codex.')"
ERRORS = f"(event IN {CLAUDE_ERROR + GEMINI_ERROR} OR {CODEX_SAYS} AND part = 'response.completed' AND input IS NULL)"
# Codex logs each part of a stream as an event; the one that ends it has the counts.
IS_CALL = f"({CLAUDE_SAYS} OR {GEMINI_SAYS} OR {ERRORS} OR coalesce(input, output, cost) IS NOT NULL)"


def rows(events: str) -> str:
    """SQL: one row per event with named columns and whether another event of the file has its tokens.

    `events`: a query with `file_no, record_no, path, place, written` (the event's own name), `body`, `logged_at`,
    `trace_id`, `span_id`, and JSON objects `attributes` and `resource`.
    """
    return f"""
    SELECT * EXCLUDE (own, inferred),
        json_object('event', event, 'at', requested, 'trace', trace_id, 'attributes', attributes)::VARCHAR AS raw
    FROM (
        SELECT *,
            bool_or(event IN {GEMINI}) OVER (PARTITION BY file_no, coalesce(session, service)) AS own,
            bool_or(event = '{INFERENCE}') OVER (PARTITION BY file_no, coalesce(trace_id, session)) AS inferred,
            CASE WHEN event = '{INFERENCE}' THEN own WHEN event = '{TURN}' THEN inferred ELSE FALSE END AS repeated
        FROM (
            SELECT *, coalesce(utc(moment), logged_at) AS requested, coalesce(stated_model, CASE WHEN event = '{TURN}'
                THEN first_value(stated_model IGNORE NULLS) OVER (PARTITION BY file_no, trace_id ORDER BY place) END)
                AS model
            FROM (
                SELECT * EXCLUDE (record_no), row_number() OVER (PARTITION BY file_no ORDER BY record_no, place) AS
                    record_no, {", ".join(_named(name) for name in NAMES)},
                    CASE WHEN contains(written, '.') OR body IS NULL OR NOT starts_with(body, 'claude_code.')
                         THEN written ELSE body END AS event
                FROM (SELECT *, json_merge_patch(coalesce(resource, '{{}}'), coalesce(attributes, '{{}}')) AS a
                      FROM ({events})))))"""


# The prompts of tools come on top of the input unless the total says that they are in it.
TOOL_IS_EXTRA = f"""{GEMINI_SAYS} AND number(tool) > 0
    AND coalesce(number(total) <> number(input) + number(output) + coalesce(number(reasoning), 0), TRUE)"""

COLUMNS = {
    "event_key": f"""CASE WHEN {CLAUDE_SAYS} OR event IN {CLAUDE_ERROR}
             THEN coalesce(request_id, session || ':' || sequence) || CASE WHEN {ERRORS} THEN ':error' ELSE '' END
        WHEN {CODEX_SAYS} OR event IN {GEMINI + GEMINI_ERROR} THEN coalesce(request_id, session || ':'
            || concat_ws(':', prompt, epoch_us(requested), input, output))
        ELSE coalesce(nullif(trace_id, '') || ':' || nullif(span_id, ''), request_id) END""",
    "requested_at": "requested",
    "provider": f"""CASE WHEN {CLAUDE_SAYS} OR event IN {CLAUDE_ERROR} THEN 'anthropic' WHEN {CODEX_SAYS} THEN 'openai'
        WHEN starts_with(event, 'gemini_cli.') THEN 'google' ELSE stated_provider END""",
    "service_tier": usage_words.uncommon_speed("speed"),
    "model_raw": "model",
    "operation": "'chat'",
    "team": "team",
    "project": "service",
    "feature": "caller",
    "environment": "environment",
    "user_id": "person",
    "session_id": "session",
    "tags": """nullif(json_merge_patch('{}', json_object('version', jtext(a, '$."app.version"'),
        'effort', jtext(a, '$.effort'), 'auth', jtext(a, '$.auth_type')))::VARCHAR, '{}')""",
    "task_type": "'coding'",
    "input_tokens": (f"CASE WHEN {TOOL_IS_EXTRA} THEN (number(input) + number(tool))::BIGINT::VARCHAR ELSE input END"),
    "cache_read_tokens": "cache_read",
    "cache_write_tokens": "cache_write",
    "output_tokens": "output",
    "reasoning_tokens": "reasoning",
    "total_tokens": f"coalesce(total, CASE WHEN {CODEX_SAYS} THEN tool END)",
    "input_has_cache": f"""CASE WHEN {CLAUDE_SAYS} THEN FALSE WHEN ({GEMINI_SAYS} OR {CODEX_SAYS})
        AND coalesce(number(cache_read), 0) + coalesce(number(cache_write), 0) <= number(input) THEN TRUE END""",
    "output_has_reasoning": f"""CASE WHEN {GEMINI_SAYS} THEN FALSE
        WHEN coalesce(number(reasoning), 0) <= number(output) THEN TRUE END""",
    "latency_ms": "duration",
    "ttft_ms": "first",
    "status": f"CASE WHEN {ERRORS} OR error IS NOT NULL AND input IS NULL THEN 'error' END",
    "error_class": f"CASE WHEN {ERRORS} THEN coalesce(error, 'other') ELSE error END",
    "http_status": f"CASE WHEN {ERRORS} OR error IS NOT NULL THEN TRY_CAST(http AS INTEGER) END",
    "reported_cost_usd": "coalesce(cost, (TRY_CAST(cost_micros AS DECIMAL(18,0)) / 1000000)::DECIMAL(18,12)::VARCHAR)",
    "unmetered": f"coalesce(input, output) IS NULL AND NOT {ERRORS} AND error IS NULL",
    "skip": f"""CASE WHEN NOT coalesce({IS_CALL}, FALSE) THEN 'an event without token usage'
        WHEN repeated AND event = '{TURN}' THEN 'the event of the model call has its tokens'
        WHEN repeated THEN 'the agent''s own event has its tokens' END""",
}

VALUE = both(
    {
        **dict.fromkeys(("stringValue", "intValue", "doubleValue", "boolValue"), "VARCHAR"),
        **dict.fromkeys(("arrayValue", "kvlistValue"), "JSON"),
    }
)
EVENT_ATTRIBUTES = [{"key": "VARCHAR", "value": VALUE}]
LOG_RECORD = both(
    {
        "timeUnixNano": "VARCHAR",
        "observedTimeUnixNano": "VARCHAR",
        "eventName": "VARCHAR",
        "traceId": "VARCHAR",
        "spanId": "VARCHAR",
        "body": VALUE,
        "attributes": EVENT_ATTRIBUTES,
    }
)
OTLP_FIELDS = both(
    {
        "resourceLogs": [
            {
                "resource": {"attributes": EVENT_ATTRIBUTES},
                "scopeLogs": [{"logRecords": [LOG_RECORD]}],
                "instrumentationLibraryLogs": [{"logRecords": [LOG_RECORD]}],
            }
        ]
    }
)


def text_of_value(value: str) -> str:
    """SQL: the text of an OTLP value; of a list or a map its JSON."""
    return "coalesce(" + ", ".join(f"{value}.{name}::VARCHAR" for name in VALUE) + ")"


def as_object(attributes: str) -> str:
    """SQL: a list of OTLP attributes as one JSON object of texts; of a repeated key the first counts."""
    first = f"list_filter({attributes}, lambda e: e.key = named)[1]"
    return f"""to_json(map_from_entries(list_transform(list_distinct(list_transform(list_filter({attributes},
        lambda e: e.key IS NOT NULL), lambda e: e.key)),
        lambda named: struct_pack(k := named, v := {text_of_value(f"{first}.value")}))))"""


OTLP_EVENTS = f"""
    SELECT file_no, record_no, path, row_number() OVER () AS place,
        coalesce(attributes ->> '$."event.name"', {either("l", "eventName")}, {text_of_value("l.body")}) AS written,
        {text_of_value("l.body")} AS body,
        coalesce(utc(nullif({either("l", "timeUnixNano")}, '0')),
            utc({either("l", "observedTimeUnixNano")})) AS logged_at,
        {either("l", "traceId")} AS trace_id, {either("l", "spanId")} AS span_id, attributes, resource
    FROM (
        SELECT *, {as_object("l.attributes")} AS attributes FROM (
            SELECT file_no, record_no, path, resource, unnest({either("s", "logRecords")}) AS l FROM (
                SELECT file_no, record_no, path, {as_object("r.resource.attributes")} AS resource,
                    unnest(coalesce({either("r", "scopeLogs")}, {either("r", "instrumentationLibraryLogs")})) AS s
                FROM (SELECT file_no, record_no, path, unnest({either("d", "resourceLogs")}) AS r FROM records))))"""

DUMP_FIELDS = {
    "name": "VARCHAR",
    "eventName": "VARCHAR",
    "body": "JSON",
    "_body": "JSON",
    "hrTime": "JSON",
    "_hrTime": "JSON",
    "timestamp": "VARCHAR",
    "timeUnixNano": "VARCHAR",
    "traceId": "VARCHAR",
    "spanId": "VARCHAR",
    "spanContext": {"traceId": "VARCHAR", "spanId": "VARCHAR"},
    "attributes": "JSON",
    "_attributes": "JSON",
    "resource": {"attributes": "JSON", "_attributes": "JSON"},
}


def hr_time(value: str) -> str:
    """SQL: the instant of JavaScript's [seconds, nanoseconds]."""
    seconds, rest = (f"TRY_CAST({value} ->> {n} AS HUGEINT)" for n in (0, 1))
    return f"utc(({seconds} * 1000000000 + {rest})::VARCHAR)"


DUMPED_EVENTS = f"""
    SELECT file_no, record_no, path, 0 AS place,
        coalesce(attributes ->> '$."event.name"', d.eventName, d.name) AS written,
        coalesce(d.body, d._body) ->> '$' AS body,
        coalesce({hr_time("d.hrTime")}, {hr_time("d._hrTime")}, utc(d.timestamp), utc(d.timeUnixNano)) AS logged_at,
        coalesce(d.spanContext.traceId, d.traceId) AS trace_id, coalesce(d.spanContext.spanId, d.spanId) AS span_id,
        attributes, json_of(coalesce(d.resource.attributes, d.resource._attributes)) AS resource
    FROM (SELECT *, json_of(coalesce(d.attributes, d._attributes)) AS attributes FROM records)"""

METERED = f"""to_json(map_from_entries(list_transform(
    list_filter(map_entries(TRY_CAST(attributes AS MAP(VARCHAR, JSON))), lambda e: {METERS.replace("(k,", "(e.key,")}),
    lambda e: struct_pack(k := e.key, v := coalesce(CASE WHEN regexp_matches(e.value ->> '$', '^[{{\\[]')
        THEN TRY_CAST(e.value ->> '$' AS JSON) END, e.value)))))"""
USAGE = (UsageObject(METERED, KNOWN, name="event"),)
NOTE = (
    "Costs are the agent's own estimate at list price. The same calls stand in the agent's session files and in its"
    " traces: load one of them."
)
AGENTS = ("claude_code.", "codex.", "gemini_cli.", "qwen-code.")


def _is_dump(sample: list[dict]) -> bool:
    attributes = [r.get("attributes") or r.get("_attributes") for r in sample]
    return any(isinstance(a, dict) and str(a.get("event.name")).startswith(AGENTS) for a in attributes)


FORMATS = (
    Format(
        name="agent_events",
        label="Coding agents' OpenTelemetry events (OTLP logs: Claude Code, Codex, Gemini CLI, Qwen Code, Copilot)",
        recognise=lambda sample: has(sample, "resourceLogs") or has(sample, "resource_logs"),
        fields=OTLP_FIELDS,
        rows=rows(OTLP_EVENTS),
        columns=COLUMNS,
        usage=USAGE,
        order=40,
        documents=True,
        note=NOTE,
    ),
    Format(
        name="agent_event_file",
        label="Coding agents' telemetry file (Gemini CLI and Qwen Code `telemetry.outfile`)",
        recognise=_is_dump,
        fields=DUMP_FIELDS,
        rows=rows(DUMPED_EVENTS),
        columns=COLUMNS,
        usage=USAGE,
        family="agent_events",
        order=35,
        note=NOTE,
    ),
)
