"""What the attributes of a span are called, in every convention: by our column, newest convention first.

OpenTelemetry's GenAI names of three generations, OpenInference, the Vercel AI SDK, Sentry, Traceloop, pydantic-ai,
Codex, and the bare names of Claude Code's own spans (facts/formats3.md).
Sources: semantic-conventions 384d6616, semantic-conventions-genai 2f4c6b1c, openinference 1fe497f1d.
"""

from __future__ import annotations

NAMES = {
    "named_operation": (
        "gen_ai.operation.name",
        "openinference.span.kind",
        "llm.request.type",
        "ai.operationId",
        "traceloop.span.kind",
        "mlflow.spanType",
    ),
    "provider": (
        *("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "ai.model.provider"),
        "mlflow.llm.provider",
    ),
    "model": (
        "gen_ai.response.model",
        "ai.response.model",
        "gen_ai.request.model",
        "llm.model_name",
        "embedding.model_name",
        "ai.model.id",
        "mlflow.llm.model",
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
        "gen_ai.usage.service_tier",
        "gen_ai.usage.details.service_tier",
    ),
    "traffic": ("gen_ai.usage.traffic_type", "gen_ai.usage.details.traffic_type", "gen_ai.response.traffic_type"),
    "speed": ("gen_ai.usage.speed", "gen_ai.response.speed", "gen_ai.request.speed", "speed"),
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
        "input_tokens",
    ),
    "output": (
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.token_count.completion",
        "llm.usage.completion_tokens",
        "ai.usage.outputTokens",
        "ai.usage.completionTokens",
        "codex.turn.token_usage.output_tokens",
        "output_tokens",
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
        "cache_read_tokens",
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
        "cache_creation_tokens",
    ),
    "reasoning": (
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "gen_ai.usage.details.reasoning_tokens",
        "gen_ai.usage.details.thoughts_tokens",
        "gen_ai.usage.output_tokens.reasoning",
        "llm.token_count.completion_details.reasoning",
        "llm.usage.reasoning_tokens",
        "ai.usage.outputTokenDetails.reasoningTokens",
        "ai.usage.reasoningTokens",
        "codex.turn.token_usage.reasoning_output_tokens",
        "codex.usage.reasoning_output_tokens",
    ),
    **{
        f"{kind}_{side}": tuple(
            name
            for form in (
                "gen_ai.usage.details.{side}_{kind}_tokens",
                "gen_ai.usage.{side}_{kind}_tokens",
                "gen_ai.usage.{kind}.{side}_tokens",
                "gen_ai.usage.{side}_tokens.{kind}",
                "gen_ai.usage.{side}.{kind}_tokens",
                "gen_ai.usage.details.{kind}_{said}_tokens",
                "llm.token_count.{asked}_details.{kind}",
                "llm.usage.{side}_{kind}_tokens",
            )
            for name in [form.format(side=side, kind=kind, said=said, asked=asked)]
        )
        for kind in ("image", "audio", "video")
        for side, said, asked in (("input", "prompt", "prompt"), ("output", "candidates", "completion"))
    },
    **{
        tool: tuple(f"gen_ai.usage.{place}{tool}_requests" for place in ("details.", "", "server_tool_use."))
        for tool in ("web_search", "web_fetch", "code_execution")
    },
    "stated_cost": (
        "gen_ai.usage.cost.amount",
        "gen_ai.usage.cost",
        "gen_ai.usage.total_cost",
        "gen_ai.usage.cost_usd",
        "gen_ai.cost.total",
        "gen_ai.cost.total_cost",
        "gen_ai.cost.amount",
        "llm.cost.total",
        "operation.cost",
        "opencode.llm.cost.total",
        "cost_usd",
    ),
    "ticks": ("gen_ai.usage.cost_in_usd_ticks",),
    **{
        f"cost_{short}": (
            f"llm.cost.{named}",
            *(f"gen_ai.{place}" for place in (f"usage.{side}_cost", f"usage.cost.{side}", f"cost.{side}_cost")),
            f"gen_ai.cost.{side}",
        )
        for short, side, named in (("in", "input", "prompt"), ("out", "output", "completion"))
    },
    "currency": ("gen_ai.usage.cost.currency", "gen_ai.cost.currency"),
    "first_chunk_s": ("gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token"),
    "first_chunk_ms": ("ai.response.msToFirstChunk", "ttft_ms"),
    "error": ("error.type",),
    "http_status": ("http.response.status_code", "http.status_code", "status_code"),
    "service": ("service.name",),
    "environment": ("deployment.environment.name", "deployment.environment"),
    "team": ("team", "team.name", "service.namespace"),
    "metadata": ("ai.response.providerMetadata",),
    # MLflow's own attributes, as its spans take them to other tools; all of them are JSON as text.
    "mlflow_usage": ("mlflow.chat.tokenUsage",),
    "mlflow_cost": ("mlflow.llm.cost",),
}
# Whatever stands under these names is usage; a number there under a name that is not above was left unread.
USAGE = (
    "gen_ai.usage",
    "gen_ai.cost.",
    "llm.token_count.",
    "llm.usage.",
    "llm.cost.",
    "ai.usage.",
    "codex.turn.token_usage.",
)

PART = "a part of a count or a cost that is read"
HARMLESS = {
    **{
        f"llm.cost.{side}_details.{kind}": PART
        for side in ("prompt", "completion")
        for kind in ("input", "output", "cache_read", "cache_write", "cache_input", "audio", "reasoning")
    },
    "ai.usage.outputTokenDetails.textTokens": PART,
    "gen_ai.usage.details.text_prompt_tokens": PART,
    "gen_ai.usage.details.text_candidates_tokens": PART,
    "gen_ai.usage.details.accepted_prediction_tokens": PART,
    "gen_ai.usage.details.rejected_prediction_tokens": PART,
    # Claude's own counts beside the span's, which hold its cache too.
    "gen_ai.usage.details.input_tokens": PART,
    "gen_ai.usage.details.output_tokens": PART,
}
