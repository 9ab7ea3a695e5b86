"""The 48-hour protocol for a newly released model: does it concern us?

Capability (new over current on own graded tasks), cost at the real volume, compliance. One failed
gate means SKIP with that reason. EVALUATE means worth two days; ADOPT needs proof: the same prompts
graded for both models, the new one not worse by more than the margin, and a saving.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Literal

from pydantic import Field, model_validator

from analytics.forecasts.retirements import HORIZON_DAYS
from data import wording
from routing.grading.statistics import Paired, compare_pairs
from simulations.scenario import Part, Scenario


class Contender(Part):
    """A model with its mean score on the sample tasks and its cost per request or per year."""

    model: str
    score: float | None = Field(None, ge=0, le=1)
    cost_per_request_usd: float | None = Field(None, ge=0)
    annual_cost_usd: float | None = Field(None, ge=0)
    hipaa_eligible: bool | None = None
    residency: tuple[str, ...] | None = None
    retires: date | None = None

    @model_validator(mode="after")
    def _one_cost(self) -> Contender:
        if (self.cost_per_request_usd is None) is (self.annual_cost_usd is None):
            raise ValueError("give either cost_per_request_usd or annual_cost_usd")
        return self

    def annual_usd(self, requests_per_year: float) -> float:
        """USD a year at this volume."""
        if self.annual_cost_usd is not None:
            return self.annual_cost_usd
        return (self.cost_per_request_usd or 0.0) * requests_per_year


class Required(Part):
    """What compliance asks of the new model; an unknown fact is not eligible."""

    hipaa_eligible: bool = False
    residency: tuple[str, ...] = ()


class Thresholds(Part):
    """The gates. `non_inferiority_margin` is in points of quality (0 to 1), stated before looking."""

    capability_ratio: float = Field(0.9, gt=0)
    cost_ratio: float = Field(1.1, gt=0)
    min_samples: int = Field(100, ge=1)
    non_inferiority_margin: float = Field(0.02, ge=0, le=1)


class TriageScenario(Scenario):
    """`graded` pairs (current, new) scores on the same prompts; without it the typed scores count as stated.

    `decided_on` is the day a candidate's announced end is held against.
    """

    kind: Literal["triage"]
    current: Contender
    candidate: Contender
    requests_per_year: float = Field(gt=0)
    decided_on: date | None = None
    samples: int = Field(0, ge=0)
    graded: tuple[tuple[float, float], ...] = ()
    required: Required = Required()
    thresholds: Thresholds = Thresholds()

    @model_validator(mode="after")
    def _day_for_an_end(self) -> TriageScenario:
        if self.candidate.retires is not None and self.decided_on is None:
            raise ValueError("the candidate retires; give decided_on, the day of the decision")
        return self


def triage(scenario: TriageScenario) -> dict[str, Any]:
    """SKIP, EVALUATE or ADOPT with every reason; `capability_delta` is new / current - 1, None when unknown."""
    pairs = (
        compare_pairs([old for old, _ in scenario.graded], [new for _, new in scenario.graded])
        if scenario.graded
        else None
    )
    samples = len(scenario.graded) or scenario.samples
    ratio = _capability(scenario, pairs)
    current_usd = scenario.current.annual_usd(scenario.requests_per_year)
    new_usd = scenario.candidate.annual_usd(scenario.requests_per_year)
    gates = [
        _capability_gate(ratio, samples, scenario.thresholds),
        _cost_gate(current_usd, new_usd, scenario.thresholds),
        _compliance_gate(scenario.candidate, scenario.required),
        *_life_gate(scenario),
    ]
    blocked = [gate for gate in gates if gate["passed"] is False]
    proven = (
        pairs is not None
        and samples >= scenario.thresholds.min_samples
        and pairs.low > -scenario.thresholds.non_inferiority_margin
    )
    decision = "SKIP" if blocked else "ADOPT" if proven and new_usd < current_usd else "EVALUATE"
    return {
        "name": scenario.name,
        "decision": decision,
        "reasons": [gate["reason"] for gate in (blocked or gates)],
        "gates": gates,
        "projected_savings_usd": round(current_usd - new_usd, 2),
        "current_annual_cost_usd": round(current_usd, 2),
        "candidate_annual_cost_usd": round(new_usd, 2),
        "capability_delta": None if ratio is None else round(ratio - 1, 6),
        "samples": samples,
        "tier": "measured" if pairs else "stated" if ratio is not None else "refused",
        "paired": pairs and pairs._asdict(),
    }


def _capability(scenario: TriageScenario, pairs: Paired | None) -> float | None:
    old, new = (pairs.mean_a, pairs.mean_b) if pairs else (scenario.current.score, scenario.candidate.score)
    return new / old if old and new is not None else None


def _capability_gate(ratio: float | None, samples: int, limits: Thresholds) -> dict[str, Any]:
    if ratio is None:
        return _gate(
            "capability",
            None,
            "capability unknown: no graded results for both models; grade at least "
            f"{limits.min_samples} of your own tasks",
        )
    words = f"capability {ratio:.3f} of the current model on {samples} samples"
    if not samples:
        return _gate(
            "capability",
            None,
            f"capability {ratio:.3f} of the current model is stated, not measured: {limits.min_samples} own samples "
            "are needed to decide",
        )
    if samples < limits.min_samples:
        return _gate("capability", None, f"{words}: too few, {limits.min_samples} are needed to decide")
    if ratio < limits.capability_ratio:
        return _gate("capability", False, f"capability gap: {words}, below {limits.capability_ratio:g}")
    return _gate("capability", True, f"{words}, at least {limits.capability_ratio:g}")


def _cost_gate(current_usd: float, new_usd: float, limits: Thresholds) -> dict[str, Any]:
    words = f"{wording.usd(new_usd)} a year against {wording.usd(current_usd)}"
    if new_usd > limits.cost_ratio * current_usd:
        return _gate("cost", False, f"no cost benefit: {words}, above {limits.cost_ratio:g} times the current cost")
    return _gate("cost", True, f"cost {words}, at most {limits.cost_ratio:g} times the current cost")


def _compliance_gate(candidate: Contender, required: Required) -> dict[str, Any]:
    missing = []
    if required.hipaa_eligible and candidate.hipaa_eligible is not True:
        missing.append("HIPAA eligibility is " + ("not given" if candidate.hipaa_eligible is False else "unknown"))
    if required.residency and not set(required.residency) & set(candidate.residency or ()):
        offered = ", ".join(candidate.residency) if candidate.residency else "unknown"
        missing.append(f"data residency {' or '.join(required.residency)} is required and the model's is {offered}")
    if missing:
        return _gate("compliance", False, f"compliance blocker: {'; '.join(missing)}")
    asked = [*(["HIPAA eligible"] if required.hipaa_eligible else []), *required.residency]
    return _gate(
        "compliance", True, f"compliance met: {', '.join(asked)}" if asked else "no compliance requirement stated"
    )


def _life_gate(scenario: TriageScenario) -> list[dict[str, Any]]:
    """A model that ends within a year is not worth a migration; nothing is said of one whose end nobody announced."""
    end, day = scenario.candidate.retires, scenario.decided_on
    if end is None or day is None:
        return []
    if end > day + timedelta(days=HORIZON_DAYS):
        return [_gate("life", True, f"announced to end on {wording.day(end)}, more than a year ahead")]
    when = f"retired on {wording.day(end)}" if end <= day else f"ends on {wording.day(end)}, within a year"
    return [_gate("life", False, f"end of life: {scenario.candidate.model} {when}")]


def _gate(name: str, passed: bool | None, reason: str) -> dict[str, Any]:
    return {"gate": name, "passed": passed, "reason": reason}
