from __future__ import annotations

import json
from datetime import date

import pytest

from data.errors import BadInput
from data.facts import lives, tables
from data.facts.models import save_edit
from data.prices import second_catalogue
from data.prices.model_lives import SUCCESSORS, ModelLives, Successors

JULY = date(2026, 7, 24)


def test_a_model_ends_at_a_provider_on_a_day(state):
    known = ModelLives(state)
    assert known.is_retired_by("deepseek", "deepseek-reasoner", JULY)
    assert not known.is_retired_by("deepseek", "deepseek-reasoner", date(2026, 7, 23))
    assert not known.is_retired_by("openrouter", "deepseek-reasoner", JULY)  # another may still serve it
    assert known.retirement("openai", "gpt-5.2") is None  # nobody announced it


def test_a_cloud_may_serve_longer_than_the_maker(state):
    known = ModelLives(state)
    assert known.retirement("openai", "gpt-4.1").retires < known.retirement("azure", "gpt-4.1").retires


def test_the_operator_knows_better_than_a_file_and_a_file_better_than_the_table(state):
    entry = {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}
    file = state.path.parent / "prices.json"
    prices = {
        "gpt-4.1": {**entry, "litellm_provider": "openai", "deprecation_date": "2027-03-01"},
        "gemini/gemini-2.5-pro": {**entry, "litellm_provider": "gemini", "deprecation_date": "2027-05-01"},
        "gpt-5": {**entry, "litellm_provider": "openai", "deprecation_date": "soon"},
    }
    file.write_text(json.dumps(prices))
    second_catalogue.install(state.path.parent, file)
    known = ModelLives(state)
    assert known.retirement("openai", "gpt-4.1").retires == date(2027, 3, 1)
    assert known.retirement("google", "gemini-2.5-pro").retires == date(2027, 5, 1)
    assert known.retirement("openai", "gpt-5").retires == date(2026, 12, 11)  # what is no day says nothing
    save_edit(state, "gpt-4.1", {"life": {"retires": "2028-01-01", "source": "our contract", "date": "2026-11-01"}})
    assert ModelLives(state).retirement("azure", "gpt-4.1")[2:4] == (date(2028, 1, 1), "our contract")


def test_the_operator_names_who_takes_over(state):
    assert Successors(state).of("openai", "gpt-4.1") is None
    SUCCESSORS.save(state, "gpt-4.1", {"model": "gpt-5.2"})
    assert Successors(state).of("azure", "gpt-4.1") == ("azure", "gpt-5.2")
    SUCCESSORS.save(state, "gpt-4.1", {"model": "minimax-m2", "provider": "minimax"})
    assert Successors(state).of("azure", "gpt-4.1") == ("minimax", "minimax-m2")


def test_an_own_line_without_a_day_is_refused_in_a_sentence(home):
    own = tables.own_file("retirements.csv")
    own.parent.mkdir(parents=True)
    own.write_text("provider,model,retires,source,as_of\nopenai,gpt-5.2,next year,we,2026-11-27\n")
    with pytest.raises(BadInput, match=r"openai gpt-5.2: retires is next year; give the first day"):
        lives.retirements()
