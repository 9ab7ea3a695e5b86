"""OpenAI response bodies: chat completions, Responses, embeddings, batch output, and everybody who speaks the same.

DeepSeek, xAI, Mistral, Groq, MiniMax, OpenRouter and self-hosted servers answer in OpenAI's shape with
small differences, all handled here, and so are Anthropic's messages where a gateway logs both: DeepSeek counts
cache hits in a field of its own, xAI keeps reasoning outside `completion_tokens`, OpenRouter reports the cost.
Source: openai SDK 3.52.0 types.
"""

from __future__ import annotations

from data.formats import Format, UsageObject, assistant_runs, claude_usage, envelope, server_tools, usage_words

# Proxies answer for Claude and Qwen in OpenAI's shape, with cache counts in the words of these.
READ = ("cached_tokens", "cache_read_tokens", "cache_read_input_tokens")
WRITE = ("cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens")
LIVES = {f"ephemeral_{life}_input_tokens": "VARCHAR" for life in ("5m", "1h")}
SPLIT = ("cache_creation", "cache_creation_token_details")
DETAILS = {
    **dict.fromkeys((*READ, *WRITE), "VARCHAR"),
    **dict.fromkeys(SPLIT, LIVES),
    "reasoning_tokens": "VARCHAR",
    "audio_tokens": "VARCHAR",
    "image_tokens": "VARCHAR",
    "video_tokens": "VARCHAR",
    "cached_tokens_details": {"audio_tokens": "VARCHAR", "image_tokens": "VARCHAR"},
}
# Realtime sessions name the details in the singular.
SIDES = {
    "input": ("prompt_tokens_details", "input_tokens_details", "input_token_details"),
    "output": ("completion_tokens_details", "output_tokens_details", "output_token_details"),
}
USAGE = {
    "prompt_tokens": "VARCHAR",
    "completion_tokens": "VARCHAR",
    "input_tokens": "VARCHAR",
    "output_tokens": "VARCHAR",
    "total_tokens": "VARCHAR",
    **dict.fromkeys((*READ, *WRITE, "num_cached_tokens", "prompt_cache_hit_tokens"), "VARCHAR"),
    "cache_creation": LIVES,
    **{f"claude_cache_creation_{life}_tokens": "VARCHAR" for life in ("5_m", "1_h")},
    "reasoning_tokens": "VARCHAR",
    **dict.fromkeys((*SIDES["input"], *SIDES["output"]), DETAILS),
    "cost": "JSON",
    "cost_in_usd_ticks": "VARCHAR",
    "total_cost_usd_ticks": "VARCHAR",
    "num_sources_used": "VARCHAR",
    "num_search_queries": "VARCHAR",
    "server_side_tool_usage_details": "JSON",
    "server_tool_use": {"web_search_requests": "VARCHAR"},
    "is_byok": "BOOLEAN",
    **dict.fromkeys(("speed", "service_tier", "inference_geo"), "VARCHAR"),
    "cost_details": {"upstream_inference_cost": "VARCHAR"},
}
SECONDS = "seconds, not tokens"
PART = "a part of a count that is read"
HARMLESS = {
    **dict.fromkeys(("queue_time", "prompt_time", "completion_time", "total_time"), SECONDS),
    **dict.fromkeys(("total_latency", "time_to_first_token", "start_time", "end_time"), SECONDS),
    **dict.fromkeys(("completion_tokens_per_sec", "total_tokens_per_sec", "acceptance_rate"), "a speed"),
    "completion_tokens_after_first_per_sec": "a speed",
    **{f"{side}.text_tokens": PART for sides in SIDES.values() for side in sides},
    **{f"{side}.cached_tokens_details.text_tokens": PART for side in SIDES["input"]},
    **{
        f"{side}.cache_write_tokens_details.{life}": PART
        for side in SIDES["input"]
        for life in ("ttl_30m_tokens", "ttl_12h_tokens")
    },
    **{
        f"{side}.{kind}_prediction_tokens": "inside the completion tokens"
        for side in SIDES["output"]
        for kind in ("accepted", "rejected")
    },
    "output_tokens_details.thinking_tokens": "inside the output tokens",
    "prompt_cache_miss_tokens": "the input that was not read from the cache",
    "cost_details.upstream_inference_prompt_cost": "a part of the upstream cost",
    "cost_details.upstream_inference_completions_cost": "a part of the upstream cost",
    "num_server_side_tools_used": "the sum of the tools listed by name",
}
STRUCTURE = {
    **dict.fromkeys(("id", "object", "type", "model", "status", "service_tier", "user"), "VARCHAR"),
    **dict.fromkeys(("metadata", "prompt_filter_results", "x_groq", "output"), "JSON"),
    "cut": "BOOLEAN",
    "usage": USAGE,
    **assistant_runs.STRUCTURE,
}


