"""Sample tasks: what is asked, and how an answer is checked.

YAML (a list, or `tasks:`) or JSONL, one task each. Assertions carry promptfoo's names and
weights, and inspect's `match`, `pattern`, `answer`, `choice`; see `graders`. A task's labels
(task_type, criticality, data_class, ...) are what a policy's rules and constraints see.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pydantic import Field, ValidationError, field_validator, model_validator

from data.errors import BadInput, Unreadable
from data.schema import CRITICALITIES, DATA_CLASSES, TASK_TYPES
from data.wrong_values import legal_there
from data.yaml_text import line_of, read_yaml
from routing.calling.calls import Request
from routing.grading.assertion_values import check_value
from routing.grading.task_imports import LeftOut, as_task
from routing.policies.conditions import Part
from routing.policies.prompt_features import prompt_features

SHIPPED = Path(__file__).parent / "task_sets"
DETERMINISTIC = (
    "equals",
    "contains",
    "icontains",
    "contains-any",
    "contains-all",
    "icontains-any",
    "icontains-all",
    "starts-with",
    "regex",
    "is-json",
    "contains-json",
    "is-refusal",
    "levenshtein",
    "rouge-n",
    "f1",
    "latency",
    "cost",
    "is-valid-openai-tools-call",
    "tool-call-f1",
    "includes",
    "match",
    "exact",
    "pattern",
    "answer",
    "choice",
    "word-count",
)
MODEL_GRADED = ("llm-rubric",)
NOT_RUN = ("javascript", "python", "webhook", "is-sql", "similar")
LARGEST_FILE = 32 * 1024 * 1024
if TYPE_CHECKING:
    TaskType: TypeAlias = str
    Criticality: TypeAlias = str
    DataClass: TypeAlias = str
else:
    TaskType, Criticality, DataClass = Literal[TASK_TYPES], Literal[CRITICALITIES], Literal[DATA_CLASSES]
Where = Callable[[int, tuple[str | int, ...]], str]


class Assertion(Part):
    """One check. `not-` before a type turns it round; `assert-set` holds checks of its own under `assert`."""

    type: str
    value: Any = None
    threshold: float | None = Field(None, ge=0)
    weight: float = Field(1.0, ge=0)
    numeric: bool = False
    location: Literal["begin", "end", "any", "exact"] = "end"
    checks: tuple[Assertion, ...] = Field((), alias="assert")
    metric: str | None = None

    @field_validator("type")
    @classmethod
    def _known(cls, name: str) -> str:
        plain = name.removeprefix("not-")
        known = (*DETERMINISTIC, *MODEL_GRADED, "assert-set")
        if plain in NOT_RUN:
            raise ValueError(
                f"assertion `{name}` would run code or call another service; Baton does not; use regex, is-json, "
                "match or llm-rubric"
            )
        if plain not in known:
            near = difflib.get_close_matches(plain, known, n=3, cutoff=0.5)
            raise ValueError(
                f"unknown assertion `{name}`; "
                f"{'did you mean ' + ', '.join(near) if near else 'use one of: ' + ', '.join(known)}"
            )
        return name

    @model_validator(mode="after")
    def _whole(self) -> Assertion:
        if (self.type == "assert-set") is not bool(self.checks):
            raise ValueError("assert-set and a list of checks under `assert` go together")
        if any(inner.type.removeprefix("not-") in MODEL_GRADED for inner in self.checks):
            raise ValueError("a model-graded check stands by itself, not in an assert-set")
        check_value(self.type.removeprefix("not-"), self.value, self.threshold)
        return self


class Task(Part):
    """One task. `threshold` is the weighted score that passes; without it every assertion must hold.

    `model` and `provider` say who answered a task that was sampled from the ledger: a policy's `current`.
    """

    id: str = Field(min_length=1, max_length=200)
    prompt: str = ""
    messages: tuple[dict[str, Any], ...] = ()
    system: str = ""
    tools: tuple[dict[str, Any], ...] = ()
    json_schema: dict[str, Any] | None = None
    max_tokens: int = Field(256, ge=1, le=32_768)
    asserts: tuple[Assertion, ...] = ()
    threshold: float | None = Field(None, ge=0, le=1)
    task_type: TaskType = "unknown"
    criticality: Criticality = "unknown"
    data_class: DataClass = "unknown"
    team: str | None = None
    feature: str | None = None
    tags: tuple[str, ...] = ()
    group: str | None = None
    difficulty: Literal["easy", "medium", "hard"] | None = None
    answer_kind: Literal["number", "choice", "json", "word", "text"] = "text"
    licence: str | None = None
    source: str | None = None
    model: str | None = None
    provider: str | None = None

    @model_validator(mode="after")
    def _asks_something(self) -> Task:
        if bool(self.prompt.strip()) is bool(self.messages):
            raise ValueError("a task has either a prompt or messages")
        if self.messages and not any(str(message.get("content") or "").strip() for message in self.messages):
            raise ValueError("a task asks something; the content of all its messages is empty")
        return self

    def request(
        self, *, temperature: float | None = 0.0, seed: int | None = None, logprobs: bool = False, suffix: str = ""
    ) -> Request:
        """The call that puts this task to a model; `suffix` is added to the last message."""
        told = list(self.messages) or [{"role": "user", "content": self.prompt}]
        if suffix:
            told[-1] = {**told[-1], "content": f"{told[-1]['content']}\n\n{suffix}"}
        if self.system:
            told.insert(0, {"role": "system", "content": self.system})
        return Request(tuple(told), self.tools, self.max_tokens, temperature, seed, self.json_schema, logprobs)

    @property
    def attributes(self) -> dict[str, Any]:
        """What a policy's conditions see."""
        named = {
            "task_type": self.task_type,
            "criticality": self.criticality,
            "data_class": self.data_class,
            "team": self.team,
            "feature": self.feature,
        }
        answered_by = {"model": self.model, "provider": self.provider} if self.model else {}
        return {**named, **answered_by, "input_tokens": self.request().input_estimate, **prompt_features(self.asked)}

    @property
    def asked(self) -> str:
        """The words a task puts to a model, its system prompt apart."""
        return self.prompt or "\n".join(str(message.get("content", "")) for message in self.messages)


