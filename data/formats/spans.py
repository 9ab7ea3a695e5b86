"""A span as usage: what its attributes are called in every convention, and the row it becomes.

OpenTelemetry's GenAI names of three generations, OpenInference, the Vercel AI SDK, Sentry, Traceloop and Codex. A span
reaches this module as a row with its `entries` (key and text); where it came from is the business of `otlp` and
`span_exports`. Sources: semantic-conventions 384d6616, semantic-conventions-genai 2f4c6b1c, openinference 1fe497f1d.
"""

from __future__ import annotations

from data.formats import span_trees

# What each of our columns is called, newest convention first.
NAMES = {
    "named_operation": (
        "gen_ai.operation.name",
        "openinference.span.kind",
        "llm.request.type",
        "ai.operationId",
        "traceloop.span.kind",
    ),
    "provider": ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "ai.model.provider"),
    "model": (
        "gen_ai.response.model",
        "ai.response.model",
        "gen_ai.request.model",
        "llm.model_name",
        "embedding.model_name",
        "ai.model.id",
        "model",
    ),
    "response_id": ("gen_ai.response.id", "ai.response.id"),
    "session": (
        "gen_ai.conversation.id",
        "session.id",
        "traceloop.association.properties.session_id",
        "ai.telemetry.metadata.sessionId",
        "thread.id",
    ),
    "user": ("enduser.id", "user.id", "traceloop.association.properties.user_id", "ai.telemetry.metadata.userId"),
    "agent": ("gen_ai.agent.name", "agent.name", "ai.telemetry.functionId"),
    "tier": (
        "gen_ai.openai.response.service_tier",
        "openai.response.service_tier",
        "gen_ai.response.service_tier",
        "gen_ai.openai.request.service_tier",
        "gen_ai.request.service_tier",
    ),
    "region": ("cloud.region", "aws.region"),
    "input": (
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "llm.token_count.prompt",
        "llm.usage.prompt_tokens",
        "ai.usage.inputTokens",
        "ai.usage.promptTokens",
        "ai.usage.tokens",
        "codex.turn.token_usage.input_tokens",
    ),
    "output": (
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.token_count.completion",
        "llm.usage.completion_tokens",
        "ai.usage.outputTokens",
        "ai.usage.completionTokens",
        "codex.turn.token_usage.output_tokens",
    ),
    "total": (
        "gen_ai.usage.total_tokens",
        "llm.usage.total_tokens",
        "llm.token_count.total",
        "ai.usage.totalTokens",
        "codex.turn.token_usage.total_tokens",
    ),
    "fresh": ("ai.usage.inputTokenDetails.noCacheTokens", "codex.turn.token_usage.non_cached_input_tokens"),
    "cache_read": (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.cached_tokens",
        "gen_ai.usage.cached_input_tokens",
        "gen_ai.usage.details.cache_read_tokens",
        "gen_ai.usage.details.cache_read_input_tokens",
        "gen_ai.usage.details.cached_tokens",
        "gen_ai.usage.input_tokens.cached",
        "llm.token_count.prompt_details.cache_read",
        "llm.usage.cache_read_input_tokens",
        "ai.usage.inputTokenDetails.cacheReadTokens",
        "ai.usage.cachedInputTokens",
        "codex.turn.token_usage.cached_input_tokens",
    ),
    "cache_write": (
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_write_input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.details.cache_write_tokens",
        "gen_ai.usage.details.cache_creation_input_tokens",
        "gen_ai.usage.input_tokens.cache_write",
        "llm.token_count.prompt_details.cache_write",
        "llm.usage.cache_creation_input_tokens",
        "ai.usage.inputTokenDetails.cacheWriteTokens",
        "codex.turn.token_usage.cache_write_input_tokens",
    ),
    "reasoning": (
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "gen_ai.usage.details.reasoning_tokens",
        "gen_ai.usage.output_tokens.reasoning",
        "llm.token_count.completion_details.reasoning",
        "llm.usage.reasoning_tokens",
        "ai.usage.outputTokenDetails.reasoningTokens",
        "ai.usage.reasoningTokens",
        "codex.turn.token_usage.reasoning_output_tokens",
        "codex.usage.reasoning_output_tokens",
    ),
    "stated_cost": (
        "gen_ai.usage.cost.amount",
        "gen_ai.usage.cost",
        "gen_ai.usage.total_cost",
        "gen_ai.usage.cost_usd",
        "llm.cost.total",
        "operation.cost",
        "opencode.llm.cost.total",
    ),
    "cost_in": ("llm.cost.prompt",),
    "cost_out": ("llm.cost.completion",),
    "currency": ("gen_ai.usage.cost.currency",),
    "first_chunk_s": ("gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token"),
    "first_chunk_ms": ("ai.response.msToFirstChunk",),
    "error": ("error.type",),
    "http_status": ("http.response.status_code", "http.status_code"),
    "service": ("service.name",),
    "environment": ("deployment.environment.name", "deployment.environment"),
    "team": ("team", "team.name", "service.namespace"),
    "metadata": ("ai.response.providerMetadata",),
}
# Whatever stands under these names is usage; a number there under a name that is not above was left unread.
USAGE = ("gen_ai.usage.", "llm.token_count.", "llm.usage.", "llm.cost.", "ai.usage.", "codex.turn.token_usage.")