def _answer(event: str) -> str:
    """The response in an event; of a stream Groq puts the usage under a name of its own, Moonshot into the choice."""
    elsewhere = f"coalesce({event} -> '$.x_groq.usage', {event} -> '$.choices[0].usage')"
    return f"""CASE WHEN coalesce(json_type({event} -> 'usage'), 'NULL') = 'NULL'
            AND ({elsewhere} -> 'prompt_tokens') IS NOT NULL
        THEN json_merge_patch({event}, json_object('usage', {elsewhere})) ELSE coalesce({event} -> 'response',
        {event}) END"""


# A logged stream is a list of chunks or events; its usage is in the last one that has any, its model in all of them.
EVENTS = f"list_transform(from_json({envelope.BODY}, '[\"JSON\"]'), lambda e: {_answer('e')})"
STREAMED = f"""
CASE WHEN json_type({envelope.BODY}) = 'ARRAY' THEN coalesce(
    list_filter({EVENTS}, lambda e: json_type(e -> 'usage') = 'OBJECT')[-1],
    json_merge_patch(list_filter({EVENTS}, lambda e: (e ->> 'model') IS NOT NULL)[-1], '{{"cut": true}}'))
ELSE {_answer(envelope.BODY)} END
"""


def _detail(side: str, *names: str) -> str:
    return "coalesce(" + ", ".join(f"b.usage.{details}.{name}" for name in names for details in SIDES[side]) + ")"


def _written(life: str) -> str:
    """Cache writes of one lifetime."""
    lived = f"ephemeral_{life}_input_tokens"
    details = _detail("input", *(f"{split}.{lived}" for split in SPLIT))
    return (
        f"coalesce({details}, b.usage.cache_creation.{lived}, b.usage.claude_cache_creation_{life[0]}_{life[1]}_tokens)"
    )


def _either(*names: str) -> str:
    """The count under the first of two names; proxies leave that of the other API at zero."""
    first, second = (f"b.usage.{name}" for name in names)
    return f"coalesce(CASE WHEN number({first}) <> 0 THEN {first} END, {second}, {first})"


# Some count no more than the total of an embedding.
INPUT = f"""coalesce({_either("prompt_tokens", "input_tokens")},
    CASE WHEN b.object = 'list' THEN b.usage.total_tokens END)"""
OUTPUT = _either("completion_tokens", "output_tokens")
REASONING = f"coalesce({_detail('output', 'reasoning_tokens')}, b.usage.reasoning_tokens)"
# Perplexity itemises the cost (one without its total is no amount, which marks the row); xAI counts it in ticks of
# 1e-10 USD, tools and discounts included.
TICKS = "coalesce(b.usage.cost_in_usd_ticks, b.usage.total_cost_usd_ticks)"
COST = f"""CASE WHEN json_type(b.usage.cost) = 'OBJECT' THEN
        CASE WHEN coalesce(upper(b.usage.cost ->> 'currency'), 'USD') = 'USD'
        THEN coalesce(b.usage.cost ->> 'total_cost', b.usage.cost::VARCHAR) ELSE b.usage.cost::VARCHAR END
    ELSE coalesce(b.usage.cost ->> '$', (TRY_CAST({TICKS} AS DECIMAL(28, 10)) * 0.0000000001)::DECIMAL(28,
    12)::VARCHAR) END"""

UPSTREAM, FEE = "b.usage.cost_details.upstream_inference_cost", "b.usage.cost ->> '$'"

# xAI documents reasoning as extra to completion_tokens; the total of a row, where it has one, decides.
REASONING_IS_EXTRA = f"number(b.usage.total_tokens) = number({INPUT}) + number({OUTPUT}) + number({REASONING})"
# What the provider ran beside the model.
CALLED = server_tools.tool_calls("b.output")
LISTED = ", ".join(f"'{tool}', {sql}" for tool, sql in CALLED.items() if tool != "web_search")
TOOLS = f"""json_merge_patch(json_object({LISTED},
    'web_search', greatest({CALLED["web_search"]}, TRY_CAST(b.usage.server_tool_use.web_search_requests AS BIGINT),
        CASE WHEN starts_with(b.object, 'chat.completion') THEN {server_tools.always_searched(envelope.MODEL)} END),
    'live_search_source', TRY_CAST(b.usage.num_sources_used AS BIGINT),
    'search_query', TRY_CAST(b.usage.num_search_queries AS BIGINT)),
    coalesce(replace(json_of(b.usage.server_side_tool_usage_details)::VARCHAR, '_calls', '')::JSON, '{{}}'))"""

