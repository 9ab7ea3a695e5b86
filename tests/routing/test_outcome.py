"""How long a task took: calls one after another add up, calls at the same time count once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.calling.attempts import Attempt
from routing.runs.outcome import Outcome

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def attempt(after_ms: float, took_ms: float | None, purpose: str = "answer") -> Attempt:
    begun = (NOON + timedelta(milliseconds=after_ms)).isoformat(timespec="microseconds")
    names = dict.fromkeys(("attempt_id", "call_id", "provider", "hosting", "model", "upstream"), "x")
    return Attempt(**names, number=1, purpose=purpose, started_at=begun, reserved_usd=Decimal(0), latency_ms=took_ms)


CASES = {
    "a vote waits for its slowest sample": ([(0, 900.0), (1, 400.0), (2, 700.0)], 900.0),
    "a cross-check that ends later than it began": ([(0, 300.0), (5, 800.0)], 805.0),
    "a cascade adds up": ([(0, 300.0), (300, 800.0)], 1100.0),
    "a pause between two attempts is nobody's": ([(0, 300.0), (60_000, 200.0)], 500.0),
    "a cascade of votes": ([(0, 300.0), (0, 400.0), (500, 100.0), (500, 250.0)], 650.0),
    "what never answered took no known time": ([(0, None), (0, 250.0)], 250.0),
    "nothing was asked": ([], 0.0),
}


@pytest.mark.parametrize("name", CASES)
def test_a_task_takes_as_long_as_some_attempt_was_under_way(name):
    calls, expected = CASES[name]
    assert Outcome(attempts=[attempt(*call) for call in calls]).latency_ms == pytest.approx(expected)


def test_a_shadow_makes_nobody_wait():
    both = [attempt(0, 200.0), attempt(0, 5000.0, "shadow")]
    assert Outcome(attempts=both).latency_ms == pytest.approx(200.0)


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 5000)), min_size=1, max_size=8))
def test_it_is_no_shorter_than_the_slowest_and_no_longer_than_all_together(calls):
    took = [float(ms) for _, ms in calls]
    told = Outcome(attempts=[attempt(after, ms) for after, ms in calls]).latency_ms
    assert max(took) - 0.01 <= told <= sum(took) + 0.01
