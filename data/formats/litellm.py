"""LiteLLM proxy logs: rows of the `LiteLLM_SpendLogs` table, and `StandardLoggingPayload` from callbacks.

Source: litellm `proxy/schema.prisma`, `spend_tracking_utils.get_logging_payload`, `types/utils.py`; read at
1.109.1, run at 1.106.2. Token counts include cache reads and writes for every provider, Anthropic too, and
completions include reasoning. Cached tokens are not columns, they are in `metadata.usage_object`. Cost is USD,
times are UTC: naive text in a database dump, epoch seconds in a callback.
"""

from __future__ import annotations

import json

from data.formats import Format, has

DETAILS = {
    "cached_tokens": "VARCHAR", "cache_creation_tokens": "VARCHAR", "cache_write_tokens": "VARCHAR",
    "cache_creation_token_details": {"ephemeral_5m_input_tokens": "VARCHAR", "ephemeral_1h_input_tokens": "VARCHAR"},
}  # fmt: skip
USAGE = {
    "prompt_tokens": "VARCHAR", "cache_read_input_tokens": "VARCHAR", "cache_creation_input_tokens": "VARCHAR",
    "prompt_tokens_details": DETAILS, "completion_tokens_details": {"reasoning_tokens": "VARCHAR"},
    "service_tier": "VARCHAR", "inference_geo": "VARCHAR",
}  # fmt: skip
ERROR = {"error_class": "VARCHAR", "error_code": "VARCHAR"}
PRICE = {"model_map_value": {"input_cost_per_token": "VARCHAR", "output_cost_per_token": "VARCHAR"}}
METADATA = {
    "user_api_key_alias": "VARCHAR", "user_api_key_team_alias": "VARCHAR", "user_api_key_team_id": "VARCHAR",
    "user_api_key_project_alias": "VARCHAR", "user_api_key_project_id": "VARCHAR", "user_api_key_user_id": "VARCHAR",
    "user_api_key_end_user_id": "VARCHAR", "spend_logs_metadata": "JSON", "internal_call_origin": "VARCHAR",
    "attempted_retries": "INTEGER", "litellm_call_id": "VARCHAR", "batch_models": "JSON", "error_information": ERROR,
    "model_map_information": PRICE, "usage_object": USAGE, "additional_usage_values": USAGE,
    "cost_breakdown": {"service_tier": "VARCHAR"},
}  # fmt: skip
# The database writes metadata as JSON text, callbacks as an object; either way it is parsed once, as `m`.
ROWS = f"SELECT *, json_transform(json_of(d.metadata), '{json.dumps(METADATA)}') AS m FROM records"

CHAT = "(d.call_type IS NULL OR regexp_matches(d.call_type, 'completion|responses|anthropic_messages|generate_content'))"
OPERATION = f"""CASE WHEN {CHAT} THEN 'chat' WHEN d.call_type LIKE '%embedding%' THEN 'embedding'
    WHEN d.call_type LIKE '%image%' THEN 'image' WHEN regexp_matches(d.call_type, 'speech|transcription|audio') THEN 'audio'
    WHEN d.call_type LIKE '%rerank%' THEN 'rerank' WHEN d.call_type LIKE '%moderation%' THEN 'moderation' ELSE 'other' END"""


def detail(name: str) -> str:
    """A prompt token detail: the callback's usage object first, then what the proxy added of its own."""
    return f"coalesce(m.usage_object.prompt_tokens_details.{name}, m.additional_usage_values.prompt_tokens_details.{name})"


