"""The table of contract prices: what a line states survives being shown and saved."""

from __future__ import annotations

import pytest

from data.errors import BadInput
from data.prices import contracts
from pages.parts.data.prices import _override_body, _override_row

LINES = [
    {"provider": "openai", "discount": "0.15", "start": "2026-01-01", "note": "frame contract"},
    {"provider": "azure", "model": "our-ptu", "prepaid": True},
    {"provider": "anthropic", "fees": {"web_search": "0.008", "moon": "1"}},
    {"provider": "google", "model": "gemini-3.5-flash", "service_tier": "offpeak", "discount": "0.3"},
    {
        "provider": "google",
        "model": "gemini-3-pro-image-preview",
        "prices": {"fresh_input": "1", "output": "6", "image_output": "60", "cache_write_1h": "2"},
    },
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: " ".join(line))
def test_what_a_line_states_survives_the_table(line):
    row = {name: value for name, value in _override_row(line).items() if value not in (None, False)}
    assert contracts.OVERRIDES.read("x", _override_body(row, line)) == contracts.OVERRIDES.read("x", line)


def test_an_amount_that_is_none_is_refused_in_a_sentence():
    with pytest.raises(BadInput, match="Tool fees: 'web_search' is no name with an amount"):
        _override_body({"provider": "openai", "fees": "web_search"}, {})
