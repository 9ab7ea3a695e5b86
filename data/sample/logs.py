"""The sample company's attempts as the log files its systems would have written: one SELECT per format.

The gateway keeps LiteLLM spend logs, the products are traced with Langfuse, and two older features go
through Helicone. Each text takes the relation of `traffic.attempts_text`.
"""

from __future__ import annotations

from collections.abc import Callable

# What the company's services attach to every call, under names that the ledger knows.
LABELS = """{'feature': feature, 'environment': environment, 'task_type': task_type, 'criticality': criticality,
    'data_class': data_class, 'customer': customer_id, 'quality_score': quality_score,
    'quality_source': CASE WHEN quality_score IS NOT NULL THEN 'evaluation' END}"""
ORDER = "ORDER BY started_at, call_id, attempt"  # the same wish writes the same bytes
ISO = "strftime({}, '%Y-%m-%dT%H:%M:%S.%gZ')"


def litellm_text(attempts: str) -> str:
    """Rows of LiteLLM_SpendLogs; retries and fallbacks share `litellm_call_id`, metadata is JSON as text."""
    naive = "strftime({}, '%Y-%m-%d %H:%M:%S.%f')"
    return f"""
        SELECT call_id || '-' || attempt AS request_id, call_id AS litellm_call_id, 'acompletion' AS call_type,
            md5(concat(team, feature)) AS api_key, cost_usd AS spend, input_tokens + output_tokens AS total_tokens,
            input_tokens AS prompt_tokens, output_tokens AS completion_tokens,
            {naive.format("started_at")} AS "startTime", {naive.format("ended_at")} AS "endTime",
            {naive.format("started_at + to_milliseconds(ttft_ms::BIGINT)")} AS "completionStartTime",
                round(latency_ms)::BIGINT AS request_duration_ms,
            model, feature AS model_group, provider AS custom_llm_provider, '' AS api_base, user_id AS "user",
                customer_id AS end_user,
            team AS team_id, session_id, 'False' AS cache_hit, 'Cache OFF' AS cache_key,
                CASE WHEN failed THEN 'failure' ELSE 'success' END AS status,
            to_json([environment])::VARCHAR AS request_tags,
            to_json({{'user_api_key_alias': concat(coalesce(team, 'personal'), '-', feature),
                'user_api_key_team_alias': team,
                'attempted_retries': attempt - 1, 'attempted_fallbacks': CASE WHEN fell_back THEN 1 ELSE 0 END,
                'error_information': CASE WHEN failed THEN
                {{'error_code': error.code::TEXT, 'error_class': error.kind, 'error_message': error.text}} END,
                'usage_object': CASE WHEN NOT failed THEN
                {{'prompt_tokens': input_tokens, 'completion_tokens': output_tokens,
                    'total_tokens': input_tokens + output_tokens,
                    'prompt_tokens_details': {{'cached_tokens': cached_tokens}},
                    'completion_tokens_details': {{'reasoning_tokens': reasoning_tokens}}}} END,
                'spend_logs_metadata': {LABELS}}})::VARCHAR AS metadata
        FROM ({attempts}) {ORDER}"""


def langfuse_text(attempts: str) -> str:
    """The observations export of the Langfuse page; a trace holds the attempts of one call, scores are columns."""
    return f"""
        SELECT call_id || '-' || attempt AS id, 'GENERATION' AS type, 'sample-company' AS "projectId",
            call_id AS "traceId", NULL AS "parentObservationId",
            {ISO.format("started_at")} AS "startTime", {ISO.format("ended_at")} AS "endTime",
                {ISO.format("started_at + to_milliseconds(ttft_ms::BIGINT)")} AS "completionStartTime",
            feature AS name, CASE WHEN failed THEN 'ERROR' ELSE 'DEFAULT' END AS level,
                CASE WHEN failed THEN concat(error.code, ' ', error.kind, ': ', error.text) END AS "statusMessage",
            environment, model, CASE WHEN NOT failed THEN
            {{'input': input_tokens - cached_tokens, 'input_cached_tokens': cached_tokens,
                'output': output_tokens - reasoning_tokens, 'output_reasoning_tokens': reasoning_tokens,
                    'total': input_tokens + output_tokens}} END AS "usageDetails",
            "usageDetails" AS "providedUsageDetails",
            CASE WHEN NOT failed THEN {{'total': cost_usd}} END AS "costDetails",
                CASE WHEN NOT failed THEN cost_usd END AS "totalCost",
            round(latency_ms) AS latency, round(ttft_ms) AS "timeToFirstToken", feature AS "traceName",
                [environment] AS "traceTags",
            user_id AS "userId", session_id AS "sessionId", quality_score AS quality,
            struct_insert({LABELS}, team := team, ls_provider := provider) AS metadata
        FROM ({attempts}) {ORDER}"""


def helicone_text(attempts: str) -> str:
    """Helicone's JSONL request export; the attempts of a call share a session."""
    return f"""
        SELECT call_id || '-' || attempt AS request_id, call_id || '-' || attempt AS response_id,
            {ISO.format("started_at")} AS request_created_at,
            {ISO.format("ended_at")} AS response_created_at, CASE WHEN failed THEN error.code ELSE 200 END AS
                response_status, upper(provider) AS provider,
            model AS request_model, model AS response_model, model, user_id AS request_user_id,
                round(latency_ms) AS delay_ms, round(ttft_ms) AS time_to_first_token,
            CASE WHEN NOT failed THEN input_tokens END AS prompt_tokens,
                CASE WHEN NOT failed THEN cached_tokens END AS prompt_cache_read_tokens,
            CASE WHEN NOT failed THEN output_tokens END AS completion_tokens,
                CASE WHEN NOT failed THEN input_tokens + output_tokens END AS total_tokens,
            cost_usd AS "costUSD", struct_insert({LABELS}, team := team, "Helicone-Session-Id" := coalesce(session_id,
                call_id)) AS properties
        FROM ({attempts}) {ORDER}"""


WRITERS: dict[str, Callable[[str], str]] = {
    "litellm": litellm_text,
    "langfuse": langfuse_text,
    "helicone": helicone_text,
}
