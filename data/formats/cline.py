"""Cline, Roo Code and Kilo Code tasks (`tasks/TASK/ui_messages.json`), and the Cline CLI's `SESSION.messages.json`.

The editor's file has a list of messages; what a request used is JSON text inside of one, written again when the request
ends. Which model answered stands in another file, so the logged cost is what these rows have. Roo says the protocol:
Anthropic's input leaves the cache out, OpenAI's holds it. Source: codeburn ed8fa3af `docs/providers/cline.md`, Roo-Code
`getApiMetrics`, `calculateApiCostAnthropic` and `calculateApiCostOpenAI`.
"""

from __future__ import annotations

import json

from data.formats import Format, UsageObject, has

REQUEST = dict.fromkeys(
    ("tokensIn", "tokensOut", "cacheWrites", "cacheReads", "cost", "apiProtocol", "cancelReason"), "VARCHAR"
)
ROWS = f"""
    SELECT *, json_transform(asked, '{json.dumps(REQUEST)}') AS q,
        nullif(regexp_extract(path, 'tasks/([^/]+)/[^/]*$', 1), '') AS task
    FROM (SELECT *, CASE WHEN json_type(json_of(d.text)) = 'OBJECT' THEN json_of(d.text) END AS asked FROM records)"""
HAS_TOKENS = "coalesce(q.tokensIn, q.tokensOut, q.cost) IS NOT NULL"
COLUMNS = {
    # Two editors may hold the same task.
    "event_key": "concat_ws(':', coalesce(task, md5(raw)), d.ts)",
    "requested_at": "utc(d.ts)",
    "provider": "lower(text_of(d.modelInfo.providerId))",
    "model_raw": "text_of(d.modelInfo.modelId)",
    "operation": "'chat'",
    "feature": "CASE WHEN d.contextCondense.cost IS NOT NULL THEN 'condense context' END",
    "session_id": "task",
    "task_type": "'coding'",
    "input_tokens": "q.tokensIn",
    "cache_read_tokens": "q.cacheReads",
    "cache_write_tokens": "q.cacheWrites",
    "output_tokens": "q.tokensOut",
    "input_has_cache": "CASE q.apiProtocol WHEN 'anthropic' THEN FALSE WHEN 'openai' THEN TRUE END",
    "status": "CASE WHEN q.cancelReason IS NOT NULL THEN 'cancelled' END",
    "reported_cost_usd": "coalesce(q.cost, d.contextCondense.cost)",
    "unmetered": f"NOT {HAS_TOKENS} AND d.contextCondense.cost IS NULL",
    "skip": f"""CASE WHEN d.contextCondense.cost IS NULL AND d.say IS DISTINCT FROM 'api_req_started'
        AND NOT coalesce({HAS_TOKENS}, FALSE) THEN 'a message without tokens'
        WHEN d.contextCondense.cost IS NULL AND NOT {HAS_TOKENS} AND d.modelInfo.modelId IS NULL
        THEN 'a request that did not end: it has neither tokens nor a model' END""",
}

METRICS = dict.fromkeys(("inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens", "cost"), "VARCHAR")
SAID = {
    "id": "VARCHAR",
    "ts": "VARCHAR",
    "timestamp": "VARCHAR",
    "role": "VARCHAR",
    "modelInfo": {"id": "VARCHAR", "provider": "VARCHAR"},
    "metrics": METRICS,
}
CLI_ROWS = f"""
    SELECT *, json_transform(message, '{json.dumps(SAID)}') AS m,
        coalesce(nullif(regexp_extract(path, '([^/]+)\\.messages\\.json[^/]*$', 1), ''), text_of(d.sessionId),
            text_of(d.id)) AS session
    FROM (
        SELECT * REPLACE (row_number() OVER (PARTITION BY file_no ORDER BY record_no, place) AS record_no,
            message::VARCHAR AS raw)
        FROM (SELECT *, unnest(d.messages) AS message, generate_subscripts(d.messages, 1) AS place FROM records))"""
CLI_COLUMNS = {
    "event_key": "session || ':' || coalesce(text_of(m.id), place::VARCHAR)",
    "requested_at": "coalesce(utc(m.ts), utc(m.timestamp))",
    "provider": "lower(text_of(m.modelInfo.provider))",
    "model_raw": "text_of(m.modelInfo.id)",
    "operation": "'chat'",
    "session_id": "session",
    "task_type": "'coding'",
    "input_tokens": "m.metrics.inputTokens",
    "cache_read_tokens": "m.metrics.cacheReadTokens",
    "cache_write_tokens": "m.metrics.cacheWriteTokens",
    "output_tokens": "m.metrics.outputTokens",
    "reported_cost_usd": "m.metrics.cost",
    "skip": (
        "CASE WHEN coalesce(m.metrics.inputTokens, m.metrics.outputTokens, m.metrics.cost) IS NULL"
        " THEN 'a message without tokens' END"
    ),
}

FORMATS = (
    Format(
        name="cline",
        label="Cline, Roo Code and Kilo Code tasks (ui_messages.json)",
        recognise=lambda sample: has(sample, "ts", "type", "say") or has(sample, "ts", "type", "ask", share=0.9),
        fields={
            "ts": "VARCHAR",
            "type": "VARCHAR",
            "say": "VARCHAR",
            "text": "JSON",
            "modelInfo": {"providerId": "VARCHAR", "modelId": "VARCHAR"},
            "contextCondense": {"cost": "VARCHAR"},
        },
        rows=ROWS,
        columns=COLUMNS,
        usage=(
            UsageObject(
                f"CASE WHEN coalesce({HAS_TOKENS}, FALSE) THEN asked END",
                REQUEST,
                {"streamingFailedMessage": "a text", "contextWindow": "the size of the model's window"},
                name="request",
            ),
        ),
        assume_input_has_cache=False,
        supersedes=True,
        order=42,
        note="The model stands in another file of the task: rows without one have the tool's own cost.",
    ),
    Format(
        name="cline_cli",
        label="Cline CLI sessions (messages.json)",
        recognise=lambda sample: has(
            [m for r in sample for m in (r.get("messages") or []) if isinstance(m, dict)],
            "metrics.inputTokens",
            share=0.05,
        ),
        fields={"id": "VARCHAR", "sessionId": "VARCHAR", "messages": ["JSON"]},
        rows=CLI_ROWS,
        columns=CLI_COLUMNS,
        usage=(UsageObject("message -> 'metrics'", METRICS, name="metrics"),),
        assume_input_has_cache=False,
        supersedes=True,
        documents=True,
        order=42,
    ),
)
