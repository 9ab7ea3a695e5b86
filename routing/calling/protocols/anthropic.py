"""Anthropic's Messages API."""

from __future__ import annotations

import json
from typing import Any

from routing.calling.calls import Answer, Request, Tokens
from routing.calling.protocols import Garbled, Wire, count, json_object, tool_call

VERSION = "2023-06-01"
FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


def wire(offer: Any, request: Request, key: str | None, stream: bool) -> Wire:
    """POST v1/messages; the system message is a field of its own, tools have an `input_schema`."""
    system = "\n\n".join(str(m["content"]) for m in request.messages if m["role"] == "system")
    if request.json_schema:
        schema = json.dumps(request.json_schema)
        system += f"\n\nAnswer with one JSON object that fits this schema, and nothing else: {schema}"
    body: dict[str, Any] = {
        "model": offer.upstream,
        "messages": [m for m in request.messages if m["role"] != "system"],
        "max_tokens": request.max_tokens,
    }
    if system.strip():
        body["system"] = system.strip()
    if request.temperature is not None and offer.takes_temperature:
        body["temperature"] = request.temperature
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    if stream:
        body["stream"] = True
    headers = {"anthropic-version": VERSION} | ({"x-api-key": key} if key else {})
    return Wire("v1/messages", headers, body | offer.extra)


def tokens(usage: Any) -> Tokens:
    """`input_tokens` excludes cache reads and writes; thinking is part of `output_tokens` and cannot be told apart."""
    if not isinstance(usage, dict):
        return Tokens()
    split = usage.get("cache_creation") if isinstance(usage.get("cache_creation"), dict) else None
    written = count(usage.get("cache_creation_input_tokens"))
    return Tokens(
        fresh_input=count(usage.get("input_tokens")),
        cache_read=count(usage.get("cache_read_input_tokens")),
        cache_write_5m=count(split.get("ephemeral_5m_input_tokens")) if split else written,
        cache_write_1h=count(split.get("ephemeral_1h_input_tokens")) if split else None,
        output=count(usage.get("output_tokens")),
    )


def answer(body: Any) -> Answer:
    """A finished response; Garbled without a list of content blocks."""
    try:
        blocks = body["content"]
        text = "".join(b.get("text", "") for b in blocks if b.get("type") == "text")
        calls = tuple({"name": b["name"], "arguments": b.get("input")} for b in blocks if b.get("type") == "tool_use")
    except (KeyError, TypeError, AttributeError) as error:
        raise Garbled("no content blocks in the response") from error
    finish = str(body.get("stop_reason") or "end_turn")
    return Answer(text, calls, FINISH.get(finish, finish), tokens(body.get("usage")), str(body.get("model") or ""))


class Stream:
    """Adds up message_start, content_block_*, message_delta; the last usage of each count wins."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._calls: dict[int, list[str]] = {}
        self._usage: dict[str, Any] = {}
        self._finish = ""
        self._model = ""
        self.finished = False

    def feed(self, event: str, data: str) -> str:
        """The text this event adds; Garbled for an error event."""
        chunk = json_object(data)
        kind = chunk.get("type", event)
        if kind == "error":
            raise Garbled(f"the stream broke off with an error: {str(chunk.get('error'))[:200]}")
        if kind == "message_start":
            message = chunk.get("message") or {}
            self._model = message.get("model") or ""
            self._usage |= message.get("usage") or {}
        elif kind == "content_block_start" and (chunk.get("content_block") or {}).get("type") == "tool_use":
            self._calls[chunk.get("index", 0)] = [chunk["content_block"].get("name", ""), ""]
        elif kind == "content_block_delta":
            return self._delta(chunk.get("index", 0), chunk.get("delta") or {})
        elif kind == "message_delta":
            self._usage |= {k: v for k, v in (chunk.get("usage") or {}).items() if v is not None}
            self._finish = (chunk.get("delta") or {}).get("stop_reason") or self._finish
        elif kind == "message_stop":
            self.finished = True
        return ""

    def _delta(self, index: int, delta: dict[str, Any]) -> str:
        if delta.get("type") == "input_json_delta" and index in self._calls:
            self._calls[index][1] += delta.get("partial_json") or ""
        added = delta.get("text") or ""
        self._text.append(added)
        return added

    def answer(self) -> Answer:
        """The whole answer so far."""
        calls = tuple(tool_call(name, arguments or "{}") for name, arguments in self._calls.values())
        usage = tokens(self._usage) if self._finish else Tokens()
        return Answer("".join(self._text), calls, FINISH.get(self._finish, self._finish or "cut"), usage, self._model)


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    function = tool.get("function", tool)
    return {
        "name": function["name"],
        "description": function.get("description", ""),
        "input_schema": function.get("parameters") or {"type": "object", "properties": {}},
    }
