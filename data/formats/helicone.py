"""Helicone request exports: JSONL or JSON from `@helicone/export`, and the thinner CSV.

Source: `HeliconeRequest` in Helicone/helicone and its export example. Costs are USD, times ms.
"""

from __future__ import annotations

from data.formats import Format, flat_usage, has, server_tools, usage_words

NO_CACHE_ID = "00000000-0000-0000-0000-000000000000"

# A hit in Helicone's own response cache costs nothing; DEFAULT_UUID stands for "no hit".
CACHED = f"text_of(d.cache_reference_id) NOT IN ('DEFAULT_UUID', '{NO_CACHE_ID}')"
# Helicone marks what never got an answer with a negative status; -3 is a client that hung up.
FAILED = "(d.response_status >= 400 OR d.response_status < 0)"
PROPERTIES = "coalesce(json_of(d.properties), json_of(d.request_properties))"
CACHE = "(coalesce(number(d.prompt_cache_read_tokens), 0) + coalesce(number(d.prompt_cache_write_tokens), 0))"
# Scores are whatever the customer's evaluator sent; only a share is comparable.
SCORE = "coalesce(number(jtext(json_of(d.scores), '$.quality.value')), number(jtext(json_of(d.scores), '$.quality')))"

COLUMNS = {
    "event_key": "coalesce(text_of(d.request_id), d.response_id)",
    "call_id": "coalesce(text_of(d.request_id), d.response_id)",
    "requested_at": "utc(d.request_created_at)",
    "provider": "lower(d.provider)",
    "host": "text_of(regexp_extract(d.target_url, '^https?://([^/:]+)', 1))",
    "model_raw": (
        "coalesce(text_of(d.model_override), text_of(d.model), text_of(d.response_model), text_of(d.request_model))"
    ),
    "operation": (
        "CASE WHEN d.request_path LIKE '%/embeddings%' THEN 'embedding' WHEN d.request_path LIKE '%/images%' THEN"
        " 'image' WHEN d.request_path LIKE '%/audio%' THEN 'audio' WHEN d.request_path LIKE '%/moderations%' THEN"
        " 'moderation' END"
    ),
    "feature": f"jtext({PROPERTIES}, '$.\"Helicone-Session-Name\"')",
    "user_id": "coalesce(text_of(d.request_user_id), text_of(d.helicone_user))",
    "session_id": f"jtext({PROPERTIES}, '$.\"Helicone-Session-Id\"')",
    "tags": PROPERTIES,
    "input_tokens": "d.prompt_tokens",
    # Where the answer is kept, its usage tells what Helicone has no column for.
    **usage_words.details("u"),
    "cache_read_tokens": f"coalesce(d.prompt_cache_read_tokens, {usage_words.count('cache_read_tokens', 'u')})",
    "cache_write_tokens": f"coalesce(d.prompt_cache_write_tokens, {usage_words.count('cache_write_tokens', 'u')})",
    "cache_write_5m_tokens": f"coalesce(d.prompt_cache_write_5m, {usage_words.count('cache_write_5m_tokens', 'u')})",
    "cache_write_1h_tokens": f"coalesce(d.prompt_cache_write_1h, {usage_words.count('cache_write_1h_tokens', 'u')})",
    "reasoning_tokens": f"coalesce(d.reasoning_tokens, {usage_words.count('reasoning_tokens', 'u')})",
    "audio_input_tokens": f"coalesce(d.prompt_audio_tokens, {usage_words.count('audio_input_tokens', 'u')})",
    "audio_output_tokens": f"coalesce(d.completion_audio_tokens, {usage_words.count('audio_output_tokens', 'u')})",
    "server_tools": server_tools.answer_tools("u", "d.model"),
    "service_tier": usage_words.tier("u", otherwise="coalesce(d.service_tier, jtext(answer, '$.service_tier'))"),
    "region": usage_words.region("u"),
    "output_tokens": "d.completion_tokens",
    "total_tokens": usage_words.total("d.total_tokens", "u"),
    # OpenAI-shaped counts include the cache; what Helicone stores for Anthropic changed (#4655): the tests decide.
    "input_has_cache": (
        f"CASE WHEN {CACHE} > number(d.prompt_tokens) THEN FALSE "
        "WHEN provider_of(d.provider) NOT IN ('anthropic', 'aws') THEN TRUE END"
    ),
    "output_has_reasoning": "TRUE",
    "latency_ms": "coalesce(d.delay_ms, d.latency)",
    "ttft_ms": "d.time_to_first_token",
    "status": (
        f"CASE WHEN {CACHED} THEN 'cached' WHEN d.response_status = -3 THEN 'cancelled' WHEN {FAILED} THEN 'error' WHEN"
        " d.response_status < 200 THEN 'HTTP ' || d.response_status ELSE"
        " 'success' END"
    ),
    "http_status": "CASE WHEN d.response_status >= 100 THEN d.response_status END",
    "reported_cost_usd": usage_words.cost("coalesce(text_of(d.costUSD), text_of(d.cost))", "u"),
    "quality_score": f"CASE WHEN {SCORE} BETWEEN 0 AND 1 THEN {SCORE} END",
    "quality_source": f"CASE WHEN {SCORE} BETWEEN 0 AND 1 THEN 'helicone score' END",
    "succeeded": "d.feedback_rating",
    # A stream asked for without usage has no counts; that is unknown, not zero.
    "unmetered": (
        f"NOT coalesce({FAILED}, FALSE) AND coalesce(text_of(d.prompt_tokens), text_of(d.completion_tokens)) IS NULL"
    ),
}

