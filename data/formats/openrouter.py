"""OpenRouter: generations (API answers and the activity CSV) and the daily activity report.

Source: openrouter SDK `components/{activityitem,generationresponse,chatusage}.py`. Money is USD credits, times are UTC.
`native_tokens_*` is what is billed; `tokens_*` of the generation API is OpenRouter's own tokenizer. With a key of one's
own (BYOK) `cost` is only OpenRouter's fee and the provider is paid `upstream`; without one, upstream is a breakdown.
"""

from __future__ import annotations

import json

from data.formats import Format, flat_usage, has, report_page, usage_words

GENERATION = {
    "id": "VARCHAR",
    "created_at": "VARCHAR",
    "model": "VARCHAR",
    "provider_name": "VARCHAR",
    "total_cost": "VARCHAR",
    "usage": "VARCHAR",
    "upstream_inference_cost": "VARCHAR",
    "is_byok": "BOOLEAN",
    "cancelled": "BOOLEAN",
    "finish_reason": "VARCHAR",
    "tokens_prompt": "VARCHAR",
    "tokens_completion": "VARCHAR",
    "native_tokens_prompt": "VARCHAR",
    "native_tokens_completion": "VARCHAR",
    "native_tokens_cached": "VARCHAR",
    "native_tokens_cache_creation": "VARCHAR",
    "native_tokens_reasoning": "VARCHAR",
    "native_tokens_completion_images": "VARCHAR",
    "latency": "DOUBLE",
    "generation_time": "DOUBLE",
    "provider_responses": "JSON",
    "response_cache_source_id": "VARCHAR",
    "service_tier": "VARCHAR",
    "data_region": "VARCHAR",
    "app_id": "VARCHAR",
    "external_user": "VARCHAR",
    "session_id": "VARCHAR",
}
# The API answers `{"data": {...}}`; a collected file may hold the inner object.
GENERATION_ROWS = f"""SELECT *, json_transform(body, '{json.dumps(GENERATION)}') AS g
    FROM (SELECT *, coalesce(d.data, raw::JSON) AS body FROM records)"""
UPSTREAM, CHARGED = "g.upstream_inference_cost", "coalesce(g.total_cost, g.usage)"
IN_COST = "the cost, which is read, holds it"
GENERATION_USAGE = flat_usage(
    GENERATION,
    {
        **dict.fromkeys(("cache_discount", "upstream_inference_cost", "web_search_engine"), IN_COST),
        **dict.fromkeys(("num_media_prompt", "num_media_completion", "num_search_results"), IN_COST),
        **dict.fromkeys(("num_input_audio_prompt", "num_fetches"), IN_COST),
    },
    json=usage_words.with_lone_fee("body", "g.is_byok", UPSTREAM, CHARGED),
    name="generation",
)

GENERATION_COLUMNS = {
    "event_key": "g.id",
    "call_id": "g.id",
    "attempt": "CASE WHEN json_array_length(g.provider_responses) > 1 THEN json_array_length(g.provider_responses) END",
    "requested_at": "utc(g.created_at)",
    "provider": "'openrouter'",
    "host": "lower(text_of(g.provider_name))",
    "region": "lower(text_of(g.data_region))",
    "service_tier": "g.service_tier",
    "model_raw": "text_of(g.model)",
    "user_id": "text_of(g.external_user)",
    "session_id": "text_of(g.session_id)",
    "tags": "json_merge_patch('{}', json_object('app_id', g.app_id, 'byok', g.is_byok))",
    "input_tokens": "coalesce(g.native_tokens_prompt, g.tokens_prompt)",
    "cache_read_tokens": "g.native_tokens_cached",
    "cache_write_tokens": "g.native_tokens_cache_creation",
    "output_tokens": "coalesce(g.native_tokens_completion, g.tokens_completion)",
    "reasoning_tokens": "g.native_tokens_reasoning",
    "image_output_tokens": "g.native_tokens_completion_images",
    "input_has_cache": "TRUE",
    "output_has_reasoning": "TRUE",
    "latency_ms": "coalesce(g.latency, g.generation_time)",
    "status": (
        "CASE WHEN text_of(g.response_cache_source_id) IS NOT NULL THEN 'cached' WHEN g.cancelled THEN 'cancelled' "
        "WHEN g.finish_reason = 'error' THEN 'error' ELSE 'success' END"
    ),
    "reported_cost_usd": f"CASE WHEN g.is_byok THEN {usage_words.with_fee(UPSTREAM, CHARGED)} ELSE {CHARGED} END",
}

