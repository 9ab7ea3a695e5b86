"""Claude Code session files (`~/.claude/projects/**/*.jsonl`).

One message is written several times while it streams, resumed sessions copy their history, and side
conversations replay messages of the main one. What counts once is `message.id` with its `requestId`:
of repeats the largest, of a main message and its sidechain replays the main one.
"""

from __future__ import annotations

from data.formats import Format, envelope

KINDS = ("user", "assistant", "system", "summary", "progress", "file-history-snapshot", "queue-operation", "attachment")

USAGE = {
    "input_tokens": "VARCHAR",
    "output_tokens": "VARCHAR",
    "cache_read_input_tokens": "VARCHAR",
    "cache_creation_input_tokens": "VARCHAR",
    "cache_creation": {"ephemeral_5m_input_tokens": "VARCHAR", "ephemeral_1h_input_tokens": "VARCHAR"},
    "output_tokens_details": {"thinking_tokens": "VARCHAR"},
    "speed": "VARCHAR",
    "service_tier": "VARCHAR",
    "inference_geo": "VARCHAR",
}

METERED = "d.message.usage.input_tokens IS NOT NULL AND d.message.model IS DISTINCT FROM '<synthetic>' AND d.isApiErrorMessage IS NOT TRUE"

ROWS = f"SELECT *, coalesce({METERED}, FALSE) AS metered FROM records"

WRITE_5M = "d.message.usage.cache_creation.ephemeral_5m_input_tokens"
WRITE_1H = "d.message.usage.cache_creation.ephemeral_1h_input_tokens"

COLUMNS = {
    # A sidechain may replay a message under a new requestId: there it stands in for the main line's message.
    "event_key": "text_of(d.message.id) || CASE WHEN d.isSidechain THEN '' ELSE ':' || coalesce(text_of(d.requestId), '') END",
    "call_id": "text_of(d.message.id)",
    "requested_at": "utc(d.timestamp)",
    # Bedrock and Vertex mark the ids of the messages they host.
    "provider": "CASE WHEN d.message.id LIKE 'msg_bdrk_%' THEN 'aws' WHEN d.message.id LIKE 'msg_vrtx_%' THEN 'google' ELSE 'anthropic' END",
    "region": "CASE WHEN d.message.usage.inference_geo NOT IN ('not_available', 'global') THEN text_of(d.message.usage.inference_geo) END",
    "service_tier": "if(d.message.usage.speed = 'fast', 'fast', d.message.usage.service_tier)",
    "model_raw": "d.message.model",
    "operation": "'chat'",
    "project": "text_of(d.cwd)",
    "session_id": "text_of(d.sessionId)",
    "tags": """nullif(json_merge_patch('{}', json_object('version', d.version, 'branch', d.gitBranch,
        'agent', d.agentId, 'sidechain', CASE WHEN d.isSidechain THEN 'yes' END))::VARCHAR, '{}')""",
    "task_type": "'coding'",
    "input_tokens": "d.message.usage.input_tokens",
    "cache_read_tokens": "d.message.usage.cache_read_input_tokens",
    "cache_write_tokens": f"CASE WHEN {WRITE_5M} IS NULL AND {WRITE_1H} IS NULL THEN d.message.usage.cache_creation_input_tokens END",
    "cache_write_5m_tokens": WRITE_5M,
    "cache_write_1h_tokens": WRITE_1H,
    "output_tokens": "d.message.usage.output_tokens",
    "reasoning_tokens": "d.message.usage.output_tokens_details.thinking_tokens",
    "input_has_cache": "FALSE",
    "output_has_reasoning": "TRUE",
    "reported_cost_usd": "d.costUSD",
    "skip": """CASE
        WHEN d.message.model = '<synthetic>' THEN 'a synthetic message, made by the client'
        WHEN d.isApiErrorMessage THEN 'an API error message, not an answer'
        WHEN NOT metered THEN 'a line without usage'
    END""",
}


def _is_claude_code(record: dict) -> bool:
    message = record.get("message")
    metered = isinstance(message, dict) and "cache_creation_input_tokens" in envelope.usage_of(message)
    return metered or (
        record.get("type") in KINDS and ("sessionId" in record or "message" in record or "leafUuid" in record)
    )


FORMATS = (
    Format(
        name="claude_code",
        label="Claude Code session files",
        recognise=lambda sample: bool(sample) and 2 * sum(map(_is_claude_code, sample)) >= len(sample),
        fields={
            "timestamp": "VARCHAR",
            "sessionId": "VARCHAR",
            "requestId": "VARCHAR",
            "version": "VARCHAR",
            "cwd": "VARCHAR",
            "gitBranch": "VARCHAR",
            "agentId": "VARCHAR",
            "isSidechain": "BOOLEAN",
            "isApiErrorMessage": "BOOLEAN",
            "costUSD": "VARCHAR",
            "message": {"id": "VARCHAR", "model": "VARCHAR", "usage": USAGE},
        },
        rows=ROWS,
        per_record=True,
        columns=COLUMNS,
        assume_input_has_cache=False,
        supersedes=True,
        stand_ins=True,
        order=40,
        note="Usually a flat-fee subscription: read the dollars as API-equivalent value, not as spend.",
    ),
)
