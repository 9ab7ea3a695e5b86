"""Choices that travel with a link from page to page."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from data import rollups
from pages.ui import links
from tests.pages import page_alone
from tests.simulations.ledgers import ledger_of


@pytest.fixture(autouse=True)
def log(home, alone):
    ledger = ledger_of(
        home, [{"team": "core"}] * 40 + [{"team": "legal", "model": "minimax-m2", "provider": "minimax"}] * 20
    )
    with ledger.write() as cursor:
        rollups.rebuild(cursor)
    ledger.close()


def opened(packed: str) -> AppTest:
    return page_alone.opened("mix", **{links.PACKED: packed})


def test_what_a_link_brings_is_chosen_and_stands_in_the_address(log):
    page = opened(json.dumps({"window": "all", "model": ["gpt-5.2"], "team": ["core"]}))
    assert chips(page) == ["Team is **core**", "Model is **gpt-5.2**"]
    assert page.query_params["window"] in ("all", ["all"]) and links.PACKED not in page.query_params


def chips(page: AppTest) -> list[str]:
    return [button.label.replace("\\", "") for button in page.button if (button.key or "").startswith("chip_")]


@pytest.mark.parametrize(
    "packed",
    ["{", "[1]", '{"team": 7}', '{"mix_wish": "x", "window": 7}', '{"mode": "Dreamt"}'],
)
def test_what_cannot_be_understood_is_left_out(log, packed):
    page = opened(packed)
    assert page.title and not chips(page) and "mix_wish" not in page.session_state
