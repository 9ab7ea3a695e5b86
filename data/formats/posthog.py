"""PostHog's LLM analytics: `$ai_generation` and `$ai_embedding` events of a batch export or a query.

The only source that states whether its input holds the cache (`$ai_cache_reporting_exclusive`); where it does not,
Claude leaves the cache out except behind Vercel's gateway, as PostHog's own pricing assumes. Latencies are seconds.
Source: posthog 7.91.1, and PostHog's cost processing (facts/formats2.md 12).
"""

from __future__ import annotations

from data.formats import Format, UsageObject, has, traced_runs, usage_words

COUNTS = {
    "input": "$ai_input_tokens",
    "output": "$ai_output_tokens",
    "total": "$ai_total_tokens",
    "cache_read": "$ai_cache_read_input_tokens",
    "cache_write": "$ai_cache_creation_input_tokens",
    "cache_write_5m": "$ai_cache_creation_5m_input_tokens",
    "cache_write_1h": "$ai_cache_creation_1h_input_tokens",
    "reasoning": "$ai_reasoning_tokens",
    "searches": "$ai_web_search_count",
    "cost": "$ai_total_cost_usd",
    "tier": "$ai_service_tier",
    "model": "$ai_model",
    "provider": "$ai_provider",
    "http_status": "$ai_http_status",
    "session": "$ai_session_id",
    "feature": "$ai_span_name",
}
FIELDS = {
    "uuid": "VARCHAR",
    "event": "VARCHAR",
    "timestamp": "VARCHAR",
    "distinct_id": "VARCHAR",
    "properties": "JSON",
}
# A query's table has a column `properties.$ai_model` or `$ai_model`, an export one object of them.
EVENTS = """
    SELECT *, coalesce(json_of(d.properties), to_json(map_from_entries(list_transform(list_filter(
        map_entries(TRY_CAST(raw::JSON AS MAP(VARCHAR, VARCHAR))),
        lambda e: starts_with(e.key, 'properties.') OR starts_with(e.key, '$ai_')),
        lambda e: struct_pack(k := regexp_replace(e.key, '^properties\\.', ''), v := e.value))))) AS p FROM records"""


def _text(name: str) -> str:
    return f"""jtext(p, '$."{name}"')"""


PARTS = tuple(f"$ai_{part}_cost_usd" for part in ("input", "output", "request", "web_search"))
COST_OF_PARTS = f"""CASE WHEN coalesce({", ".join(map(_text, PARTS[:2]))}) IS NOT NULL
    THEN ({" + ".join(f"coalesce(TRY_CAST({_text(part)} AS DECIMAL(18,12)), 0)" for part in PARTS)})::VARCHAR END"""
IS_CLAUDE = f"""(lower({_text("$ai_provider")}) = 'anthropic' OR contains(lower({_text("$ai_model")}), 'claude'))"""
NAMED = {name: _text(key) for name, key in COUNTS.items()} | {
    "trace_id": _text("$ai_trace_id"),
    "span_id": f"""CASE WHEN d.event = '$ai_trace' THEN {_text("$ai_trace_id")}
        ELSE coalesce({_text("$ai_generation_id")}, {_text("$ai_span_id")}, text_of(d.uuid)) END""",
    "parent_id": f"""CASE WHEN d.event <> '$ai_trace'
        THEN coalesce({_text("$ai_parent_id")}, {_text("$ai_trace_id")}) END""",
    "operation": """CASE d.event WHEN '$ai_generation' THEN 'chat' WHEN '$ai_embedding' THEN 'embeddings'
        ELSE d.event END""",
    "failed": f"""lower({_text("$ai_is_error")}) = 'true'""",
    # The event is sent when the call has ended.
    "started_at": f"""utc(d.timestamp)
        - to_milliseconds(coalesce((number({_text("$ai_latency")}) * 1000)::BIGINT, 0))""",
    "duration_ms": f"number({_text('$ai_latency')}) * 1000",
    "ttft_ms": f"number({_text('$ai_time_to_first_token')}) * 1000",
    "cache_inside": f"""coalesce(CASE lower({_text("$ai_cache_reporting_exclusive")}) WHEN 'true' THEN 'false'
        WHEN 'false' THEN 'true' END, CASE WHEN {IS_CLAUDE} AND coalesce(lower({_text("$ai_provider")}), '') NOT LIKE
        '%gateway%' AND coalesce(lower({_text("$ai_provider")}), '') <> 'vercel' THEN 'false' ELSE 'true' END)""",
    "error": f"left({_text('$ai_error')}, 200)",
    "cost": f"coalesce({_text(COUNTS['cost'])}, {COST_OF_PARTS})",
    "person": "text_of(d.distinct_id)",
    "used": """to_json(map_from_entries(list_filter(map_entries(TRY_CAST(p AS MAP(VARCHAR, JSON))),
        lambda e: regexp_matches(e.key, '^\\$ai_.*(tokens|cost_usd|_count)$'))))""",
}
KNOWN = dict.fromkeys(COUNTS.values(), "VARCHAR") | {
    # Parts of the total cost or of the input's, and counts that are no usage.
    **dict.fromkeys((*PARTS, "$ai_cache_cost_usd"), "VARCHAR"),
    "$ai_max_tokens": "VARCHAR",
    "$ai_tool_call_count": "VARCHAR",
}

SAID = """coalesce(json_of(raw -> '$.properties') -> '$."$ai_usage"', json_of(raw -> '$."$ai_usage"'),
    json_of(raw -> '$."properties.$ai_usage"'))"""

FORMATS = (
    Format(
        name="posthog",
        label="PostHog LLM analytics events",
        recognise=lambda sample: any(str(r.get("event")).startswith("$ai_") for r in sample)
        or has(sample, "properties.$ai_model")
        or any({"properties.$ai_input_tokens", "$ai_input_tokens"} & r.keys() for r in sample),
        fields=FIELDS,
        rows=traced_runs.rows(EVENTS, NAMED),
        columns=traced_runs.COLUMNS,
        usage=(
            UsageObject("used", KNOWN, name="properties"),
            # The provider's own words, said again.
            usage_words.usage_object(usage_words.snake(SAID), "properties.$ai_usage"),
        ),
        order=40,
        note="Costs are PostHog's own estimate.",
    ),
)
