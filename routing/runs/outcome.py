"""What became of one task under one policy."""

from __future__ import annotations

from dataclasses import dataclass, field
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
        """The time of all attempts one after another, shadow calls apart; of what was asked at once the slowest."""
        lanes: dict[str, float] = {}
        for attempt in self.attempts:
            if attempt.purpose != "shadow":
                lanes[attempt.lane] = lanes.get(attempt.lane, 0.0) + (attempt.latency_ms or 0.0)
        stages: dict[str, float] = {}
        for lane, ms in lanes.items():
            stage = lane.partition(".")[0]
            stages[stage] = max(stages.get(stage, 0.0), ms)
        return sum(stages.values())

    def end(self, status: str, reason: str) -> Outcome:
        """How the task ended, and why."""
        self.status, self.reason = status, reason
        return self
