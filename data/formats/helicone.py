"""Helicone request exports: JSONL or JSON from `@helicone/export`, and the thinner CSV.

Source: `HeliconeRequest` in Helicone/helicone and its export example. Costs are USD, times ms.
"""

from __future__ import annotations

from data.formats import Format, has

NO_CACHE_ID = "00000000-0000-0000-0000-000000000000"

# A hit in Helicone's own response cache costs nothing; DEFAULT_UUID stands for "no hit".
CACHED = f"d.cache_reference_id IS NOT NULL AND d.cache_reference_id NOT IN ('', 'DEFAULT_UUID', '{NO_CACHE_ID}')"

COLUMNS = {
    "event_key": "coalesce(d.request_id, d.response_id)",
    "call_id": "coalesce(d.request_id, d.response_id)",
    "requested_at": "utc(d.request_created_at)",
    "provider": "lower(d.provider)",
    "model_raw": "coalesce(text_of(d.model_override), text_of(d.model), text_of(d.response_model), text_of(d.request_model))",
    "user_id": "coalesce(text_of(d.request_user_id), text_of(d.helicone_user))",
    "session_id": "coalesce(d.properties, d.request_properties) ->> 'Helicone-Session-Id'",
    "tags": "coalesce(d.properties, d.request_properties)",
    "input_tokens": "d.prompt_tokens",
    "cache_read_tokens": "d.prompt_cache_read_tokens",
    "cache_write_tokens": "d.prompt_cache_write_tokens",
    "output_tokens": "d.completion_tokens",
    "total_tokens": "d.total_tokens",
    # OpenAI counts include the cache; what Helicone stores for Anthropic changed: let the tests decide.
    "input_has_cache": "CASE WHEN lower(d.provider) = 'openai' THEN TRUE END",
    "output_has_reasoning": "TRUE",
    "latency_ms": "coalesce(d.delay_ms, d.latency)",
    "ttft_ms": "d.time_to_first_token",
    "status": f"CASE WHEN {CACHED} THEN 'cached' WHEN d.response_status >= 400 OR d.response_status < 0 THEN 'error' ELSE 'success' END",
    "http_status": "d.response_status",
    "reported_cost_usd": "coalesce(d.costUSD, d.cost)",
}

FORMATS = (
    Format(
        name="helicone",
        label="Helicone request export",
        recognise=lambda sample: has(sample, "response_id", "request_created_at", "response_status"),
        fields={
            "request_id": "VARCHAR", "response_id": "VARCHAR", "request_created_at": "VARCHAR", "response_status": "INTEGER",
            "provider": "VARCHAR", "model_override": "VARCHAR", "model": "VARCHAR", "response_model": "VARCHAR",
            "request_model": "VARCHAR", "request_user_id": "VARCHAR", "helicone_user": "VARCHAR", "properties": "JSON",
            "request_properties": "JSON", "prompt_tokens": "VARCHAR", "prompt_cache_read_tokens": "VARCHAR",
            "prompt_cache_write_tokens": "VARCHAR", "completion_tokens": "VARCHAR", "total_tokens": "VARCHAR",
            "delay_ms": "DOUBLE", "latency": "DOUBLE", "time_to_first_token": "DOUBLE", "costUSD": "VARCHAR", "cost": "VARCHAR",
            "cache_reference_id": "VARCHAR",
        },
        columns=COLUMNS,
        note="The CSV export has no cache columns; cached input cannot be told apart there. Prefer the JSONL export.",
    ),
)  # fmt: skip
