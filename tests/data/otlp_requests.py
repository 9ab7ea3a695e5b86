"""Requests of OTLP for tests: spans of model calls, as JSON, protobuf, plain or gzip."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

from google.protobuf.json_format import ParseDict

from data.sources.otlp_body import IDS, JSON, PROTOBUF, SIGNALS

NANOS = 1_795_000_000_000_000_000


def spans(first: int, count: int, seconds: int = 2) -> dict[str, Any]:
    """A request with `count` calls of a model, numbered from `first`."""
    made = [
        {
            "traceId": f"{number:032x}",
            "spanId": f"{number:016x}",
            "name": "chat gpt-5.2",
            "kind": 3,
            "startTimeUnixNano": str(_start(number)),
            "endTimeUnixNano": str(_start(number) + seconds * 10**9),
            "attributes": [
                {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
                {"key": "gen_ai.provider.name", "value": {"stringValue": "openai"}},
                {"key": "gen_ai.request.model", "value": {"stringValue": "gpt-5.2"}},
                {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "100"}},
                {"key": "gen_ai.usage.output_tokens", "value": {"intValue": "10"}},
            ],
        }
        for number in range(first, first + count)
    ]
    return {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [{"scope": {}, "spans": made}]}]}


def _start(number: int) -> int:
    """Within a day of NANOS, whatever the number."""
    return NANOS + number % 86_400 * 10**9


def encoded(body: dict[str, Any], *, protobuf: bool = False, zipped: bool = False) -> tuple[bytes, dict[str, str]]:
    """The bytes and headers of a request of traces."""
    headers = {"content-type": PROTOBUF if protobuf else JSON}
    text = json.dumps(body).encode()
    if protobuf:
        text = ParseDict(_with_bytes(body), SIGNALS["traces"].message()).SerializeToString()
    if zipped:
        text, headers["content-encoding"] = gzip.compress(text), "gzip"
    return text, headers


def _with_bytes(value: Any) -> Any:
    """protobuf's own JSON has ids in base64."""
    if isinstance(value, dict):
        return {
            k: base64.b64encode(bytes.fromhex(v)).decode() if k in IDS else _with_bytes(v) for k, v in value.items()
        }
    return [_with_bytes(one) for one in value] if isinstance(value, list) else value
