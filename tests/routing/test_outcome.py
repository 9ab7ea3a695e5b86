"""How long a task took: calls one after another add up, of calls at the same time the slowest counts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from routing.calling.attempts import Attempt
from routing.runs.outcome import Outcome

CASES: dict[str, tuple[list[tuple[str, float | None]], float]] = {
    "a vote waits for its slowest sample": ([("0.0", 900.0), ("0.1", 400.0), ("0.2", 700.0)], 900.0),
    "a retry is part of its sample": ([("0.0", 500.0), ("0.0", 600.0), ("0.1", 700.0)], 1100.0),
    "a cross-check waits for the slower model": ([("0.0", 300.0), ("0.1", 800.0)], 800.0),
    "a cascade adds up": ([("0", 300.0), ("1", 800.0)], 1100.0),
    "a cascade of votes": ([("0.0", 300.0), ("0.1", 400.0), ("1.0", 100.0), ("1.1", 250.0)], 650.0),
    "what never answered took no known time": ([("0", None), ("0", 250.0)], 250.0),
    "nothing was asked": ([], 0.0),
}


def attempt(lane: str, took_ms: float | None, purpose: str = "answer") -> Attempt:
    return Attempt(
        attempt_id="a",
        call_id="c",
        number=1,
        purpose=purpose,
        provider="p",
        hosting="api",
        model="m",
        upstream="m",
        started_at="2026-11-20T12:00:00+00:00",
        reserved_usd=Decimal(0),
        latency_ms=took_ms,
        lane=lane,
    )


@pytest.mark.parametrize("name", CASES)
def test_a_task_takes_what_its_calls_take_and_the_slowest_of_those_at_once(name):
    calls, expected = CASES[name]
    assert Outcome(attempts=[attempt(*call) for call in calls]).latency_ms == pytest.approx(expected)


def test_a_shadow_makes_nobody_wait():
    both = [attempt("0", 200.0), attempt("", 5000.0, "shadow")]
    assert Outcome(attempts=both).latency_ms == pytest.approx(200.0)
