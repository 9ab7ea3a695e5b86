"""LiteLLM proxy logs: rows of the `LiteLLM_SpendLogs` table, and `StandardLoggingPayload` from callbacks.

Source: litellm `proxy/schema.prisma`, `spend_tracking_utils.get_logging_payload`, `types/utils.py`; read at
1.109.1, run at 1.106.2. Token counts include cache reads and writes for every provider, Anthropic too, and
completions include reasoning. Cached tokens are not columns, they are in `metadata.usage_object`. Cost is USD,
times are UTC: naive text in a database dump, epoch seconds in a callback.
"""

from __future__ import annotations

import json

from data.formats import Format, flat_usage, has, server_tools, usage_words

# Where a row has a provider's usage object: from the provider, from what the proxy made of it, in a kept answer.
FOUND = {
    "metadata.usage_object": "m.usage_object",
    "metadata.additional_usage_values": "m.additional_usage_values",
    "response.usage": "coalesce(answer -> 'usage', answer -> 'usageMetadata')",
}
OBJECTS = {f"u{n}": f"object_{n}" for n in range(len(FOUND))}
USED = tuple(OBJECTS)
ERROR = {"error_class": "VARCHAR", "error_code": "VARCHAR"}
PRICE = {"model_map_value": {"input_cost_per_token": "VARCHAR", "output_cost_per_token": "VARCHAR"}}
METADATA = {
    "user_api_key_alias": "VARCHAR",
    "user_api_key_team_alias": "VARCHAR",
    "user_api_key_team_id": "VARCHAR",
    "user_api_key_project_alias": "VARCHAR",
    "user_api_key_project_id": "VARCHAR",
    "user_api_key_user_id": "VARCHAR",
    "user_api_key_end_user_id": "VARCHAR",
    "spend_logs_metadata": "JSON",
    "internal_call_origin": "VARCHAR",
    "attempted_retries": "INTEGER",
    "litellm_call_id": "VARCHAR",
    "batch_models": "JSON",
    "error_information": ERROR,
    "model_map_information": PRICE,
    "usage_object": "JSON",
    "additional_usage_values": "JSON",
    "cost_breakdown": {"service_tier": "VARCHAR"},
}
CHAT = (
    "(d.call_type IS NULL OR regexp_matches(d.call_type, 'completion|responses|anthropic_messages|generate_content'))"
)
OPERATION = f"""CASE WHEN {CHAT} THEN 'chat' WHEN d.call_type LIKE '%embedding%' THEN 'embedding'
    WHEN d.call_type LIKE '%image%' THEN 'image' WHEN regexp_matches(d.call_type,
    'speech|transcription|audio') THEN 'audio'
    WHEN d.call_type LIKE '%rerank%' THEN 'rerank' WHEN d.call_type LIKE '%moderation%' THEN 'moderation' ELSE 'other'
    END"""


def rows(cost: str, error: str, price: str) -> str:
    """SQL: records with metadata as `m`, cost, error and price from where this shape keeps them, and what they imply.

    The database writes metadata as JSON text, callbacks as an object; either way it is parsed once.
    `cut`: a stream that ended before its usage; there is no usage object and the columns hold their default of zero.
    `counted`: the tokens are usage; a failure carries estimates that nobody billed,
    unless the attempt was billed after all.
    `unpriced`: zero for real tokens of a model without a price is unknown, not free (litellm #35691, #42200); LiteLLM's
    price map answers 0 for a model it does not know.
    """
    objects = ", ".join(f"{usage_words.snake(json)} AS object_{n}" for n, json in enumerate(FOUND.values()))
    structs = ", ".join(f"{usage_words.usage_struct(usage)} AS {name}" for name, usage in OBJECTS.items())
    return f"""
        SELECT *, {cost} AS cost, coalesce(number({cost}), 0) AS spend, coalesce(number(d.total_tokens), 0) AS total,
            {error}.error_class AS error_word, {error}.error_code AS error_code,
            coalesce(number({price}.input_cost_per_token), 0) + coalesce(number({price}.output_cost_per_token),
                0) AS rate,
            coalesce(lower(d.cache_hit) = 'true', FALSE) AS cached,
            coalesce(d.status = 'failure', text_of(error_word) IS NOT NULL) AS failed,
            NOT failed AND NOT cached AND total = 0 AND spend = 0 AND {CHAT}
                AND {usage_words.count("input_tokens", *USED)} IS NULL AND u1.{usage_words.PROMPT} IS NULL AS cut,
            NOT cut AND (spend > 0 OR NOT failed) AS counted,
            NOT failed AND NOT cached AND total > 0 AND spend = 0 AND rate = 0
                AND (text_of({cost}) IS NULL OR number({cost}) IS NOT NULL) AS unpriced
        FROM (SELECT *, {structs} FROM (SELECT *, {objects} FROM (
                SELECT *, json_transform(json_of(d.metadata), '{json.dumps(METADATA)}') AS m,
                    CASE WHEN length(d.response::VARCHAR) > 2 THEN json_of(d.response) END AS answer FROM records)))"""


