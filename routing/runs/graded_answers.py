"""The graded answers of live runs, task by task and model by model: what a difficulty score is learned from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from hashlib import sha256
from statistics import fmean
from typing import Any

from data.errors import BadInput
from data.facts.models import current
from data.state import State
from routing.grading.difficulty_training import GradedTask
from routing.grading.tasks import Task
from routing.policies.choice import refusal
from routing.policies.in_force import policy_for_advice
from routing.runs.spec import checked_spec
from routing.runs.store import read_run, results

ALONE = ("use", "split")  # one answer of one model; a cascade's survivors and a vote say nothing about it


def graded_tasks(state: State, run_ids: Iterable[str]) -> list[GradedTask]:
    """Every task of these runs with the grades and dollars of the models that answered it by themselves.

    The same prompt under several ids is one task; a task asked several times has the mean of its grades.
    """
    grades: dict[str, dict[str, list[tuple[bool, float]]]] = defaultdict(lambda: defaultdict(list))
    asked: dict[str, Task] = {}
    for run_id in dict.fromkeys(run_ids):
        tasks = {task.id: task for task in checked_spec(read_run(state, run_id)["spec"]).tasks.tasks}
        for result in results(state, run_id):
            task = tasks.get(result["task_id"])
            if task is None or result["passed"] is None or not result["model"] or result["way"] not in ALONE:
                continue
            key = sha256(f"{task.system}\0{task.asked}".encode()).hexdigest()
            asked[key] = task
            grades[key][result["model"]].append((result["passed"], result["cost_usd"]))
    return [_graded(key, asked[key], of_models) for key, of_models in grades.items()]


def pair_to_learn(tasks: Iterable[GradedTask], cheap: str | None, dear: str | None) -> tuple[str, str]:
    """(cheap, dear): as named, else the model that costs least an answer and, of the others, the one that passes most.

    BadInput where fewer than two models were graded, or one that is named was not.
    """
    usd: dict[str, list[float]] = defaultdict(list)
    passed: dict[str, list[float]] = defaultdict(list)
    for task in tasks:
        for model in task.passed:
            usd[model].append(task.usd[model])
            passed[model].append(task.passed[model])
    known = ", ".join(sorted(usd)) or "none"
    for model in filter(None, (cheap, dear)):
        if model not in usd:
            raise BadInput(f"No answer of `{model}` by itself is graded in these runs; graded are: {known}.")
    if len(usd) < 2 or (cheap and cheap == dear):
        raise BadInput(f"A difficulty score takes two models that answered the same tasks; graded alone are: {known}.")
    cheap = cheap or min(sorted(usd.keys() - {dear}), key=lambda model: fmean(usd[model]))
    return cheap, dear or max(sorted(usd.keys() - {cheap}), key=lambda model: fmean(passed[model]))


def allowed_only(state: State, tasks: Iterable[GradedTask]) -> tuple[list[GradedTask], list[str]]:
    """(the tasks without the models that the policy kept to refuses for some of them, why each was left out)."""
    policy, facts, tasks = policy_for_advice(state), current(state), list(tasks)
    why: dict[str, str] = {}
    for task in tasks:
        for model in sorted(task.passed.keys() - why.keys()):
            reason = refusal(policy, model, task.attributes, facts)
            if reason:
                why[model] = f"{model} is left out: {reason}"
    return [only(task, task.passed.keys() - why.keys()) for task in tasks], list(why.values())


def only(task: GradedTask, models: Collection[str]) -> GradedTask:
    """A task with the grades of these models alone."""
    passed, usd = ({m: v for m, v in side.items() if m in models} for side in (task.passed, task.usd))
    return GradedTask(task.group, task.attributes, passed, usd)


def _graded(key: str, task: Task, of_models: dict[str, list[tuple[bool, float]]]) -> GradedTask:
    attributes: dict[str, Any] = task.attributes
    return GradedTask(
        task.group or key,
        attributes,
        {model: fmean(passed for passed, _ in answers) for model, answers in of_models.items()},
        {model: fmean(usd for _, usd in answers) for model, answers in of_models.items()},
    )
