"""What is known about models apart from their prices: who makes them, where they may run, how good they are.

Facts ship in `catalog/models.yaml`, each with a source and a date; operator edits live in state
documents of kind `model_fact` and win. What nobody knows is None, never a guess.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from datetime import date as Day
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from data.documents import Documents
from data.errors import BadInput
from data.schema import TASK_TYPES
from data.state import State
from data.yaml_text import Lines, read_yaml_file, validate

CATALOG = Path(__file__).parent / "catalog" / "models.yaml"
Hosting = Literal["self", "cloud", "host", "api"]
Share = Annotated[float, Field(ge=0, le=1)]


class Sourced(BaseModel):
    """A fact's origin: who says so, on what day, from how many samples."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    source: str = Field(min_length=1)
    date: Annotated[str, BeforeValidator(str), Field(pattern=r"^\d{4}(-\d{2}){0,2}$")]
    samples: int | None = Field(None, gt=0)


class Score(Sourced):
    """Share of tasks answered well, 0 to 1, on one scale; scores of different scales must not be compared.

    `measured` comes from one's own graded results, `borrowed` from a named benchmark, `stated` is what
    somebody says without data.
    """

    task: str = "overall"
    scale: str = Field(min_length=1)
    value: float = Field(ge=0, le=1)
    tier: Literal["measured", "borrowed", "stated"]

    @field_validator("task")
    @classmethod
    def _known_task(cls, task: str) -> str:
        if task not in (*TASK_TYPES, "overall"):
            raise ValueError(f"`{task}` is no task type; use overall or one of: {', '.join(TASK_TYPES)}")
        return task


class Life(Sourced):
    """When a model ends, as the operator knows it: the first day without it, at whatever provider."""

    retires: Day


class Ratio(Sourced):
    """A factor against the reference model, with the range one should believe."""

    value: float = Field(gt=0)
    low: float = Field(gt=0)
    high: float = Field(gt=0)


