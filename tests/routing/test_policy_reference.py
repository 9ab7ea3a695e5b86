"""docs/policy.md says what the policy language is: written from its models, nothing left out."""

from __future__ import annotations

import pytest

from data.schema import VOCABULARY
from routing.policies import reference
from routing.policies.conditions import DIMENSIONS, HOSTINGS, MODEL_FACTS, SIZES


def test_the_page_is_what_the_models_say():
    told = "run: python -m routing policy-reference --out docs/policy.md"
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page(), told


@pytest.mark.parametrize("part", [part for _, part in reference.PARTS], ids=lambda part: part.__name__)
def test_every_word_has_a_meaning_and_stands_on_the_page(part):
    for name, field in part.model_fields.items():
        assert field.description, f"{part.__name__}.{name} has no docstring"
        assert f"| `{name}` | " in reference.page()


def test_every_dimension_fact_and_value_stands_on_the_page():
    closed = [value for values in VOCABULARY.values() for value in values]
    words = [*DIMENSIONS, *SIZES, *MODEL_FACTS, *HOSTINGS, *closed]
    assert [word for word in words if f"`{word}`" not in reference.page()] == []
