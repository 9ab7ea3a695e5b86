"""The Vendors page: one is down, one fails, how much hangs on one; every figure typed, every refusal a sentence."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from data import rollups
from tests.simulations.ledgers import START, ledger_of

PAGE = str(Path(__file__).parents[2] / "pages" / "vendors.py")


@pytest.fixture(autouse=True)
def log(home, monkeypatch):
    """A day of OpenAI's requests, a fifth with customer data; every eighth fails at a rate limit and never succeeds."""
    monkeypatch.setattr(st, "page_link", lambda *args, **options: None)
    rows = []
    for n in range(80):
        failed = {"status": "error", "error_class": "rate_limit", "cost_usd": Decimal(0)} if n % 8 == 7 else {}
        rows.append({"requested_at": START + timedelta(minutes=6 * n), **failed})
    ledger = ledger_of(home, rows)
    with ledger.write() as cursor:
        cursor.execute(
            "INSERT INTO lake.main.batches (batch_id, path, format, loaded) VALUES ('b1', 'x.jsonl', 'litellm', 80)"
        )
        rollups.rebuild(cursor)
    ledger.close()
    yield
    st.cache_data.clear()
    st.cache_resource.clear()


def opened(look: str) -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=90)
    page.query_params["look"], page.query_params["window"] = look, "All"
    page.run()
    assert not page.exception
    return page


def title(page: AppTest) -> str:
    return page.title[0].value.replace("\\", "")


def test_a_vendor_that_is_down_is_answered_with_who_takes_over():
    page = opened("It is down")
    assert title(page).startswith("openai down for 4 hours: 0 of 35 requests fail, the rest goes elsewhere for ")
    next(m for m in page.multiselect if "instead" in m.label).set_value([]).run()
    assert "35 of 35 requests fail, nobody else takes them" in title(page)


def test_a_limit_typed_turns_requests_away():
    page = opened("It is down")
    page.number_input(key=next(n.key for n in page.number_input if n.label.startswith("claude"))).set_value(0.1).run()
    assert not page.exception and {m.label: m.value for m in page.metric}["Minutes above a limit"] == "35"


def test_a_drill_longer_than_the_log_is_one_sentence():
    page = opened("It is down")
    next(n for n in page.number_input if n.label == "For hours").set_value(100).run()
    assert not page.exception and "the log only" in page.warning[0].value and not page.metric


def test_failures_go_elsewhere_by_choice():
    page = opened("It fails")
    assert "first asked minimax-m2" in page.warning[0].value.replace("\\", "")
    next(s for s in page.selectbox if s.label == "What fails").set_value((None, "gpt-5.2")).run()
    assert title(page).startswith("gpt-5.2 fails 12.5% of first tries; 10 of 10 lost requests are asked of claude")


def test_how_much_hangs_on_a_vendor():
    page = opened("How much hangs on it")
    assert title(page).startswith("100.0% of requests hang on openai")


def test_how_to_buy_a_models_work_needs_a_week_of_log():
    page = opened("How to buy")
    assert "7 are needed" in page.error[0].value and not page.exception
