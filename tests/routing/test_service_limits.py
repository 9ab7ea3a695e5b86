"""A live run ends once its policy's limits cannot be kept any more, and no result sooner."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from routing.policies.policy import Limits
from routing.runs.service_limits import broken_for_good

LIMITS = Limits(max_p50_ms=500, max_p95_ms=1000, max_failure_share=0.1)


def result(ms: float, status: str = "done") -> dict[str, Any]:
    return {"latency_ms": ms, "status": status}


def test_each_limit_is_said_with_what_broke_it() -> None:
    late = broken_for_good(Limits(max_p95_ms=1000), [result(2000.0)] * 2, 20)
    assert late == (
        "2 answers of 20 took longer than 1,000 ms: 95.0% within it, as the policy promises, can no longer be kept"
    )
    failed = broken_for_good(Limits(max_failure_share=0.1), [result(1.0, "failed")] * 3, 20)
    assert failed == "3 tasks of 20 failed: at most 10.0%, as the policy promises, can no longer be kept"
    assert broken_for_good(Limits(), [result(9e9), result(1.0, "failed")], 2) is None


@given(
    st.lists(
        st.tuples(st.floats(1, 2000), st.sampled_from(["done", "done", "done", "failed"])), min_size=1, max_size=60
    ),
    st.integers(1, 60),
)
def test_a_run_is_ended_exactly_when_no_end_of_it_keeps_the_limits(told: list[tuple[float, str]], seen: int) -> None:
    """The best end there can be: all that is left answers at once."""
    results = [result(ms, status) for ms, status in told]
    finished, left = results[:seen], [result(0.0)] * len(results[seen:])
    best = [*finished, *left]
    waits = [one["latency_ms"] for one in best if one["status"] == "done"]
    fails = len(best) - len(waits)
    kept = (
        sum(wait > 500 for wait in waits) <= 0.5 * len(waits)
        and sum(wait > 1000 for wait in waits) <= 0.05 * len(waits)
        and fails <= 0.1 * len(best)
    )
    assert (broken_for_good(LIMITS, finished, len(results)) is None) is kept
