"""What the live-routing tests share: a fleet on the scripted server, a journal in memory, a run of coroutines."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Coroutine
from decimal import Decimal
from typing import Any

from routing.calling.attempts import Attempt, CallBudget, Context, Reply
from routing.calling.calls import Request
from routing.calling.declarations import checked_provider
from routing.calling.endpoints import Fleet
from routing.calling.router import Router
from routing.calling.spend_cap import SpendCap
from routing.policies.choice import candidates
from routing.policies.policy import Policy


class MemoryJournal:
    """Keeps every attempt and note."""

    def __init__(self) -> None:
        self.attempts: dict[str, Attempt] = {}
        self.notes: list[tuple[str, dict[str, Any]]] = []
        self._numbers: Counter[str] = Counter()

    def next_number(self, call_id: str) -> int:
        self._numbers[call_id] += 1
        return self._numbers[call_id]

    def earlier_usd(self, call_id: str) -> Decimal:
        return Decimal(0)

    async def begin(self, attempt: Attempt) -> None:
        assert attempt.attempt_id not in self.attempts
        self.attempts[attempt.attempt_id] = attempt

    def end(self, attempt: Attempt) -> None:
        assert attempt.attempt_id in self.attempts

    def note(self, event: str, detail: dict[str, Any]) -> None:
        self.notes.append((event, detail))


def provider(url: str, *models: str, **more: Any) -> Any:
    """A declared provider on loopback with a price of $1 and $2 a million tokens."""
    offers = [{"model": m, "input_usd_per_mtok": 1, "output_usd_per_mtok": 2} for m in models]
    return checked_provider({"name": "scripted", "base_url": url, "models": offers, "timeout_s": 2.0, **more})


def policy(**body: Any) -> Policy:
    return Policy.model_validate({"name": "test", **body})


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


async def one_call(
    declared: Any,
    chain: list[str],
    *,
    rules: Policy | None = None,
    attributes: dict[str, Any] | None = None,
    cap: str | None = "10",
    attempts: int = 3,
    seconds: float = 8.0,
    journal: MemoryJournal | None = None,
    fleet: Fleet | None = None,
    environ: dict[str, str] | None = None,
) -> tuple[Reply, MemoryJournal, Router]:
    """One routed call over a chain of model names."""
    rules = rules or policy(fallback=chain)
    attributes = attributes or {}
    own = fleet is None
    fleet = fleet or Fleet(
        declared if isinstance(declared, list) else [declared], {}, clock=time.monotonic, environ=environ or {}
    )
    journal = journal or MemoryJournal()
    router = Router(fleet, SpendCap(None if cap is None else Decimal(cap)), journal)
    facts = {e.offer.model: e.facts for e in fleet.endpoints}
    choice = candidates(rules, attributes, facts)
    context = Context(rules, attributes, "call", CallBudget(attempts, time.monotonic() + seconds), random.Random(0))
    reply = await router.call(
        [*choice.candidates, *choice.fallback],
        Request(({"role": "user", "content": "6 x 7?"},), max_tokens=32),
        context,
    )
    if own:
        await fleet.close()
    return reply, journal, router
