"""The requests behind a number on a page: caveats listed, their rows paged, a row opened."""

from __future__ import annotations

import shutil

import pytest
import streamlit as st

from data.ledger import Ledger
from data.loading.ingest import ingest
from data.state import State
from tests.analytics.test_standing import ODD
from tests.pages.test_pages import answered


@pytest.fixture
def odd_home(home, blank_home, tmp_path):
    """A store of 250 calls, 50 of them on an assumption."""
    shutil.copytree(blank_home, home, dirs_exist_ok=True)
    path = tmp_path / "log.jsonl"
    path.write_text("".join(f'{{"id": {n}, "odd": {str(n % 5 == 0).lower()}}}\n' for n in range(250)))
    ledger = Ledger.open(home)
    ingest(ledger, State.open(home), [path], form=ODD)
    ledger.close()
    yield home
    st.cache_data.clear()
    st.cache_resource.clear()


def test_every_page_says_what_is_without_caveat(odd_home, monkeypatch):
    app = answered(odd_home, monkeypatch, "explore")
    assert any("80.0% of dollars without caveat" in c.value for c in app.caption), [c.value for c in app.caption]


def test_a_caveat_lists_its_rows(odd_home, monkeypatch):
    app = answered(odd_home, monkeypatch, "data_and_prices", section="Coverage")
    assert app.title[0].value.replace("\\", "").startswith("100.0% of 250 attempts have a known cost, 80.0% of")
    app.selectbox(key="caveat").set_value("split_assumed").run()
    assert not app.exception, app.exception[0].value
    assert any("1 to 50 of 50 attempts" in c.value for c in app.caption), [c.value for c in app.caption]
    assert any(len(d.value) == 50 for d in app.dataframe)


@pytest.mark.parametrize(("tab", "rows"), [("Breakdown", 1), ("As drawn", 1), ("Requests", 100)])
def test_explore_shows_the_rows_and_the_numbers_as_drawn(odd_home, monkeypatch, tab, rows):
    app = answered(odd_home, monkeypatch, "explore", window="All")
    app.session_state["rows"] = tab
    app.run()
    assert not app.exception, app.exception[0].value
    [shown] = app.dataframe
    assert len(shown.value) == rows
    if tab == "As drawn":
        assert float(shown.value["Total"].iloc[0]) == pytest.approx(250 * 0.0035)