def columns(cost: str, error: str, price: str) -> dict[str, str]:
    """Target columns of both shapes; they differ in where cost, error and the price used are found."""
    failed = f"(d.status = 'failure' OR (d.status IS NULL AND text_of({error}.error_class) IS NOT NULL))"
    cached = "lower(d.cache_hit) = 'true'"
    spend, total = f"number({cost})", "number(d.total_tokens)"
    free = f"coalesce({spend}, 0) = 0"
    # A stream cut before its usage: no usage object, and the columns hold their default of zero.
    cut = (
        f"(NOT {failed} AND NOT coalesce({cached}, FALSE) AND coalesce({total}, 0) = 0 AND {free} AND {CHAT} "
        "AND m.usage_object.prompt_tokens IS NULL AND m.additional_usage_values.prompt_tokens_details IS NULL)"
    )
    # A failure row carries estimated tokens that nobody billed, unless the attempt was billed after all.
    counted = f"(NOT {cut} AND NOT ({failed} AND {free}))"
    # Zero for real tokens of a model LiteLLM has no price for is unknown, not free (litellm #35691, #42200);
    # its price map answers 0 for a model it does not know.
    known = f"coalesce(number({price}.model_map_value.input_cost_per_token), 0) + coalesce(number({price}.model_map_value.output_cost_per_token), 0) > 0"
    unpriced = (
        f"(NOT {failed} AND NOT coalesce({cached}, FALSE) AND coalesce({spend} = 0, FALSE) AND coalesce({total}, 0) > 0 AND NOT {known})"
    )
    return {
        "attempt": "CASE WHEN m.attempted_retries > 0 THEN 1 + m.attempted_retries END",
        "provider": "lower(text_of(d.custom_llm_provider))",
        "host": "text_of(regexp_extract(d.api_base, '^https?://([^/:]+)', 1))",
        "region": "lower(text_of(m.usage_object.inference_geo))",
        # Batch results report tier "default": that they are a batch only the call type says.
        "service_tier": "CASE WHEN d.call_type LIKE '%retrieve_batch%' OR json_array_length(m.batch_models) > 0 THEN 'batch' "
        "ELSE lower(coalesce(text_of(m.cost_breakdown.service_tier), text_of(m.usage_object.service_tier))) END",
        "model_raw": "coalesce(text_of(d.model), text_of(d.model_group))",
        "operation": OPERATION,
        "team": "coalesce(text_of(m.user_api_key_team_alias), text_of(d.team_id), text_of(m.user_api_key_team_id))",
        "project": "coalesce(text_of(m.user_api_key_project_alias), text_of(m.user_api_key_project_id))",
        "feature": "coalesce(m.spend_logs_metadata ->> 'feature', text_of(m.internal_call_origin))",
        "user_id": "coalesce(text_of(d.user), text_of(m.user_api_key_user_id))",
        "customer_id": "coalesce(text_of(d.end_user), text_of(m.user_api_key_end_user_id))",
        "tags": "json_merge_patch(coalesce(json_of(m.spend_logs_metadata), '{}'), json_object('key_alias', m.user_api_key_alias, 'model_group', "
        "d.model_group, 'request_tags', json_of(d.request_tags), 'internal_call_origin', m.internal_call_origin))",
        "input_tokens": f"CASE WHEN {counted} THEN d.prompt_tokens END",
        "cache_read_tokens": f"CASE WHEN {counted} THEN coalesce({detail('cached_tokens')}, m.usage_object.cache_read_input_tokens, "
        "m.additional_usage_values.cache_read_input_tokens) END",
        "cache_write_tokens": f"CASE WHEN {counted} THEN coalesce({detail('cache_creation_tokens')}, {detail('cache_write_tokens')}, "
        "m.usage_object.cache_creation_input_tokens, m.additional_usage_values.cache_creation_input_tokens) END",
        "cache_write_5m_tokens": f"CASE WHEN {counted} THEN {detail('cache_creation_token_details.ephemeral_5m_input_tokens')} END",
        "cache_write_1h_tokens": f"CASE WHEN {counted} THEN {detail('cache_creation_token_details.ephemeral_1h_input_tokens')} END",
        "output_tokens": f"CASE WHEN {counted} THEN d.completion_tokens END",
        "reasoning_tokens": f"CASE WHEN {counted} THEN coalesce(m.usage_object.completion_tokens_details.reasoning_tokens, "
        "m.additional_usage_values.completion_tokens_details.reasoning_tokens) END",
        "total_tokens": f"CASE WHEN {counted} THEN d.total_tokens END",
        "input_has_cache": "TRUE",
        "output_has_reasoning": "TRUE",
        "status": f"CASE WHEN {cached} THEN 'cached' WHEN {failed} THEN 'error' ELSE 'success' END",
        "error_class": f"text_of({error}.error_class)",
        "http_status": f"TRY_CAST({error}.error_code AS INTEGER)",
        "reported_cost_usd": f"CASE WHEN NOT {unpriced} THEN {cost} END",
        "unmetered": cut,
    }


