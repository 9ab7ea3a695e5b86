"""One question to a source's API: asked again where that may help, and answered whole or refused in a sentence.

The key goes to the host of the source alone: no redirect is followed, certificates are verified, and the address is
checked for every connection. No header, body or query stands in a message.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx

from data import owner
from data.errors import Refused
from data.sources.addresses import CheckedTransport, checked_url, host_of

TRIES = 6
MOST_WAIT_S = 300.0
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
MOST_S = 300.0  # for one answer, however slowly it trickles in
MOST_BYTES = 64 * 2**20
Sleep = Callable[[float], Awaitable[None]]
Params = Sequence[tuple[str, str | int]]


Found = TypeVar("Found")
Said = Callable[[int, dict[str, Any]], int]
Once = Callable[[], Awaitable[tuple[int, httpx.Headers, Found | None]]]


class Client:
    """A connection to one source; `called` is how messages name it, `auth` signs what headers alone cannot."""

    def __init__(
        self,
        called: str,
        base_url: str,
        headers: Mapping[str, str],
        sleep: Sleep = asyncio.sleep,
        auth: Callable[[httpx.Request], httpx.Request] | None = None,
    ) -> None:
        allowed = owner.private_hosts()
        self._base, self._called, self._sleep = checked_url(base_url, allowed), called, sleep
        owner.require_host(host_of(self._base))
        self._http = httpx.AsyncClient(
            transport=CheckedTransport(allowed),
            headers=dict(headers),
            auth=auth,
            timeout=TIMEOUT,
            follow_redirects=False,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def ask(self, path: str, params: Params) -> tuple[dict[str, Any], bytes]:
        """The JSON object that answers, and its bytes; raises Refused in one sentence."""

        async def once() -> tuple[int, httpx.Headers, tuple[dict[str, Any], bytes] | None]:
            status, headers, body = await self._get(path, params)
            found = _object(body) if status == 200 else None
            return status, headers, None if found is None else (found, body)

        return await self._answer(once, "an answer that is not JSON")

    async def post(self, body: bytes, headers: Mapping[str, str], said: Said) -> tuple[dict[str, Any], bytes]:
        """The JSON object that answers a POST, and its bytes; `said` tells from a refusal's own words the status
        that it should have had. Raises Refused in one sentence."""

        async def once() -> tuple[int, httpx.Headers, tuple[dict[str, Any], bytes] | None]:
            status, told, answer = await self._read("POST", "/", content=body, headers=dict(headers))
            found = _object(answer)
            if status == 200:
                return status, told, None if found is None else (found, answer)
            return said(status, found or {}), told, None

        return await self._answer(once, "an answer that is not JSON")

    async def ask_for(self, path: str, read: Callable[[bytes], Found | None], wanted: str) -> Found:
        """What `read` makes of the answer, None where it is not `wanted`; raises Refused in one sentence."""

        async def once() -> tuple[int, httpx.Headers, Found | None]:
            status, headers, body = await self._get(path)
            return status, headers, read(body) if status == 200 else None

        return await self._answer(once, f"an answer that is not {wanted}")

    async def save(self, path: str, target: Path, size: int) -> None:
        """Write what answers to a file, which must have so many bytes; raises Refused in one sentence."""

        async def once() -> tuple[int, httpx.Headers, bool | None]:
            async with self._http.stream("GET", self._base + path, headers={"Accept-Encoding": "identity"}) as response:
                written = 0
                if response.status_code == 200:
                    with target.open("wb") as file:
                        async for part in response.aiter_raw():
                            written += file.write(part)
                            if written > size:
                                break
                return response.status_code, response.headers, True if written == size else None

        await self._answer(once, "a file of another size than it was listed with")

    async def _answer(self, once: Once[Found], odd: str) -> Found:
        """What `once` finds, tried again where that may help; `odd` is what an answer without a find is."""
        said, wait = "", 0.0
        for attempt in range(TRIES):
            if attempt:
                await self._sleep(wait)
            wait = min(60.0, 2.0**attempt) * random.uniform(0.5, 1)
            try:
                async with asyncio.timeout(MOST_S):
                    status, headers, found = await once()
            except (httpx.TransportError, TimeoutError) as error:
                said = f"no whole answer ({type(error).__name__})"
                continue
            if status == 200:
                if found is not None:
                    return found
                said = odd
                continue
            if status in (401, 403):
                raise self._refused(f"refused the key ({status}); it may be revoked, or it takes an admin's key")
            if status != 429 and status < 500:
                told = "wants to send us elsewhere" if 300 <= status < 400 else "does not take the question"
                raise self._refused(f"{told} (it answered {status})")
            said = f"it answered {status}"
            wait = min(MOST_WAIT_S, max(wait, _retry_after(headers)))
        raise self._refused(f"was asked {TRIES} times: {said}")

    async def _get(self, path: str, params: Params = ()) -> tuple[int, httpx.Headers, bytes]:
        return await self._read("GET", path, params=list(params) or None)

    async def _read(self, method: str, path: str, **asked: Any) -> tuple[int, httpx.Headers, bytes]:
        async with self._http.stream(method, self._base + path, **asked) as response:
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > MOST_BYTES:
                    raise self._refused(
                        f"answers with more than {MOST_BYTES // 2**20} MB at once; nothing of it is kept"
                    )
            return response.status_code, response.headers, bytes(body)

    def _refused(self, what: str) -> Refused:
        return Refused(f"{self._called} {what}.")


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else {"data": found} if isinstance(found, list) else None


def _retry_after(headers: httpx.Headers) -> float:
    """Seconds that the server asks for; a date is read by the server's own clock, since ours may differ."""
    text = headers.get("retry-after", "")
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(text)
        now = parsedate_to_datetime(headers["date"]) if "date" in headers else datetime.now(UTC)
        return max(0.0, (until - now).total_seconds())
    except (ValueError, TypeError):
        return 0.0
