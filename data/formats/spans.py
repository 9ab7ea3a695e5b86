"""A span as usage: the row it becomes.

A span reaches this module as a row with its `entries` (key and text), named as in `span_names`; where it came from is
the business of `otlp` and `span_exports`.
"""

from __future__ import annotations

from data.formats import UsageObject, span_trees, usage_words
from data.formats.span_names import HARMLESS, NAMES, USAGE
from data.schema import MEDIA_TOKENS

USAGE_OBJECTS = (
    UsageObject("raw -> 'usage'", {key: "VARCHAR" for keys in NAMES.values() for key in keys}, HARMLESS),
    usage_words.usage_object("used", "ai.response.providerMetadata.usage"),
    UsageObject("json_of(metadata) -> '$.anthropic.iterations'", {}, {}, "ai.response.providerMetadata.iterations"),
)

TIER_WORDS = ("ervice_tier", "erviceTier", "raffic_type", "rafficType")  # of whatever attribute, where no other says it
WANTED = "(" + ", ".join(f"'{key}'" for keys in NAMES.values() for key in keys) + ")"


def is_wanted(key: str) -> str:
    """SQL: is this attribute read, or usage that somebody should know of?"""
    return f"({key} IN {WANTED} OR {_is_usage(key)} OR {_is_tier(key)})"


def _is_tier(key: str) -> str:
    return "(" + " OR ".join(f"ends_with({key}, '{word}')" for word in TIER_WORDS) + ")"


def _is_usage(key: str) -> str:
    return "(" + " OR ".join(f"starts_with({key}, '{prefix}')" for prefix in USAGE) + ")"


def _attribute(key: str) -> str:
    """SQL: an attribute's text; a word of MLflow's is JSON."""
    return f"trim(attribute['{key}'][1], '\"')" if key.startswith("mlflow.") else f"attribute['{key}'][1]"


def _named(name: str) -> str:
    return f"coalesce({', '.join(map(_attribute, NAMES[name]))}, NULL) AS {name}"


# The Vercel AI SDK names an operation after its function; `do...` is the one call inside it.
OPERATION = """CASE WHEN regexp_matches(named_operation, '\\.do(Generate|Stream)$') THEN 'chat'
    WHEN named_operation = 'CHAT_MODEL' THEN 'chat'
    WHEN named_operation LIKE '%.doEmbed' THEN 'embeddings' WHEN named_operation = 'ai.toolCall' THEN 'execute_tool'
    ELSE lower(named_operation) END"""
# Kept as the record: what identifies the span, and its usage by name; never a prompt or an answer.
RECORD = f"""json_object('traceId', trace_id, 'spanId', span_id, 'name', name, 'usage', map_from_entries(
    list_transform(list_filter(map_entries(attribute), lambda e: {_is_usage("e.key")}),
        lambda e: struct_pack(k := e.key, v := coalesce(
            CASE WHEN regexp_matches(e.value[1], '^[{{\\[]') THEN TRY_CAST(e.value[1] AS JSON) END,
            to_json(e.value[1]))))))"""

# Vercel's SDK hands on what the provider said, under the provider's name: its usage object, or single counts of it.
SAID = "json_of(metadata)"
ITS_USAGE = f"""list_filter(list_concat(json_extract({SAID}, '$.*.usage'), json_extract({SAID}, '$.*.usageMetadata')),
    lambda usage: json_type(usage) = 'OBJECT')[1]"""
SINGLE = ", ".join(
    f"'{name}', json_extract({SAID}, '$.*.{name}')[1]"
    for name in ("cachedPromptTokens", "promptCacheHitTokens", "reasoningTokens")
)
MLFLOW = ("input", "output", "total")  # its counts of these sides stand in one object
GIVEN = f"""CASE WHEN metadata IS NOT NULL THEN json_merge_patch(
    json_object({SINGLE}, 'cost', {SAID} -> '$.gateway.cost'), coalesce({ITS_USAGE}, '{{}}')) END"""


def rows(spans: str) -> str:
    """SQL: one row per span with named columns and what its tree says of it (`span_trees.mark_calls`).

    `spans`: CTEs, the last of which is `spans` with `file_no, record_no, path, trace_id, span_id, parent_id, name,
    started_at, duration_ms, failed` and `entries`, a list of structs `k`, `v` of what `is_wanted` lets through.
    """
    return f"""
SELECT * FROM (
WITH RECURSIVE {spans},
-- The first of repeated keys counts; a map of one-element lists keeps a repeat from being an error.
mapped AS (
    SELECT *, map_from_entries(list_transform(list_distinct(list_transform(entries, lambda e: e.k)),
        lambda key: struct_pack(k := key, v := list_transform(list_filter(entries, lambda e: e.k = key),
            lambda e: e.v)))) AS attribute
    FROM spans
),
named AS (
    SELECT file_no, record_no, path, trace_id, span_id, coalesce(parent_id, '') AS parent_id, started_at, duration_ms,
        name, attribute, coalesce(failed, FALSE) AS failed, try({RECORD})::VARCHAR AS raw,
        {", ".join(_named(name) for name in NAMES)}
    FROM mapped
),
spans_named AS (
    SELECT * EXCLUDE (cache_read, cache_write, tier, attribute, input, output, total), {OPERATION} AS operation,
        {", ".join(f"coalesce({name}, mlflow_usage ->> '{name}_tokens') AS {name}" for name in MLFLOW)},
        coalesce(cache_read, mlflow_usage ->> 'cache_read_input_tokens',
            jtext(json_of(metadata), '$.anthropic.cacheReadInputTokens'),
            {usage_words.count("cache_read_tokens", "u")}) AS cache_read,
        coalesce(cache_write, mlflow_usage ->> 'cache_creation_input_tokens',
            jtext(json_of(metadata), '$.anthropic.cacheCreationInputTokens'),
            {usage_words.count("cache_write_tokens", "u")}) AS cache_write,
        CASE WHEN ({usage_words.uncommon_speed("speed")}) IS NOT NULL THEN {usage_words.uncommon_speed("speed")}
            WHEN lower(traffic) NOT IN ('on_demand', 'traffic_type_unspecified') THEN traffic
            ELSE coalesce(tier, json_extract_string(json_of(metadata), '$.*.serviceTier')[1], {usage_words.tier("u")},
                list_filter(map_entries(attribute), lambda e: {_is_tier("e.key")}
                    AND lower(e.value[1]) <> 'auto')[1].value[1])
            END AS tier,
        CASE WHEN coalesce(upper(currency), 'USD') = 'USD'
             THEN coalesce({usage_words.usd_of_ticks("ticks")}, stated_cost, mlflow_cost ->> 'total_cost',
                 (TRY_CAST(cost_in AS DECIMAL(18,12)) + TRY_CAST(cost_out AS DECIMAL(18,12)))::VARCHAR)
             ELSE stated_cost || ' ' || currency END AS cost
    FROM (SELECT * REPLACE (json_of(mlflow_usage) AS mlflow_usage, json_of(mlflow_cost) AS mlflow_cost),
            {usage_words.usage_struct("used")} AS u
        FROM (SELECT *, {usage_words.snake(GIVEN)} AS used FROM named))
),
{span_trees.mark_calls("spans_named")}
)
"""


