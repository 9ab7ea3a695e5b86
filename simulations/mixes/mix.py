"""Model mixes, before and after: annual cost, quality, exposure, and how sure one can be.

A mix is a list of models with their share of the work. Cost and quality are typed in, or come from
the log (`mix_from_log`). Quality of a mix is the share-weighted mean; unknown when any part is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import Field, model_validator

from data.errors import BadInput
from data.facts.models import Catalog
from simulations.mixes.range import Line, Side, sources, spread
from simulations.ranges import Assumptions
from simulations.scenario import Part, Scenario

TOLERANCE = 1e-6


class Entry(Part):
    """One model's part in a mix; `model` is a target such as gpt-5.2 or minimax-m2@self, `output_share` the part of
    its cost that is output (the rest is input)."""

    model: str
    share: float = Field(ge=0, le=1)
    annual_cost_usd: float | None = Field(None, ge=0)
    quality: float | None = Field(None, ge=0, le=1)
    latency_ms: float | None = Field(None, gt=0)
    output_share: float | None = Field(None, ge=0, le=1)
    use: str = ""


class Mix(Part):
    """Models whose shares of the work sum to one."""

    models: tuple[Entry, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> Mix:
        total = sum(entry.share for entry in self.models)
        if abs(total - 1) > TOLERANCE:
            raise ValueError(
                f"the shares sum to {total:.6g}, not to 1; correct them, or ask to normalise (--normalise)"
            )
        targets = [entry.model for entry in self.models]
        twice = next((t for i, t in enumerate(targets) if t in targets[:i]), None)
        if twice:
            raise ValueError(f"`{twice}` is named twice; give each model one line")
        return self

    @property
    def annual_cost_usd(self) -> float | None:
        """USD a year; None when the cost of any model is unknown."""
        costs = [entry.annual_cost_usd for entry in self.models if entry.annual_cost_usd is not None]
        return sum(costs) if len(costs) == len(self.models) else None

    @property
    def quality(self) -> float | None:
        """Share-weighted mean quality, 0 to 1; None when that of any model with work is unknown."""
        return _mean((entry.share, entry.quality) for entry in self.models)


class MixScenario(Scenario):
    """Two mixes over the same work, the assumptions about what is not known, and the risks to show."""

    kind: Literal["mix"]
    baseline: Mix
    proposed: Mix
    assumptions: Assumptions = Assumptions()
    complexity_change: float | None = None
    risks: tuple[str, ...] = ()


def normalise_shares(document: dict[str, Any]) -> dict[str, Any]:
    """The same scenario with each mix's shares divided by their sum. Only ever on request."""
    fixed = dict(document)
    for side in ("baseline", "proposed"):
        models = (fixed.get(side) or {}).get("models") or []
        shares = [entry.get("share") for entry in models if isinstance(entry, dict)]
        numbers = [float(share) for share in shares if isinstance(share, int | float) and share >= 0]
        if len(numbers) != len(models) or not sum(numbers):
            raise BadInput(
                f"The shares of `{side}` cannot be normalised: {shares}; give numbers of 0 or more, not all 0."
            )
        fixed[side] = {**fixed[side], "models": [{**entry, "share": entry["share"] / sum(numbers)} for entry in models]}
    return fixed


def simulate_mix(scenario: MixScenario, catalog: Catalog) -> dict[str, Any]:
    """Both mixes, the saving with its range, and exposure by vendor, origin and hosting.

    Money is USD a year, shares and quality are 0 to 1. Raises BadInput when a cost is missing.
    """
    baseline, proposed = _side(scenario.baseline, "baseline"), _side(scenario.proposed, "proposed")
    before, after = (sum(line.usd for line in side.values()) for side in (baseline, proposed))
    ranges = spread(baseline, proposed, scenario.assumptions)
    ranges["sources"] = sources(baseline, proposed, scenario.assumptions)
    return {
        "name": scenario.name,
        "baseline": side_by_model(scenario.baseline, catalog),
        "proposed": side_by_model(scenario.proposed, catalog),
        "savings_usd": round(before - after, 2),
        "savings_pct": round((before - after) / before * 100, 2) if before else None,
        "savings_per_month_usd": round((before - after) / 12, 2),
        "quality_change": _difference(scenario.proposed.quality, scenario.baseline.quality),
        "moved_share": round(moved_share(scenario.baseline, scenario.proposed), 6),
        "complexity_change": scenario.complexity_change,
        "risks": list(scenario.risks),
        "ranges": ranges,
        "assumptions": scenario.assumptions.model_dump(),
    }


def _side(mix: Mix, side: str) -> Side:
    """The lines of a mix by model; raises BadInput where a cost is missing."""
    missing = [entry.model for entry in mix.models if entry.annual_cost_usd is None]
    if missing:
        raise BadInput(
            f"The {side} mix has no annual_cost_usd for {', '.join(missing)}; type it in, or take the mix from the log."
        )
    return {
        entry.model: Line(entry.annual_cost_usd or 0.0, entry.share, entry.quality, entry.output_share)
        for entry in mix.models
    }


def side_by_model(mix: Mix, catalog: Catalog) -> dict[str, Any]:
    """One side of the comparison as plain values."""
    cost, quality = mix.annual_cost_usd, mix.quality
    return {
        "annual_cost_usd": cost,
        "monthly_cost_usd": None if cost is None else round(cost / 12, 2),
        "quality": None if quality is None else round(quality, 10),
        "quality_tier": "stated" if quality is not None else "refused",
        "latency_ms": _mean_latency(mix),
        "models": [entry.model_dump(exclude_defaults=True) for entry in mix.models],
        **{f"by_{fact}": exposure(mix, catalog, fact) for fact in ("vendor", "origin", "hosting")},
    }


def exposure(mix: Mix, catalog: Catalog, fact: str) -> dict[str, float]:
    """Share of the work by vendor, origin or hosting; models without that fact count as unknown."""
    totals: dict[str, float] = {}
    for entry in mix.models:
        name, _, hosting = entry.model.partition("@")
        facts = catalog.get(name)
        usual = facts.hosting[0] if facts and facts.hosting else None
        value = (hosting or usual) if fact == "hosting" else getattr(facts, fact, None)
        totals[value or "unknown"] = totals.get(value or "unknown", 0.0) + entry.share
    return {key: round(share, 10) for key, share in sorted(totals.items(), key=lambda item: -item[1])}


def moved_share(before: Mix, after: Mix) -> float:
    """The share of the work that changes model or hosting, at least."""
    old = {entry.model: entry.share for entry in before.models}
    return 1 - sum(min(entry.share, old.get(entry.model, 0.0)) for entry in after.models)


def _mean_latency(mix: Mix) -> float | None:
    return _mean((entry.share, entry.latency_ms) for entry in mix.models)


def _mean(parts: Iterable[tuple[float, float | None]]) -> float | None:
    """The mean by share; None when any part that counts is unknown."""
    counted = [(share, value) for share, value in parts if share]
    known = [share * value for share, value in counted if value is not None]
    return sum(known) if len(known) == len(counted) else None


def _difference(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else round(after - before, 10)
