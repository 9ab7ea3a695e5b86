"""Data and prices, Sources: one is added, pulled, looked at and forgotten by form."""

from __future__ import annotations

import json

from data.sources.source import SOURCES
from data.state import State
from tests.data.test_pull import NOW, call
from tests.pages.page_alone import opened


def test_a_folder_is_added_pulled_and_forgotten(tmp_path, monkeypatch):
    monkeypatch.setenv("BATON_HOME", str(tmp_path / "home"))
    (tmp_path / "log.jsonl").write_text(json.dumps(call(1, NOW)) + "\n")
    page = opened("data_and_prices", section="Sources")
    page.selectbox(key="source_kind").set_value("folder").run()
    page.text_input(key="source_name").set_value("logs")
    page.text_input(key="source_path").set_value(str(tmp_path / "*.jsonl"))
    page.button(key="source_add").click().run()
    assert not page.exception and not page.error and set(SOURCES.all(State.open())) == {"logs"}
    page.button(key="source_pull").click().run()
    assert not page.exception and "1 of 1 rows were new" in page.info[0].value
    page.selectbox(key="source_kind").set_value("litellm").run()
    page.text_input(key="source_name").set_value("logs")
    page.button(key="source_add").click().run()
    assert "already" in page.error[0].value
    page.selectbox(key="source_kind").set_value("litellm_table").run()
    page.text_input(key="source_name").set_value("table")
    page.text_input(key="source_url_litellm_table").set_value("postgresql://a:secret@db/x")
    page.button(key="source_add").click().run()
    assert "holds a password" in page.error[0].value and "secret" not in page.error[0].value
    page.button(key="source_forget").click().run()
    assert not SOURCES.all(State.open())