# A message of Anthropic's: what its cache holds is beside its input, not in it.
MESSAGE = "coalesce(b.type = 'message' AND b.object IS NULL AND b.usage.total_tokens IS NULL, FALSE)"
PROVIDER = f"""
CASE WHEN {MESSAGE} THEN coalesce({envelope.COLUMNS["provider"]}, {claude_usage.seller("b")})
    WHEN b.usage.is_byok IS NOT NULL THEN 'openrouter' ELSE coalesce({envelope.COLUMNS["provider"]}, CASE
    WHEN b.prompt_filter_results IS NOT NULL THEN 'azure'
    WHEN b.x_groq IS NOT NULL THEN 'groq'
    WHEN b.usage.prompt_cache_hit_tokens IS NOT NULL OR regexp_matches({envelope.MODEL},
    '^deepseek-(chat|reasoner)') THEN 'deepseek'
    WHEN regexp_matches({envelope.MODEL}, '^(ft:)?(gpt-[345]|o[1345](-|$)|chatgpt|codex|text-embedding-(3|ada))')
        THEN 'openai'
    WHEN regexp_matches({envelope.MODEL}, '^grok-') THEN 'x-ai'
    WHEN regexp_matches({envelope.MODEL}, '^(mistral|ministral|magistral|codestral|devstral|pixtral)-') THEN 'mistral'
    WHEN regexp_matches({envelope.MODEL}, '^MiniMax-') THEN 'minimax'
    WHEN regexp_matches({envelope.MODEL}, '^(kimi|moonshot)-') THEN 'moonshotai'
END) END
"""

# Of the Responses API's stream only some events have the response in them, of the Assistants API's some a message.
EVENT = f"(starts_with(b.type, 'response.') OR starts_with(b.object, 'thread') AND NOT {assistant_runs.IS_EITHER})"
BATCHED = f"(d.custom_id IS NOT NULL OR {envelope.IN_BATCH})"

COLUMNS = assistant_runs.columns(envelope.COLUMNS) | {
    # A stream without usage does not stand for another record of its id.
    "event_key": (
        """coalesce(text_of(b.id), text_of(d.request_id), text_of(d.custom_id))
        || CASE WHEN b.cut THEN ':' || md5(raw) ELSE '' END"""
    ),
    "provider": PROVIDER,
    "region": f"coalesce({envelope.COLUMNS['region']}, CASE WHEN {MESSAGE} THEN {claude_usage.region('b.usage')} END)",
    # A batch result calls itself "default": only the wrapping tells that it was a batch.
    "service_tier": f"""CASE WHEN {BATCHED} OR {MESSAGE} AND b.usage.service_tier = 'batch' THEN 'batch'
        WHEN {MESSAGE} THEN coalesce({usage_words.uncommon_speed("b.usage.speed")}, b.usage.service_tier)
        ELSE b.service_tier END""",
    "model_raw": envelope.MODEL,
    "operation": "CASE WHEN b.object = 'list' THEN 'embedding' ELSE 'chat' END",
    "user_id": f"coalesce({envelope.COLUMNS['user_id']}, text_of(b.user))",
    "tags": f"coalesce({envelope.COLUMNS['tags']}, b.metadata)",
    "input_tokens": INPUT,
    "cache_read_tokens": (
        f"""coalesce({_detail("input", *READ)}, b.usage.prompt_cache_hit_tokens, b.usage.num_cached_tokens,
        {", ".join(f"b.usage.{name}" for name in READ)})"""
    ),
    "cache_write_tokens": f"coalesce({_detail('input', *WRITE)}, {', '.join(f'b.usage.{name}' for name in WRITE)})",
    "cache_write_5m_tokens": _written("5m"),
    "cache_write_1h_tokens": _written("1h"),
    "audio_input_tokens": _detail("input", "audio_tokens"),
    "image_input_tokens": _detail("input", "image_tokens"),
    "video_input_tokens": _detail("input", "video_tokens"),
    "audio_cache_read_tokens": _detail("input", "cached_tokens_details.audio_tokens"),
    "image_cache_read_tokens": _detail("input", "cached_tokens_details.image_tokens"),
    "audio_output_tokens": _detail("output", "audio_tokens"),
    "image_output_tokens": _detail("output", "image_tokens"),
    "server_tools": TOOLS,
    "output_tokens": f"CASE WHEN b.object = 'list' THEN '0' ELSE {OUTPUT} END",
    "reasoning_tokens": REASONING,
    "total_tokens": "b.usage.total_tokens",
    "input_has_cache": f"NOT {MESSAGE}",
    "output_has_reasoning": (
        f"NOT coalesce(number({REASONING}) > 0 AND {REASONING_IS_EXTRA}, {PROVIDER} = 'x-ai', FALSE)"
    ),
    "status": (
        f"CASE WHEN {envelope.FAILED} OR b.status = 'failed' OR {assistant_runs.EXPIRED} THEN 'error'"
        " WHEN b.status = 'cancelled' THEN 'cancelled' WHEN b.object IN ('response', 'realtime.response')"
        " AND b.status NOT IN ('completed', 'incomplete', 'queued', 'in_progress') THEN b.status END"
    ),
    # With an own key at the upstream provider OpenRouter charges a fee at most and names the upstream cost.
    "reported_cost_usd": f"CASE WHEN b.usage.is_byok THEN {usage_words.with_fee(UPSTREAM, FEE)} ELSE {COST} END",
    "unmetered": f"{INPUT} IS NULL AND {OUTPUT} IS NULL AND NOT {envelope.FAILED}",
    "skip": (
        f"""CASE
        WHEN d.method IS NOT NULL THEN 'a batch request, not its result'
        WHEN {BATCHED} AND {envelope.FAILED} OR {envelope.NOT_BATCHED} THEN '{envelope.NOT_BILLED}'
        WHEN b.object = 'chat.completion.chunk' AND b.usage IS NULL AND b.cut IS NOT TRUE THEN
        'a stream chunk without usage'
        WHEN {EVENT} AND b.usage IS NULL THEN 'a stream event without usage'
        WHEN b.status IN ('queued', 'in_progress') AND b.cut IS NOT TRUE OR {assistant_runs.UNFINISHED}
            THEN 'an unfinished response'
    END"""
    ),
}


