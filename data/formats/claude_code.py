"""Claude Code session files (`~/.claude/projects/**/*.jsonl`).

One message is written several times while it streams, resumed sessions copy their history, and side
conversations replay messages of the main one. What counts once is `message.id` with its `requestId`:
of repeats the largest, of a main message and its sidechain replays the main one.

A subagent's result in the main session says what its last answer used (`toolUseResult`: claude-codes#174). It counts
where the subagent's own messages are in no file that was loaded.
"""

from __future__ import annotations

import json
from typing import Any

from data.formats import Format, StandIn, claude_usage, envelope, usage_words

KINDS = ("user", "assistant", "system", "summary", "progress", "file-history-snapshot", "queue-operation", "attachment")

METERED = """(d.message.usage.input_tokens IS NOT NULL OR d."toolUseResult"."totalTokens" IS NOT NULL)
    AND d.message.model IS DISTINCT FROM '<synthetic>' AND d.isApiErrorMessage IS NOT TRUE"""

FIELDS: dict[str, Any] = {
    "timestamp": "VARCHAR",
    "sessionId": "VARCHAR",
    "uuid": "VARCHAR",
    "requestId": "VARCHAR",
    "version": "VARCHAR",
    "cwd": "VARCHAR",
    "gitBranch": "VARCHAR",
    "agentId": "VARCHAR",
    "isSidechain": "BOOLEAN",
    "isApiErrorMessage": "BOOLEAN",
    "costUSD": "VARCHAR",
    "message": {
        "id": "VARCHAR",
        "model": "VARCHAR",
        "stop_reason": "VARCHAR",
        "content": "JSON",
        "usage": claude_usage.USAGE,
    },
    "data": {"agentId": "VARCHAR", "message": {"timestamp": "VARCHAR", "message": "JSON"}},
    "toolUseResult": {
        **dict.fromkeys(("agentId", "resolvedModel", "totalTokens", "totalToolUseCount"), "VARCHAR"),
        "usage": "JSON",
    },
}
# What a subagent said is told in the main session too, as progress; where its own file is loaded, that one counts.
# Such lines are written as the subagent's own would be, as text: choosing between two structs crashed the engine.
TOLD = "coalesce(json_extract(d.data.message.message, '$.usage.input_tokens') IS NOT NULL, FALSE)"
AS_SAID = """json_merge_patch(raw::JSON, json_object('message', d.data.message.message, 'isSidechain', TRUE,
    'timestamp', coalesce(d.data.message.timestamp, d."timestamp"), 'agentId', coalesce(d."agentId", d.data."agentId"),
    'data', NULL))::VARCHAR"""
# A subagent's result is written as its last answer would be.
SUBAGENT = "subagent:"
RESULT = 'd."toolUseResult"'
COUNTED = f"({RESULT}.usage ->> 'input_tokens') IS NOT NULL"
REPORTED = f'({RESULT}."totalTokens" IS NOT NULL OR {COUNTED})'
AS_ANSWERED = f"""json_merge_patch(raw::JSON, json_object('message', json_object('model', {RESULT}."resolvedModel",
    'id', '{SUBAGENT}' || coalesce({RESULT}."agentId", '') || ':' || coalesce(d.message.content ->> '$[0].tool_use_id',
        d.uuid, md5(raw)),
    'stop_reason', 'end_turn', 'content', '[]'::JSON,
    'usage', CASE WHEN {COUNTED} THEN {RESULT}.usage ELSE json_object('input_tokens', {RESULT}."totalTokens") END),
    'isSidechain', TRUE, 'agentId', {RESULT}."agentId", 'toolUseResult', json_object('content', NULL)))
    ::VARCHAR"""
OPENED = f"""(SELECT * FROM records WHERE NOT {TOLD} AND NOT {REPORTED} UNION ALL BY NAME
    SELECT * EXCLUDE (said) REPLACE (said AS raw, json_transform(said, '{json.dumps(FIELDS)}') AS d)
    FROM (SELECT *, CASE WHEN {TOLD} THEN {AS_SAID} ELSE {AS_ANSWERED} END AS said FROM records
        WHERE {TOLD} OR {REPORTED}))"""
