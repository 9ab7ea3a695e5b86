"""The words of a policy's `when`, `forbid` and `require`: which requests, and which models.

Dimensions and facts take a value or a list of values (`{not: [...]}` turns a list round), token
sizes take a range. Every message names the legal values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_serializer, model_validator
from pydantic_core import PydanticCustomError

from data.schema import VOCABULARY
from data.wrong_values import legal_there
from routing.policies.prompt_features import COUNTS, KINDS

HOSTINGS = ("self", "cloud", "host", "api")
DIMENSIONS = (
    "task_type",
    "criticality",
    "data_class",
    "team",
    "project",
    "feature",
    "environment",
    "user_id",
    "customer_id",
    "provider",
    "host",
    "region",
    "service_tier",
    "model",
    "operation",
)
TOKENS = ("input_tokens", "output_tokens", "total_tokens")
DIFFICULTY = "difficulty"  # the points of the policy's own score
# What only the words of a prompt tell: a log's columns do not, so a replay cannot decide by it.
WORDS_OF_PROMPT = ("prompt_kind", *COUNTS)
SIZES = (*TOKENS, *COUNTS, DIFFICULTY)
CLOSED = {**VOCABULARY, "prompt_kind": KINDS}  # dimensions whose values are known beforehand
MODEL_FACTS = ("model", "vendor", "origin", "hosting", "residency", "hipaa_eligible", "gdpr_terms", "open_weights")
COUNTRY = re.compile("[A-Za-z]{2}")  # ISO 3166, two letters
YES_NO_FACTS = ("hipaa_eligible", "gdpr_terms", "open_weights")


class Part(BaseModel):
    """A piece of a policy: unknown keys are an error, nothing changes after it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Size(Part):
    """A range of whole numbers: tokens (`input_tokens` counts all input, cached or not), words, points."""

    gt: int | None = Field(None, ge=0)
    ge: int | None = Field(None, ge=0)
    lt: int | None = Field(None, ge=0)
    le: int | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _not_empty(self) -> Size:
        if all(bound is None for bound in (self.gt, self.ge, self.lt, self.le)):
            raise ValueError("give at least one of gt, ge, lt, le")
        if self.low > self.high:
            raise ValueError("no whole number lies in this range")
        return self

    @property
    def low(self) -> int:
        """The smallest number in the range."""
        return max(0 if self.gt is None else self.gt + 1, self.ge or 0)

    @property
    def high(self) -> float:
        """The largest number in the range; infinity without an upper bound."""
        bounds = [b for b in (self.le, None if self.lt is None else self.lt - 1) if b is not None]
        return min(bounds, default=float("inf"))

    def holds(self, number: int | None) -> bool:
        """An unknown number lies in no range."""
        return number is not None and self.low <= number <= self.high

    @model_serializer
    def _plain(self) -> dict[str, int]:
        return {name: bound for name in ("gt", "ge", "lt", "le") if (bound := getattr(self, name)) is not None}


class Members(Part):
    """One of these values, or none of them. NULL in the log is the value `unknown`."""

    values: tuple[str, ...] = Field(min_length=1)
    negated: bool = False

    def holds(self, value: str | None) -> bool:
        return ((value or "unknown") in self.values) is not self.negated

    @model_serializer
    def _plain(self) -> Any:
        return {"not": list(self.values)} if self.negated else list(self.values)


def _condition(raw: Any) -> Any:
    """`{dimension: value | [values] | {not: [...]} | {gt: n}}` as Members and Size objects."""
    if not isinstance(raw, dict):
        raise ValueError("write `when` as {dimension: [values]} or {} for every request")
    return {key: _located(_term, str(key), value) for key, value in raw.items()}


def _located(read: Callable[[str, Any], Any], key: str, value: Any) -> Any:
    """Keep the key with the error, so that the message can name its line."""
    try:
        return read(key, value)
    except ValidationError as error:
        problem = error.errors()[0]
        message = f"{key}: {'.'.join(map(str, problem['loc']))} {legal_there(problem)}"
        raise PydanticCustomError("term", "{message}", {"message": message, "key": key}) from error
    except ValueError as error:
        raise PydanticCustomError("term", "{message}", {"message": str(error), "key": key}) from error


