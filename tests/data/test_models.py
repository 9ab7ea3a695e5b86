"""Model facts: what ships, what an operator changes, what stays unknown."""

from __future__ import annotations

import pytest

from data.errors import BadInput
from data.facts.models import current, read_catalog, save_edit, shipped_catalog
from data.state import State

BRIEF = ("gpt-5.2", "claude-opus-4-6", "claude-opus-4-5", "minimax-m2", "deepseek-v3.2", "gemini-3-pro-preview")


@pytest.mark.parametrize("name", BRIEF)
def test_the_models_of_the_brief_ship(name):
    facts = shipped_catalog()[name]
    assert facts.vendor and facts.origin and facts.hosting and facts.provider


def test_every_shipped_fact_has_a_source():
    stated = {"name", "aliases", "provider", "self_hosted", "price_model", "quality", "verbosity", "life", "sources"}
    for name, facts in shipped_catalog().items():
        missing = set(facts.model_fields_set) - stated - set(facts.sources)
        assert not missing, (name, missing)
        assert all(score.source and score.date for score in facts.quality)


def test_names_and_aliases_find_one_entry_in_any_case():
    catalog = shipped_catalog()
    assert catalog["Claude-Opus-4.6"] is catalog["claude-opus-4-6"]
    assert catalog.canonical("MiniMax-M2") == "minimax-m2"
    with pytest.raises(BadInput, match="did you mean gpt-5.2"):
        catalog.canonical("gpt52")
    assert catalog.get("no such model") is None


def test_unknown_stays_unknown():
    deepseek = shipped_catalog()["deepseek-v3.2"]
    assert deepseek.hipaa_eligible is None and deepseek.at("api")["hipaa_eligible"] is None
    assert shipped_catalog()["gpt-5.2"].score("own tasks", "coding") is None


def test_own_machines_answer_for_themselves():
    facts = shipped_catalog()["minimax-m2"]
    assert facts.at("self")["residency"] == ("own premises",)
    own = shipped_catalog().with_edits({"minimax-m2": {"self_hosted": {"hipaa_eligible": True}}})["minimax-m2"]
    assert own.at("self")["hipaa_eligible"] == ("true",) and own.at("api")["hipaa_eligible"] is None


def test_scores_of_different_scales_are_kept_apart():
    minimax = shipped_catalog()["minimax-m2"]
    assert minimax.score("stated", "coding").value == 0.88
    assert minimax.score("SWE-bench bash-only", "coding").value == 0.61
    assert minimax.score("SWE-bench bash-only", "chat") is None


def test_an_edit_wins_is_kept_and_is_in_the_audit(tmp_path):
    state = State.open(tmp_path)
    save_edit(state, "gpt-5.2", {"residency": ["US"]})
    save_edit(state, "GPT-5.2", {"hipaa_eligible": False})
    save_edit(state, "house-model", {"vendor": "us", "origin": "DE", "hosting": ["self"]})
    facts = current(state)["gpt-5.2"]
    assert facts.residency == ("US",) and facts.hipaa_eligible is False and facts.vendor == "OpenAI"
    assert current(state)["house-model"].origin == "DE"
    assert [entry.event for entry in state.audit()].count("model facts saved") == 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"origin": "China"}, "origin"),
        ({"colour": "red"}, "unknown field; use one of"),
        ({"context_window": -1}, "context_window"),
        (
            {
                "quality": [
                    {"task": "poetry", "scale": "s", "value": 0.5, "tier": "stated", "source": "me", "date": "2026"}
                ]
            },
            "no task type",
        ),
        (
            {"quality": [{"scale": "s", "value": 95, "tier": "stated", "source": "me", "date": "2026"}]},
            "at most 1",
        ),
        ({"hosting": ["moon"]}, "hosting"),
    ],
)
def test_a_wrong_edit_is_refused_and_nothing_is_kept(tmp_path, changes, words):
    state = State.open(tmp_path)
    with pytest.raises(BadInput, match=words):
        save_edit(state, "gpt-5.2", changes)
    assert state.all("model_fact") == {}


def test_a_catalogue_file_names_the_line(tmp_path):
    file = tmp_path / "models.yaml"
    file.write_text("models:\n  a:\n    vendor: x\n    origin: nowhere\n")
    with pytest.raises(BadInput, match="line 4: origin"):
        read_catalog(file)
    file.write_text("[]")
    with pytest.raises(BadInput, match="starts with `models:`"):
        read_catalog(file)
