"""GitHub Copilot CLI's own record of its calls: rows of `assistant_usage_events` in `~/.copilot/session-store.db`.

As CSV or JSON (`sqlite3 -json session-store.db "SELECT * FROM assistant_usage_events"`). Input holds cache reads and
writes. 10^9 nano-AIU are one AI credit, which is $0.01 (GitHub Docs, usage-based billing for individuals; measured on
CLI 1.0.80: 45 of 45 rows give the list price). `request_multiplier` counts premium requests and is no money.
"""

from __future__ import annotations

from data.formats import Format, flat_usage, has

NAMES = (
    "id",
    "session_id",
    "turn_index",
    "agent_id",
    "model",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "total_nano_aiu",
    "request_multiplier",
    "duration_ms",
    "time_to_first_token_ms",
    "initiator",
    "reasoning_effort",
    "finish_reason",
    "created_at",
)
COLUMNS = {
    # The row's own number starts anew with the database.
    "event_key": """text_of(d.session_id) || ':' || d.created_at || ':' || coalesce(d.model, '')
        || concat_ws(':', d.total_nano_aiu, d.input_tokens, d.output_tokens)""",
    "requested_at": "utc(d.created_at)",
    "provider": "'github-copilot'",
    "model_raw": "text_of(d.model)",
    "operation": "'chat'",
    "feature": "text_of(d.initiator)",
    "session_id": "text_of(d.session_id)",
    "tags": """nullif(json_merge_patch('{}', json_object('agent_id', text_of(d.agent_id), 'effort',
        text_of(d.reasoning_effort), 'premium_requests', number(d.request_multiplier)))::VARCHAR, '{}')""",
    "task_type": "'coding'",
    "input_tokens": "d.input_tokens",
    "cache_read_tokens": "d.cache_read_tokens",
    "cache_write_tokens": "d.cache_write_tokens",
    "output_tokens": "d.output_tokens",
    "reasoning_tokens": "d.reasoning_tokens",
    "input_has_cache": """CASE WHEN coalesce(number(d.cache_read_tokens), 0) + coalesce(number(d.cache_write_tokens), 0)
        <= number(d.input_tokens) THEN TRUE END""",
    "output_has_reasoning": "CASE WHEN number(d.reasoning_tokens) > number(d.output_tokens) THEN FALSE ELSE TRUE END",
    "latency_ms": "d.duration_ms",
    "ttft_ms": "d.time_to_first_token_ms",
    "status": "CASE WHEN d.finish_reason = 'error' THEN 'error' END",
    "reported_cost_usd": "(TRY_CAST(d.total_nano_aiu AS DECIMAL(24,0)) / 100000000000)::DECIMAL(18,12)::VARCHAR",
}

FORMATS = (
    Format(
        name="copilot_events",
        label="GitHub Copilot CLI usage (rows of its session store)",
        recognise=lambda sample: has(sample, "session_id", "model", "input_tokens", "total_nano_aiu"),
        fields=dict.fromkeys(NAMES, "VARCHAR"),
        columns=COLUMNS,
        usage=flat_usage(dict.fromkeys(NAMES, "VARCHAR")),
        order=40,
        note="Dollars are AI credits used; those within the plan's allowance are not paid apart.",
    ),
)
