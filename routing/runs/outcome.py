"""What became of one task under one policy."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from routing.calling.attempts import Attempt
from routing.calling.calls import Answer


@dataclass
class Outcome:
    """What became of a task. `status`: done, failed (endpoints), refused (a rule) or blocked (a guardrail)."""

    status: str = "failed"
    reason: str = ""
    failure: str | None = None
    answer: Answer = field(default_factory=Answer)
    model: str | None = None
    provider: str | None = None
    way: str = ""
    rule: int | None = None
    confidence: float | None = None
    method: str | None = None
    propensity: float = 1.0
    explored: bool = False
    stages: list[dict[str, Any]] = field(default_factory=list)
    review: list[str] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    shadows: list[tuple[str, Answer | None, str]] = field(default_factory=list)

    @property
    def cost_usd(self) -> Decimal:
        """The known cost of all attempts, shadow calls apart."""
        return sum((a.cost_usd for a in self.attempts if a.cost_usd is not None and a.purpose != "shadow"), Decimal(0))

    @property
    def held_usd(self) -> Decimal:
        """What attempts of unknown cost may have cost."""
        return sum((a.reserved_usd for a in self.attempts if a.cost_usd is None), Decimal(0))

    @property
    def latency_ms(self) -> float:
        """The time during which some attempt was under way, shadow calls apart: what was asked at once counts once."""
        asked = [a for a in self.attempts if a.purpose != "shadow" and a.latency_ms]
        begun = sorted((datetime.fromisoformat(a.started_at), timedelta(milliseconds=a.latency_ms or 0)) for a in asked)
        total, until = timedelta(), datetime.min.replace(tzinfo=UTC)
        for start, took in begun:
            total += max(timedelta(), start + took - max(start, until))
            until = max(until, start + took)
        return total / timedelta(milliseconds=1)

    def end(self, status: str, reason: str) -> Outcome:
        """How the task ended, and why."""
        self.status, self.reason = status, reason
        return self
