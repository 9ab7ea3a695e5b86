"""Results of SDKs as programs log them: Vercel's AI SDK, LangChain, Google's Interactions, Ollama, models of Bedrock.

They are answers of any provider in the SDK's own words. The AI SDK writes `inputTokens`, as Bedrock's Converse does;
what tells them apart is what only one of the two has. A result of several steps has their sum in `totalUsage`; where a
logger left that out, `usage` is that of the last step alone (ai 5, 6) or the sum (ai 4).
Sources: ai 5.0.93 and 6.0.0 (`LanguageModelUsage`), langchain-core (`UsageMetadata`), google-genai 3.6.1
(`interactions.Usage`), Ollama's API page (2026-09).
"""

from __future__ import annotations

import re

from data.formats import Format, envelope, server_tools, usage_words

# The words of one SDK alone, and what only Converse has beside its `inputTokens`.
OWN = frozenset(
    (
        *("promptTokens", "completionTokens", "cachedInputTokens", "reasoningTokens"),
        *("inputTokenDetails", "outputTokenDetails"),
    )
)
CONVERSE = frozenset(("stopReason", "metrics", "ResponseMetadata", "trace", "performanceConfig", "serviceTier"))
CONVERSE_USAGE = re.compile(r"cache(Read|Write)InputToken|cacheDetails|serverToolUsage")
BEDROCK_ID = re.compile(r"^(arn:aws|((us|eu|apac|jp|au|ca|global|us-gov)\.)?[a-z0-9-]+\.[a-z])")

STRUCTURE = {
    "id": "VARCHAR",
    "model": "VARCHAR",
    "modelId": "VARCHAR",
    "response": {"id": "VARCHAR", "modelId": "VARCHAR", "timestamp": "VARCHAR"},
    "response_metadata": {"model_name": "VARCHAR", "model": "VARCHAR", "service_tier": "VARCHAR"},
    "finishReason": "VARCHAR",
    "eval_count": "VARCHAR",
    "llm_output": {"model_name": "VARCHAR", "model": "VARCHAR"},
}
# Where LangChain keeps a provider's own usage object, beside a message and in what its callbacks get.
LANGCHAIN = tuple(
    f"{place}.{name}" for place in ("response_metadata", "llm_output") for name in ("token_usage", "usage")
)
# What Llama and Titan answer on Bedrock: their counts stand in the answer itself.
LLAMA, TITAN = "generation_token_count", "inputTextTokenCount"
COUNTED = (*("totalUsage", "usage", "usage_metadata", "eval_count"), *LANGCHAIN, LLAMA, TITAN)
HAS_USAGE = ", ".join(f"'$.{place}'" for place in COUNTED)
# An AI SDK result has a `response` of its own, which only names the answer.
BODY = f"""CASE WHEN len(list_filter(json_extract({envelope.BODY}, [{HAS_USAGE}]), lambda u: u IS NOT NULL)) > 0
    THEN {envelope.BODY} ELSE raw::JSON END"""


def _of_steps(*names: str) -> str:
    """SQL: the sum of a count over the steps, from the first of these names that any of them has."""
    sums = (f"list_sum(json_extract(body, '$.steps[*].usage.{name}')::DOUBLE[])" for name in names)
    return f"coalesce({', '.join(sums)})::BIGINT"


STEP_COUNTS = {
    "inputTokens": ("inputTokens", "promptTokens"),
    "outputTokens": ("outputTokens", "completionTokens"),
    "totalTokens": ("totalTokens",),
    "reasoningTokens": ("reasoningTokens", "outputTokenDetails.reasoningTokens"),
    "cachedInputTokens": ("cachedInputTokens", "inputTokenDetails.cacheReadTokens"),
    "cacheWriteTokens": ("inputTokenDetails.cacheWriteTokens",),
}
_SUMS = ", ".join(f"'{name}', {_of_steps(*names)}" for name, names in STEP_COUNTS.items())
STEPS = f"json_object({_SUMS})"
IS_LAST_STEP = f"""json_array_length(body, '$.steps') > 1 AND (body -> 'totalUsage') IS NULL
    AND {_of_steps(*STEP_COUNTS["inputTokens"])} > coalesce(number(body ->> '$.usage.inputTokens'), 0)"""
USED = f"""CASE WHEN {IS_LAST_STEP} THEN {STEPS} ELSE coalesce(body -> 'totalUsage', body -> 'usage',
    body -> 'usage_metadata', {", ".join(f"body -> '$.{place}'" for place in LANGCHAIN)},
    CASE WHEN (body -> 'eval_count') IS NOT NULL THEN json_object('input_tokens', body -> 'prompt_eval_count',
        'output_tokens', body -> 'eval_count')
        WHEN (body -> '{LLAMA}') IS NOT NULL THEN json_object('input_tokens', body -> 'prompt_token_count',
        'output_tokens', body -> '{LLAMA}')
        WHEN (body -> '{TITAN}') IS NOT NULL THEN json_object('input_tokens', body -> '{TITAN}', 'output_tokens',
        coalesce(list_sum(json_extract(body, '$.results[*].tokenCount')::DOUBLE[]), 0)::BIGINT) END) END"""
ROWS = f"""SELECT *, {usage_words.usage_struct("used")} AS u
    FROM (SELECT *, {usage_words.snake(USED)} AS used FROM ({envelope.rows(STRUCTURE, BODY)}))"""

MODEL = """coalesce(text_of(b.response.modelId), text_of(b.model), text_of(b.modelId),
    text_of(b.response_metadata.model_name), text_of(b.response_metadata.model), text_of(b.llm_output.model_name),
    text_of(b.llm_output.model), text_of(d.model), text_of(d."modelId"), jtext(json_of(d.request), '$.model'))"""
