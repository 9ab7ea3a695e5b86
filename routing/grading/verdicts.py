"""What a check says of an answer, and how several checks become one verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """`score` 0 to 1; `passed` by the assertion's or task's rule, None where nothing could decide it; `reason` in
    words.
    """

    passed: bool | None
    score: float | None
    reason: str
    no_answer: bool = False


@dataclass(frozen=True)
class Measured:
    """What the run itself knows about an answer, for the latency and cost assertions."""

    latency_ms: float | None = None
    cost_usd: float | None = None


UNMEASURED = Measured()


def combine(weighed: Sequence[tuple[float, Verdict]], threshold: float | None) -> Verdict:
    total = sum(weight for weight, _ in weighed)
    score = sum(weight * (verdict.score or 0.0) for weight, verdict in weighed) / total if total else 1.0
    failed = [verdict for weight, verdict in weighed if not verdict.passed and weight > 0]
    passed = score >= threshold if threshold is not None else not failed
    reasons = "; ".join(v.reason for v in failed) if failed else "; ".join(v.reason for _, v in weighed)
    return Verdict(passed, score, reasons, no_answer=not passed and any(v.no_answer for v in failed))


def yes_no(holds: bool, what: str) -> Verdict:
    return Verdict(holds, float(holds), f"{what}: {'yes' if holds else 'no'}")


def verdict_of_score(score: float, threshold: float, what: str) -> Verdict:
    return Verdict(score >= threshold, score, f"{what} {score:.2f}, needed {threshold:g}")
