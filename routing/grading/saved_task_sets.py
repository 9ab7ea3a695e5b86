"""Task sets people keep in the store: written as YAML, checked, saved by name; and a fair smaller choice of one."""

from __future__ import annotations

import yaml

from data.documents import Documents
from data.state import State
from routing.grading.tasks import Task, TaskSet


def write_tasks(tasks: TaskSet) -> str:
    """YAML text that reads back as the same tasks; defaults are left out."""
    bodies = [task.model_dump(mode="json", by_alias=True, exclude_defaults=True) for task in tasks.tasks]
    return yaml.safe_dump(bodies, sort_keys=False, allow_unicode=True, width=110)


def _audit_detail(tasks: TaskSet) -> dict[str, object]:
    return {"tasks": len(tasks.tasks), "digest": tasks.digest}


SETS = Documents("taskset", TaskSet, told=_audit_detail)


def save_set(state: State, name: str, tasks: TaskSet) -> TaskSet:
    """Keep a task set by a name, which becomes its own; the audit trail has its digest."""
    return SETS.save(state, name, tasks.model_copy(update={"name": name.strip()}))


def spread(tasks: TaskSet, count: int) -> TaskSet:
    """At most `count` tasks, evenly spread over the set, which is ordered by kind."""
    chosen: tuple[Task, ...] = tasks.tasks
    if count < len(chosen):
        chosen = tuple(chosen[position * len(chosen) // count] for position in range(count))
    return tasks.model_copy(update={"tasks": chosen})
