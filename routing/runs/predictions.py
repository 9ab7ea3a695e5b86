"""What the replay said of a policy before it was tried, and what the lab found: was the simulation right?

One entry per run and policy that carried a prediction. It is judged where the run's tasks were sampled from the
ledger, since other tasks have other lengths and other difficulty: kept where quality and dollars a task lie within
their 95 % intervals, missed where one does not.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from data import wording
from data.console import Commands, emit_json, emit_table, say
from data.state import State
from routing.grading.comparison import total_interval
from routing.grading.statistics import LEVEL
from routing.runs.results import summary
from routing.runs.spec import checked_spec
from routing.runs.store import list_runs, read_run, results

FEWEST = 20  # tasks below which an interval holds nearly any prediction
COLUMNS = ("Policy", "Tried", "Tasks", "USD a task said", "Measured", "Quality said", "Measured ", "Verdict")


@dataclass(frozen=True)
class Tried:
    """A prediction and its outcome: USD a task and quality (0 to 1), None where nobody said or nothing was graded."""

    policy: str
    run_id: str
    tried: str
    tasks: int
    said_usd: float | None
    usd: float | None
    usd_low: float | None
    usd_high: float | None
    said_quality: float | None
    quality: float | None
    quality_low: float | None
    quality_high: float | None
    verdict: str
    why: str


def predictions(state: State) -> list[Tried]:
    """Every policy that was tried with a prediction, the latest run first."""
    found = []
    for run_id, run in list_runs(state, limit=500).items():
        spec = checked_spec(read_run(state, run_id)["spec"])
        if not spec.predicted or run["ended"] is None or spec.replay_of:
            continue
        told, done = summary(state, run_id), results(state, run_id)
        sampled = all(task.source == "ledger" for task in spec.tasks.tasks)
        for policy, said in spec.predicted.items():
            if policy in told["by_policy"]:
                costs = [r["cost_usd"] for r in done if r["policy"] == policy]
                found.append(_tried(run_id, run["created_at"], policy, said, told, costs, sampled))
    return found


def _tried(
    run_id: str, at: str, policy: str, said: dict[str, Any], told: dict[str, Any], costs: list[float], sampled: bool
) -> Tried:
    outcome, count = told["by_policy"][policy], len(costs)
    low, high = (usd / count for usd in total_interval(np.array(costs), LEVEL, 0)) if count else (None, None)
    usd = said.get("cost_per_task_usd")
    if usd is None and said.get("cost_usd") is not None and count:
        usd = said["cost_usd"] / count
    inside = [
        None if usd is None or low is None or high is None else low <= usd <= high,
        outcome["predicted"]["quality_within_interval"],
    ]
    verdict, why = _judged(inside, outcome["graded_tasks"], told["whole"], sampled)
    graded = outcome["quality"] is not None
    return Tried(
        policy,
        run_id,
        at[:10],
        outcome["graded_tasks"],
        usd,
        sum(costs) / count if count else None,
        low,
        high,
        said.get("quality"),
        outcome["quality"],
        outcome["quality_low"] if graded else None,
        outcome["quality_high"] if graded else None,
        verdict,
        why,
    )


def _judged(inside: list[bool | None], tasks: int, whole: bool, sampled: bool) -> tuple[str, str]:
    """(kept, missed or not told, and why); `inside` is of dollars and of quality, None where it cannot be asked."""
    if not sampled:
        return "not told", "its tasks were not those of the log"
    if not whole:
        return "not told", "the run did not finish"
    if tasks < FEWEST:
        return "not told", f"{wording.count_of(tasks, 'graded task')}, {FEWEST} are needed"
    if None in inside and False not in inside:
        return "not told", "dollars or quality were not said"
    outside = [name for name, held in zip(("dollars", "quality"), inside, strict=True) if held is False]
    if outside:
        return "missed", f"{' and '.join(outside)} outside of the 95 % interval"
    return "kept", "dollars and quality within their 95 % intervals"


def score_sentence(found: list[Tried]) -> str:
    """How many predictions held, in a sentence; empty without any."""
    if not found:
        return ""
    counted = {verdict: sum(one.verdict == verdict for one in found) for verdict in ("kept", "missed", "not told")}
    parts = ", ".join(f"{count} {verdict}" for verdict, count in counted.items() if count)
    return f"Of {wording.count_of(len(found), 'prediction')} of a replay tried in the lab: {parts}."


def as_rows(found: list[Tried]) -> list[tuple[Any, ...]]:
    """The entries in words, under COLUMNS."""
    return [
        (
            one.policy,
            one.tried,
            one.tasks,
            wording.usd(one.said_usd),
            wording.usd(one.usd),
            wording.share(one.said_quality),
            wording.share(one.quality),
            f"{one.verdict}: {one.why}",
        )
        for one in found
    ]


def register(commands: Commands) -> None:
    """Add `predictions`."""
    commands.add("predictions", _predictions)


def _predictions(args: argparse.Namespace) -> None:
    found = predictions(State.open(args.home))
    if args.json:
        emit_json({"predictions": [asdict(one) for one in found]})
        return
    if found:
        emit_table(COLUMNS, as_rows(found))
    say(score_sentence(found) or "No policy with a prediction has been tried yet; open the lab from Routing.")
