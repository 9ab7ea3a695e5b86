"""Shared costs: spend that no team has caused alone, and the rule by which it is split among them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator

from analytics.registry import DIMENSIONS
from data import wording
from data.documents import Documents
from data.errors import BadInput
from data.state import State

UNTAGGED = "Untagged"  # the shared cost of all rows that name no team; there without being saved
SPLITS = ("even", "spend", "requests", "fixed")


class SharedCost(BaseModel):
    """The rows with the values of `filters`, split by a rule; `weights` by team where it is `fixed`.

    Kept by name; a row that several are about belongs to the first. `Untagged` has no filters: what names no team.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    filters: dict[str, tuple[str, ...]] = {}
    split: Literal["even", "spend", "requests", "fixed"] = "spend"
    weights: dict[str, float] = {}

    @model_validator(mode="after")
    def _consistent(self) -> SharedCost:
        unknown = [name for name in self.filters if name not in DIMENSIONS or DIMENSIONS[name].is_time]
        if unknown:
            raise ValueError(f"{', '.join(unknown)} is no dimension; `python -m analytics measures` lists them")
        if any(weight < 0 for weight in self.weights.values()):
            raise ValueError("a weight below zero would pay a team for what others use")
        if self.split == "fixed" and not sum(self.weights.values()) > 0:
            raise ValueError("a fixed split needs weights, such as search=60")
        if self.split != "fixed" and self.weights:
            raise ValueError("only a fixed split has weights")
        return self

    @property
    def rule(self) -> str:
        """The rule in words, as the statement says it."""
        if self.split == "fixed":
            whole = sum(self.weights.values())
            return "fixed: " + ", ".join(f"{name} {wording.share(w / whole)}" for name, w in self.weights.items())
        return {
            "even": "in equal parts among those with spend of their own",
            "spend": "by each one's own spend",
            "requests": "by each one's own requests",
        }[self.split]

    def shares(self, spend: Mapping[str, Decimal], requests: Mapping[str, int]) -> dict[str, Decimal]:
        """The part of each team, adding up to 1; empty where the rule finds nobody to charge.

        `spend` and `requests` are the teams' own, without anything shared.
        """
        weights: Mapping[str, Decimal]
        if self.split == "fixed":
            weights = {name: Decimal(repr(weight)) for name, weight in self.weights.items()}
        elif self.split == "requests":
            weights = {name: Decimal(count) for name, count in requests.items()}
        elif self.split == "spend":
            weights = {name: max(usd, Decimal(0)) for name, usd in spend.items()}
        else:
            weights = {name: Decimal(1) for name, usd in spend.items() if usd > 0}
        whole = sum(weights.values(), Decimal(0))
        return {name: weight / whole for name, weight in weights.items() if weight} if whole else {}


def _has_rows(name: str, cost: SharedCost) -> None:
    if name == UNTAGGED and cost.filters:
        raise BadInput(f"{UNTAGGED} needs no filters: it is what names no team. Give the shared cost another name.")
    if name != UNTAGGED and not cost.filters:
        raise BadInput(f"Shared cost {name} needs a filter that names its rows, such as team=platform.")


SHARED = Documents("shared_cost", SharedCost, check=_has_rows)  # by their names


def in_order(state: State) -> dict[str, SharedCost]:
    """Those with filters by name, then what names no team."""
    saved = SHARED.all(state)
    untagged = saved.pop(UNTAGGED, SharedCost())
    return saved | {UNTAGGED: untagged}
