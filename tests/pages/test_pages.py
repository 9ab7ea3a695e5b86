"""Every page as a script: with the sample company, with an empty store, with a deep link; no browser."""

from __future__ import annotations

import shutil

import pytest

from data.ledger import Ledger
from tests.data import small_ledger
from tests.pages.conftest import forget_answers
from tests.pages.whole_app import FILES, answered, opened

pytestmark = pytest.mark.one_server


@pytest.mark.parametrize("file", FILES)
def test_a_page_answers_from_the_sample_company(sample_home, monkeypatch, file):
    app = answered(sample_home, monkeypatch, file)
    if file not in ("lab", "review", "governance"):
        told = "Stated figures" if file == "pipeline" else "Sample"
        assert any(f"{told}, not your data" in b.value for b in app.markdown), "what is no log of yours must say so"


@pytest.mark.parametrize("file", FILES)
def test_an_empty_store_says_what_to_do_and_in_the_sidebar_what_the_ledger_holds(
    blank_home, tmp_path, monkeypatch, file
):
    app = opened(shutil.copytree(blank_home, tmp_path / "empty"), monkeypatch, file)
    assert not app.exception, app.exception[0].value
    assert app.title
    assert [c.value for c in app.sidebar.caption] == ["The ledger is empty."]


def test_the_window_and_a_filter_come_from_the_link(sample_home, monkeypatch):
    app = opened(sample_home, monkeypatch, "explore", window="7d", team="platform", by="Model", measure="Requests")
    assert not app.exception
    assert "in 7 days" in app.title[0].value and app.title[0].value.startswith("Requests")


def test_unknown_link_values_fall_back(sample_home, monkeypatch):
    app = opened(sample_home, monkeypatch, "explore", window="<script>", by="nothing", team="no such team")
    assert not app.exception and app.title


def test_a_frozen_version_that_is_not_there_is_one_sentence(sample_home, monkeypatch):
    app = opened(sample_home, monkeypatch, "overview", as_of="99999")
    assert not app.exception
    assert "Data version 99999 is not in this ledger" in app.error[0].value.replace("\\", "")


def test_filters_that_match_nothing_offer_a_way_out(sample_home, monkeypatch):
    app = opened(sample_home, monkeypatch, "overview")
    app.query_params["team"] = "platform"
    app.run()
    assert not app.exception and "for these filters" in app.title[0].value
    app.query_params["team"] = "nobody"
    app.run()
    assert not app.exception and "no team nobody" in app.warning[0].value and "match" in app.info[0].value
    next(button for button in app.button if button.label == "Clear filters").click().run()
    assert not app.exception and not app.warning and "for these filters" not in app.title[0].value


@pytest.mark.parametrize(
    "section", ["Load", "Batches", "Coverage", "Prices", "Model names", "Meaning", "Against the bill"]
)
def test_every_section_of_data_and_prices_opens(sample_home, monkeypatch, section):
    app = opened(sample_home, monkeypatch, "data_and_prices", section=section)
    assert not app.exception, app.exception[0].value
    assert not app.error


def test_a_rerun_asks_the_ledger_for_next_to_nothing(sample_home, monkeypatch):
    """Answers are kept by data version: what a page asked once it does not ask again."""
    forget_answers()  # also what the open ledger remembers of the tests before
    asked: list[str] = []
    for name in ("frame", "sql"):
        ask = getattr(Ledger, name)
        monkeypatch.setattr(Ledger, name, lambda *words, _ask=ask, _name=name: asked.append(_name) or _ask(*words))
    app = opened(sample_home, monkeypatch, "overview")
    first = len(asked)
    app.run()
    assert not app.exception and len(asked) - first < first / 10, (first, len(asked) - first)


def test_an_own_dimension_is_added_on_the_page_and_splits_explore(home, ledger, state, monkeypatch, tmp_path):
    small_ledger.load(ledger, state, tmp_path)
    page = opened(home, monkeypatch, "data_and_prices", section="Meaning")
    page.selectbox(key="dimension_tag").set_value("key_alias")
    page.text_input(key="dimension_name").set_value("Bot")
    page.button(key="dimension_add").click().run()
    assert "small letters" in page.error[0].value
    page.text_input(key="dimension_name").set_value("bot")
    page.button(key="dimension_add").click().run()
    assert not page.error and not page.exception
    assert any("tag:bot" in set(frame.value.get("Dimension", ())) for frame in page.dataframe)
    explore = opened(home, monkeypatch, "explore", window="All")
    explore.selectbox(key="by").set_value("tag:bot").run()
    assert not explore.exception and "bot-checkout" in explore.dataframe[0].value.to_csv()
    explore.query_params["tag:bot"] = "bot-checkout"
    explore.run()
    assert not explore.exception and explore.button(key="chip_is_tag:bot").label.endswith("**bot-checkout**")
    assert set(explore.dataframe[0].value["tag:bot"]) == {"bot-checkout", "Total"}


def test_the_title_of_the_bills_says_what_share_of_spend_has_one(sample_home, monkeypatch):
    app = opened(sample_home, monkeypatch, "data_and_prices", section="Against the bill")
    assert "of spend has a bill" in app.subheader[0].value and "100.0%" not in app.subheader[0].value
    assert any("No bill is loaded for" in text.value for text in app.markdown)
