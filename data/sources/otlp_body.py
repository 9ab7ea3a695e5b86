"""A request of OTLP over HTTP as one line of JSON: JSON or protobuf, plain or gzip, within limits."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any, NamedTuple

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

MOST_BYTES = 16 * 2**20  # of a body as it comes
MOST_UNZIPPED = 64 * 2**20
JSON, PROTOBUF = "application/json", "application/x-protobuf"
IDS = ("traceId", "spanId", "parentSpanId")
WITHOUT_IDS = ("attributes", "resource", "scope", "body")  # most of a request; nothing in them names a span


class Signal(NamedTuple):
    """What is sent to one path: its message, the list that it holds, and the format that reads it."""

    message: type[Message]
    holds: str
    form: str


SIGNALS = {
    "traces": Signal(ExportTraceServiceRequest, "resourceSpans", "otlp"),
    "logs": Signal(ExportLogsServiceRequest, "resourceLogs", "agent_events"),
    "metrics": Signal(ExportMetricsServiceRequest, "resourceMetrics", "otlp_metrics"),
}


class NotTaken(Exception):
    """A request that cannot be taken, with the status that says so."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


def line_of(signal: str, body: bytes, content_type: str, encoding: str) -> bytes:
    """The request as a line with its line end; raises NotTaken."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in (JSON, PROTOBUF):
        raise NotTaken(415, f"the content type must be {JSON} or {PROTOBUF}")
    plain = _unzipped(body, encoding)
    found = _of_json(signal, plain) if kind == JSON else _of_protobuf(signal, plain)
    return json.dumps(found, separators=(",", ":")).encode() + b"\n"


def _unzipped(body: bytes, encoding: str) -> bytes:
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise NotTaken(415, "the content encoding must be gzip or none")
    reader = zlib.decompressobj(31)
    try:
        plain = reader.decompress(body, MOST_UNZIPPED + 1)
    except zlib.error as error:
        raise NotTaken(400, "the body is no gzip") from error
    if len(plain) > MOST_UNZIPPED:
        raise NotTaken(413, f"the body unzips to more than {MOST_UNZIPPED // 2**20} MB; send smaller batches")
    if not reader.eof:
        raise NotTaken(400, "the gzip is cut off")
    return plain


def _of_json(signal: str, body: bytes) -> dict[str, Any]:
    holds = SIGNALS[signal].holds
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotTaken(400, "the body is no JSON") from error
    inside = found.get(holds, []) if isinstance(found, dict) and set(found) <= {holds} else None
    if not isinstance(inside, list) or not all(isinstance(one, dict) for one in inside):
        raise NotTaken(400, f"the body is no OTLP: an object with the list {holds}")
    return {holds: inside}


def _of_protobuf(signal: str, body: bytes) -> dict[str, Any]:
    message = SIGNALS[signal].message()
    try:
        message.ParseFromString(body)
        return _with_hex_ids(MessageToDict(message, use_integers_for_enums=True))
    except (DecodeError, ValueError, RecursionError) as error:
        raise NotTaken(400, "the body is no protobuf of this signal") from error


def _with_hex_ids(value: Any) -> Any:
    """protobuf's own JSON writes ids in base64; OTLP's writes them in hex, so that both name a span alike. In place."""
    if isinstance(value, dict):
        for key, one in value.items():
            if isinstance(one, dict | list):
                if key not in WITHOUT_IDS:
                    _with_hex_ids(one)
            elif key in IDS:
                value[key] = base64.b64decode(one).hex()
    elif isinstance(value, list):
        for one in value:
            _with_hex_ids(one)
    return value
