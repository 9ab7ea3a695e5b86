"""HTTP leaves the program here and nowhere else: one POST to one provider, answered or classified.

Nothing is retried here; that is the router's business. Redirects are never followed (they would
carry the key elsewhere), bodies are bounded, the whole call has a deadline, and every text that
comes back is freed of the key before anyone sees it.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Any

import httpx

from data import owner
from data.errors import BadInput, Refused
from data.sources.addresses import CheckedTransport, checked_url, host_of
from routing.calling.calls import Answer, Request
from routing.calling.declarations import Offer, Provider
from routing.calling.failures import CallFailed, from_response
from routing.calling.keys import key_for, mask_key
from routing.calling.protocols import Garbled, protocol

LARGEST_BODY = 8 * 1024 * 1024
CONNECT_S = 5.0


class Client:
    """One provider's connections. The key is read from the environment once, when the client is made."""

    def __init__(self, provider: Provider, environ: Mapping[str, str] | None = None) -> None:
        self.provider = provider
        self._key = key_for(provider.name, provider.key_env, environ)
        self._protocol = protocol(provider.protocol)
        self._http = httpx.AsyncClient(
            transport=CheckedTransport(provider.allow_private),
            timeout=httpx.Timeout(provider.timeout_s, connect=min(CONNECT_S, provider.timeout_s)),
            follow_redirects=False,
            trust_env=False,
        )

    async def ask(self, offer: Offer, request: Request, on_sent: Callable[[], None] = lambda: None) -> Answer:
        """The answer of one attempt; CallFailed says what went wrong and whether it may have cost money.

        `on_sent` is told when the request begins to leave: what fails before that never reached the endpoint.
        """
        started = time.perf_counter()
        wire = self._protocol.wire(offer, request, self._key, self.provider.stream)
        url = f"{self.provider.base_url.rstrip('/')}/{wire.path}"
        progress = _Progress()

        async def trace(event: str, _: Any) -> None:
            if event.endswith("send_request_headers.started"):
                progress.sent = True
                on_sent()

        try:
            owner.require_host(host_of(url))
            async with asyncio.timeout(self.provider.timeout_s):
                async with self._http.stream(
                    "POST", url, json=wire.body, headers=wire.headers, extensions={"trace": trace}
                ) as response:
                    answer = await self._read(response, started, progress)
        except CallFailed:
            raise
        except Refused as error:
            raise CallFailed("address", str(error)) from error
        except Exception as error:
            raise self._failure(error, progress, started) from None
        answer = self._clean(answer, started, progress)
        if answer.finish == "content_filter":
            raise CallFailed(
                "content_filter", "the provider's content filter stopped the answer", http_status=200, partial=answer
            )
        return answer

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _read(self, response: httpx.Response, started: float, progress: _Progress) -> Answer:
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if response.status_code != 200:
            text = mask_key((await _body(response)).decode(errors="replace"), self._key)
            raise from_response(response.status_code, response.headers, text, time.time())
        if kind == "text/event-stream":
            return await self._events(response, started, progress)
        body = await _body(response)
        if not (kind == "application/json" or kind.endswith("+json")):
            raise CallFailed(
                "protocol",
                f"the endpoint answered with {kind or 'no content type'} instead of JSON",
                http_status=200,
                billable=True,
            )
        return _parsed(self._protocol.answer, json.loads(body))

    async def _events(self, response: httpx.Response, started: float, progress: _Progress) -> Answer:
        stream = self._protocol.Stream()
        progress.stream = stream
        async for event, data in _server_sent(response):
            if _parsed(stream.feed, event, data) and progress.first_ms is None:
                progress.first_ms = _since(started)
        if not stream.finished and stream.answer().finish == "cut":
            raise httpx.RemoteProtocolError("the stream ended without its last event")
        return stream.answer()

    def _clean(self, answer: Answer, started: float, progress: _Progress) -> Answer:
        """The answer with its times, and without the key should a server have echoed it."""
        calls = answer.tool_calls
        if self._key and calls:
            calls = tuple(json.loads(mask_key(json.dumps(calls), self._key)))
        return replace(
            answer,
            text=mask_key(answer.text, self._key),
            tool_calls=calls,
            model=mask_key(answer.model, self._key),
            latency_ms=_since(started),
            ttft_ms=progress.first_ms,
        )

    def _failure(self, error: Exception, progress: _Progress, started: float) -> CallFailed:
        """A transport or protocol error as a classified failure; after the first content it is partial and final."""
        kind, billable = _kind(error, progress.sent)
        words = mask_key(str(error) or type(error).__name__, self._key)
        if progress.first_ms is not None:
            partial = self._clean(progress.stream.answer(), started, progress)
            return CallFailed(
                "partial",
                f"the answer broke off after it had begun ({words})",
                http_status=200,
                billable=True,
                partial=partial,
            )
        return CallFailed(kind, f"{_MEANING[kind]} ({words})", billable=billable)


