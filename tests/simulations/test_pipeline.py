"""The legal documents of the brief, and workflows that make no sense."""

from __future__ import annotations

import pytest

from data.errors import BadInput
from data.yaml_text import validate
from simulations.pipeline import PipelineScenario, simulate_pipeline
from simulations.scenario import read_scenario

SINGLE = {"model": "one", "cost_usd": 100, "hours": 10, "accuracy": 0.8}


def pipeline(stages, **more):
    return validate(
        PipelineScenario,
        {"kind": "pipeline", "name": "t", "items": 10, "single": SINGLE, "stages": stages, **more},
        {(): 1},
        "t.yaml",
    )


def stage(name, hours=1.0, **more):
    return {"name": name, "model": "m", "hours": hours, **({"cost_usd": 10} | more)}


def test_a_thousand_legal_documents():
    result = simulate_pipeline(read_scenario("legal_documents", PipelineScenario, "pipeline"))
    assert (result["pipeline"]["cost_usd"], result["pipeline"]["hours"]) == (2500, 6)
    assert (result["savings_pct"], result["time_saved_pct"], result["accuracy_points"]) == (75, 70, 9)


def test_stages_side_by_side_take_the_longest_chain():
    result = simulate_pipeline(pipeline([stage("a", 2), stage("b", 5, after=[]), stage("c", 1, after=["a", "b"])]))
    assert result["pipeline"]["hours"] == 6


def test_accuracy_of_stages_multiplies_and_one_unknown_makes_it_unknown():
    known = simulate_pipeline(pipeline([stage("a", accuracy=0.9), stage("b", accuracy=0.8)]))
    assert known["pipeline"]["accuracy"] == pytest.approx(0.72)
    assert known["accuracy_points"] == pytest.approx(-8)
    unknown = simulate_pipeline(pipeline([stage("a", accuracy=0.9), stage("b")]))
    assert unknown["pipeline"]["accuracy"] is None and unknown["accuracy_points"] is None


def test_cost_by_tokens():
    priced = {"name": "a", "model": "m", "hours": 1, "tokens_per_item": 1_000_000, "usd_per_mtok": 0.3}
    assert simulate_pipeline(pipeline([priced]))["pipeline"]["cost_usd"] == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        ([stage("a", after=["b"]), stage("b")], "a loop or a wrong name"),
        ([stage("a"), stage("a")], "two stages"),
        ([stage("a", cost_usd=-1)], "at least 0"),
        ([{"name": "a", "model": "m", "hours": 1}], "give cost_usd, or tokens_per_item"),
        ([], "at least 1"),
    ],
)
def test_a_workflow_with_faults_is_refused(stages, words):
    with pytest.raises(BadInput, match=words):
        pipeline(stages)


def test_a_stage_without_a_price_is_the_only_thing_said():
    with pytest.raises(BadInput) as said:
        pipeline([{"name": "read", "model": "m", "hours": 1}], accuracy=0.9)
    assert str(said.value) == "t.yaml, line 1: stages[0]: give cost_usd, or tokens_per_item with usd_per_mtok."
    with pytest.raises(BadInput, match="stages: give at least 1 entry"):
        pipeline([])
