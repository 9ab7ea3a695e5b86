"""A provider on loopback that pages, throttles, breaks off, repeats itself and changes its figures, as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

KEY = "sk-admin-canary-0123456789"
FIRST = datetime(2026, 11, 1, tzinfo=UTC)


class Script:
    """What the provider knows and does: `amounts` by day of November; `steps` are done in order, one a request
    (None, ("status", code, headers), "cut", "repeat", "garbage", "shapeless", "yesterday", "endless"), then `always`.
    `asked` holds every question."""

    def __init__(self) -> None:
        self.amounts: dict[int, dict[str, float]] = {day: {"gpt-5.2, input": 10.0 + day} for day in range(1, 21)}
        self.project_of: dict[str, str] = {}  # by line; proj_1 where it is not said
        self.people: dict[int, dict[str, float]] = {}  # by day of November, who spent how many cents
        self.calls: list[dict[str, Any]] = []
        self.steps: list[Any] = []
        self.asked: list[tuple[str, dict[str, list[str]], str]] = []
        self.always: Any = None
        self.page_size = 3
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, path: str, query: dict[str, list[str]], step: Any) -> dict[str, Any]:
        if step == "shapeless":
            return {"object": "page", "data": [{"hello": 1}], "has_more": False}
        if path.endswith("/costs"):
            return self._costs(query, step)
        if path.endswith("/claude_code"):
            return self._people(query, step)
        if "/usage/" in path:
            return self._usage(path, query)
        return self._rows(path, query, step)

    def _buckets(self, query: dict[str, list[str]], step: Any) -> tuple[list[datetime], dict[str, Any]]:
        start, end = (datetime.fromtimestamp(int(query[name][0]), UTC) for name in ("start_time", "end_time"))
        if step == "yesterday":
            start, end = start - timedelta(days=40), end - timedelta(days=40)
        at = datetime.fromtimestamp(int(query["page"][0]), UTC) if "page" in query else start
        days = [at + timedelta(days=n) for n in range(self.page_size) if at + timedelta(days=n) < end]
        then = at + timedelta(days=self.page_size)
        follows = at if step == "repeat" else then
        more = then < end or step in ("repeat", "endless")
        return days, {"object": "page", "has_more": more, "next_page": str(int(follows.timestamp())) if more else None}

    def hears(self, path: str, query: dict[str, list[str]], headers: Message) -> bool:
        said = headers.get("Authorization") or f"Bearer {headers.get('x-api-key')}"
        self.asked.append((path, query, said))
        return said == f"Bearer {KEY}"

    def _costs(self, query: dict[str, list[str]], step: Any) -> dict[str, Any]:
        days, page = self._buckets(query, step)
        data = []
        for day in days:
            known = self.amounts.get(day.day, {}) if day.month == 11 else {}
            results = [
                {
                    "object": "organization.costs.result",
                    "amount": {"value": usd, "currency": "usd"},
                    "line_item": item,
                    "project_id": self.project_of.get(item, "proj_1"),
                    "organization_id": "org_1",
                }
                for item, usd in known.items()
            ]
            start = int(day.timestamp())
            data.append({"object": "bucket", "start_time": start, "end_time": start + 86_400, "results": results})
        return {**page, "data": data}

    def _usage(self, path: str, query: dict[str, list[str]]) -> dict[str, Any]:
        work = path.rsplit("/", 1)[1]
        days, page = self._buckets(query, None)
        tokens = {"completions": 1000, "embeddings": 70}.get(work)
        data = []
        for day in days:
            start = int(day.timestamp())
            result = {
                "object": f"organization.usage.{work}.result",
                "input_tokens": tokens,
                "num_model_requests": 1,
                "model": f"model-{work}",
                "project_id": "proj_1",
            }
            results = [result] if tokens else []
            data.append({"object": "bucket", "start_time": start, "end_time": start + 86_400, "results": results})
        return {**page, "data": data}

    def _people(self, query: dict[str, list[str]], step: Any) -> dict[str, Any]:
        """Claude Code's users of one day, two a page."""
        day = datetime.fromisoformat(query["starting_at"][0])
        told = day - timedelta(days=40) if step == "yesterday" else day
        at = int(query.get("page", ["0"])[0])
        everyone = sorted(self.people.get(day.day, {}).items()) if day.month == 11 else []
        data = [
            {
                "date": f"{told:%Y-%m-%d}T00:00:00Z",
                "actor": {"type": "user_actor", "email_address": who},
                "organization_id": "org_1",
                "customer_type": "api",
                "terminal_type": "cli",
                "model_breakdown": [
                    {
                        "model": "claude-opus-4-6",
                        "tokens": {"input": 1000, "output": 100, "cache_read": 0, "cache_creation": 0},
                        "estimated_cost": {"currency": "USD", "amount": cents},
                    }
                ],
            }
            for who, cents in everyone[at : at + 2]
        ]
        more = at + 2 < len(everyone) or step == "repeat"
        follows = at if step == "repeat" else at + 2
        return {"data": data, "has_more": more, "next_page": str(follows) if more else None}

    def _rows(self, path: str, query: dict[str, list[str]], step: Any) -> dict[str, Any]:
        """LiteLLM's calls: both ends of the window are included, numbered pages."""
        start, end = (datetime.fromisoformat(query[name][0]) for name in ("start_date", "end_date"))
        inside = [one for one in self.calls if start <= datetime.fromisoformat(one["startTime"]) <= end]
        number = 1 if step == "endless" else int(query.get("page", ["1"])[0])
        held = inside[(number - 1) * self.page_size : number * self.page_size]
        total = 99 if step == "endless" else -(-len(inside) // self.page_size)
        return {"data": held, "total": len(inside), "page": number, "total_pages": total}


class Answerer(BaseHTTPRequestHandler):
    """Answers with a status, a body and headers, or hangs up in the middle of the body; quiet on the terminal."""

    def say(self, status: int, body: bytes, headers: dict[str, str], cut: bool = False) -> None:
        self.send_response_only(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = cut

    def log_message(self, *_: object) -> None:
        pass


class Scripted(Protocol):
    """A provider that a test plays: what it does one a request, then always; who it knows; what it has."""

    steps: list[Any]
    always: Any

    def hears(self, path: str, query: dict[str, list[str]], headers: Message) -> bool:
        """Keep what was asked; whether the key is one of its own."""

    def answer(self, path: str, query: dict[str, list[str]], step: Any) -> dict[str, Any]:
        """What it has."""


def handler_of(script: Scripted) -> type[Answerer]:
    """Answers as the script says: a status, garbage, a body or half of one; without its key nothing."""

    class Handler(Answerer):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = parse_qs(parts.query)
            known = script.hears(parts.path, query, self.headers)
            step = script.steps.pop(0) if script.steps else script.always
            if isinstance(step, tuple):
                return self.say(step[1], b"no", step[2])
            if not known:
                return self.say(401, b"", {})
            if step == "garbage":
                return self.say(200, b"<html>\xff", {})
            body = json.dumps(script.answer(parts.path, query, step)).encode()
            return self.say(200, body, {}, cut=step == "cut")

    return Handler


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """A server on loopback until the block ends; yields its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def provider() -> Iterator[Script]:
    """The provider, listening until the block ends."""
    script = Script()
    with serving(handler_of(script)) as script.port:
        yield script