class _Progress:
    """How far a call came: needed to say what a failure means."""

    def __init__(self) -> None:
        self.sent = False
        self.first_ms: float | None = None
        self.stream: Any = None


_MEANING = {
    "connect": "no connection to the endpoint",
    "tls": "the endpoint's certificate or TLS is not acceptable",
    "timeout": "no answer within the time limit",
    "cut": "the connection broke off",
    "protocol": "the response is not of this protocol",
}


def _kind(error: Exception, sent: bool) -> tuple[str, bool]:
    """(class, whether the provider may bill for it)."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return "tls", False
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.UnsupportedProtocol):
        return "connect", False
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return ("timeout", True) if sent else ("connect", False)
    if isinstance(error, httpx.TransportError):
        return "cut", True
    if isinstance(error, Garbled | ValueError | RecursionError | httpx.DecodingError | _TooLarge):
        return "protocol", True
    raise error


class _TooLarge(Exception):
    """More bytes than any answer has."""


async def _body(response: httpx.Response) -> bytes:
    parts, size = [], 0
    async for part in response.aiter_bytes():
        parts.append(part)
        size += len(part)
        if size > LARGEST_BODY:
            raise _TooLarge(f"more than {LARGEST_BODY // 1024 // 1024} MB and no end")
    return b"".join(parts)


async def _server_sent(response: httpx.Response) -> AsyncIterator[tuple[str, str]]:
    """(event name, data) of each server-sent event. Sizes are bounded, also for a line that never ends."""
    event, size, rest = "", 0, ""
    data: list[str] = []
    async for text in response.aiter_text():
        size += len(text)
        if size > LARGEST_BODY:
            raise _TooLarge(f"more than {LARGEST_BODY // 1024 // 1024} MB and no end")
        *lines, rest = (rest + text).split("\n")
        for line in lines:
            line = line.removesuffix("\r")
            if not line:
                if data:
                    yield event, "\n".join(data)
                event, data = "", []
            elif line.startswith("data:"):
                data.append(line[5:].removeprefix(" "))
            elif line.startswith("event:"):
                event = line[6:].strip()
    if data:
        yield event, "\n".join(data)


def _parsed(read: Callable[..., Any], *arguments: Any) -> Any:
    """What the protocol makes of it; JSON of an unexpected shape is Garbled, not a defect of ours."""
    try:
        return read(*arguments)
    except (AttributeError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise Garbled("JSON of an unexpected shape") from error


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000.0


async def probe(provider: Provider, environ: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """One tiny call per model: {provider, model, ok, detail, latency_ms, returned_model}."""
    try:
        client = Client(provider, environ)
    except BadInput as error:
        return [
            {
                "provider": provider.name,
                "model": o.model,
                "ok": False,
                "detail": str(error),
                "latency_ms": None,
                "returned_model": None,
            }
            for o in provider.models
        ]
    request = Request(({"role": "user", "content": "Answer with the word ready."},), max_tokens=16)
    results = []
    for offer in provider.models:
        row: dict[str, Any] = {
            "provider": provider.name,
            "model": offer.model,
            "ok": False,
            "latency_ms": None,
            "returned_model": None,
        }
        try:
            answer = await client.ask(offer, request)
            row |= {
                "ok": True,
                "detail": "answered",
                "latency_ms": round(answer.latency_ms, 1),
                "returned_model": answer.model or None,
            }
        except CallFailed as failure:
            row["detail"] = f"{failure.kind}: {failure}"
        results.append(row)
    await client.close()
    return results


def post_json(url: str, payload: Mapping[str, Any], timeout_s: float = 10.0) -> int:
    """The HTTP status of posting a payload to a webhook. CallFailed never repeats the address: it is a secret."""
    checked_url(url.partition("?")[0])

    async def send() -> int:
        async with httpx.AsyncClient(
            transport=CheckedTransport(), timeout=timeout_s, follow_redirects=False, trust_env=False
        ) as client:
            return (await client.post(url, json=dict(payload))).status_code

    try:
        return asyncio.run(send())
    except Refused as error:
        raise CallFailed("address", "the webhook's host leads to a private address") from error
    except (httpx.HTTPError, OSError) as error:
        raise CallFailed("connect", f"the webhook cannot be reached ({type(error).__name__})") from None
