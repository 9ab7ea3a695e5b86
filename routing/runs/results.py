"""What a run found: per policy, per model, and the policies against each other and against the prediction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

from data.state import State
from routing.grading.comparison import Comparison, Pair, compare
from routing.grading.statistics import share_interval
from routing.runs.pair_judging import pair_preferences
from routing.runs.spec import RunSpec, checked_spec
from routing.runs.store import attempts, judged_pairs, money, read_run, results
from routing.runs.verdict import verdict


def summary(state: State, run_id: str) -> dict[str, Any]:
    """The JSON contract of `routing run`: run_id, status, tasks, done, failed, refused, cost_usd, quality, by_model,
    audit_ok, ...

    `tasks` counts what was asked: policies x tasks x repeats. `quality` is the share of finished tasks that passed,
    None without any. A run that did not finish is not `whole`: its policies are rated on the tasks that all of them
    finished, `common_tasks`, so that none is judged by easier ones. `verdict` says the result in a sentence.
    """
    run = read_run(state, run_id)
    spec, found = checked_spec(run["spec"]), results(state, run_id)
    spent, held = money(state, run_id)
    ok, bad = state.verify_audit()
    graded = [r for r in found if r["passed"] is not None]
    asked = run["progress"].get("tasks", len(spec.tasks.tasks) * len(spec.policies) * spec.repeats)
    counts = {status: sum(r["status"] == status for r in found) for status in ("done", "failed", "refused", "blocked")}
    whole, common = asked == len(found), common_tasks(spec, found)
    told = {
        "run_id": run_id,
        "name": run["name"],
        "status": run["status"],
        "ended": run["ended"],
        "tasks": asked,
        **counts,
        "not_started": asked - len(found),
        "cost_usd": float(spent),
        "held_usd": float(held),
        "cap_usd": run["progress"].get("cap_usd"),
        "quality": sum(r["passed"] for r in graded) / len(graded) if graded else None,
        "by_model": by_model(attempts(state, run_id)),
        "by_policy": by_policy(spec, found, None if whole else common),
        "comparisons": [{"a": a, "b": b, **asdict(c)} for a, b, c in comparisons(spec, found)],
        "preferences": [
            {"a": a, "b": b, **asdict(p)} for a, b, p in pair_preferences(spec, found, judged_pairs(state, run_id))
        ],
        "whole": whole,
        "common_tasks": len({task for task, _ in common}),
        "margin": spec.margin,
        "judge_orders": judge_orders(found),
        "audit_ok": ok,
        "audit_first_bad": bad,
    }
    return told | {"verdict": verdict(told)}


def common_tasks(spec: RunSpec, found: Sequence[dict[str, Any]]) -> set[tuple[str, int]]:
    """(task, repeat) of what every policy of the run finished."""
    finished = [{(r["task_id"], r["repeat"]) for r in found if r["policy"] == policy.name} for policy in spec.policies]
    return set.intersection(*finished)


def judge_orders(found: Sequence[dict[str, Any]]) -> dict[str, int]:
    """How often a judge was asked about two answers in both orders, and how often it said the same both times."""
    asked = [
        s["judge_orders_agree"] for r in found for s in r.get("shadows", ()) if s.get("judge_orders_agree") is not None
    ]
    return {"pairs": len(asked), "agreed": sum(asked)}


def by_model(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Per model: attempts, failures, known cost and tokens; shadow, verifier and judge calls are in it."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        entry = found.setdefault(
            row["model"],
            {"attempts": 0, "failed": 0, "cost_usd": 0.0, "input_tokens": 0, "output_tokens": 0, "latency_ms": 0.0},
        )
        tokens = row["tokens"]
        entry["attempts"] += 1
        entry["failed"] += row["status"] == "error"
        entry["cost_usd"] += float(row["cost_usd"] or 0)
        entry["input_tokens"] += sum(
            tokens[k] or 0 for k in ("fresh_input", "cache_read", "cache_write_5m", "cache_write_1h")
        )
        entry["output_tokens"] += (tokens["output"] or 0) + (tokens["reasoning"] or 0)
        entry["latency_ms"] += row["latency_ms"] or 0.0
    return found


def by_policy(
    spec: RunSpec, found: Sequence[dict[str, Any]], only: set[tuple[str, int]] | None = None
) -> dict[str, dict[str, Any]]:
    """Per policy: how many ended how, quality with its 95 % interval, cost and latency per task, the prediction's
    error.

    `graded` and `passed` count answers; quality is the mean over `graded_tasks` of the share of a task's answers that
    passed. With `only`, rates and means are over those (task, repeat) alone; `cost_usd` is all that was spent.
    """
    table = {}
    for policy in spec.policies:
        every = [r for r in found if r["policy"] == policy.name]
        mine = [r for r in every if only is None or (r["task_id"], r["repeat"]) in only]
        graded = [r for r in mine if r["passed"] is not None]
        passed = sum(r["passed"] for r in graded)
        by_task = _passed_shares(graded)
        low, high = share_interval(by_task)
        cost, quality = sum(r["cost_usd"] for r in mine), fmean(by_task) if by_task else None
        latencies = sorted(r["latency_ms"] for r in graded)
        table[policy.name] = {
            "tasks": len(every),
            "graded": len(graded),
            "graded_tasks": len(by_task),
            "not_graded": sum(r["status"] == "done" for r in mine) - len(graded),
            "passed": passed,
            "no_answer": sum(r["no_answer"] for r in graded),
            "quality": quality,
            "quality_low": low,
            "quality_high": high,
            "failed": sum(r["status"] == "failed" for r in mine),
            "refused": sum(r["status"] == "refused" for r in mine),
            "blocked": sum(r["status"] == "blocked" for r in mine),
            "cost_usd": sum(r["cost_usd"] for r in every),
            "cost_per_task_usd": cost / len(mine) if mine else None,
            "cost_per_passed_usd": cost / passed if passed else None,
            "latency_p50_ms": latencies[len(latencies) // 2] if latencies else None,
            "attempts": sum(r["attempts"] for r in mine),
            "reviews": sum(bool(r["review"]) for r in mine),
            "predicted": _against(spec.predicted.get(policy.name), cost, len(mine), quality, (low, high)),
        }
    return table


def _passed_shares(graded: Sequence[dict[str, Any]]) -> list[float]:
    """Per task the share of its answers that passed: a task asked five times is one observation, not five."""
    tasks: dict[str, list[bool]] = defaultdict(list)
    for result in graded:
        tasks[result["task_id"]].append(result["passed"])
    return [fmean(passed) for passed in tasks.values()]


def _against(
    predicted: dict[str, Any] | None, cost: float, tasks: int, quality: float | None, interval: tuple[float, float]
) -> dict[str, Any] | None:
    """The replay's prediction beside what was measured: was the simulation right?"""
    if not predicted:
        return None
    said, usd = predicted.get("quality"), predicted.get("cost_usd") or predicted.get("cost_per_task_usd", 0.0) * tasks
    held = None if said is None or quality is None else interval[0] <= said <= interval[1]
    return {**predicted, "quality_within_interval": held, "cost_ratio": cost / usd if usd else None}


