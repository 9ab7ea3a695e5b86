"""Data and prices, Prices: other list prices are compared in dollars, put in force, repriced and taken back."""

from __future__ import annotations

import re

import pytest

from data import people
from data.people import Person
from data.prices import catalogue, editions, refresh
from pages.parts.data.price_book import PROPOSED
from tests.data.small_ledger import load
from tests.data.test_price_refresh import proposal
from tests.pages.page_alone import opened


def said(page, part: str) -> bool:
    return any(part in text.value for text in (*page.markdown, *page.caption, *page.success))


@pytest.mark.heavy
def test_other_prices_are_compared_put_in_force_and_taken_back(ledger, state, tmp_path):
    load(ledger, state, tmp_path)
    page = opened("data_and_prices", section="Prices")
    assert any(re.search(r"list prices \d+ days? old", text.value) for text in page.caption)
    assert said(page, "genai-prices 0")
    page.session_state[PROPOSED] = proposal()
    page.run()
    assert not page.exception and said(page, "would have been") and not page.error
    page.button(key="price_book_accept").click().run()
    assert not page.exception and editions.choice(ledger.home).in_force == proposal().edition
    assert said(page, "is in force for what is loaded from now on")
    page.button(key="price_book_reprice").click().run()
    assert not page.exception and said(page, "rows repriced")
    page.button(key="price_book_undo").click().run()
    assert not page.exception and editions.choice(ledger.home).in_force == catalogue.of_package().edition
    page.session_state[PROPOSED] = proposal()
    page.run()
    page.button(key="price_book_refuse").click().run()
    assert not page.exception and said(page, "was refused") and state.audit(1)[0].event == refresh.REFUSED
    assert "price_book_accept" not in {button.key for button in page.button}


@pytest.mark.heavy
def test_an_operator_sees_how_old_they_are_and_changes_nothing(ledger, state, tmp_path):
    load(ledger, state, tmp_path)
    people.ask_sign_in(lambda: Person("olga", "operator"))
    page = opened("data_and_prices", section="Prices")
    assert said(page, "An admin refreshes them")
    assert not [button.key for button in page.button if str(button.key).startswith("price_book")]
