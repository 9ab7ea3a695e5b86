"""The sample company as declared in `company.yaml`: who asks which model for what, and what went wrong."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data.errors import BadInput
from data.wrong_values import legal_there
from data.yaml_text import read_yaml_file

CATALOG = Path(__file__).parent / "company.yaml"


class Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rate(Declared):
    """Catalogue prices of one model in USD per million tokens, its pace, and the input tokens a call may send."""

    provider: str
    fresh: float
    cached: float
    output: float
    overhead_ms: float
    ms_per_token: float
    room: float


class Workload(Declared):
    """One feature of one team: its share of the company's tasks, and what a typical one of them sends and gets."""

    team: str
    feature: str
    model: str
    log: Literal["litellm", "langfuse", "helicone"]
    share: float = Field(gt=0, lt=1)
    task_type: str
    criticality: str
    data_class: str
    hours: str
    shared: float = Field(ge=0)
    input: float = Field(gt=0)
    adds: float = Field(0, ge=0)
    output: float = Field(gt=0)
    reasoning: float = 0
    turns: int = Field(1, ge=1)
    pause_s: float = Field(0, ge=0)
    warm: float = Field(0, ge=0, le=1)
    first_warm: float = Field(0, ge=0, le=1)
    growth: float = 0.5
    context_growth: float = 0
    quality: float = Field(ge=0, le=1)


class Failing(Declared):
    """A model that began to fail: some of the failures are answered by the fallback, the others tried again."""

    model: str
    days_ago: int
    rate: float
    fallback: str
    fallback_share: float


class BrokenCache(Declared):
    team: str
    feature: str
    days_ago: int
    warm: float


class Runaway(Declared):
    team: str
    feature: str
    days_ago: int
    days: int
    times: float


class ProviderChange(Declared):
    """A feature whose calls went to another provider of the same model from some day on."""

    feature: str
    days_ago: int
    provider: str


class Quiet(Declared):
    """A log that stopped coming."""

    log: str
    days_ago: int


class Unlogged(Declared):
    """Work on one day that was billed and that no gateway saw."""

    model: str
    days_ago: int
    usd: float


class Events(Declared):
    failing: Failing
    usual_failure_rate: float
    broken_cache: BrokenCache
    runaway: Runaway
    provider_change: ProviderChange
    quiet: Quiet
    unlogged: Unlogged
    no_key_share: float
    scored_share: float


class Company(Declared):
    """The whole declaration; `read_company` is the one that ships."""

    company: str
    rows: int
    full_rows: int
    days: int
    seed: int
    models: dict[str, Rate]
    weekdays: list[float] = Field(min_length=7, max_length=7)
    batch_weekdays: list[float] = Field(min_length=7, max_length=7)
    hours: dict[str, list[float]]
    environments: dict[str, float]
    events: Events
    workloads: list[Workload]


@lru_cache
def read_company(path: Path = CATALOG) -> Company:
    """The declared company; raises BadInput naming the first value that cannot be used."""
    value, _ = read_yaml_file(path)
    try:
        return Company.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadInput(f"{path.name}: {where}: {legal_there(first)}; correct that value.") from error