def same_decisions(state: State, run_id: str, other: str) -> tuple[int, int]:
    """(results that are equal, results compared) of a replayed run and its recording: answer, model, grade and
    status.
    """
    keys = ("status", "model", "answer", "tool_calls", "passed", "confidence", "propensity")
    sides = [
        {(r["policy"], r["task_id"], r["repeat"]): [r.get(k) for k in keys] for r in results(state, side)}
        for side in (run_id, other)
    ]
    both = sides[0].keys() & sides[1].keys()
    return sum(sides[0][key] == sides[1][key] for key in both), len(both)


def comparisons(spec: RunSpec, found: Sequence[dict[str, Any]]) -> list[tuple[str, str, Comparison]]:
    """(a, b, comparison) for every policy against the baseline that has a task in common with it."""
    baseline = spec.compared_with
    rivals = {p.name: pairs(found, p.name, baseline) for p in spec.policies if p.name != baseline}
    return [(name, baseline, c) for name, c in compare(rivals, spec.margin, spec.seed).items()]


def pairs(found: Sequence[dict[str, Any]], a: str, b: str) -> list[Pair]:
    """The tasks both policies finished, each one observation, over the repeats that both finished."""
    sides: dict[str, dict[int, dict[str, dict[str, Any]]]] = defaultdict(lambda: defaultdict(dict))
    for result in found:
        if result["policy"] in (a, b) and result["passed"] is not None:
            sides[result["task_id"]][result["repeat"]][result["policy"]] = result
    both = {task: [s for s in repeats.values() if a in s and b in s] for task, repeats in sides.items()}
    return [
        _pair(task, [s[a] for s in answered], [s[b] for s in answered]) for task, answered in both.items() if answered
    ]


def _pair(task: str, of_a: list[dict[str, Any]], of_b: list[dict[str, Any]]) -> Pair:
    return Pair(
        task,
        len(of_a),
        fmean(r["passed"] for r in of_a),
        fmean(r["passed"] for r in of_b),
        sum(r["cost_usd"] for r in of_a),
        sum(r["cost_usd"] for r in of_b),
        fmean(r["latency_ms"] for r in of_a),
        fmean(r["latency_ms"] for r in of_b),
    )