class TaskSet(Part):
    """A named, ordered set of tasks; `digest` says which one a result belongs to.

    `left_out` says which entries of an imported file have checks that cannot be carried over, and why.
    """

    name: str
    tasks: tuple[Task, ...]
    left_out: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the tasks, 16 hexadecimal digits; fields that came later count only where they say something."""
        later = {
            place: {name for name in ("model", "provider") if getattr(task, name) is None}
            for place, task in enumerate(self.tasks)
        }
        body = self.model_dump_json(by_alias=True, exclude={"left_out": True, "tasks": later})
        return sha256(body.encode()).hexdigest()[:16]


def shipped_tasks() -> TaskSet:
    """Baton's own tasks, all files of routing/grading/task_sets in order."""
    return join_task_sets("baton", [read_tasks(path) for path in sorted(SHIPPED.glob("*.yaml"))])


def join_task_sets(name: str, sets: Iterable[TaskSet]) -> TaskSet:
    """One set of several; an id that two of them use is an error."""
    return _unique(name, [task for part in sets for task in part.tasks])


def read_tasks(path: str | Path) -> TaskSet:
    """A task set from a YAML, JSON or JSONL file, ours or one of the known imports."""
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise BadInput(f"{path} has {path.stat().st_size:,} bytes; task files may have {LARGEST_FILE:,}.")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(
            f"{path} cannot be read ({getattr(error, 'strerror', None) or 'not UTF-8'}); name a YAML or JSONL file "
            "of tasks."
        ) from error
    return parse_tasks(text, path.name)


def parse_tasks(text: str, name: str) -> TaskSet:
    """As `read_tasks`, from the text; `name` is the file's name."""
    entries, where = _entries(text, name)
    stem, tasks, left_out = name.rsplit(".", 1)[0], [], []
    for number, entry in enumerate(entries, start=1):
        try:
            tasks.append(_task(as_task(entry, number, stem), partial(where, number - 1)))
        except LeftOut as reason:
            left_out.append(str(reason))
    if not tasks:
        raise BadInput(f"{name}: none of its {len(entries)} tasks can be used; the first: {left_out[0]}.")
    return _unique(stem, tasks, name).model_copy(update={"left_out": tuple(left_out)})


def _entries(text: str, name: str) -> tuple[list[Any], Where]:
    """The entries of a file, and where in it a field of one stands."""
    if name.endswith(".jsonl"):
        numbered = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
        return [
            _json(line, f"{name}, line {number}") for number, line in numbered
        ], lambda index, field: f"{name}, line {numbered[index][0]}"
    base: tuple[str, ...] = ()
    document, lines = (_json(text, name), None) if name.endswith(".json") else read_yaml(text, name, _stays_text)
    if isinstance(document, dict):
        defaults = document.get("defaultTest") or {}
        base = tuple(key for key in ("tasks", "tests", "examples") if isinstance(document.get(key), list))[:1]
        document = document[base[0]] if base else None
        if defaults and document:
            document = [
                {**entry, "assert": [*defaults.get("assert", []), *entry.get("assert", [])]}
                if isinstance(entry, dict)
                else entry
                for entry in document
            ]
    if not isinstance(document, list) or not document:
        raise BadInput(
            f"{name} holds no list of tasks; write a list, or `tasks:` (promptfoo: `tests:`) with a list under it."
        )
    if lines is None:
        return document, lambda index, field: f"{name}, task {index + 1}"
    return document, lambda index, field: f"{name}, line {line_of(lines, (*base, index, *field))}"


def _stays_text(path: tuple[str | int, ...]) -> bool:
    """Whether what stands there is compared or put into a prompt letter by letter: an expected value, a variable."""
    words = [part for part in path if isinstance(part, str)]
    return bool(words) and (words[-1] == "value" or "vars" in words)


def _json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{where}: not valid JSON ({error}); correct it.") from error


def _task(entry: Any, where: Callable[[tuple[str | int, ...]], str]) -> Task:
    if not isinstance(entry, dict):
        raise BadInput(f"{where(())}: a task is a mapping with id, prompt and asserts.")
    try:
        return Task.model_validate(entry)
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(str(part) for part in problem["loc"]) or "task"
        legal = f"; fields are: {', '.join(Task.model_fields)}" if problem["type"] == "extra_forbidden" else ""
        raise BadInput(
            f"{where(problem['loc'])} ({str(entry.get('id', 'no id'))[:80]}), {field}: {legal_there(problem)}{legal}."
        ) from error


def _unique(name: str, tasks: list[Task], where: str = "") -> TaskSet:
    seen: set[str] = set()
    for task in tasks:
        if task.id in seen:
            raise BadInput(f"{where or name}: the task id `{task.id}` is used twice; give each task an id of its own.")
        seen.add(task.id)
    return TaskSet(name=name, tasks=tuple(tasks))
