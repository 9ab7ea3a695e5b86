"""Whether what is left of a live run can still keep the speed and the few failures that its policy promises."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from data import wording
from routing.policies.policy import Limits

LATER = {"max_p50_ms": 0.5, "max_p95_ms": 0.05}  # the share of the answers that may take longer


def broken_for_good(limits: Limits, finished: Iterable[Mapping[str, Any]], total: int) -> str | None:
    """Which limit no end of the run can keep any more, as a sentence without full stop; None while all can be kept.

    `finished` are the results of one policy, `total` all its items. What failed was no answer and counts as failed.
    """
    results = list(finished)
    waits = [result["latency_ms"] for result in results if result["status"] == "done"]
    failed = sum(result["status"] == "failed" for result in results)
    answerable = total - sum(result["status"] != "done" for result in results)
    for name, share in LATER.items():
        most = getattr(limits, name)
        late = sum(wait > most for wait in waits) if most is not None else 0
        if late > share * answerable:
            within = wording.share(1 - share)
            return (
                f"{wording.count_of(late, 'answer')} of {total} took longer than {wording.milliseconds(most)}: "
                f"{within} within it, as the policy promises, can no longer be kept"
            )
    most = limits.max_failure_share
    if most is not None and failed > most * total:
        return (
            f"{wording.count_of(failed, 'task')} of {total} failed: at most {wording.share(most)}, as the policy "
            "promises, can no longer be kept"
        )
    return None
