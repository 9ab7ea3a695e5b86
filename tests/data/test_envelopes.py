"""A record is read the same inside whatever a collector or an API has put it into."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.loading.ingest import ingest

BODY = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-5.1",
    "choices": [],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
}
RECORD = {"timestamp": "2026-11-03T12:00:00Z", "response": BODY}
TEXT = json.dumps(RECORD)
SPAN = {
    "traceId": "a" * 32,
    "spanId": "b" * 16,
    "name": "chat",
    "startTimeUnixNano": "1793700000000000000",
    "endTimeUnixNano": "1793700001000000000",
    "attributes": [
        {"key": "gen_ai.provider.name", "value": {"stringValue": "openai"}},
        {"key": "gen_ai.response.model", "value": {"stringValue": "gpt-5.1"}},
        {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "1000"}},
        {"key": "gen_ai.usage.output_tokens", "value": {"intValue": "100"}},
    ],
}
RESOURCES = [{"resource": {}, "scopeSpans": [{"scope": {"name": "x"}, "spans": [SPAN]}]}]
CHUNK = BODY | {"object": "chat.completion.chunk"}
EVENTS = f'event: x\ndata: {{"id": "chatcmpl-1", "model": "gpt-5.1"}}\n\ndata: {json.dumps(CHUNK)}\n\ndata: [DONE]\n\n'
GATEWAY = {"category": "GatewayLogs", "time": "2026-11-03T12:00:00Z", "correlationId": "c1"}
SUBSCRIBED = {
    "messageType": "DATA_MESSAGE",
    "logGroup": "g",
    "logEvents": [{"id": "1", "timestamp": 1, "message": TEXT}],
}

ENVELOPES = {
    "docker": {"log": TEXT + "\n", "stream": "stdout", "time": "2026-11-03T12:00:00Z"},
    "fluentd": {"@timestamp": "2026-11-03T12:00:00Z", "message": TEXT, "kubernetes": {"pod": "x"}},
    "journald": {"MESSAGE": TEXT, "_PID": "1"},
    "splunk": {"preview": False, "result": {"_raw": TEXT, "_time": "x"}},
    "cloud logging, an object": {"insertId": "x", "jsonPayload": {"response": BODY, **RECORD}},
    "cloud logging, a text": {"insertId": "x", "textPayload": TEXT},
    "elasticsearch, a search": {"took": 3, "hits": {"total": {"value": 1}, "hits": [{"_id": "1", "_source": RECORD}]}},
    "elasticsearch, a line": {"_index": "i", "_id": "1", "_source": RECORD},
    "docker, a time of its own alone": {"log": json.dumps({"response": BODY}), "time": "2026-11-03T12:00:00Z"},
    "cloud logging, a time of its own alone": {
        "timestamp": "2026-11-03T12:00:00.000000Z",
        "insertId": "x",
        "jsonPayload": {"response": BODY},
    },
    "cloudwatch, a time of its own alone": {"timestamp": 1793707200000, "message": json.dumps({"response": BODY})},
    "cloudwatch subscription": SUBSCRIBED,
    "datadog": {"id": "x", "attributes": {"service": "s", "attributes": RECORD}},
    "loki": {
        "status": "success",
        "data": {
            "resultType": "streams",
            "result": [{"stream": {"app": "x"}, "values": [["1793700000000000000", TEXT]]}],
        },
    },
    "loki, as logcli writes it": {"labels": {"app": "x"}, "line": TEXT, "timestamp": "2026-11-03T12:00:00Z"},
    "pages of an API": {"object": "list", "data": [RECORD], "has_more": False},
    "the text of a stream": {"timestamp": "2026-11-03T12:00:00Z", "response": EVENTS},
    "a gateway's record in its file": {"records": [GATEWAY | {"properties": {"responseBody": json.dumps(BODY)}}]},
    "a gateway's stream": GATEWAY | {"properties": {"backendResponseBody": EVENTS}},
    "otlp": {"resourceSpans": RESOURCES},
    "tempo, batches": {"batches": RESOURCES},
    "tempo, a trace": {"trace": {"resourceSpans": RESOURCES}},
    "jaeger's newer API": {"result": {"resourceSpans": RESOURCES}},
}


@pytest.mark.parametrize("name", ENVELOPES)
@pytest.mark.parametrize("indent", [None, 1], ids=["a line", "a document"])
@pytest.mark.heavy
def test_a_record_in_an_envelope_is_the_row_it_is_outside(
    name: str, indent: int, emptied_ledger, state, tmp_path: Path
):
    path = tmp_path / "log.json"
    path.write_text(json.dumps(ENVELOPES[name], indent=indent))
    report = ingest(emptied_ledger, state, [path])[0]
    assert (report.loaded, report.rejected) == (1, 0), report
    [row] = emptied_ledger.sql(f"SELECT * FROM {emptied_ledger.name('usage')}").to_dict("records")
    assert (row["fresh_input_tokens"], row["output_tokens"], str(row["cost_usd"])) == (1000, 100, "0.002250000000")
    assert row["caveats"] is None


@pytest.mark.heavy
def test_a_line_of_the_collector_that_holds_no_record_is_set_aside(emptied_ledger, state, tmp_path: Path):
    path = tmp_path / "log.jsonl"
    lines = [{"log": TEXT, "stream": "stdout"}, {"log": "started on port 80", "stream": "stdout"}]
    lines.append({"log": TEXT.replace("chatcmpl-1", "chatcmpl-2"), "stream": "stdout"})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    report = ingest(emptied_ledger, state, [path])[0]
    assert (report.read, report.loaded, report.rejected) == (3, 2, 1)
