"""Vertex AI request-response logging: rows of its BigQuery table, exported as JSON or CSV.

`full_response` is an answer of Gemini, or of Claude through rawPredict; of a stream it is the list of its parts. JSON
columns come as objects or as text, every number as text. Source: docs.cloud.google.com request-response-logging; names
`full_request`, `full_response`, `logging_time` and `metadata.request_latency` (ms) as its readers use them.
"""

from __future__ import annotations

from data.formats import Format, UsageObject, anthropic, claude_usage, envelope, gemini, has, usage_words

CLAUDE = {name: kind for name, kind in claude_usage.USAGE.items() if name != "iterations"}
STRUCTURE = gemini.STRUCTURE | {"id": "VARCHAR", "model": "VARCHAR", "usage": CLAUDE}
OWN = {
    "timestamp": "text_of(d.logging_time)",
    "request_id": "text_of(d.request_id)",
    "model": "split_part(text_of(d.model), '/models/', -1)",
    "region": """nullif(regexp_extract(concat_ws(' ', d.endpoint, d.model), 'locations/([a-z0-9-]+)', 1), '')""",
    "latency_ms": "jtext(json_of(d.metadata), '$.request_latency')",
    "request": "json_of(d.full_request)",
    "response": "json_of(d.full_response)",
}
# The row in the shape of an envelope.
ROWS = f"""(
    SELECT file_no, record_no, path, raw, {{{
    ", ".join(f"'{name}': {OWN.get(name, 'NULL')}::{kind}" for name, kind in envelope.FIELDS.items())
}}} AS d FROM records)"""
BODY = f"""CASE WHEN json_type({envelope.BODY}) = 'ARRAY' AND contains({envelope.BODY}::VARCHAR, '"message_start"')
    THEN {anthropic.STREAMED} ELSE {gemini.STREAMED} END"""
IS_CLAUDE = "b.usage IS NOT NULL"


def _either(claude: str, of_gemini: str) -> str:
    return f"CASE WHEN {IS_CLAUDE} THEN {claude} ELSE {of_gemini} END"


COLUMNS = gemini.COLUMNS | {
    "event_key": f"coalesce(text_of(d.request_id), text_of(b.id), {gemini.COLUMNS['event_key']})",
    "provider": "'google'",
    "service_tier": _either(
        f"coalesce({usage_words.uncommon_speed('b.usage.speed')}, b.usage.service_tier)", gemini.COLUMNS["service_tier"]
    ),
    "server_tools": _either(
        claude_usage.server_tools("b.usage", "(body -> 'content')"), gemini.COLUMNS["server_tools"]
    ),
    "model_raw": "coalesce(text_of(b.modelVersion), text_of(b.model_version), text_of(b.model), text_of(d.model))",
    "feature": "jtext(json_of(d.request), '$.labels.adk_agent_name')",
    "tags": "json_of(d.request) -> 'labels'",
    "input_tokens": _either("b.usage.input_tokens", gemini.COLUMNS["input_tokens"]),
    "cache_read_tokens": _either("b.usage.cache_read_input_tokens", gemini.COLUMNS["cache_read_tokens"]),
    "cache_write_tokens": "b.usage.cache_creation_input_tokens",
    "cache_write_5m_tokens": "b.usage.cache_creation.ephemeral_5m_input_tokens",
    "cache_write_1h_tokens": "b.usage.cache_creation.ephemeral_1h_input_tokens",
    "output_tokens": _either(
        "CASE WHEN b.cut IS NOT TRUE THEN b.usage.output_tokens END", gemini.COLUMNS["output_tokens"]
    ),
    "reasoning_tokens": _either("b.usage.output_tokens_details.thinking_tokens", gemini.COLUMNS["reasoning_tokens"]),
    "input_has_cache": f"NOT {IS_CLAUDE}",
    "output_has_reasoning": IS_CLAUDE,
    "unmetered": f"NOT ({gemini.METERED} OR {IS_CLAUDE} AND b.cut IS NOT TRUE) AND NOT {envelope.FAILED}",
}

FORMATS = (
    Format(
        name="vertex_log",
        label="Vertex AI request-response log (BigQuery table)",
        recognise=lambda sample: has(sample, "full_response", "logging_time"),
        fields=dict.fromkeys(("logging_time", "request_id", "model", "endpoint"), "VARCHAR")
        | dict.fromkeys(("full_request", "full_response", "metadata"), "JSON"),
        rows=envelope.rows(STRUCTURE, BODY, ROWS),
        columns=COLUMNS,
        usage=(
            UsageObject(
                "coalesce(body -> 'usageMetadata', body -> 'usage_metadata')",
                gemini.USAGE,
                gemini.HARMLESS,
                "usageMetadata",
            ),
            UsageObject("body -> 'usage'", CLAUDE),
        ),
        assume_output_has_reasoning=False,
        supersedes=True,
        order=40,
        note=(
            "The log is a sample where its sampling rate is below 1: read these dollars as that share of the whole."
            " Claude on the global endpoint is not logged."
        ),
    ),
)