FIELDS = {
    "request_id": "VARCHAR",
    "response_id": "VARCHAR",
    "request_created_at": "VARCHAR",
    "response_status": "INTEGER",
    "provider": "VARCHAR",
    "target_url": "VARCHAR",
    "request_path": "VARCHAR",
    "model_override": "VARCHAR",
    "model": "VARCHAR",
    "response_model": "VARCHAR",
    "request_model": "VARCHAR",
    "request_user_id": "VARCHAR",
    "helicone_user": "VARCHAR",
    "properties": "JSON",
    "request_properties": "JSON",
    "scores": "JSON",
    "feedback_rating": "BOOLEAN",
    "prompt_tokens": "VARCHAR",
    "prompt_cache_read_tokens": "VARCHAR",
    "prompt_cache_write_tokens": "VARCHAR",
    "completion_tokens": "VARCHAR",
    "total_tokens": "VARCHAR",
    "delay_ms": "DOUBLE",
    "latency": "DOUBLE",
    "time_to_first_token": "DOUBLE",
    "costUSD": "VARCHAR",
    "cost": "VARCHAR",
    "cache_reference_id": "VARCHAR",
    "prompt_cache_write_5m": "VARCHAR",
    "prompt_cache_write_1h": "VARCHAR",
    "reasoning_tokens": "VARCHAR",
    "prompt_audio_tokens": "VARCHAR",
    "completion_audio_tokens": "VARCHAR",
    "service_tier": "VARCHAR",
    "response_body": "JSON",
}
HARMLESS = {
    **dict.fromkeys(("cache_enabled", "cache_count", "cache_bucket_max_size"), "about Helicone's own cache"),
    **dict.fromkeys(("request_body", "signed_body_url"), "the question"),
}
FORMATS = (
    Format(
        name="helicone",
        label="Helicone request export",
        recognise=lambda sample: has(sample, "response_id", "request_created_at", "response_status"),
        fields=FIELDS,
        rows=usage_words.answer_usage("json_of(d.response_body)"),
        per_record=True,
        columns=COLUMNS,
        usage=(*flat_usage(FIELDS, HARMLESS), usage_words.usage_object("used", "response_body.usage")),
        assume_input_has_cache=False,
        text_columns={"prompt": "jtext(raw, '$.request_body')", "completion": "jtext(raw, '$.response_body')"},
        note="The CSV export has no cache columns; cached input cannot be told apart there. Prefer the JSONL export.",
    ),
)
