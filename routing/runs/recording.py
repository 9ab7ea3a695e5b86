"""Recorded responses: the same inputs, seed and responses give the same decisions again.

A recording keeps what each endpoint answered, keyed by the call, its place in it and everything
that was asked. A replay answers from the recording and never opens a connection. What depends on
the clock (which endpoint was blocked at an instant) can differ in a replay of a troubled run.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from routing.calling.calls import Answer, Request, Tokens
from routing.calling.client import Client
from routing.calling.declarations import Offer
from routing.calling.failures import CallFailed
from routing.runs.journal import RunJournal


class Recorder:
    """Stands in a client's place, asks it, and keeps what it said."""

    def __init__(self, client: Client, journal: RunJournal) -> None:
        self._client, self._journal = client, journal
        self._asked: Counter[str] = Counter()

    async def ask(self, offer: Offer, request: Request) -> Answer:
        key = _key(self._client.provider.name, offer, request, self._asked)
        try:
            answer = await self._client.ask(offer, request)
        except CallFailed as failure:
            self._journal.record(key, {"failure": _failure_body(failure)})
            raise
        self._journal.record(key, {"answer": asdict(answer)})
        return answer

    async def close(self) -> None:
        await self._client.close()


class Replayer:
    """Stands in a client's place and answers from a recording."""

    def __init__(self, provider: str, recorded: dict[str, dict[str, Any]]) -> None:
        self._provider, self._recorded = provider, recorded
        self._asked: Counter[str] = Counter()

    async def ask(self, offer: Offer, request: Request) -> Answer:
        body = self._recorded.get(_key(self._provider, offer, request, self._asked))
        await asyncio.sleep(0)
        if body is None:
            raise CallFailed(
                "bad_request", "this call is not in the recording: the policy, the tasks or the seed differ"
            )
        if "failure" in body:
            raise _failure(body["failure"])
        return _answer(body["answer"])

    async def close(self) -> None:
        """Nothing is open."""


def _key(provider: str, offer: Offer, request: Request, asked: Counter[str]) -> str:
    """The call by content; the same call again is its second occurrence."""
    text = json.dumps([provider, offer.model, offer.upstream, asdict(request)], sort_keys=True, default=str)
    digest = sha256(text.encode()).hexdigest()[:32]
    asked[digest] += 1
    return f"{digest}-{asked[digest]}"


def _answer(body: dict[str, Any]) -> Answer:
    return Answer(**{**body, "tokens": Tokens(**body["tokens"]), "tool_calls": tuple(body["tool_calls"])})


def _failure_body(failure: CallFailed) -> dict[str, Any]:
    partial = None if failure.partial is None else asdict(failure.partial)
    return {
        "kind": failure.kind,
        "message": str(failure),
        "http_status": failure.http_status,
        "retry_after_s": failure.retry_after_s,
        "retry": failure.retry,
        "billable": failure.billable,
        "partial": partial,
    }


def _failure(body: dict[str, Any]) -> CallFailed:
    partial = None if body["partial"] is None else _answer(body["partial"])
    rest = {key: body[key] for key in ("http_status", "retry_after_s", "retry", "billable")}
    return CallFailed(body["kind"], body["message"], partial=partial, **rest)
