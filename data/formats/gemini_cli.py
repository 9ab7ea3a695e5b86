"""Gemini CLI session files (`~/.gemini/tmp/*/chats/session-*.json` and `.jsonl`).

A message is written again when its tokens are known: of one id the fuller counts. A message that was rewound was still
paid for. `input` holds the cache, `output` leaves thoughts out, prompts of tools come on top where the total says so.
Source: gemini-cli 5411f113 `chatRecordingTypes.ts`, `chatRecordingService.ts`.
"""

from __future__ import annotations

import json

from data.formats import Format, UsageObject

TOKENS = dict.fromkeys(("input", "output", "cached", "thoughts", "tool", "total"), "VARCHAR")
MESSAGE = {
    "id": "VARCHAR",
    "timestamp": "VARCHAR",
    "type": "VARCHAR",
    "model": "VARCHAR",
    "tokens": TOKENS,
}
FIELDS = {
    "sessionId": "VARCHAR",
    "projectHash": "VARCHAR",
    "kind": "VARCHAR",
    "messages": ["JSON"],
    "$set": {"messages": ["JSON"]},
}
# A document has all messages; a line has one, or sets them all anew. The session's name stands in its first line.
ROWS = f"""
    SELECT *, json_transform(message, '{json.dumps(MESSAGE)}') AS m FROM (
        SELECT * REPLACE (row_number() OVER (PARTITION BY file_no ORDER BY record_no, place) AS record_no,
            message::VARCHAR AS raw)
        FROM (
            SELECT *, unnest(found) AS message, generate_subscripts(found, 1) AS place FROM (
                SELECT *, coalesce(d.messages, d."$set".messages, [raw::JSON]) AS found,
                    first_value(text_of(d.sessionId) IGNORE NULLS) OVER of_file AS session,
                    first_value(text_of(d.projectHash) IGNORE NULLS) OVER of_file AS project,
                    first_value(text_of(d.kind) IGNORE NULLS) OVER of_file AS kind
                FROM records WINDOW of_file AS (
                    PARTITION BY file_no, CASE WHEN d.messages IS NOT NULL THEN record_no END
                    ORDER BY record_no ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING))))"""

THOUGHTS = "coalesce(number(m.tokens.thoughts), 0)"
TOOL_IS_EXTRA = f"""number(m.tokens.tool) > 0 AND coalesce(number(m.tokens.total)
    <> number(m.tokens.input) + number(m.tokens.output) + {THOUGHTS}, TRUE)"""
COLUMNS = {
    "event_key": "session || ':' || text_of(m.id)",
    "requested_at": "utc(m.timestamp)",
    "provider": "'google'",
    "model_raw": "text_of(m.model)",
    "operation": "'chat'",
    "project": "project",
    "session_id": "session",
    "tags": "CASE WHEN kind = 'subagent' THEN json_object('agent', kind) END",
    "task_type": "'coding'",
    "input_tokens": (
        f"""CASE WHEN {TOOL_IS_EXTRA} THEN (number(m.tokens.input) + number(m.tokens.tool))::BIGINT::VARCHAR
        ELSE m.tokens.input END"""
    ),
    "cache_read_tokens": "m.tokens.cached",
    "output_tokens": "m.tokens.output",
    "reasoning_tokens": "m.tokens.thoughts",
    "total_tokens": "m.tokens.total",
    "input_has_cache": "CASE WHEN coalesce(number(m.tokens.cached), 0) <= number(m.tokens.input) THEN TRUE END",
    "output_has_reasoning": "FALSE",
    "skip": """CASE WHEN m.type IS DISTINCT FROM 'gemini' THEN 'no answer of a model'
        WHEN coalesce(m.tokens.input, m.tokens.output) IS NULL THEN 'an answer whose tokens are in a later line, if any'
        END""",
}


def _is_session(record: dict) -> bool:
    messages = record.get("messages")
    listed = isinstance(messages, list) and any(isinstance(m, dict) and m.get("type") == "gemini" for m in messages)
    answer = record.get("type") == "gemini" and "timestamp" in record
    return answer or "sessionId" in record and ("projectHash" in record or listed)


FORMATS = (
    Format(
        name="gemini_cli",
        label="Gemini CLI session files",
        recognise=lambda sample: any(map(_is_session, sample)),
        fields=FIELDS,
        rows=ROWS,
        columns=COLUMNS,
        usage=(UsageObject("message -> 'tokens'", TOKENS, name="tokens"),),
        assume_output_has_reasoning=False,
        supersedes=True,
        documents=True,
        order=38,
        note="With a login instead of a key the quota is free or in a plan: read the dollars as API-equivalent value.",
    ),
)