ROWS = claude_usage.rows(
    f"SELECT *, coalesce({METERED}, FALSE) AS metered FROM {OPENED}", "d.message.usage", "d.message.model"
)
# Each use of a tool came with an answer of its own, which the result leaves out.
LAST_ANSWER = f'{RESULT}."totalTokens" IS NOT NULL AND number({RESULT}."totalToolUseCount") > 0'
TOTAL_ALONE = f'{RESULT}."totalTokens" IS NOT NULL AND NOT coalesce({COUNTED}, FALSE)'
COLUMNS = claude_usage.columns("d.message.usage", "d.message.content") | {
    # A sidechain may replay a message under a new requestId: there it stands in for the main line's message.
    "event_key": (
        f"""text_of(d.message.id) || CASE WHEN run > 0 THEN {claude_usage.RUN} WHEN d.isSidechain THEN ''
        ELSE ':' || coalesce(text_of(d.requestId), '') END"""
    ),
    # Of repeats of one size the one that has ended.
    "rank": (
        "count_of(n.input) + coalesce(count_of(n.read), 0) + coalesce(count_of(n.write), 0) +"
        " coalesce(count_of(n.output), 0) + if(d.message.stop_reason IS NULL, 0, 0.5)"
    ),
    "call_id": f"text_of(d.message.id) || {claude_usage.RUN}",
    "requested_at": "utc(d.timestamp)",
    # Bedrock and Vertex mark the ids of the messages they host.
    "provider": claude_usage.seller("d.message"),
    "region": claude_usage.region("d.message.usage"),
    "service_tier": (f"coalesce({usage_words.uncommon_speed('d.message.usage.speed')}, d.message.usage.service_tier)"),
    "model_raw": "ran",
    "operation": "'chat'",
    "project": "text_of(d.cwd)",
    "session_id": "text_of(d.sessionId)",
    "tags": (
        """nullif(json_merge_patch('{}', json_object('version', d.version, 'branch', d.gitBranch,
        'agent', d.agentId, 'sidechain', CASE WHEN d.isSidechain THEN 'yes' END))::VARCHAR, '{}')"""
    ),
    "task_type": "'coding'",
    "caveats": (
        f"""[CASE WHEN run = 0 AND {claude_usage.incomplete("d.message.stop_reason", "d.message.content", "n.output")}
            OR {LAST_ANSWER} THEN 'incomplete_output' END,
        CASE WHEN {claude_usage.odd_runs("d.message.usage")} OR {TOTAL_ALONE} THEN 'split_assumed' END]"""
    ),
    "total_tokens": f'{RESULT}."totalTokens"',
    "reported_cost_usd": "CASE WHEN run = 0 THEN d.costUSD END",
    "skip": (
        """CASE
        WHEN d.message.model = '<synthetic>' THEN 'a synthetic message, made by the client'
        WHEN d.isApiErrorMessage THEN 'an API error message, not an answer'
        WHEN NOT metered THEN 'a line without usage'
    END"""
    ),
}

# A side conversation replays a message under the message's id alone.
REPLAYS = StandIn("{r}event_id = '{family}:' || {r}call_id", "{r}call_id", "{r}call_id")
# A result gives way to what its subagent said; of a client that names no subagents, to any side conversation.
IS_RESULT = f"starts_with({{r}}event_id, '{{family}}:{SUBAGENT}')"
AGENT, SIDECHAIN = (
    f"CASE WHEN contains({{r}}tags::VARCHAR, '{tag}') THEN json_extract_string({{r}}tags, '$.{tag}') END"
    for tag in ("agent", "sidechain")
)
RESULTS = StandIn(f"{IS_RESULT} AND {AGENT} IS NOT NULL", AGENT, AGENT)
UNNAMED = StandIn(
    f"{IS_RESULT} AND {AGENT} IS NULL",
    "{r}session_id",
    f"CASE WHEN {SIDECHAIN} = 'yes' AND NOT {IS_RESULT} THEN {{r}}session_id END",
)


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
        fields=FIELDS,
        rows=ROWS,
        columns=COLUMNS,
        usage=claude_usage.objects("raw -> '$.message.usage'"),
        assume_input_has_cache=False,
        supersedes=True,
        stand_ins=(REPLAYS, RESULTS, UNNAMED),
        order=40,
        note="Usually a flat-fee subscription: read the dollars as API-equivalent value, not as spend.",
    ),
)