def is_openai(body: dict) -> bool:
    """Whether an answer has OpenAI's shape."""
    if isinstance(body.get("response"), dict):  # an event of a stream or a realtime session
        body = body["response"]
    usage = envelope.usage_of(body)
    responses = "input_tokens" in usage and ("total_tokens" in usage or "input_tokens_details" in usage)
    return (
        "prompt_tokens" in usage
        or responses
        or usage.get("type") == "duration"  # a transcription is billed by the second
        or "total_tokens" in usage
        and body.get("object") == "list"
        or body.get("object") in ("chat.completion", "chat.completion.chunk", "response", "realtime.response")
        or str(body.get("object")).startswith("thread")  # with its runs, steps and messages
        or str(body.get("type")).startswith("response.")
        and "sequence_number" in body
    )


def _is_batch(sample: list[dict]) -> bool:
    return bool(sample) and all(
        "custom_id" in record and ("response" in record or "method" in record) for record in sample
    )


def _is_message(body: dict) -> bool:
    return body.get("type") == "message" and "input_tokens" in envelope.usage_of(body)


def _recognise(sample: list[dict]) -> bool:
    mixed = any(is_openai(envelope.body_of(record)) for record in sample)
    both = envelope.recogniser(lambda body: is_openai(body) or _is_message(body))
    return mixed and both(sample) or _is_batch(sample)


# Where Groq's counts are not split in the usage itself, what it says beside it may be tokens of a cache.
GROQ = (
    f"CASE WHEN {_detail('input', 'cached_tokens')} IS NULL AND b.usage IS NOT NULL THEN body -> '$.x_groq.usage' END"
)
# Perplexity bills what it cites, which its cost, where it tells one, holds.
OWN = """CASE WHEN b.usage.cost IS NOT NULL THEN json_merge_patch(body -> 'usage', '{"citation_tokens": null}')
    ELSE body -> 'usage' END"""
USAGE_OBJECTS = (
    UsageObject(usage_words.with_lone_fee(f"({OWN})", "b.usage.is_byok", UPSTREAM, FEE), USAGE, HARMLESS),
    UsageObject(GROQ, USAGE, HARMLESS, "x_groq.usage"),
    *envelope.SECOND_USAGE,
)

FORMATS = (
    Format(
        name="openai",
        label="OpenAI-style response bodies (chat, Responses, batch output; also DeepSeek, xAI, Mistral, Groq)",
        recognise=_recognise,
        fields=envelope.FIELDS,
        rows=envelope.rows(STRUCTURE, STREAMED),
        columns=COLUMNS,
        usage=USAGE_OBJECTS,
        text_columns=envelope.texts("$.choices[0].message.content", "$.output", "$.content"),
        supersedes=True,
        stand_ins=(assistant_runs.STEPS,),
        order=70,
        note="A streamed answer has usage only with stream_options.include_usage; without it the call is unmetered.",
    ),
)
