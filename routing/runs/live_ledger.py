"""Every attempt of a run as an ordinary ledger row (`source = live`): its cost, tokens, failures and grades count
like any other.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from data.errors import NoData
from data.ledger import Ledger
from data.loading.ingest import ingest
from data.loading.report import Report
from data.state import State
from routing.calling.failures import TREATMENTS
from routing.grading.tasks import Task
from routing.runs.pair_judging import pair_call_id, pairs_of
from routing.runs.spec import checked_spec
from routing.runs.store import attempts, read_run, results


def to_ledger(ledger: Ledger, state: State, run_id: str) -> Report:
    """Add a run's attempts to the ledger; adding it again adds nothing."""
    rows = _rows(state, run_id)
    if not rows:
        raise NoData(f"The run {run_id} made no calls, so there is nothing to add to the ledger.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"live-{run_id}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        report = ingest(ledger, state, [path], form="live")[0]
    state.append_audit(
        "run added to the ledger",
        {"run": run_id, "loaded": report.loaded, "duplicate": report.duplicate, "rejected": report.rejected},
    )
    return report


def _rows(state: State, run_id: str) -> list[dict[str, Any]]:
    """One record per attempt that ended; the grade stands on the attempt whose answer was taken."""
    spec = checked_spec(read_run(state, run_id)["spec"])
    labels = {task.id: task for task in spec.tasks.tasks}
    by_call = {result["call_id"]: result for result in results(state, run_id)}
    pairs = {pair_call_id(run_id, spec, p): p.task_id for p in pairs_of(spec, list(by_call.values()))}
    taken: set[str] = set()
    rows = []
    for attempt in reversed(attempts(state, run_id)):
        if attempt["status"] == "running":
            continue
        result = by_call.get(attempt["call_id"])
        task = labels.get(result["task_id"] if result else pairs.get(attempt["call_id"], ""))
        graded = result if result and _answered_by(attempt, result) and attempt["call_id"] not in taken else None
        if graded:
            taken.add(attempt["call_id"])
        rows.append(_row(run_id, attempt, task, result, graded))
    return rows[::-1]


def _row(
    run_id: str,
    attempt: dict[str, Any],
    task: Task | None,
    result: dict[str, Any] | None,
    graded: dict[str, Any] | None,
) -> dict[str, Any]:
    """One attempt as the format `live` reads it; `graded` is the result when this attempt's answer was taken."""
    tokens = attempt["tokens"]
    known = tokens["fresh_input"] is not None and tokens["output"] is not None
    return {
        "baton_live_attempt": f"{run_id}/{attempt['attempt_id']}",
        "call_id": attempt["call_id"],
        "attempt": attempt["number"],
        "requested_at": attempt["started_at"],
        "provider": attempt["provider"],
        "host": "self" if attempt["hosting"] == "self" else attempt["provider"],
        "model_raw": attempt["model"],
        "feature": "live lab",
        "environment": "lab",
        "session_id": attempt["call_id"],
        "task_type": task.task_type if task else None,
        "criticality": task.criticality if task else None,
        "data_class": task.data_class if task else None,
        "fresh_input_tokens": tokens["fresh_input"],
        "cache_read_tokens": tokens["cache_read"],
        "cache_write_5m_tokens": tokens["cache_write_5m"],
        "cache_write_1h_tokens": tokens["cache_write_1h"],
        "output_tokens": tokens["output"],
        "reasoning_tokens": tokens["reasoning"],
        "latency_ms": attempt["latency_ms"],
        "ttft_ms": attempt["ttft_ms"],
        "status": attempt["status"],
        "error_class": TREATMENTS[attempt["failure"]].ledger_class if attempt["failure"] else None,
        "http_status": attempt["http_status"],
        "cost_usd": attempt["cost_usd"],
        "unmetered": attempt["status"] == "success" and not known,
        "quality_score": graded["score"] if graded else None,
        "quality_source": "live lab" if graded else None,
        "succeeded": graded["passed"] if graded else None,
        "tags": {
            "run": run_id,
            "policy": result["policy"] if result else None,
            "task": task.id if task else None,
            "purpose": attempt["purpose"],
            **(_odds(graded) if graded else {}),
        },
    }


def _answered_by(attempt: dict[str, Any], result: dict[str, Any]) -> bool:
    """Whether a graded result may be this attempt's answer."""
    answered = attempt["status"] == "success" and attempt["purpose"] in ("answer", "sample")
    return answered and attempt["model"] == result["model"] and result["passed"] is not None


def _odds(result: dict[str, Any]) -> dict[str, float]:
    """The probability with which the model that answered was chosen; none where a cascade or a fallback chose it,
    which nobody drew.
    """
    picked = result["stages"][0]["target"].partition("@")[0] if result["stages"] else None
    return (
        {"propensity": result["propensity"]}
        if result["way"] in ("use", "vote", "split", "fallback") and picked == result["model"]
        else {}
    )
