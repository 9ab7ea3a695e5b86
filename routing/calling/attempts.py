"""What one task's calls are made of: the budget they share, the attempts they leave behind, and the
state of one call on its way along the chain of candidates.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol

from routing.calling.calls import Answer, Tokens
from routing.calling.endpoints import Endpoint
from routing.calling.failures import CallFailed
from routing.calling.spend_cap import SpendCap
from routing.policies.choice import refusal
from routing.policies.policy import Policy

TRIES_BEFORE_MOVING_ON = 2
# The policy's choice is worth waiting for this long; beyond it the next candidate answers.
PATIENCE_S = 2.0


@dataclass
class Attempt:
    """One call to one endpoint: what the ledger gets a row for. Money is USD; None is unknown."""

    attempt_id: str
    call_id: str
    number: int
    purpose: str
    provider: str
    hosting: str
    model: str
    upstream: str
    started_at: str
    reserved_usd: Decimal
    status: str = "running"
    failure: str | None = None
    message: str | None = None
    http_status: int | None = None
    tokens: Tokens = field(default_factory=Tokens)
    cost_usd: Decimal | None = None
    latency_ms: float | None = None
    ttft_ms: float | None = None
    model_returned: str = ""
    # When in its task it was asked: its place after other calls, then which of those at the same time it was ("1.0.2").
    lane: str = ""
    # Whether the request began to leave; False also where nobody saw the attempt's end.
    sent: bool = False

    def leaves(self) -> None:
        """The request begins to leave: from here on it may cost money."""
        self.sent = True

    def fails(self, status: str, failure: str, message: str) -> None:
        """It ends without an answer."""
        self.status, self.failure, self.message = status, failure, message


class Journal(Protocol):
    """Where attempts and decisions are written down before and after they happen."""

    def next_number(self, call_id: str) -> int: ...
    def earlier_usd(self, call_id: str) -> Decimal: ...
    async def begin(self, attempt: Attempt) -> None: ...
    def end(self, attempt: Attempt) -> None: ...
    def note(self, event: str, detail: dict[str, Any]) -> None: ...


@dataclass
class CallBudget:
    """What one task may use up in all its calls together: attempts, the instant it must end, and dollars."""

    attempts: int
    deadline: float
    cap: SpendCap = field(default_factory=lambda: SpendCap(None))
    used: int = 0


@dataclass(frozen=True)
class Context:
    """On whose behalf a call is made: the policy and attributes its constraints see, and its budget.

    `kept` collects the attempts as they begin, so that they are not lost when the call is cancelled.
    """

    policy: Policy
    attributes: Mapping[str, Any]
    call_id: str
    budget: CallBudget
    rng: random.Random
    purpose: str = "answer"
    kept: list[Attempt] | None = None
    lane: str = ""


@dataclass(frozen=True)
class Reply:
    """An answer, or why there is none. `refused` is a rule's word (cap, constraint), `failure` the endpoints'."""

    answer: Answer | None
    endpoint: Endpoint | None
    attempts: tuple[Attempt, ...]
    failure: CallFailed | None = None
    refused: str | None = None
    propensity: float = 1.0


class ChainOfCandidates:
    """The state of one call on its way along the chain."""

    def __init__(self, pairs: Sequence[tuple[Endpoint, float]], context: Context) -> None:
        self.context = context
        self.tries: dict[str, int] = {}
        self.attempts: list[Attempt] = []
        self.failure: CallFailed | None = None
        self._refusals: list[str] = []
        self._chance = {endpoint.name: chance for endpoint, chance in pairs}
        self.open = [endpoint for endpoint in dict.fromkeys(e for e, _ in pairs) if self._permitted(endpoint)]
        self._ended = False

    def _permitted(self, endpoint: Endpoint) -> bool:
        """The last gate: constraints for this endpoint's own facts, whatever led here."""
        target = f"{endpoint.offer.model}@{endpoint.provider.hosting}"
        reason = refusal(self.context.policy, target, self.context.attributes, {target: endpoint.facts})
        if reason:
            self._refusals.append(f"{endpoint.name}: {reason}")
        return reason is None

    def why_not(self) -> str:
        return f" ({'; '.join(self._refusals)})" if self._refusals else " (no provider declares it)"

    def next(self) -> tuple[Endpoint | None, float]:
        """The endpoint to ask and the seconds to wait first; None when none is left."""
        if self._ended or not self.open:
            return None, 0.0
        fresh = [e for e in self.open if self.tries.get(e.name, 0) < TRIES_BEFORE_MOVING_ON] or self.open
        soon = next((e for e in fresh if e.blocked_s() <= PATIENCE_S), None)
        if soon is not None:
            return soon, soon.blocked_s()
        first = min(self.open, key=lambda e: e.blocked_s())
        return first, first.blocked_s()

    def note_failure(self, endpoint: Endpoint, failure: CallFailed) -> bool:
        """Note a failure; True when the same endpoint is the next to be asked."""
        self.failure = failure
        tries = self.tries[endpoint.name] = self.tries.get(endpoint.name, 0) + 1
        where = failure.treatment.next
        if where == "none":
            self._ended = True
        elif where == "larger_context":
            self.open = [e for e in self.open if _larger(e, endpoint)]
        elif where == "other_vendor":
            self.open = [
                e
                for e in self.open
                if e.offer.model != endpoint.offer.model
                and (e.facts.vendor is None or e.facts.vendor != endpoint.facts.vendor)
            ]
        elif not failure.retry:
            self.open = [e for e in self.open if e is not endpoint]
        return failure.retry and endpoint in self.open and (tries < TRIES_BEFORE_MOVING_ON or len(self.open) == 1)

    def begin(self, endpoint: Endpoint, reserved_usd: Decimal, number: int) -> Attempt:
        """The record of an attempt that starts now; `number` is the call's next, also after a restart."""
        self.context.budget.used += 1
        attempt = Attempt(
            attempt_id=f"{self.context.call_id}/{number}",
            call_id=self.context.call_id,
            number=number,
            purpose=self.context.purpose,
            provider=endpoint.provider.name,
            hosting=endpoint.provider.hosting,
            model=endpoint.offer.model,
            upstream=endpoint.offer.upstream,
            reserved_usd=reserved_usd,
            started_at=datetime.now(UTC).isoformat(timespec="microseconds"),
            lane=self.context.lane,
        )
        self.attempts.append(attempt)
        if self.context.kept is not None:
            self.context.kept.append(attempt)
        return attempt

    def note(self, endpoint: Endpoint, failure: CallFailed, again: bool) -> dict[str, Any]:
        """The audit entry of a failure."""
        return {
            "call": self.context.call_id,
            "endpoint": endpoint.name,
            "class": failure.kind,
            "reason": str(failure),
            "http_status": failure.http_status,
            "retry_after_s": failure.retry_after_s,
            "next": "the same endpoint again"
            if again
            else "the next candidate"
            if self.open and not self._ended
            else "none",
        }

    def reply(
        self,
        answer: Answer | None = None,
        endpoint: Endpoint | None = None,
        failure: CallFailed | None = None,
        refused: str | None = None,
    ) -> Reply:
        chance = self._chance.get(endpoint.name, 1.0) if endpoint else 1.0
        return Reply(answer, endpoint, tuple(self.attempts), failure, refused, chance)


def _larger(endpoint: Endpoint, failed: Endpoint) -> bool:
    """Whether an endpoint takes longer inputs; where the failed one's window is unknown any other model may."""
    if failed.facts.context_window is None:
        return endpoint.offer.model != failed.offer.model
    return (endpoint.facts.context_window or 0) > failed.facts.context_window
