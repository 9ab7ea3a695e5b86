"""A policy as YAML text and back; every error names the line, the field and what is legal there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from data.errors import BadInput
from data.yaml_text import Lines, line_of, read_yaml, read_yaml_file, validate
from routing.policies.checks import contradictions
from routing.policies.policy import Policy

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
    policy = validate(Policy, document, lines, name)
    problems = contradictions(policy)
    if problems:
        raise BadInput("\n".join(f"{name}, line {line_of(lines, where)}: {message}." for where, message in problems))
    return policy