def token_count(tokens: str) -> str:
    """A token count, where the tokens are usage."""
    return f"CASE WHEN counted THEN {tokens} END"


def milliseconds(end: str) -> str:
    """Time from the start of the call to one of its later instants."""
    return f"date_diff('microsecond', utc(d.startTime), utc(d.{end})) / 1000.0"


# What the proxy took for the tier, what the answer says, what Vertex said of the traffic.
TIER = """coalesce(text_of(m.cost_breakdown.service_tier), jtext(answer, '$.service_tier'),
    nullif(lower(jtext(json_of(d.hidden_params), '$.provider_specific_fields.traffic_type')), 'on_demand'))"""
COLUMNS = {
    # Attempts that a provider billed before they failed carry the call's id with a suffix.
    "call_id": (
        "regexp_replace(coalesce(text_of(d.litellm_call_id), text_of(m.litellm_call_id), text_of(d.request_id), d.id),"
        " '-attempt-\\d+$', '')"
    ),
    "attempt": "CASE WHEN m.attempted_retries > 0 THEN 1 + m.attempted_retries END",
    "requested_at": "utc(d.startTime)",
    "provider": "lower(text_of(d.custom_llm_provider))",
    "host": "text_of(regexp_extract(d.api_base, '^https?://([^/:]+)', 1))",
    "region": usage_words.region(*USED),
    # Batch results report tier "default": that they are a batch only the call type says.
    "service_tier": (
        f"""CASE WHEN d.call_type LIKE '%retrieve_batch%' OR json_array_length(m.batch_models) > 0 THEN 'batch'
        ELSE {usage_words.tier(*USED, otherwise=TIER)} END"""
    ),
    "model_raw": "coalesce(text_of(d.model), text_of(d.model_group))",
    "operation": OPERATION,
    "team": "coalesce(text_of(m.user_api_key_team_alias), text_of(d.team_id), text_of(m.user_api_key_team_id))",
    "project": "coalesce(text_of(m.user_api_key_project_alias), text_of(m.user_api_key_project_id))",
    "feature": (
        "coalesce(jtext(json_of(m.spend_logs_metadata), '$.feature'), text_of(d.agent_id),"
        " text_of(m.internal_call_origin))"
    ),
    "user_id": "coalesce(text_of(d.user), text_of(m.user_api_key_user_id))",
    "customer_id": "coalesce(text_of(d.end_user), text_of(m.user_api_key_end_user_id))",
    "session_id": "coalesce(text_of(d.session_id), text_of(d.trace_id))",
    "tags": (
        "json_merge_patch(coalesce(json_of(m.spend_logs_metadata), '{}'), json_object('key_alias',"
        " m.user_api_key_alias, 'model_group', d.model_group, 'request_tags', json_of(d.request_tags),"
        " 'internal_call_origin', m.internal_call_origin))"
    ),
    "input_tokens": token_count("d.prompt_tokens"),
    "output_tokens": token_count("d.completion_tokens"),
    **usage_words.details(*USED, wrap="CASE WHEN counted THEN {} END"),
    "total_tokens": token_count(usage_words.total("d.total_tokens", *USED)),
    "input_has_cache": "TRUE",
    "output_has_reasoning": "TRUE",
    "latency_ms": f"coalesce(d.request_duration_ms, d.response_time * 1000, {milliseconds('endTime')})",
    "ttft_ms": f"CASE WHEN utc(d.completionStartTime) < utc(d.endTime) THEN {milliseconds('completionStartTime')} END",
    "status": (
        "CASE WHEN cached THEN 'cached' WHEN failed THEN 'error' ELSE coalesce(lower(text_of(d.status)), 'success') END"
    ),
    "error_class": "text_of(error_word)",
    "http_status": "TRY_CAST(error_code AS INTEGER)",
    # What a provider says it billed, tools included, is more than what the proxy computed.
    "reported_cost_usd": usage_words.cost("CASE WHEN NOT unpriced THEN cost END", *USED),
    "server_tools": f"""CASE WHEN counted THEN {
        server_tools.tools(*USED, model="d.model", output="answer -> 'output'", candidates="answer -> 'candidates'")
    } END""",
    "unmetered": "cut",
}
TEXTS = {"prompt": "jtext(raw, '$.messages')", "completion": "jtext(raw, '$.response')"}
FIELDS = {
    "request_id": "VARCHAR",
    "id": "VARCHAR",
    "session_id": "VARCHAR",
    "trace_id": "VARCHAR",
    "litellm_call_id": "VARCHAR",
    "call_type": "VARCHAR",
    "status": "VARCHAR",
    "cache_hit": "VARCHAR",
    "startTime": "VARCHAR",
    "endTime": "VARCHAR",
    "completionStartTime": "VARCHAR",
    "request_duration_ms": "DOUBLE",
    "response_time": "DOUBLE",
    "model": "VARCHAR",
    "model_group": "VARCHAR",
    "custom_llm_provider": "VARCHAR",
    "api_base": "VARCHAR",
    "total_tokens": "VARCHAR",
    "prompt_tokens": "VARCHAR",
    "completion_tokens": "VARCHAR",
    "spend": "VARCHAR",
    "response_cost": "VARCHAR",
    "metadata": "JSON",
    "response": "JSON",
    "hidden_params": "JSON",
    "request_tags": "JSON",
    "end_user": "VARCHAR",
    "user": "VARCHAR",
    "team_id": "VARCHAR",
    "agent_id": "VARCHAR",
    "error_information": ERROR,
    "model_map_information": PRICE,
}