# A number under a name that nobody knows may be a bill of its own (a reranker's searches): such a span is no wrapper,
# unless spans below it are metered.
COUNTS_SOMETHING = """(carried_below IS NOT TRUE AND carried_above IS NOT TRUE
    AND regexp_matches(coalesce(raw::JSON -> 'usage', '{}')::VARCHAR, ':[ "]*[0-9.]*[1-9]'))"""
COLUMNS = {
    "event_key": "coalesce(trace_id || ':' || span_id, response_id)",
    # The provider's own id of its answer: two spans that have it tell one call.
    "call_id": "CASE WHEN regexp_matches(response_id, '^(chatcmpl-|resp_|msg_|gen-)') THEN response_id END",
    "requested_at": "started_at",
    # Names of clouds differ from the price book's: gcp.vertex_ai, az.ai.openai.
    "provider": (
        """CASE WHEN lower(provider) LIKE 'gcp.%' THEN 'google' WHEN lower(provider) LIKE 'az.%' THEN 'azure'
        ELSE provider END"""
    ),
    "region": f"coalesce(region, {usage_words.region('u')})",
    "service_tier": "tier",
    "model_raw": "model",
    "operation": "CASE WHEN operation LIKE 'embedding%' THEN 'embedding' ELSE 'chat' END",
    "team": "team",
    "project": "service",
    "feature": "coalesce(agent, service)",
    "environment": "environment",
    "user_id": "user",
    "session_id": "coalesce(session, trace_id)",
    "input_tokens": "input",
    "cache_read_tokens": "cache_read",
    "cache_write_tokens": "cache_write",
    **{name: usage_words.count(name, "u") for name in usage_words.LIFETIMES},
    "output_tokens": (
        "CASE WHEN operation LIKE 'embedding%' AND input IS NOT NULL THEN coalesce(output, '0') ELSE output END"
    ),
    **{
        f"{name}_tokens": f"coalesce({name}, {usage_words.count(f'{name}_tokens', 'u')})"
        for name in NAMES
        if f"{name}_tokens" in MEDIA_TOKENS
    },
    "reasoning_tokens": f"coalesce(reasoning, {usage_words.count('reasoning_tokens', 'u')})",
    "server_tools": """json_object(
        CASE WHEN regexp_matches(lower(model), 'gemini') THEN 'grounding' ELSE 'web_search' END,
        TRY_CAST(coalesce(web_search, u.server_tool_use.web_search_requests) AS BIGINT),
        'web_fetch', TRY_CAST(web_fetch AS BIGINT), 'code_execution', TRY_CAST(code_execution AS BIGINT))""",
    "total_tokens": "total",
    # The convention wants the cache inside the input; Claude Code and old Anthropic instrumentations leave it out.
    "input_has_cache": (
        """CASE WHEN name LIKE 'claude_code.%' THEN FALSE
        WHEN provider_of(provider) IN ('openai', 'azure') OR number(fresh)
        + coalesce(number(cache_read), 0) + coalesce(number(cache_write), 0) = number(input) THEN TRUE END"""
    ),
    "latency_ms": "duration_ms",
    "ttft_ms": "coalesce(number(first_chunk_s) * 1000, number(first_chunk_ms))",
    "status": "CASE WHEN failed OR error IS NOT NULL THEN 'error' END",
    "error_class": "error",
    "http_status": "http_status",
    "reported_cost_usd": usage_words.cost("cost", "u"),
    "caveats": "[CASE WHEN exceeds THEN 'total_above_parts' END]",
    "unmetered": "metered IS NOT TRUE AND failed IS NOT TRUE AND error IS NULL",
    "skip": (
        f"""CASE
        WHEN is_call IS NOT TRUE AND metered IS NOT TRUE AND NOT {COUNTS_SOMETHING}
            THEN 'a span without token usage'
        WHEN carried_below THEN '{span_trees.SPAN_ABOVE}'
        WHEN carried_above AND (metered OR failed IS NOT TRUE AND error IS NULL) THEN '{span_trees.CARRIED_ABOVE}'
    END"""
    ),
}
