"""Braintrust logs: rows of `project_logs`, as JSON lines or as a table whose objects are text.

The prompt holds the cache, of Anthropic too, and the completion its reasoning (braintrust 0.48.1; for logs of one's own
the docs' page on the cache hit rate says so). `cached` is 1 where Braintrust's proxy answered from its own cache, as
its header `x-bt-cached` tells the SDK. Seconds are floats. A score or a task may hold the sums of the calls below it.
"""

from __future__ import annotations

import json

from data.formats import Format, UsageObject, has, traced_runs

METRICS = dict.fromkeys(
    (
        "start",
        "end",
        "time_to_first_token",
        "prompt_tokens",
        "completion_tokens",
        "tokens",
        "total_tokens",
        "prompt_cached_tokens",
        "prompt_cache_creation_tokens",
        "prompt_cache_creation_5m_tokens",
        "prompt_cache_creation_1h_tokens",
        "completion_reasoning_tokens",
        "estimated_cost",
        "cached",
    ),
    "VARCHAR",
)
FIELDS = dict.fromkeys(
    ("id", "span_id", "root_span_id", "created", "project_id", "project_name"), "VARCHAR"
) | dict.fromkeys(("metrics", "metadata", "span_attributes", "span_parents", "error"), "JSON")
SPANS = f"""
    SELECT *, json_transform(metrics, '{json.dumps(METRICS)}') AS m FROM (
        SELECT *, json_of(d.metrics) AS metrics, json_of(d.metadata) AS metadata, json_of(d.span_attributes) AS kind,
            json_of(d.span_parents) AS parents FROM records)"""
SEARCHES = "server_tool_use_web_search_requests"
NAMED = {
    "trace_id": "text_of(d.root_span_id)",
    "span_id": "coalesce(text_of(d.span_id), text_of(d.id))",
    "parent_id": "coalesce(parents ->> '$[0]', parents ->> '$')",
    "operation": "kind ->> 'type'",
    "failed": "d.error IS NOT NULL AND json_type(d.error) <> 'NULL'",
    "cached": "coalesce(number(m.cached) > 0, m.cached = 'true')",
    "started_at": "coalesce(utc(m.start), utc(d.created))",
    "duration_ms": "(number(m.end) - number(m.start)) * 1000",
    "ttft_ms": "number(m.time_to_first_token) * 1000",
    "model": "jtext(metadata, '$.model')",
    "provider": "jtext(metadata, '$.provider')",
    "input": "m.prompt_tokens",
    "output": "m.completion_tokens",
    "total": "coalesce(m.total_tokens, m.tokens)",
    "cache_read": "m.prompt_cached_tokens",
    "cache_write": "m.prompt_cache_creation_tokens",
    "cache_write_5m": "m.prompt_cache_creation_5m_tokens",
    "cache_write_1h": "m.prompt_cache_creation_1h_tokens",
    "reasoning": "m.completion_reasoning_tokens",
    "cost": "m.estimated_cost",
    "searches": f"metrics ->> '{SEARCHES}'",
    "cache_inside": "'true'",
    "error": "left(coalesce(d.error ->> '$'), 200)",
    "project": "coalesce(text_of(d.project_name), text_of(d.project_id))",
    "feature": "kind ->> 'name'",
    "person": "coalesce(jtext(metadata, '$.user_id'), jtext(metadata, '$.user'))",
    "session": "jtext(metadata, '$.session_id')",
    "used": """to_json(map_from_entries(list_filter(map_entries(TRY_CAST(metrics AS MAP(VARCHAR, JSON))),
        lambda e: regexp_matches(e.key, 'tokens|cost|requests'))))""",
}


def _recognise(sample: list[dict]) -> bool:
    return has(sample, "span_attributes", "metrics") and has(sample, "root_span_id")


FORMATS = (
    Format(
        name="braintrust",
        label="Braintrust logs",
        recognise=_recognise,
        fields=FIELDS,
        rows=traced_runs.rows(SPANS, NAMED),
        columns=traced_runs.COLUMNS,
        usage=(UsageObject("used", METRICS | {SEARCHES: "VARCHAR"}, name="metrics"),),
        order=40,
        note="Costs are Braintrust's own estimate.",
    ),
)