CSV_COLUMNS = {
    "event_key": "d.generation_id",
    "call_id": "d.generation_id",
    "requested_at": "utc(d.created_at)",
    "provider": "'openrouter'",
    "host": "lower(text_of(d.provider_name))",
    "model_raw": "text_of(d.model_permaslug)",
    "feature": "text_of(d.app_name)",
    "user_id": "text_of(d.user)",
    "tags": (
        "json_merge_patch('{}', json_object('key_alias', text_of(d.api_key_name), 'variant', text_of(d.variant),"
        " 'cost_cache', text_of(d.cost_cache)))"
    ),
    "input_tokens": "d.tokens_prompt",
    "cache_read_tokens": "d.tokens_cached",
    "output_tokens": "d.tokens_completion",
    "reasoning_tokens": "d.tokens_reasoning",
    "input_has_cache": "TRUE",
    "output_has_reasoning": "TRUE",
    "latency_ms": "d.generation_time_ms",
    "ttft_ms": "d.time_to_first_token_ms",
    "status": (
        "CASE WHEN TRY_CAST(d.cancelled AS BOOLEAN) THEN 'cancelled' WHEN d.finish_reason_normalized = 'error' THEN"
        " 'error' ELSE 'success' END"
    ),
    # `cost_cache` is a saving that `cost_total` already contains.
    "reported_cost_usd": (
        "CASE WHEN number(d.byok_usage_inference) > 0 THEN (TRY_CAST(d.byok_usage_inference AS DECIMAL(18,12)) "
        "+ coalesce(TRY_CAST(d.cost_total AS DECIMAL(18,12)), 0))::VARCHAR ELSE d.cost_total END"
    ),
}

# One report row becomes a bill line per amount and per count; zero lines are left out.
ACTIVITY_SAME = "left(d.date, 10), coalesce(d.model_permaslug, d.model), d.endpoint_id, d.provider_name, d.workspace_id"
IN_SAME = ("date", "model_permaslug", "endpoint_id", "provider_name", "workspace_id")
TOLD_APART = report_page.told_apart("FROM records", ACTIVITY_SAME, IN_SAME, "raw")
ACTIVITY_ROWS = f"""
    SELECT * EXCLUDE line, line.* FROM (SELECT *, unnest([
        {{'item': 'credits', 'amount': d.usage, 'quantity': NULL, 'unit': NULL,
            'remark': NULL}},
        {{'item': 'own key', 'amount': d.byok_usage_inference, 'quantity': NULL, 'unit': NULL,
            'remark': 'paid to the provider with a key of your own'}},
        {{'item': 'requests', 'amount': NULL, 'quantity': d.requests, 'unit': 'requests',
            'remark': NULL}},
        {{'item': 'prompt_tokens', 'amount': NULL, 'quantity': d.prompt_tokens, 'unit': 'tokens',
            'remark': 'cached tokens are in it'}},
        {{'item': 'cached_tokens', 'amount': NULL, 'quantity': d.cached_tokens, 'unit': 'tokens',
            'remark': 'part of the prompt tokens'}},
        {{'item': 'completion_tokens', 'amount': NULL, 'quantity': d.completion_tokens, 'unit': 'tokens',
            'remark': 'reasoning is in it'}},
        {{'item': 'reasoning_tokens', 'amount': NULL, 'quantity': d.reasoning_tokens, 'unit': 'tokens',
            'remark': 'part of the completion tokens'}}
    ]) AS line FROM ({TOLD_APART}))
    WHERE line.item IN ('credits', 'requests') OR coalesce(number(line.amount),
    number(line.quantity)) <> 0"""