def call_id(candidates: str) -> str:
    """The logical request: attempts that a provider billed carry its call id with a suffix."""
    return f"regexp_replace(coalesce({candidates}), '-attempt-\\d+$', '')"


LATENCY = "date_diff('microsecond', utc(d.startTime), utc(d.endTime)) / 1000.0"
TTFT = "date_diff('microsecond', utc(d.startTime), utc(d.completionStartTime)) / 1000.0"
TEXTS = {"prompt": "jtext(raw, '$.messages')", "completion": "jtext(raw, '$.response')"}
SHARED_FIELDS = {
    "session_id": "VARCHAR", "call_type": "VARCHAR", "cache_hit": "VARCHAR", "startTime": "VARCHAR", "endTime": "VARCHAR",
    "completionStartTime": "VARCHAR", "model": "VARCHAR", "model_group": "VARCHAR", "custom_llm_provider": "VARCHAR",
    "api_base": "VARCHAR", "total_tokens": "VARCHAR", "prompt_tokens": "VARCHAR", "completion_tokens": "VARCHAR",
    "metadata": "JSON", "request_tags": "JSON", "end_user": "VARCHAR", "user": "VARCHAR", "team_id": "VARCHAR",
    "status": "VARCHAR", "litellm_call_id": "VARCHAR",
}  # fmt: skip

FORMATS = (
    Format(
        name="litellm",
        label="LiteLLM spend logs",
        recognise=lambda sample: has(sample, "request_id", "call_type", "spend", "startTime"),
        fields=SHARED_FIELDS | {"request_id": "VARCHAR", "spend": "VARCHAR", "request_duration_ms": "DOUBLE", "agent_id": "VARCHAR"},
        rows=ROWS,
        columns=columns("d.spend", "m.error_information", "m.model_map_information")
        | {
            "event_key": "d.request_id",
            "call_id": call_id("text_of(d.litellm_call_id), text_of(m.litellm_call_id), d.request_id"),
            "requested_at": "utc(d.startTime)",
            "session_id": "text_of(d.session_id)",
            "latency_ms": f"coalesce(d.request_duration_ms, {LATENCY})",
            "ttft_ms": f"CASE WHEN utc(d.completionStartTime) < utc(d.endTime) THEN {TTFT} END",
        },
        text_columns=TEXTS,
        note="Retries that LiteLLM made inside one call appear as the attempt number, not as rows of their own.",
    ),
    Format(
        name="litellm_payload", family="litellm",
        label="LiteLLM standard logging payload",
        recognise=lambda sample: has(sample, "id", "call_type", "response_cost", "startTime", "model_group"),
        fields=SHARED_FIELDS
        | {
            "id": "VARCHAR", "trace_id": "VARCHAR", "response_cost": "VARCHAR", "response_time": "DOUBLE", "stream": "BOOLEAN",
            "error_information": ERROR, "model_map_information": PRICE,
        },
        rows=ROWS,
        columns=columns("d.response_cost", "d.error_information", "d.model_map_information")
        | {
            # Failed attempts share one id, and an answer from LiteLLM's own cache repeats the id of the first answer.
            "event_key": "CASE WHEN d.status = 'success' AND lower(d.cache_hit) IS DISTINCT FROM 'true' THEN d.id "
            "ELSE concat_ws(':', d.id, d.litellm_call_id, d.startTime) END",
            "call_id": call_id("text_of(d.litellm_call_id), d.id"),
            "requested_at": "utc(d.startTime)",
            "session_id": "coalesce(text_of(d.session_id), text_of(d.trace_id))",
            "latency_ms": f"coalesce(d.response_time * 1000, {LATENCY})",
            "ttft_ms": f"CASE WHEN utc(d.completionStartTime) < utc(d.endTime) THEN {TTFT} END",
        },
        text_columns=TEXTS,
    ),
)  # fmt: skip