OTHER_KEYS = (
    *("api_key", "messages", "proxy_server_request", "requester_ip_address", "organization_id", "model_id"),
    *("mcp_namespaced_tool_name", "created_at", "updated_at", "model_parameters", "stream", "error_str"),
)
HARMLESS = {
    **dict.fromkeys(
        ("saved_cache_cost", "cache_key", "cost_breakdown"), "no usage, or a part of the cost that is read"
    ),
    **dict.fromkeys(OTHER_KEYS, "not about usage"),
}
USAGE = (
    *flat_usage(FIELDS, HARMLESS),
    *(usage_words.usage_object(f"object_{n}", name) for n, name in enumerate(FOUND)),
)

FORMATS = (
    Format(
        name="litellm",
        label="LiteLLM spend logs",
        text_columns=TEXTS,
        per_record=True,
        recognise=lambda sample: has(sample, "request_id", "call_type", "spend", "startTime"),
        fields=FIELDS,
        usage=USAGE,
        one_answer=True,
        rows=rows("d.spend", "m.error_information", "m.model_map_information.model_map_value"),
        columns=COLUMNS | {"event_key": "d.request_id"},
        note="Retries that LiteLLM made inside one call appear as the attempt number, not as rows of their own.",
    ),
    Format(
        name="litellm_payload",
        label="LiteLLM standard logging payload",
        family="litellm",
        text_columns=TEXTS,
        per_record=True,
        recognise=lambda sample: has(sample, "id", "call_type", "response_cost", "startTime", "model_group"),
        fields=FIELDS,
        usage=USAGE,
        one_answer=True,
        rows=rows("d.response_cost", "d.error_information", "d.model_map_information.model_map_value"),
        # Failed attempts share one id, and an answer from LiteLLM's own cache repeats the id of the first answer.
        columns=COLUMNS
        | {
            "event_key": (
                "CASE WHEN failed OR cached THEN concat_ws(':', d.id, d.litellm_call_id, d.startTime) ELSE d.id END"
            )
        },
    ),
)
