"""A loopback server on real sockets that misbehaves on request.

What it does is chosen by a script: a function (request number, request body) -> the name of a
behaviour below, or by default by the model name in the request. It speaks HTTP/1.1 by hand, since
no proper server can be told to break off, lie about its length or never end.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

Script = Callable[[int, dict[str, Any]], str]


class ScriptedServer:
    """`with ScriptedServer(script) as server:` serves http://127.0.0.1:{server.port}; `seen` lists what was asked."""

    def __init__(self, script: Script | None = None, answer: Callable[[dict[str, Any]], str] | None = None) -> None:
        self._script = script or (lambda number, body: str(body.get("model")))
        self._answer = answer or (lambda body: "42")
        self.seen: list[dict[str, Any]] = []
        self.arrived: list[float] = []
        self.in_flight = self.most_in_flight = 0

    def __enter__(self) -> ScriptedServer:
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(ready,), daemon=True)
        self._thread.start()
        ready.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def _serve(self, ready: threading.Event) -> None:
        async def main() -> None:
            self._stop = asyncio.Event()
            self._tasks: set[asyncio.Task] = set()
            server = await asyncio.start_server(self._connection, "127.0.0.1", 0, backlog=1024)
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
            await self._stop.wait()
            server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(main())
        self._loop.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task, "a connection is a task of the loop"
        self._tasks.add(task)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                headers = dict(line.split(": ", 1) for line in head.decode().lower().split("\r\n")[1:] if ": " in line)
                body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))) or b"{}")
                body["_headers"], body["_path"] = headers, head.decode().split(" ")[1]
                if not await self._respond(writer, body):
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _respond(self, writer: asyncio.StreamWriter, body: dict[str, Any]) -> bool:
        """Do what the script says; True when the connection may be used again."""
        self.seen.append(body)
        self.arrived.append(time.monotonic())
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            name = self._script(len(self.seen), body)
            return await BEHAVIOURS.get(name, _ok)(writer, body, self._answer(body))
        finally:
            self.in_flight -= 1


