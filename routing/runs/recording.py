"""Recorded responses: the same inputs, seed and responses give the same decisions again.

A recording keeps what each endpoint answered, keyed by the call, its place in it and everything
that was asked. A replay answers from the recording and never opens a connection. What depends on
the clock (which endpoint was blocked at an instant) can differ in a replay of a troubled run.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from data.state import State
from routing.calling.calls import Answer, Request, Tokens
from routing.calling.declarations import Offer
from routing.calling.endpoints import Caller, Fleet
from routing.calling.failures import CallFailed
from routing.runs.journal import RunJournal
from routing.runs.spec import RunSpec
from routing.runs.store import recordings


def put_on_tape(fleet: Fleet, journal: RunJournal, state: State, spec: RunSpec) -> None:
    """Put the recorder, or an earlier run's recording, between the router and the providers, where a run asks for
    one.
    """
    if not (spec.replay_of or spec.record):
        return
    recorded = recordings(state, spec.replay_of) if spec.replay_of else {}
    stand_ins: dict[int, Caller] = {}
    for endpoint in fleet.endpoints:
        client = endpoint.client
        if id(client) not in stand_ins:
            name = endpoint.provider.name
            stand_ins[id(client)] = Replayer(name, recorded) if spec.replay_of else Recorder(name, client, journal)
        endpoint.client = stand_ins[id(client)]


class Recorder:
    """Stands in a client's place, asks it, and keeps what it said."""

    def __init__(self, provider: str, client: Caller, journal: RunJournal) -> None:
        self._provider, self._client, self._journal = provider, client, journal
        self._asked: Counter[str] = Counter()

    async def ask(self, offer: Offer, request: Request, on_sent: Callable[[], None] = lambda: None) -> Answer:
        key = _key(self._provider, offer, request, self._asked)
        try:
            answer = await self._client.ask(offer, request, on_sent)
        except CallFailed as failure:
            self._journal.record(key, {"failure": _failure_body(failure)})
            raise
        self._journal.record(key, {"answer": asdict(answer)})
        return answer


class Replayer:
    """Stands in a client's place and answers from a recording."""

    def __init__(self, provider: str, recorded: dict[str, dict[str, Any]]) -> None:
        self._provider, self._recorded = provider, recorded
        self._asked: Counter[str] = Counter()

    async def ask(self, offer: Offer, request: Request, on_sent: Callable[[], None] = lambda: None) -> Answer:
        """The recorded answer; nothing is sent, so `on_sent` is never told."""
        body = self._recorded.get(_key(self._provider, offer, request, self._asked))
        await asyncio.sleep(0)
        if body is None:
            raise CallFailed(
                "bad_request", "this call is not in the recording: the policy, the tasks or the seed differ"
            )
        if "failure" in body:
            raise _failure(body["failure"])
        return _answer(body["answer"])


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
