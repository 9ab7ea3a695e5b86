"""Qwen Code session files (`~/.qwen/projects/*/chats/*.jsonl`): one line per message, usage under Gemini's names.

Which backend answered is not said, and whether its thoughts are inside of `candidatesTokenCount` depends on it: the
total decides. Telemetry lines (`ui_telemetry`) repeat the counts. Source: codeburn ed8fa3af `docs/providers/qwen.md`,
qwen-code 0.15 records.
"""

from __future__ import annotations

from data.formats import Format, UsageObject, gemini

USAGE = {camel: "VARCHAR" for camel, *_ in gemini.COUNTS.values()}
PROMPT, TOOL = "d.usageMetadata.promptTokenCount", "d.usageMetadata.toolUsePromptTokenCount"
# As in Gemini's answers: prompts of tools come on top, unless the total says that they are in the prompt.
TOOL_IS_EXTRA = f"""number({TOOL}) > 0 AND coalesce(number(d.usageMetadata.totalTokenCount) <> number({PROMPT})
    + number(d.usageMetadata.candidatesTokenCount) + coalesce(number(d.usageMetadata.thoughtsTokenCount), 0), TRUE)"""
COLUMNS = {
    "event_key": "text_of(d.sessionId) || ':' || text_of(d.uuid)",
    "requested_at": "utc(d.timestamp)",
    "model_raw": "text_of(d.model)",
    "operation": "'chat'",
    "project": "text_of(d.cwd)",
    "session_id": "text_of(d.sessionId)",
    "tags": "CASE WHEN text_of(d.version) IS NOT NULL THEN json_object('version', d.version) END",
    "task_type": "'coding'",
    "input_tokens": f"""CASE WHEN {TOOL_IS_EXTRA} THEN (number({PROMPT}) + number({TOOL}))::BIGINT::VARCHAR
        ELSE {PROMPT} END""",
    "cache_read_tokens": "d.usageMetadata.cachedContentTokenCount",
    "output_tokens": "d.usageMetadata.candidatesTokenCount",
    "reasoning_tokens": "d.usageMetadata.thoughtsTokenCount",
    "total_tokens": "d.usageMetadata.totalTokenCount",
    "unmetered": "coalesce(d.usageMetadata.promptTokenCount, d.usageMetadata.candidatesTokenCount) IS NULL",
    "skip": """CASE WHEN d.type = 'system' THEN 'telemetry, which repeats the answers'
        WHEN d.type IS DISTINCT FROM 'assistant' THEN 'no answer of a model' END""",
}


def _is_qwen(record: dict) -> bool:
    message = record.get("message")
    parts = isinstance(message, dict) and "parts" in message
    return "sessionId" in record and (
        "usageMetadata" in record or "systemPayload" in record or parts and "uuid" in record
    )


FORMATS = (
    Format(
        name="qwen_code",
        label="Qwen Code session files",
        recognise=lambda sample: bool(sample) and 2 * sum(map(_is_qwen, sample)) >= len(sample),
        fields={
            "uuid": "VARCHAR",
            "sessionId": "VARCHAR",
            "timestamp": "VARCHAR",
            "type": "VARCHAR",
            "model": "VARCHAR",
            "cwd": "VARCHAR",
            "version": "VARCHAR",
            "usageMetadata": USAGE,
        },
        columns=COLUMNS,
        usage=(UsageObject("raw::JSON -> 'usageMetadata'", USAGE, name="usageMetadata"),),
        order=38,
    ),
)