def usage(body: dict[str, Any], text: str) -> dict[str, Any]:
    """What an honest server reports."""
    words = len(json.dumps(body.get("messages", ""))) // 4
    return {
        "prompt_tokens": words,
        "completion_tokens": min(max(1, len(text) // 4), body.get("max_tokens", 512)),
        "total_tokens": words + 1,
    }


def completion(body: dict[str, Any], text: str, **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {
        "id": "x",
        "object": "chat.completion",
        "model": body.get("model"),
        "choices": [choice],
        "usage": usage(body, text),
    } | more


async def send(
    writer: asyncio.StreamWriter, status: str, payload: bytes, kind: str = "application/json", **headers: str
) -> bool:
    lines = [f"HTTP/1.1 {status}", f"content-type: {kind}", f"content-length: {len(payload)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + payload)
    await writer.drain()
    return True


async def _ok(writer: Any, body: dict[str, Any], text: str) -> bool:
    if body.get("stream"):
        return await _stream(writer, body, text)
    return await send(writer, "200 OK", json.dumps(completion(body, text)).encode())


def chunk(text: str | None = None, finish: str | None = None, **more: Any) -> bytes:
    choices = (
        []
        if text is None and finish is None
        else [{"index": 0, "delta": {"content": text or ""}, "finish_reason": finish}]
    )
    return b"data: " + json.dumps({"object": "chat.completion.chunk", "choices": choices} | more).encode() + b"\n\n"


async def _head(writer: Any) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
    await writer.drain()


async def _stream(writer: Any, body: dict[str, Any], text: str, usage_on_content: bool = False) -> bool:
    await _head(writer)
    for part in (text[: len(text) // 2], text[len(text) // 2 :]):
        writer.write(chunk(part))
        await writer.drain()
        await asyncio.sleep(0.002)
    more: dict[str, Any] = {"usage": usage(body, text)}
    writer.write(chunk("", "stop", **more) if usage_on_content else chunk(None, "stop") + chunk(**more))
    writer.write(b"data: [DONE]\n\n")
    await writer.drain()
    return False


async def _cut_in_stream(writer: Any, body: dict[str, Any], text: str) -> bool:
    await _head(writer)
    writer.write(chunk("The first half"))
    await writer.drain()
    await asyncio.sleep(0.005)
    writer.transport.abort()
    return False


async def _cut_before_content(writer: Any, body: dict[str, Any], text: str) -> bool:
    await _head(writer)
    writer.transport.abort()
    return False


async def _cut_in_body(writer: Any, body: dict[str, Any], text: str) -> bool:
    payload = json.dumps(completion(body, text)).encode()
    writer.write(
        f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(payload)}\r\n\r\n".encode()
        + payload[: len(payload) // 2]
    )
    await writer.drain()
    return False


async def _endless(writer: Any, body: dict[str, Any], text: str) -> bool:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n")
    while True:
        writer.write(b" " * 262_144)
        await writer.drain()


async def _endless_line(writer: Any, body: dict[str, Any], text: str) -> bool:
    await _head(writer)
    while True:
        writer.write(b"x" * 262_144)
        await writer.drain()


def _status(status: str, body: dict[str, Any] | None = None, **headers: str) -> Any:
    async def behave(writer: Any, request: dict[str, Any], text: str) -> bool:
        return await send(writer, status, json.dumps(body or {"error": {"message": status}}).encode(), **headers)

    return behave


def _slow(seconds: float) -> Any:
    async def behave(writer: Any, body: dict[str, Any], text: str) -> bool:
        await asyncio.sleep(seconds)
        return await _ok(writer, body, text)

    return behave


def _with(**more: Any) -> Any:
    async def behave(writer: Any, body: dict[str, Any], text: str) -> bool:
        return await send(writer, "200 OK", json.dumps(completion(body, text, **more)).encode())

    return behave


async def _late_date(writer: Any, body: dict[str, Any], text: str) -> bool:
    return await send(writer, "429 Too Many Requests", b"{}", retry_after=formatdate(time.time() + 1.2, usegmt=True))


async def _echo_key(writer: Any, body: dict[str, Any], text: str) -> bool:
    key = body["_headers"].get("authorization", "") + body["_headers"].get("x-api-key", "")
    return await send(
        writer, "401 Unauthorized", json.dumps({"error": {"message": f"Incorrect API key provided: {key}"}}).encode()
    )


async def _echo_key_in_answer(writer: Any, body: dict[str, Any], text: str) -> bool:
    key = body["_headers"].get("authorization", "")
    payload = completion(body, f"your key is {key}", model=key)
    payload["choices"][0]["message"]["tool_calls"] = [
        {"function": {"name": "leak", "arguments": json.dumps({"key": key})}}
    ]
    return await send(writer, "200 OK", json.dumps(payload).encode())


async def _wrong_type(writer: Any, body: dict[str, Any], text: str) -> bool:
    return await send(writer, "200 OK", b"<html>Welcome to the proxy</html>", kind="text/html")


async def _hang_up(writer: Any, body: dict[str, Any], text: str) -> bool:
    writer.transport.abort()
    return False


async def _usage_on_content(writer: Any, body: dict[str, Any], text: str) -> bool:
    return await _stream(writer, body, text, usage_on_content=True)


async def _cache_writes(writer: Any, body: dict[str, Any], text: str) -> bool:
    """An Anthropic message that bills the whole prompt as a cache write for an hour."""
    written = usage(body, text)["prompt_tokens"]
    counts = {
        "input_tokens": 0,
        "cache_creation_input_tokens": written,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": written},
        "output_tokens": 1,
    }
    message = {"type": "message", "model": body.get("model"), "content": [{"type": "text", "text": text}]}
    return await send(writer, "200 OK", json.dumps(message | {"stop_reason": "end_turn", "usage": counts}).encode())


TOO_LONG = {
    "error": {"message": "This model's maximum context length is 8192 tokens", "code": "context_length_exceeded"}
}
FILTERED = {"error": {"message": "blocked", "code": "content_filter"}}
GARBLED = {"prompt_tokens": "many", "completion_tokens": -7, "prompt_tokens_details": [1]}
BEHAVIOURS = {
    "ok": _ok,
    "cache-writes": _cache_writes,
    "429-seconds": _status("429 Too Many Requests", retry_after="1"),
    "429-float": _status("429 Too Many Requests", retry_after="0.05"),
    "429-ms": _status("429 Too Many Requests", retry_after_ms="40"),
    "429-date": _late_date,
    "429-past": _status("429 Too Many Requests", retry_after="Wed, 21 Oct 2015 07:28:00 GMT"),
    "429-long": _status("429 Too Many Requests", retry_after="3600"),
    "429-nonsense": _status("429 Too Many Requests", retry_after="soon"),
    "429-bare": _status("429 Too Many Requests"),
    "500": _status("500 Internal Server Error"),
    "503": _status("503 Service Unavailable"),
    "408": _status("408 Request Timeout"),
    "500-never": _status("500 Internal Server Error", x_should_retry="false"),
    "slow": _slow(0.3),
    "hang": _slow(3600),
    "hang-up": _hang_up,
    "cut-in-stream": _cut_in_stream,
    "cut-before-content": _cut_before_content,
    "cut-in-body": _cut_in_body,
    "endless": _endless,
    "endless-line": _endless_line,
    "garbled-usage": _with(usage=GARBLED),
    "absurd-usage": _with(usage={"prompt_tokens": 10**8, "completion_tokens": 10**8}),
    "no-usage": _with(usage=None),
    "not-a-completion": _with(choices="none"),
    "usage-on-content": _usage_on_content,
    "wrong-type": _wrong_type,
    "redirect": _status("302 Found", location="http://169.254.169.254/latest/meta-data"),
    "401": _status("401 Unauthorized"),
    "404": _status("404 Not Found", {"error": {"message": "The model does not exist"}}),
    "too-long": _status("400 Bad Request", TOO_LONG),
    "filtered": _status("400 Bad Request", FILTERED),
    "bad-request": _status("400 Bad Request", {"error": {"message": "messages: field required"}}),
    "no-money": _status("400 Bad Request", {"error": {"message": "Your credit balance is too low"}}),
    "echo-key": _echo_key,
    "echo-key-in-answer": _echo_key_in_answer,
}