class ModelFacts(BaseModel):
    """One model. None means unknown; `hosting` lists the ways to run it, the usual one first."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    aliases: tuple[str, ...] = ()
    vendor: str | None = None
    provider: str | None = None
    origin: str | None = Field(None, pattern=r"^[A-Z]{2}$")
    hosting: tuple[Hosting, ...] = ()
    open_weights: bool | None = None
    hipaa_eligible: bool | None = None
    gdpr_terms: bool | None = None
    residency: tuple[str, ...] | None = None
    self_hosted: dict[str, Any] = {}
    hosted: dict[Literal["cloud", "host"], dict[str, Any]] = {}
    context_window: int | None = Field(None, gt=0)
    modalities: tuple[str, ...] | None = None
    price_model: str | None = None
    verbosity: Ratio | None = None
    tokenizer: Ratio | None = None
    latency_ms: float | None = Field(None, gt=0)
    acceptance: Share | None = None
    life: Life | None = None
    quality: tuple[Score, ...] = ()
    sources: dict[str, str] = {}

    def at(self, hosting: str | None) -> dict[str, tuple[str, ...] | None]:
        """What a constraint may ask about this model run in this way; None is unknown.

        `hosting` is self (own machines), cloud (an own account at a cloud), host (a third party that serves
        the weights) or api (the maker's own). The eligibility and residency of the maker's API say nothing
        about other machines: what the operator wrote under `self_hosted` and `hosted` counts there.
        """
        terms = ("hipaa_eligible", "gdpr_terms", "residency")
        elsewhere = {
            "self": self.self_hosted,
            "cloud": self.hosted.get("cloud", {}),
            "host": self.hosted.get("host", {}),
        }
        legal = {key: getattr(self, key) for key in terms}
        if hosting in elsewhere:
            legal = {key: elsewhere[hosting].get(key) for key in terms}
        facts = {
            "model": self.name,
            "vendor": self.vendor,
            "origin": self.origin,
            "hosting": hosting,
            "open_weights": self.open_weights,
        }
        return {key: _words(value) for key, value in (facts | legal).items()}

    def regions(self) -> frozenset[str]:
        """Where its answers may be made, over all ways to run it."""
        told = (self.at(hosting)["residency"] for hosting in (None, "self", "cloud", "host"))
        return frozenset(region for known in told for region in known or ())

    def score(self, scale: str, task_type: str | None = None) -> Score | None:
        """Quality on this scale for a task type, else overall; None when nobody knows it."""
        on_scale = {score.task: score for score in self.quality if score.scale == scale}
        return on_scale.get(task_type or "overall") or on_scale.get("overall")


def _words(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    items = value if isinstance(value, tuple | list) else (value,)
    return tuple(str(item).lower() if isinstance(item, bool) else str(item) for item in items) or None


class Catalog(Mapping[str, ModelFacts]):
    """Model facts by canonical name; aliases and other spellings of case find the same entry."""

    def __init__(self, models: Mapping[str, ModelFacts]) -> None:
        self._models = dict(models)
        self._names = {alias.lower(): name for name, facts in self._models.items() for alias in facts.aliases}
        self._names |= {name.lower(): name for name in self._models}

    def __getitem__(self, name: str) -> ModelFacts:
        return self._models[self._names[name.lower()]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)

    def canonical(self, name: str) -> str:
        """The canonical spelling of a model name; BadInput with the nearest names when unknown."""
        if name.lower() in self._names:
            return self._names[name.lower()]
        near = difflib.get_close_matches(name.lower(), self._names, n=3, cutoff=0.5)
        hint = (
            f"did you mean {', '.join(dict.fromkeys(self._names[n] for n in near))}?"
            if near
            else "add its facts first."
        )
        raise BadInput(f"`{name}` is no known model; {hint}")

    def spelling(self, name: str) -> str:
        """The canonical spelling, or the name itself when it is new."""
        return self._names.get(name.lower(), name)

    def with_edits(self, edits: Mapping[str, Mapping[str, Any]]) -> Catalog:
        """The catalogue with operator edits laid over it; an edit of a new name adds a model."""
        models = dict(self._models)
        for name, body in edits.items():
            known = self.spelling(name)
            before = models[known].model_dump(exclude_defaults=True) if known in models else {}
            models[known] = _facts(known, before | dict(body), f"the edited facts of {known}")
        return Catalog(models)


@lru_cache(maxsize=1)
def shipped_catalog() -> Catalog:
    """The facts that come with Baton."""
    return read_catalog(CATALOG)


def read_catalog(path: str | Path) -> Catalog:
    """Model facts from a YAML file `{models: {name: facts}}`; errors name line, field and legal values."""
    document, lines = read_yaml_file(path)
    entries = document.get("models") if isinstance(document, dict) else None
    if not isinstance(entries, dict):
        raise BadInput(f"{path}, line 1: a catalogue starts with `models:` and one entry per model.")
    named = {str(key): str(text) for key, text in (document.get("sources") or {}).items()}
    models = {str(name): _facts(str(name), body, str(path), lines) for name, body in entries.items()}
    return Catalog({name: _spelt_out(facts, named) for name, facts in models.items()})


def _spelt_out(facts: ModelFacts, named: Mapping[str, str]) -> ModelFacts:
    """Source keys replaced by what they stand for."""
    sources = {
        fact: "; ".join(named.get(key, key) for key in keys.split(" + ")) for fact, keys in facts.sources.items()
    }

    def sourced(fact: Sourced) -> Sourced:
        return fact.model_copy(update={"source": named.get(fact.source, fact.source)})

    changes: dict[str, Any] = {"sources": sources, "quality": tuple(map(sourced, facts.quality))}
    for name in ("verbosity", "tokenizer"):
        if ratio := getattr(facts, name):
            changes[name] = sourced(ratio)
    return facts.model_copy(update=changes)


class FactEdit(BaseModel):
    """What an operator says of one model: some of the fields of `ModelFacts`, checked where they meet the others."""

    model_config = ConfigDict(extra="allow", frozen=True)


EDITS = Documents("model_fact", FactEdit)


def current(state: State) -> Catalog:
    """Shipped facts with this store's operator edits; BadInput names a stored edit that is none."""
    catalog = shipped_catalog()
    for name, edit in EDITS.all(state).items():
        try:
            catalog = catalog.with_edits({name: edit.model_dump()})
        except BadInput as error:
            raise EDITS.unreadable(name, error) from error
    return catalog


def save_edit(state: State, name: str, changes: Mapping[str, Any]) -> Catalog:
    """Check and keep an operator's changes to one model."""
    if not isinstance(changes, Mapping):
        raise BadInput(f"The facts of {name} must be a mapping such as {{vendor: OpenAI}}.")
    known = shipped_catalog().spelling(name)
    edits = {**(state.get("model_fact", known) or {}), **changes}
    catalog = current(state).with_edits({known: edits})
    EDITS.save(state, known, edits)
    return catalog


def _facts(name: str, body: Any, where: str, lines: Lines | None = None) -> ModelFacts:
    at = {path[2:]: line for path, line in (lines or {}).items() if path[:2] == ("models", name)} | {(): 1}
    return validate(ModelFacts, {**body, "name": name} if isinstance(body, Mapping) else body, at, f"{where}: {name}")
