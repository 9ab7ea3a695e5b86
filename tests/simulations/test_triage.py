"""The 48-hour protocol: the brief's case, each gate, and what counts as proof."""

from __future__ import annotations

import pytest

from data.errors import BadInput
from data.yaml_text import validate
from simulations.scenario import read_scenario
from simulations.triage import TriageScenario, triage


def case(**changes):
    body = {
        "kind": "triage",
        "name": "t",
        "current": {"model": "gpt-5.2", "annual_cost_usd": 400_000, "score": 0.9},
        "candidate": {"model": "new", "annual_cost_usd": 315_000, "score": 0.927, "hipaa_eligible": True},
        "requests_per_year": 50_000_000,
        "samples": 100,
        "required": {"hipaa_eligible": True},
    }
    for key, value in changes.items():
        body[key] = {**body[key], **value} if isinstance(value, dict) and key in body else value
    return triage(validate(TriageScenario, body, {(): 1}, "t.yaml"))


def test_the_new_model_of_the_brief():
    result = triage(read_scenario("new_model", TriageScenario, "triage"))
    assert result["decision"] == "EVALUATE"
    assert result["projected_savings_usd"] == 85_000
    assert result["capability_delta"] == 0.03


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"candidate": {"score": 0.80}}, "capability gap"),
        ({"candidate": {"annual_cost_usd": 440_001}}, "no cost benefit"),
        ({"candidate": {"hipaa_eligible": False}}, "compliance blocker: HIPAA eligibility is not given"),
        ({"candidate": {"hipaa_eligible": None}}, "compliance blocker: HIPAA eligibility is unknown"),
        ({"required": {"residency": ["EU"]}}, "data residency EU is required and the model's is unknown"),
    ],
)
def test_one_failed_gate_skips_with_its_reason(changes, reason):
    result = case(**changes)
    assert result["decision"] == "SKIP"
    assert len(result["reasons"]) == 1
    assert reason in result["reasons"][0]


def test_every_reason_is_given():
    result = case(candidate={"score": 0.1, "annual_cost_usd": 9e9, "hipaa_eligible": False})
    assert len(result["reasons"]) == 3


def test_the_thresholds_are_not_crossed_by_equality():
    assert case(candidate={"score": 0.81, "annual_cost_usd": 440_000})["decision"] == "EVALUATE"
    assert case(candidate={"score": 0.80}, thresholds={"capability_ratio": 0.8})["decision"] == "EVALUATE"


def test_cost_per_request_is_taken_at_the_real_volume():
    result = case(candidate={"annual_cost_usd": None, "cost_per_request_usd": 0.0063})
    assert result["projected_savings_usd"] == 85_000


def test_too_few_samples_decide_nothing_about_capability():
    result = case(samples=40, candidate={"score": 0.1})
    assert result["decision"] == "EVALUATE" and "too few" in result["reasons"][0]
    assert case(current={"score": None})["capability_delta"] is None


def test_adopt_needs_the_same_prompts_graded_and_a_saving():
    good = [(1.0, 1.0)] * 360 + [(0.0, 1.0)] * 24 + [(1.0, 0.0)] * 16
    assert case(graded=good)["decision"] == "ADOPT"
    assert case(graded=good, candidate={"annual_cost_usd": 410_000})["decision"] == "EVALUATE"
    shaky = [(1.0, 1.0)] * 80 + [(0.0, 1.0)] * 11 + [(1.0, 0.0)] * 9
    assert case(graded=shaky)["decision"] == "EVALUATE"
    assert case(graded=good)["tier"] == "measured" and case()["tier"] == "stated"


def test_two_costs_or_none_are_refused():
    with pytest.raises(BadInput, match="either cost_per_request_usd or annual_cost_usd"):
        case(candidate={"cost_per_request_usd": 1})


def test_equal_answers_on_too_few_prompts_prove_nothing_about_the_margin():
    """100 equal pairs leave -3.7 points; 2 points take 189 pairs at least."""
    assert case(graded=[(1.0, 1.0)] * 100)["decision"] == "EVALUATE"
    assert case(graded=[(1.0, 1.0)] * 188)["decision"] == "EVALUATE"
    assert case(graded=[(1.0, 1.0)] * 189)["decision"] == "ADOPT"
