"""OTLP over HTTP: traces, logs and metrics of programs and agents, answered once they are on the disk.

Requests wait together for one fsync, so that many senders share it. Where more comes than the disk takes or the ledger
loads, senders are told to come again (503 and 429 with Retry-After, which OTLP exporters obey); nothing is dropped.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from threading import Lock
from typing import NamedTuple

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from data.sources.otlp_body import MOST_BYTES, PROTOBUF, SIGNALS, NotTaken, line_of
from data.sources.spool import Spool

WAITING = 4096  # requests that wait for the disk
AT_ONCE = 512  # of them in one fsync
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Entry(NamedTuple):
    """A request on its way to the disk."""

    signal: str
    line: bytes
    done: asyncio.Future[None]


class Receiver:
    """Takes requests and puts them into the spool; every `every_s` seconds `load` is called with what is closed.

    `token` is what senders must show, "" where everybody on this machine may send.
    """

    def __init__(self, spool: Spool, token: str, load: Callable[[], None], every_s: float) -> None:
        self.spool, self._token, self._load, self._every_s = spool, token, load, every_s
        self._loading = Lock()
        self._queue: asyncio.Queue[Entry] = asyncio.Queue(WAITING)
        self.app = Starlette(routes=[Route("/v1/{signal}", self._take, methods=["POST"])], lifespan=self._life)

    @asynccontextmanager
    async def _life(self, _: Starlette) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._load_again())]
        yield
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await asyncio.to_thread(self._close_and_load)

    async def _take(self, request: Request) -> Response:
        try:
            await self._keep(request)
        except NotTaken as refusal:
            headers = {"Retry-After": "2"} if refusal.status in (429, 503) else {}
            return JSONResponse({"message": str(refusal)}, refusal.status, headers)
        is_protobuf = PROTOBUF in request.headers.get("content-type", "")
        return Response(b"" if is_protobuf else b"{}", media_type=PROTOBUF if is_protobuf else "application/json")

    async def _keep(self, request: Request) -> None:
        """The request is on the disk when this returns; raises NotTaken."""
        signal = request.path_params["signal"]
        if not self._may_send(request):
            raise NotTaken(401, "the token is missing or wrong: send Authorization: Bearer TOKEN")
        if signal not in SIGNALS:
            raise NotTaken(404, f"there is no such signal; there are {', '.join(SIGNALS)}")
        if self.spool.is_full:
            raise NotTaken(429, "more was received than is loaded yet; send it again later")
        body = await _body_of(request)
        headers = request.headers
        asked = body, headers.get("content-type", ""), headers.get("content-encoding", "").strip().lower()
        line = await asyncio.to_thread(line_of, signal, *asked)
        entry = Entry(signal, line, asyncio.get_running_loop().create_future())
        try:
            self._queue.put_nowait(entry)
        except asyncio.QueueFull as error:
            raise NotTaken(503, "more comes than the disk takes; send it again") from error
        await entry.done

    def _may_send(self, request: Request) -> bool:
        if not self._token:  # a page in a browser of this machine may not send under a name of its own
            return request.url.hostname in LOOPBACK
        shown = request.headers.get("authorization", "").encode()
        return hmac.compare_digest(shown, f"Bearer {self._token}".encode())

    async def _write(self) -> None:
        """Whatever waits goes to the disk in one go, then all of it is answered."""
        while True:
            batch = [await self._queue.get()]
            while len(batch) < AT_ONCE and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            try:
                await asyncio.to_thread(self.spool.write, [(entry.signal, entry.line) for entry in batch])
            except OSError as error:
                refusal = NotTaken(503, f"the disk does not take it ({error.strerror}); send it again")
                for entry in batch:
                    if not entry.done.done():
                        entry.done.set_exception(refusal)
                continue
            for entry in batch:
                if not entry.done.done():
                    entry.done.set_result(None)

    async def _load_again(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            await asyncio.to_thread(self._close_and_load)

    def _close_and_load(self) -> None:
        with self._loading:  # at the end a round may still be at its files, which no other may load or remove meanwhile
            self.spool.close_files()
            self._load()


async def _body_of(request: Request) -> bytes:
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > MOST_BYTES:
                raise NotTaken(413, f"the body has more than {MOST_BYTES // 2**20} MB; send smaller batches")
    except ClientDisconnect as error:
        raise NotTaken(400, "the body was cut off") from error
    return bytes(body)
