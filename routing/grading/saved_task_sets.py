"""Task sets people keep in the store: written as YAML, checked, saved by name; and a fair smaller choice of one."""

from __future__ import annotations

import yaml

from data.errors import BadInput
from data.state import State
from data.yaml_text import checked
from routing.grading.tasks import Task, TaskSet


def write_tasks(tasks: TaskSet) -> str:
    """YAML text that reads back as the same tasks; defaults are left out."""
    bodies = [task.model_dump(mode="json", by_alias=True, exclude_defaults=True) for task in tasks.tasks]
    return yaml.safe_dump(bodies, sort_keys=False, allow_unicode=True, width=110)


def saved_sets(state: State) -> dict[str, TaskSet]:
    """The kept task sets by name."""
    return {
        name: checked(TaskSet, body, {(): 1}, f"the saved task set {name}")
        for name, body in state.all("taskset").items()
    }


def save_set(state: State, name: str, tasks: TaskSet, actor: str = "") -> TaskSet:
    """Keep a task set by its name; the audit trail has its digest."""
    if not name.strip():
        raise BadInput("A task set needs a name; give one.")
    kept = tasks.model_copy(update={"name": name.strip()})
    state.put("taskset", kept.name, kept.model_dump(mode="json", by_alias=True, exclude_defaults=True))
    state.append_audit("task set saved", {"name": kept.name, "tasks": len(kept.tasks), "digest": kept.digest}, actor)
    return kept


def spread(tasks: TaskSet, count: int) -> TaskSet:
    """At most `count` tasks, evenly spread over the set, which is ordered by kind."""
    chosen: tuple[Task, ...] = tasks.tasks
    if count < len(chosen):
        chosen = tuple(chosen[position * len(chosen) // count] for position in range(count))
    return tasks.model_copy(update={"tasks": chosen})
