from __future__ import annotations

import pytest

from data.errors import BadInput
from data.prices import exchange_rates


def test_a_rate_is_kept_with_its_day_and_can_be_taken_back(state):
    exchange_rates.RATES.save(state, "EUR", {"usd_rate": "1.0815", "on": "2026-10-31"})
    assert state.all("billed_rate") == {"EUR": {"usd_rate": "1.0815", "on": "2026-10-31"}}
    exchange_rates.RATES.forget(state, "EUR")
    assert state.all("billed_rate") == {}


@pytest.mark.parametrize(
    "name, body, word",
    [
        ("euro", {"usd_rate": "1.08", "on": "2026-10-31"}, "three capitals"),
        ("USD", {"usd_rate": "1", "on": "2026-10-31"}, "no foreign currency"),
        ("EUR", {"usd_rate": "0", "on": "2026-10-31"}, "usd_rate"),
        ("EUR", {"usd_rate": "1.08"}, "on: is required"),
    ],
)
def test_a_rate_that_means_nothing_is_one_sentence(state, name, body, word):
    with pytest.raises(BadInput, match=word):
        exchange_rates.RATES.save(state, name, body)
    assert state.all("billed_rate") == {}