ACTIVITY_COLUMNS = {
    "event_key": f"concat_ws(':', {ACTIVITY_SAME}, item, namesake)",
    "provider": "'openrouter'",
    "day": "left(d.date, 10)",
    "line_item": "item",
    "model": "coalesce(text_of(d.model_permaslug), text_of(d.model))",
    "project": "text_of(d.workspace_id)",
    "kind": "CASE WHEN unit IS NULL THEN 'cost' ELSE 'usage' END",
    "amount": "amount",
    "currency": "CASE WHEN unit IS NULL THEN 'USD' END",
    "quantity": "quantity",
    "unit": "unit",
    "note": "remark",
}

CSV = {
    "generation_id": "VARCHAR",
    "created_at": "VARCHAR",
    "cost_total": "VARCHAR",
    "cost_cache": "VARCHAR",
    "byok_usage_inference": "VARCHAR",
    "tokens_prompt": "VARCHAR",
    "tokens_completion": "VARCHAR",
    "tokens_reasoning": "VARCHAR",
    "tokens_cached": "VARCHAR",
    "model_permaslug": "VARCHAR",
    "provider_name": "VARCHAR",
    "variant": "VARCHAR",
    "cancelled": "VARCHAR",
    "user": "VARCHAR",
    "finish_reason_normalized": "VARCHAR",
    "generation_time_ms": "DOUBLE",
    "time_to_first_token_ms": "DOUBLE",
    "api_key_name": "VARCHAR",
    "app_name": "VARCHAR",
}
ACTIVITY = {
    "date": "VARCHAR",
    "model": "VARCHAR",
    "model_permaslug": "VARCHAR",
    "endpoint_id": "VARCHAR",
    "provider_name": "VARCHAR",
    "usage": "VARCHAR",
    "byok_usage_inference": "VARCHAR",
    "requests": "VARCHAR",
    "prompt_tokens": "VARCHAR",
    "completion_tokens": "VARCHAR",
    "reasoning_tokens": "VARCHAR",
    "cached_tokens": "VARCHAR",
    "workspace_id": "VARCHAR",
}
FORMATS = (
    Format(
        name="openrouter",
        label="OpenRouter generation",
        recognise=lambda sample: has(sample, "id", "total_cost", "native_tokens_prompt")
        or has(sample, "data.id", "data.native_tokens_prompt"),
        fields={"data": "JSON"},
        rows=GENERATION_ROWS,
        columns=GENERATION_COLUMNS,
        usage=GENERATION_USAGE,
        note="With your own provider key (BYOK) the cost is the provider's price plus OpenRouter's fee.",
    ),
    Format(
        name="openrouter_csv",
        label="OpenRouter activity CSV",
        family="openrouter",
        recognise=lambda sample: has(sample, "generation_id", "created_at", "cost_total", "tokens_prompt"),
        fields=CSV,
        columns=CSV_COLUMNS,
        usage=flat_usage(
            CSV, dict.fromkeys(("cost_web_search", "cost_file_processing", "num_search_results"), IN_COST)
        ),
    ),
    Format(
        name="openrouter_activity",
        label="OpenRouter daily activity",
        table="billed",
        recognise=lambda sample: has(sample, "date", "model", "provider_name", "usage", "requests", "prompt_tokens"),
        fields=ACTIVITY,
        rows=ACTIVITY_ROWS,
        supersedes=True,
        days=True,
        columns=ACTIVITY_COLUMNS,
        usage=flat_usage(ACTIVITY, json="CASE WHEN item = 'credits' THEN raw END"),
        note="A daily report by UTC day: it is compared with the ledger and never becomes usage rows.",
    ),
)
