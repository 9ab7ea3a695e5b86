"""Response bodies as people log them: bare, or inside an envelope that adds what a body lacks.

A body says model and usage; when and for whom it was asked is the logger's to add. The envelope is
`{"timestamp": ..., "response": {...}}`, also `body`, with `request`, `team`, `feature`, `user`,
`session_id`, `latency_ms`, `metadata` and the like beside it. A stream's events may stand as a list
in the body's place. A body without any time is rejected in a sentence that shows the envelope.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from data.formats import UsageObject
from data.json_text import value_of

TIMES = (
    "timestamp",
    "time",
    "ts",
    "requested_at",
    "created_at",
    "createdAt",
    "start_time",
    "startTime",
    "@timestamp",
    "processed_time",
)
BODY_TIMES = ("created", "created_at", "createTime")
TEXTS = (
    "provider",
    "host",
    "region",
    "model",
    "modelId",
    "team",
    "project",
    "feature",
    "environment",
    "user",
    "user_id",
    "customer_id",
    "session_id",
    "task_type",
    "criticality",
    "data_class",
    "request_id",
    "call_id",
    "custom_id",
    "recordId",
    "attempt",
    "latency_ms",
    "duration_ms",
    "ttft_ms",
    "status_code",
    "method",
)
FIELDS = {name: "VARCHAR" for name in TIMES + TEXTS} | {
    name: "JSON" for name in ("request", "response", "body", "result", "modelOutput", "usage", "error", "metadata")
}


def _input(usage: str) -> str:
    """SQL: the largest sum over a list of usage objects that one of the names of an input has; 0 where none has any."""
    names = ("prompt_tokens", "input_tokens", "promptTokenCount")
    sums = (f"list_sum(list_transform({usage}, lambda u: count_of(u ->> '{name}')))" for name in names)
    return f"coalesce(greatest({', '.join(sums)}), 0)"


# A second bill beside the usage, as OpenAI's image tool writes one, or those of several attempts, which together are
# more than it: nobody reads them, so they are to be seen.
ATTEMPTS = "json_extract(json_merge_patch(body, '{\"choices\": null}'), '$.*[*].usage')::JSON[]"
SECOND_USAGE = (
    UsageObject(
        """CASE WHEN regexp_matches(body::VARCHAR, '"[a-z]+(_usage|Usage)":\\{') THEN body END""",
        {"usage": "JSON", "usageMetadata": "JSON", "usage_metadata": "JSON"},
        name="answer",
        only="[a-z]_?usage",
    ),
    UsageObject(
        f"""CASE WHEN regexp_matches(body::VARCHAR, '(?s)"usage":\\s*\\{{.*"usage":\\s*\\{{')
            AND json_type(body) = 'OBJECT' AND {_input(ATTEMPTS)} > {_input("[body -> 'usage']")}
            THEN to_json({ATTEMPTS}) END""",
        {},
        name="attempts",
    ),
)


def events(text: str) -> str:
    """SQL: the text of a stream of server-sent events as the JSON list of them."""
    lines = f"list_filter(string_split({text}, chr(10)), lambda line: regexp_matches(line, '^data: ?[{{]'))"
    return f"""'[' || array_to_string(list_transform({lines}, lambda line: substring(line, strpos(line, '{{'))),
        ',') || ']'"""


def is_stream(text: str) -> str:
    """SQL: is a text that of a stream of server-sent events?"""
    return f"regexp_matches({text}, '^\\s*(data|event|id|:)')"


def _streamed(field: str) -> str:
    text = f"json_extract_string({field}, '$')"
    return f"CASE WHEN {is_stream(text)} THEN TRY_CAST({events(text)} AS JSON) END"


# OpenAI's batch output nests the body once more, Anthropic's keeps it under `result.message`, Bedrock's in a field.
BODY = f"""coalesce(json_of(d.response) -> 'body', json_of(d.result) -> 'message', json_of(d."modelOutput"),
    json_of(d.response),
    {_streamed("d.response")}, json_of(d.body), {_streamed("d.body")}, raw::JSON)"""

_written = ", ".join([f'd."{name}"' for name in TIMES] + [f"b.{name}" for name in BODY_TIMES])
_parsed = ", ".join([f'utc(d."{name}")' for name in TIMES] + [f"utc(b.{name})" for name in BODY_TIMES])
NO_TIME = 'this response body carries no time: log it as {"timestamp": "2026-11-01T08:00:00Z", "response": {...}}'

MODEL = "coalesce(text_of(b.model), text_of(d.model), jtext(json_of(d.request), '$.model'))"  # answered, else asked for
IN_BATCH = """coalesce(d."modelOutput" IS NOT NULL OR d.processed_time IS NOT NULL, FALSE)"""  # Bedrock's, Vertex AI's
NOT_BATCHED = """d."recordId" IS NOT NULL AND d."modelOutput" IS NULL AND d.error IS NOT NULL"""
NOT_BILLED = "a batch item that did not succeed is not billed"
FAILED = "coalesce(number(d.status_code) >= 400, json_of(d.error) IS NOT NULL OR json_of(b.error) IS NOT NULL)"

COLUMNS = {
    "call_id": "text_of(d.call_id)",
    "attempt": "TRY_CAST(d.attempt AS INTEGER)",
    "requested_at": f"coalesce({_parsed})",
    "provider": """coalesce(lower(text_of(d.provider)), CASE WHEN d."modelOutput" IS NOT NULL THEN 'aws' END)""",
    "host": "lower(text_of(d.host))",
    "region": "text_of(d.region)",
    "operation": "'chat'",
    "team": "text_of(d.team)",
    "project": "text_of(d.project)",
    "feature": "text_of(d.feature)",
    "environment": "text_of(d.environment)",
    "user_id": "coalesce(text_of(d.user_id), text_of(d.user), jtext(json_of(d.request), '$.user'))",
    "customer_id": "text_of(d.customer_id)",
    "session_id": "text_of(d.session_id)",
    "tags": "coalesce(json_of(d.metadata), json_of(d.request) -> 'metadata')",
    "task_type": "text_of(d.task_type)",
    "criticality": "text_of(d.criticality)",
    "data_class": "text_of(d.data_class)",
    "latency_ms": "coalesce(number(d.latency_ms), number(d.duration_ms))",
    "ttft_ms": "number(d.ttft_ms)",
    "status": f"CASE WHEN {FAILED} THEN 'error' END",
    "http_status": "TRY_CAST(d.status_code AS INTEGER)",
    "skip": f"CASE WHEN {NOT_BATCHED} THEN '{NOT_BILLED}' END",
    "reject": f"CASE WHEN coalesce({_written}) IS NULL THEN '{NO_TIME}' END",
}


# What loggers and the cells of a table hold as text, too (a prompt's own quotes are escaped and do not match); a usage
# object may also stand beside the answer.
AS_TEXT = ("usage", "usageMetadata", "usage_metadata", "totalUsage", "response_metadata", "llm_output", "response")
_TOLD = ", ".join(f"'{name}', coalesce(json_of(body -> '{name}'), body -> '{name}')" for name in AS_TEXT)
USAGE_OPENED = f"""CASE WHEN regexp_matches(body::VARCHAR, '"({"|".join(AS_TEXT)})"\\s*:\\s*"\\s*\\{{')
    THEN json_merge_patch(body, json_object({_TOLD}))
    WHEN json_type(json_of(d.usage)) = 'OBJECT' AND json_type(body) = 'OBJECT' AND NOT contains(body::VARCHAR, '"usage')
    THEN json_merge_patch(body, json_object('usage', json_of(d.usage)))
    ELSE body END"""


def rows(structure: Mapping[str, object], body: str = BODY, records: str = "records") -> str:
    """SQL that adds `body`, the answer as JSON, and `b`, a struct of `structure` from it, to every record.

    `records`: SQL of records whose `d` is an envelope, where the log has another shape.
    """
    shape = json.dumps({**dict.fromkeys(BODY_TIMES, "VARCHAR"), "error": "JSON", **structure})
    opened = f"SELECT * REPLACE ({USAGE_OPENED} AS body) FROM (SELECT *, {body} AS body FROM {records})"
    return f"SELECT *, json_transform(body, '{shape}') AS b FROM ({opened})"


def texts(*answers: str) -> dict[str, str]:
    """The `text_columns` of a body format: the
    request's messages, and the answer under the first path that is there."""
    asked = ", ".join(f"jtext(json_of(d.request), '$.{name}')" for name in ("messages", "input", "contents", "prompt"))
    answered = ", ".join(f"jtext({BODY}, '{path}')" for path in answers)
    return {"prompt": f"coalesce({asked})", "completion": f"coalesce({answered})"}


