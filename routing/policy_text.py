"""A policy as YAML text and back; every error names the line, the field and what is legal there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from data.errors import BadInput
from data.yaml_text import Lines, line_of, read_yaml, read_yaml_file
from routing.policy import Constraint, Guardrails, Limits, Policy, Review, Rule
from routing.policy_checks import contradictions

PARTS: dict[str, type[BaseModel]] = {
    "constraints": Constraint, "rules": Rule, "review": Review, "limits": Limits, "guardrails": Guardrails,
}
EXAMPLES = Path(__file__).parent / "examples"


def read_policy(text: str, name: str = "the policy") -> Policy:
    """A checked policy from YAML text. BadInput: line, field, legal values, or what contradicts what."""
    return _checked(*read_yaml(text, name), name)


def read_policy_file(path: str | Path) -> Policy:
    """As `read_policy`, from a file."""
    return _checked(*read_yaml_file(path), str(path))


def examples() -> dict[str, Policy]:
    """The policies that ship with Baton, by file name."""
    return {path.stem: read_policy_file(path) for path in sorted(EXAMPLES.glob("*.yaml"))}


def write_policy(policy: Policy) -> str:
    """YAML text that reads back as the same policy; defaults are left out."""
    body = policy.model_dump(mode="json", exclude_defaults=True)
    for key in ("constraints", "rules"):
        if key in body:
            body[key] = [{"when": part.pop("when", {}), **part} for part in body[key]]
    return yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=110)


def _checked(document: Any, lines: Lines, name: str) -> Policy:
    if not isinstance(document, dict):
        raise BadInput(f"{name}, line 1: a policy is a mapping with name, rules and fallback; found {_kind(document)}.")
    try:
        policy = Policy.model_validate(document)
    except ValidationError as error:
        raise BadInput("\n".join(_sentence(problem, lines, name) for problem in error.errors())) from error
    problems = contradictions(policy)
    if problems:
        raise BadInput("\n".join(f"{name}, line {line_of(lines, where)}: {message}." for where, message in problems))
    return policy


def _sentence(problem: dict[str, Any], lines: Lines, name: str) -> str:
    """One pydantic problem in words: `file, line 7: rules[1].confidence_floor: ... (got 1.4).`"""
    location = tuple(part for part in problem["loc"] if part != "[key]")
    if problem["type"] == "term":
        location = (*location, problem["ctx"]["key"])
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".") or "policy"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = f"unknown field; use one of: {', '.join(_legal(location))}"
    elif problem["type"] == "missing":
        message = "is required"
    elif problem["type"] not in ("value_error", "term") and isinstance(problem["input"], str | int | float | bool | None):
        message = f"{message} (got {problem['input']!r})"
    return f"{name}, line {line_of(lines, location)}: {field}: {message}."


def _legal(location: tuple[str | int, ...]) -> list[str]:
    part = PARTS.get(str(location[0])) if len(location) > 1 else Policy
    return list((part or Policy).model_fields)


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
