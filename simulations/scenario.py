"""Scenario files: a question with its numbers, as YAML or as a state document, checked on reading.

`kind` says which simulation it is for: mix, pipeline, triage, drill, rerouting, purchase (breakeven reads its own).
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field

from data.documents import Documents
from data.errors import BadInput
from data.yaml_text import line_of, read_yaml_file, validate

SHIPPED = Path(__file__).parent / "scenarios"
KINDS = ("mix", "pipeline", "triage", "breakeven", "drill", "rerouting", "purchase")  # of scenario, by what asks them
Kind = TypeVar("Kind", bound="Scenario")


class Part(BaseModel):
    """A piece of a scenario: unknown keys are an error, numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Scenario(Part):
    """What every scenario has: which simulation, a name, and where its figures come from."""

    kind: str
    name: str = Field(min_length=1, max_length=160)
    note: str = ""
    source: str = ""


def read_scenario(path: str | Path, model: type[Kind], kind: str) -> Kind:
    """The scenario in a file. `path` may name a shipped one without folder or ending."""
    file = scenario_file(path)
    value, lines = read_yaml_file(file)
    found = value.get("kind") if isinstance(value, dict) else None
    if isinstance(value, dict) and found != kind:
        raise BadInput(
            f"{file}, line {line_of(lines, ('kind',))}: kind is {found!r}; this command reads `kind: {kind}`."
        )
    return validate(model, value, lines, str(file))


def scenario_file(path: str | Path) -> Path:
    """The file itself, or the shipped scenario of that name."""
    file, shipped = Path(path), SHIPPED / f"{Path(path).stem}.yaml"
    return shipped if not file.exists() and file.parent == Path() and shipped.exists() else file


def kind_of(model: type[Scenario]) -> str:
    """What a scenario of this model says under `kind`."""
    (kind,) = get_args(model.model_fields["kind"].annotation)
    return str(kind)


def saved_scenarios(model: type[Kind]) -> Documents[Kind]:
    """The scenarios of one kind that people keep, by their names, which all kinds share.

    One of no kind that is known belongs to each of them, and is refused by name wherever it is read.
    """
    others = set(KINDS) - {kind_of(model)}
    return Documents("scenario", model, belongs=lambda body: body.get("kind") not in others)


def write_scenario(scenario: Scenario) -> str:
    """YAML text that reads back as the same scenario; defaults are left out."""
    return yaml.safe_dump(
        scenario.model_dump(mode="json", exclude_defaults=True), sort_keys=False, allow_unicode=True, width=110
    )