IS_CLAUDE = f"coalesce(contains(lower({MODEL}), 'claude'), FALSE)"
TOOL_PROMPT = "u.total_tool_use_tokens"
# LangChain and the AI SDK's split count the cache inside; else only Claude's counts may leave it out.
HAS_CACHE = f"""CASE WHEN (used -> '{usage_words.PROMPT}' -> 'no_cache_tokens') IS NOT NULL
    OR (body -> 'usage_metadata') IS NOT NULL
    OR NOT {IS_CLAUDE} THEN TRUE END"""
IS_BEDROCK = f"coalesce(body -> '{LLAMA}', body -> '{TITAN}') IS NOT NULL"
INPUT, OUTPUT, REASONING = (
    usage_words.count(name, "u") for name in ("input_tokens", "output_tokens", "reasoning_tokens")
)
TOTAL = usage_words.count("total_tokens", "u")
# Google's thoughts stand beside the answer; the total tells where they do.
HAS_REASONING = f"""coalesce(number({TOTAL}) <> number({INPUT}) + number({OUTPUT}) + number({REASONING})
    + coalesce(number({TOOL_PROMPT}), 0), TRUE)"""

COLUMNS = envelope.COLUMNS | {
    "event_key": "coalesce(text_of(b.response.id), text_of(b.id), text_of(d.request_id), text_of(d.call_id))",
    "requested_at": f"coalesce({envelope.COLUMNS['requested_at']}, utc(b.response.timestamp))",
    "provider": f"""coalesce({envelope.COLUMNS["provider"]}, CASE WHEN b.eval_count IS NOT NULL THEN 'ollama'
        WHEN u.total_input_tokens IS NOT NULL THEN 'google' WHEN {IS_BEDROCK} THEN 'aws' END)""",
    "model_raw": MODEL,
    "input_tokens": f"""CASE WHEN number({TOOL_PROMPT}) > 0
        THEN (number({INPUT}) + number({TOOL_PROMPT}))::BIGINT::VARCHAR ELSE {INPUT} END""",
    "output_tokens": OUTPUT,
    "total_tokens": TOTAL,
    **usage_words.details("u"),
    "region": f"coalesce({envelope.COLUMNS['region']}, {usage_words.region('u')})",
    "service_tier": f"""CASE WHEN {envelope.IN_BATCH} THEN 'batch'
        ELSE {usage_words.tier("u", otherwise="b.response_metadata.service_tier")} END""",
    "operation": f"CASE WHEN {IS_BEDROCK} AND (body -> 'embedding') IS NOT NULL THEN 'embedding' ELSE 'chat' END",
    "server_tools": server_tools.tools("u", model=MODEL),
    "reported_cost_usd": usage_words.cost("NULL", "u"),
    "input_has_cache": HAS_CACHE,
    "output_has_reasoning": HAS_REASONING,
    "status": f"CASE WHEN {envelope.FAILED} OR b.finishReason = 'error' THEN 'error' END",
    "unmetered": f"{INPUT} IS NULL AND {OUTPUT} IS NULL AND NOT {envelope.FAILED}",
    "reject": f"CASE WHEN b.response.timestamp IS NULL THEN ({envelope.COLUMNS['reject']}) END",
}


def _is_sdk(record: dict) -> bool:
    found = envelope.body_of(record)
    body = found if _counts(found) else record
    counts = _counts(body)
    if not {"inputTokens", "promptTokens"} & counts.keys():
        own = {"total_input_tokens", "eval_count", LLAMA, TITAN}
        return bool(own & counts.keys()) or body.get("usage_metadata") is counts or _in_langchain(body) is counts
    if OWN & counts.keys():
        return True
    if CONVERSE & body.keys() or any(map(CONVERSE_USAGE.search, counts)):
        return False
    response = body.get("response")
    inner = response.get("modelId") if isinstance(response, dict) else None
    model = inner or body.get("model") or body.get("modelId") or record.get("model")
    return isinstance(model, str) and not BEDROCK_ID.match(model)


def _counts(body: dict) -> dict:
    """The usage object of a result, empty where it has none."""
    for name in ("totalUsage", "usage"):
        if usage := envelope.usage_of(body, name):
            return usage
    usage = envelope.usage_of(body, "usage_metadata")
    if "input_tokens" in usage:
        return usage
    if held := _in_langchain(body):
        return held
    return body if {"eval_count", "model"} <= body.keys() or {LLAMA, TITAN} & body.keys() else {}


def _in_langchain(body: dict) -> dict:
    """The usage object of a provider that LangChain hands on, empty where there is none."""
    for place in LANGCHAIN:
        outer, name = place.split(".")
        held = body.get(outer)
        if isinstance(held, dict) and isinstance(held.get(name), dict):
            return held[name]
    return {}


FORMATS = (
    Format(
        name="sdk_body",
        label="Results of SDKs (Vercel AI SDK, LangChain, Google Interactions, Ollama), Llama and Titan on Bedrock",
        recognise=lambda sample: bool(sample) and 2 * sum(map(_is_sdk, sample)) >= len(sample),
        fields=envelope.FIELDS,
        rows=ROWS,
        columns=COLUMNS,
        usage=(usage_words.usage_object("used", "usage"),),
        text_columns=envelope.texts("$.text", "$.content", "$.message.content"),
        order=65,
        note="Whether Claude's input holds the cache differs between SDK versions and is decided from the numbers.",
    ),
)