def body_of(record: dict) -> dict:
    """The response body inside a parsed record; of a stream's list of events, their keys together."""
    result = record.get("result")
    found = (
        record.get("response")
        or (result.get("message") if isinstance(result, dict) else None)
        or record.get("modelOutput")
        or record.get("body")
        or record
    )
    if isinstance(found, str):
        found = _logged_as_text(found)
    if isinstance(found, dict) and isinstance(found.get("body"), dict):
        found = found["body"]
    if isinstance(found, list):
        return _together(found)
    if not isinstance(found, dict):
        return {}
    beside = {"usage": usage} if found is not record and (usage := usage_of(record)) else {}
    return beside | found | {name: told for name in AS_TEXT if (told := _told(found.get(name)))}


def _together(events: list[object]) -> dict:
    """The keys of a stream's events; an object that several of them have holds what any of them has in it."""
    held: dict = {}
    for event in events:
        for key, value in event.items() if isinstance(event, dict) else ():
            both = isinstance(value, dict) and isinstance(held.get(key), dict)
            held |= {key: held[key] | value} if both else {} if value is None else {key: value}
    return held


def _logged_as_text(text: str) -> object:
    """A body logged as text: JSON, or the events of a stream; None for anything else."""
    events = [line.removeprefix("data:") for line in text.splitlines() if line.startswith("data:")]
    return [event for event in map(value_of, events) if event is not None] if events else value_of(text)


def recogniser(fits: Callable[[dict], bool]) -> Callable[[list[dict]], bool]:
    """Recognise a file when at least half of its sample bodies fit."""

    def recognise(sample: list[dict]) -> bool:
        return bool(sample) and 2 * sum(fits(body_of(record)) for record in sample) >= len(sample)

    return recognise


def usage_of(body: dict, key: str = "usage") -> dict:
    """The body's usage object, be it as text; empty when it has none."""
    usage = body.get(key)
    return usage if isinstance(usage, dict) else _told(usage)


def _told(value: object) -> dict:
    """The object that a text is; empty for anything else."""
    found = value_of(value) if isinstance(value, str) else None
    return found if isinstance(found, dict) else {}