WANTED = "(" + ", ".join(f"'{key}'" for keys in NAMES.values() for key in keys) + ")"


def wanted(key: str) -> str:
    """SQL: is this attribute read, or usage that somebody should know of?"""
    return f"({key} IN {WANTED} OR {_is_usage(key)})"


def _is_usage(key: str) -> str:
    return "(" + " OR ".join(f"starts_with({key}, '{prefix}')" for prefix in USAGE) + ")"


def _named(name: str) -> str:
    return "coalesce(" + ", ".join(f"attribute['{key}'][1]" for key in NAMES[name]) + f", NULL) AS {name}"


# The Vercel AI SDK names an operation after its function; `do...` is the one call inside it.
OPERATION = """CASE WHEN regexp_matches(named_operation, '\\.do(Generate|Stream)$') THEN 'chat'
    WHEN named_operation LIKE '%.doEmbed' THEN 'embeddings' WHEN named_operation = 'ai.toolCall' THEN 'execute_tool'
    ELSE lower(named_operation) END"""
# Kept as the record: what identifies the span, and its usage by name; never a prompt or an answer.
RECORD = f"""json_object('traceId', trace_id, 'spanId', span_id, 'name', name, 'usage',
    map_from_entries(list_filter(list_distinct(entries), lambda e: {_is_usage("e.k")} AND length(e.v) < 100)))"""


def rows(spans: str) -> str:
    """SQL: one row per span with named columns and what its tree says of it (`span_trees.judged`).

    `spans`: CTEs, the last of which is `spans` with `file_no, record_no, path, trace_id, span_id, parent_id, name,
    started_at, duration_ms, failed` and `entries`, a list of structs `k`, `v` of what `wanted` lets through.
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
        coalesce(failed, FALSE) AS failed, try({RECORD})::VARCHAR AS raw, {", ".join(_named(name) for name in NAMES)}
    FROM mapped
),
spans_named AS (
    SELECT * EXCLUDE (cache_read, cache_write, tier), {OPERATION} AS operation,
        coalesce(cache_read, jtext(json_of(metadata), '$.anthropic.cacheReadInputTokens')) AS cache_read,
        coalesce(cache_write, jtext(json_of(metadata), '$.anthropic.cacheCreationInputTokens')) AS cache_write,
        coalesce(tier, jtext(json_of(metadata), '$.openai.serviceTier')) AS tier,
        CASE WHEN coalesce(upper(currency), 'USD') = 'USD'
             THEN coalesce(stated_cost, (TRY_CAST(cost_in AS DECIMAL(18,12)) + TRY_CAST(cost_out AS
                 DECIMAL(18,12)))::VARCHAR) END AS cost
    FROM named
),
{span_trees.judged("spans_named")}
)
"""


COLUMNS = {
    "event_key": "coalesce(trace_id || ':' || span_id, response_id)",
    "requested_at": "started_at",
    # Names of clouds differ from the price book's: gcp.vertex_ai, az.ai.openai.
    "provider": (
        """CASE WHEN lower(provider) LIKE 'gcp.%' THEN 'google' WHEN lower(provider) LIKE 'az.%' THEN 'azure'
        ELSE provider END"""
    ),
    "region": "region",
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
    "output_tokens": (
        "CASE WHEN operation LIKE 'embedding%' AND input IS NOT NULL THEN coalesce(output, '0') ELSE output END"
    ),
    "reasoning_tokens": "reasoning",
    "total_tokens": "total",
    # The convention wants the cache inside the input; older Anthropic instrumentations leave it out.
    "input_has_cache": (
        """CASE WHEN provider_of(provider) IN ('openai', 'azure') OR number(fresh)
        + coalesce(number(cache_read), 0) + coalesce(number(cache_write), 0) = number(input) THEN TRUE END"""
    ),
    "latency_ms": "duration_ms",
    "ttft_ms": "coalesce(number(first_chunk_s) * 1000, number(first_chunk_ms))",
    "status": "CASE WHEN failed OR error IS NOT NULL THEN 'error' END",
    "error_class": "error",
    "http_status": "http_status",
    "reported_cost_usd": "cost",
    "caveats": "[CASE WHEN exceeds THEN 'total_above_parts' END]",
    "unmetered": "metered IS NOT TRUE AND failed IS NOT TRUE AND error IS NULL",
    "skip": (
        f"""CASE
        WHEN is_call IS NOT TRUE AND metered IS NOT TRUE THEN 'a span without token usage'
        WHEN carried_below THEN '{span_trees.SPAN_ABOVE}'
        WHEN carried_above AND (metered OR failed IS NOT TRUE AND error IS NULL) THEN '{span_trees.CARRIED_ABOVE}'
    END"""
    ),
}
