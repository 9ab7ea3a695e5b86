"""opencode: messages of its sessions, as JSON files, rows of its database's `message` table, or `opencode export`.

Input, cache, output and reasoning are disjoint. A cost of 0 says nothing: subscriptions and models without a known
price have it. A child session's messages are in no message of its parent. Source: tokscale a496cca fixtures, codeburn
ed8fa3af `docs/providers/opencode.md`.
"""

from __future__ import annotations

import json

from data.formats import Format, UsageObject

TOKENS = {
    "input": "VARCHAR",
    "output": "VARCHAR",
    "reasoning": "VARCHAR",
    "total": "VARCHAR",
    "cache": {"read": "VARCHAR", "write": "VARCHAR"},
}
MESSAGE = {
    "id": "VARCHAR",
    "sessionID": "VARCHAR",
    "role": "VARCHAR",
    "modelID": "VARCHAR",
    "providerID": "VARCHAR",
    "agent": "VARCHAR",
    "mode": "VARCHAR",
    "cost": "VARCHAR",
    "error": "JSON",
    "time": {"created": "VARCHAR", "completed": "VARCHAR"},
    "path": {"root": "VARCHAR", "cwd": "VARCHAR"},
    "tokens": TOKENS,
}
# A row of the database keeps the message as text, with its ids and its time beside it.
FIELDS = {
    "id": "VARCHAR",
    "session_id": "VARCHAR",
    "time_created": "VARCHAR",
    "data": "JSON",
    "info": "JSON",
    "messages": [{"info": "JSON"}],
}
ROWS = f"""
    SELECT *, json_transform(message, '{json.dumps(MESSAGE)}') AS m FROM (
        SELECT * REPLACE (row_number() OVER (PARTITION BY file_no ORDER BY record_no, place) AS record_no, CASE WHEN
            d.messages IS NULL THEN raw ELSE message::VARCHAR END AS raw)
        FROM (
            SELECT *, unnest(found) AS message, generate_subscripts(found, 1) AS place FROM (
                SELECT *, CASE WHEN d.messages IS NOT NULL THEN list_transform(d.messages, lambda one: one.info)
                    ELSE [coalesce(json_of(d.data), d.info, raw::JSON)] END AS found FROM records)))"""

SESSION = "coalesce(text_of(m.sessionID), text_of(d.session_id))"
IDENTITY = "coalesce(text_of(m.id), CASE WHEN d.data IS NOT NULL THEN text_of(d.id) END)"
HAS_TOKENS = "coalesce(m.tokens.input, m.tokens.output) IS NOT NULL"
COLUMNS = {
    "event_key": f"{SESSION} || ':' || {IDENTITY}",
    "requested_at": "coalesce(utc(m.time.created), utc(d.time_created))",
    "provider": "lower(text_of(m.providerID))",
    "model_raw": "text_of(m.modelID)",
    "operation": "'chat'",
    "project": "coalesce(text_of(m.path.root), text_of(m.path.cwd))",
    "feature": "coalesce(text_of(m.agent), text_of(m.mode))",
    "session_id": SESSION,
    "task_type": "'coding'",
    "input_tokens": "m.tokens.input",
    "cache_read_tokens": "m.tokens.cache.read",
    "cache_write_tokens": "m.tokens.cache.write",
    "output_tokens": "m.tokens.output",
    "reasoning_tokens": "m.tokens.reasoning",
    "total_tokens": "m.tokens.total",
    "input_has_cache": "FALSE",
    "output_has_reasoning": "FALSE",
    "latency_ms": "number(m.time.completed) - number(m.time.created)",
    "status": "CASE WHEN json_type(m.error) = 'OBJECT' THEN 'error' END",
    "error_class": "m.error ->> 'name'",
    "reported_cost_usd": "CASE WHEN number(m.cost) IS NULL OR number(m.cost) <> 0 THEN m.cost END",
    "unmetered": f"NOT {HAS_TOKENS} AND json_type(m.error) IS DISTINCT FROM 'OBJECT'",
    "skip": "CASE WHEN m.role IS DISTINCT FROM 'assistant' THEN 'no answer of a model' END",
}


def _is_message(record: object) -> bool:
    if not isinstance(record, dict):
        return False
    return "sessionID" in record and ("modelID" in record or "role" in record)


def _recognise(sample: list[dict]) -> bool:
    def fits(record: dict) -> bool:
        messages = record.get("messages")
        first = messages[0] if isinstance(messages, list) and messages else None
        inside = record.get("data")
        stored = isinstance(inside, str) and '"role"' in inside and '"modelID"' in inside
        info = record.get("info")
        return (
            _is_message(record)
            or _is_message(info)
            or stored
            or "session_id" in record
            and isinstance(inside, str)
            and '"role"' in inside
            or isinstance(first, dict)
            and _is_message(first.get("info"))
        )

    return bool(sample) and 2 * sum(map(fits, sample)) >= len(sample)


FORMATS = (
    Format(
        name="opencode",
        label="opencode sessions (messages)",
        recognise=_recognise,
        fields=FIELDS,
        rows=ROWS,
        columns=COLUMNS,
        usage=(UsageObject("message -> 'tokens'", TOKENS, name="tokens"),),
        assume_input_has_cache=False,
        assume_output_has_reasoning=False,
        supersedes=True,
        documents=True,
        order=42,
        note="A cost of 0 is not a price: with a subscription the dollars here are API-equivalent value.",
    ),
)
