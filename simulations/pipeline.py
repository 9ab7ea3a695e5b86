"""Multi-stage workflows (extract, analyse, summarise) against one model for everything.

Cost adds up over stages; time is the longest chain of stages that wait for each other; accuracy is
the stated one, or the product of the stages' accuracies when they are given and fail independently.
"""

from __future__ import annotations

from math import prod
from typing import Any, Literal

from pydantic import Field, model_validator

from data.calendar import MILLION
from simulations.scenario import Part, Scenario


class Work(Part):
    """What one model does to every item: typed totals, or tokens per item with a price."""

    model: str
    cost_usd: float | None = Field(None, ge=0)
    hours: float = Field(ge=0)
    accuracy: float | None = Field(None, ge=0, le=1)
    tokens_per_item: float | None = Field(None, gt=0)
    usd_per_mtok: float | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _priced(self) -> Work:
        by_tokens = self.tokens_per_item is not None and self.usd_per_mtok is not None
        if (self.cost_usd is None) is not by_tokens:
            raise ValueError("give cost_usd, or tokens_per_item with usd_per_mtok")
        return self

    def total_usd(self, items: int) -> float:
        """Cost for all items."""
        if self.cost_usd is not None:
            return self.cost_usd
        return items * (self.tokens_per_item or 0.0) * (self.usd_per_mtok or 0.0) / MILLION


class Stage(Work):
    """One step; it starts when the stages named in `after` are done (default: the one before)."""

    name: str
    after: tuple[str, ...] | None = None


class PipelineScenario(Scenario):
    """`single` is one model for all of it; `accuracy` is the pipeline's, where it was measured as a whole."""

    kind: Literal["pipeline"]
    items: int = Field(gt=0)
    single: Work
    stages: tuple[Stage, ...] = Field(min_length=1)
    accuracy: float | None = Field(None, ge=0, le=1)

    @model_validator(mode="after")
    def _in_order(self) -> PipelineScenario:
        seen: set[str] = set()
        for stage in self.stages:
            if stage.name in seen:
                raise ValueError(f"two stages are called `{stage.name}`; name each once")
            late = [name for name in stage.after or () if name not in seen]
            if late:
                raise ValueError(
                    f"stage `{stage.name}` waits for `{late[0]}`, which is not an earlier stage: a loop or a wrong name"
                )
            seen.add(stage.name)
        return self


def simulate_pipeline(scenario: PipelineScenario) -> dict[str, Any]:
    """Totals of both ways and their difference; `accuracy_points` is None when either is unknown."""
    single_usd = scenario.single.total_usd(scenario.items)
    cost_usd = sum(stage.total_usd(scenario.items) for stage in scenario.stages)
    ends = _ends(scenario.stages)
    hours = max(ends.values())
    accuracy, basis = _accuracy(scenario)
    before = scenario.single.accuracy
    return {
        "name": scenario.name,
        "items": scenario.items,
        "single": {
            "model": scenario.single.model,
            "cost_usd": single_usd,
            "hours": scenario.single.hours,
            "accuracy": before,
        },
        "pipeline": {"cost_usd": cost_usd, "hours": hours, "accuracy": accuracy, "accuracy_basis": basis},
        "stages": [
            {
                "name": s.name,
                "model": s.model,
                "cost_usd": s.total_usd(scenario.items),
                "hours": s.hours,
                "starts_at_hour": ends[s.name] - s.hours,
                "accuracy": s.accuracy,
            }
            for s in scenario.stages
        ],
        "savings_usd": single_usd - cost_usd,
        "savings_pct": _saved_pct(single_usd, cost_usd),
        "time_saved_pct": _saved_pct(scenario.single.hours, hours),
        "accuracy_points": _points(before, accuracy),
    }


def _ends(stages: tuple[Stage, ...]) -> dict[str, float]:
    """The hour at which every stage is done, by its name."""
    done: dict[str, float] = {}
    previous: tuple[str, ...] = ()
    for stage in stages:
        waits = previous if stage.after is None else stage.after
        done[stage.name] = stage.hours + max((done[name] for name in waits), default=0.0)
        previous = (stage.name,)
    return done


def _accuracy(scenario: PipelineScenario) -> tuple[float | None, str]:
    if scenario.accuracy is not None:
        return scenario.accuracy, "stated for the whole pipeline"
    known = [stage.accuracy for stage in scenario.stages if stage.accuracy is not None]
    if len(known) == len(scenario.stages):
        return prod(known), "product of the stages, errors taken as independent"
    return None, "unknown: no accuracy for the whole, and not for every stage"


def _points(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else round((after - before) * 100, 6)


def _saved_pct(before: float, after: float) -> float | None:
    return round((1 - after / before) * 100, 2) if before else None
