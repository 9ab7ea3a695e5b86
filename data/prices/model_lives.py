"""What is known about the end of each model, and where its work goes then.

Order: the operator's own fact (`life` of a model, which holds at every provider) > the imported LiteLLM
price file (`deprecation_date`) > the shipped table (`data.facts.lives`).
"""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from data.documents import Documents
from data.facts import models
from data.facts.lives import Retirement, retirements
from data.prices import second_catalogue
from data.state import State

READS = ("model_fact", "successor")  # kinds of document that a life and what comes after it depend on


class Successor(BaseModel):
    """Who takes over a model's work; without a provider the one that answers now."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    model: str = Field(min_length=1)
    provider: str = ""


SUCCESSORS = Documents("successor", Successor)  # by the model that retires


class ModelLives:
    """The announced ends of models as this store knows them."""

    def __init__(self, state: State) -> None:
        self._facts, self._imported = models.current(state), second_catalogue.load(state.path.parent)

    def retirement(self, provider: str, model: str) -> Retirement | None:
        """When a provider stops answering for a model; None where nobody announced it."""
        facts = self._facts.get(model)
        if facts is not None and facts.life is not None:
            return Retirement(provider, model, facts.life.retires, facts.life.source, facts.life.date)
        if self._imported and (day := self._imported.retires(provider, model)):
            return Retirement(provider, model, day, self._imported.version, "")
        return retirements().get((provider, model))

    def is_retired_by(self, provider: str, model: str, day: date) -> bool:
        """Whether a provider is known to have stopped answering for a model by a day."""
        known = self.retirement(provider, model)
        return known is not None and known.retires <= day


class Successors:
    """Who takes over from whom, as the operator named them."""

    def __init__(self, state: State) -> None:
        self._named = SUCCESSORS.all(state)

    def of(self, provider: str, model: str) -> tuple[str, str] | None:
        """(provider, model) that takes over a model's work at a provider; None where nobody was named."""
        named = self._named.get(model)
        return (named.provider or provider, named.model) if named else None