def _term(key: str, value: Any) -> Members | Size:
    if isinstance(value, Members | Size):
        return value
    if key in SIZES:
        if not isinstance(value, dict):
            raise ValueError(f"{key} takes a range such as {{gt: 100000}}")
        return Size.model_validate(value)
    if key not in (*DIMENSIONS, *CLOSED):
        raise ValueError(f"`{key}` is no dimension; use one of: {', '.join((*DIMENSIONS, 'prompt_kind', *SIZES))}")
    negated = isinstance(value, dict) and set(value) == {"not"}
    values = _names(value["not"] if negated else value)
    unknown = [v for v in values if v not in CLOSED.get(key, values)]
    if unknown:
        raise ValueError(f"`{unknown[0]}` is no {key}; use one of: {', '.join(CLOSED[key])}")
    return Members(values=values, negated=negated)


def _words(value: Any) -> tuple[str, ...]:
    items = value if isinstance(value, list | tuple) else [value]
    if not items or not all(isinstance(item, str | int | float | bool) for item in items):
        raise ValueError("give a value or a list of values")
    return tuple(dict.fromkeys(str(item).lower() if isinstance(item, bool) else str(item) for item in items))


def _names(value: Any) -> tuple[str, ...]:
    """As `_words`, for names: what YAML took for something else (`no`, `on`, `1.10`) is not what was written."""
    for item in value if isinstance(value, list | tuple) else [value]:
        if isinstance(item, bool | float):
            raise ValueError(f"YAML reads this as {str(item).lower()}, no name; put it in quotes")
    return _words(value)


def _facts(raw: Any) -> Any:
    """`{fact: value | [values]}`; yes/no facts take true or false."""
    if not isinstance(raw, dict) or not raw:
        raise ValueError(f"name at least one model fact: {', '.join(MODEL_FACTS)}")
    return {key: _located(_fact, str(key), value) for key, value in raw.items()}


def _fact(key: str, value: Any) -> tuple[str, ...]:
    if key not in MODEL_FACTS:
        raise ValueError(f"`{key}` is no model fact; use one of: {', '.join(MODEL_FACTS)}")
    legal: tuple[str, ...] = ("true", "false") if key in YES_NO_FACTS else HOSTINGS if key == "hosting" else ()
    words = tuple(word.strip() for word in (_words if key in YES_NO_FACTS else _names)(value))
    wrong = [word for word in words if legal and word not in legal]
    if wrong:
        raise ValueError(f"`{wrong[0]}` is no value of {key}; use one of: {', '.join(legal)}")
    odd = [word for word in words if key == "origin" and not COUNTRY.fullmatch(word)]
    if odd:
        raise ValueError(f"`{odd[0]}` is no country; write its two letters, such as CN or US")
    return tuple(word.upper() for word in words) if key == "origin" else words


def _target(raw: Any) -> str:
    if not isinstance(raw, str) or not raw.strip():
        raise ValueError("name a model, such as gpt-5.2 or minimax-m2@self")
    model, mark, hosting = raw.strip().partition("@")
    if mark and (hosting not in HOSTINGS or not model):
        raise ValueError(f"`{raw}`: after @ stands the hosting, one of: {', '.join(HOSTINGS)}")
    return raw.strip()


def _hours(raw: Any) -> float:
    """`8h`, `30m`, `2d` or a plain number of hours."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([mhd]?)", str(raw).strip())
    if not match:
        raise ValueError(f"`{raw}` is no time; write 0h, 30m or 2d")
    return float(match[1]) * {"m": 1 / 60, "h": 1, "": 1, "d": 24}[match[2]]


Condition = Annotated[dict[str, Members | Size], BeforeValidator(_condition)]
Facts = Annotated[dict[str, tuple[str, ...]], BeforeValidator(_facts)]
Target = Annotated[str, BeforeValidator(_target)]
Hours = Annotated[float, BeforeValidator(_hours)]
Share = Annotated[float, Field(ge=0, le=1)]


def applies(when: dict[str, Members | Size], attributes: Mapping[str, Any]) -> bool:
    """Whether a request with these attributes meets every term; an absent dimension is `unknown`."""
    return all(term.holds(attributes.get(name)) for name, term in when.items())
