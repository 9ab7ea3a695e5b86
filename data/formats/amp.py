"""Amp threads (`~/.local/share/amp/threads/T-*.json`): the ledger of a thread's calls, else its messages.

Ledger and messages tell the same calls. Input leaves the cache out; where the ledger does not split it off, the
message of the call does. The unit of `credits` was not verified: they are a tag, and the catalogue prices the rows.
Source: tokscale a496cca `sessions/amp.rs`.
"""

from __future__ import annotations

import json

from data.formats import Format, UsageObject

COUNTS = (
    "input",
    "output",
    "total",
    "inputTokens",
    "outputTokens",
    "totalTokens",
    "cacheReadInputTokens",
    "cacheCreationInputTokens",
)
TOKENS = dict.fromkeys(COUNTS, "VARCHAR")
CALL = {
    "id": "VARCHAR",
    "messageId": "VARCHAR",
    "toMessageId": "VARCHAR",
    "timestamp": "VARCHAR",
    "model": "VARCHAR",
    "credits": "VARCHAR",
    "operationType": "VARCHAR",
    "tokens": TOKENS,
}
# A message's usage as the ledger would have it.
AS_CALL = """json_merge_patch(m, json_object('model', m -> 'usage' -> 'model', 'credits', m -> 'usage' -> 'credits',
    'timestamp', coalesce(m -> 'usage' -> 'timestamp', m -> 'timestamp'), 'tokens', m -> 'usage'))"""
SPOKEN = f"list_transform(list_filter(d.messages, lambda m: json_type(m -> 'usage') = 'OBJECT'), lambda m: {AS_CALL})"
ROWS = f"""
    SELECT *, json_transform(call, '{json.dumps(CALL)}') AS c,
        list_filter(spoken, lambda s: (s ->> 'messageId') = (call ->> 'toMessageId'))[1] -> 'tokens' AS said
    FROM (
        SELECT * REPLACE (row_number() OVER (PARTITION BY file_no ORDER BY record_no, place) AS record_no,
            call::VARCHAR AS raw)
        FROM (
            SELECT *, unnest(found) AS call, generate_subscripts(found, 1) AS place FROM (
                SELECT *, CASE WHEN len(d.usageLedger.events) > 0 THEN d.usageLedger.events ELSE spoken END AS found
                FROM (SELECT *, {SPOKEN} AS spoken FROM records))))"""


def _cache(name: str) -> str:
    return f"coalesce(c.tokens.{name}, said ->> '{name}')"


COLUMNS = {
    "event_key": """text_of(d.id) || ':' || coalesce(text_of(c.id), text_of(c.toMessageId), text_of(c.messageId),
        place::VARCHAR)""",
    "requested_at": "coalesce(utc(c.timestamp), utc(d.created))",
    "model_raw": "text_of(c.model)",
    "operation": "'chat'",
    "feature": "text_of(c.operationType)",
    "session_id": "text_of(d.id)",
    "tags": "CASE WHEN text_of(c.credits) IS NOT NULL THEN json_object('credits', c.credits) END",
    "task_type": "'coding'",
    "input_tokens": "coalesce(c.tokens.input, c.tokens.inputTokens)",
    "cache_read_tokens": _cache("cacheReadInputTokens"),
    "cache_write_tokens": _cache("cacheCreationInputTokens"),
    "output_tokens": "coalesce(c.tokens.output, c.tokens.outputTokens)",
    "total_tokens": "coalesce(c.tokens.total, c.tokens.totalTokens)",
    "input_has_cache": "FALSE",
    "output_has_reasoning": "TRUE",
}


def _is_thread(record: dict) -> bool:
    messages = record.get("messages")
    spoken = isinstance(messages, list) and any(
        isinstance(m, dict) and isinstance(m.get("usage"), dict) and "inputTokens" in m["usage"] for m in messages
    )
    return "usageLedger" in record or spoken and "created" in record


FORMATS = (
    Format(
        name="amp",
        label="Amp threads",
        recognise=lambda sample: any(map(_is_thread, sample)),
        fields={
            "id": "VARCHAR",
            "created": "VARCHAR",
            "messages": ["JSON"],
            "usageLedger": {"events": ["JSON"]},
        },
        rows=ROWS,
        columns=COLUMNS,
        usage=(
            UsageObject(
                "call -> 'tokens'", TOKENS, {"credits": "kept as a tag: its unit was not verified"}, name="tokens"
            ),
        ),
        assume_input_has_cache=False,
        supersedes=True,
        documents=True,
        order=38,
    ),
)
