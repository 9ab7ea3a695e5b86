"""Data and prices, Sources: one is pulled, looked at and forgotten by its menu."""

from __future__ import annotations

import json

from data.sources.progress import progress_of
from data.sources.source import SOURCES
from data.state import State
from pages.parts.data.sources import PULL
from tests.data.test_pull import NOW, call
from tests.pages.page_alone import opened


def test_a_folder_is_pulled_told_deleted_and_brought_back(tmp_path, monkeypatch):
    monkeypatch.setenv("BATON_HOME", str(tmp_path / "home"))
    (tmp_path / "log.jsonl").write_text(json.dumps(call(1, NOW)) + "\n")
    state = State.open()
    SOURCES.save(state, "logs", {"kind": "folder", "path": str(tmp_path / "*.jsonl")})
    page = opened("data_and_prices", section="Sources")
    assert any(
        text.value.startswith("**logs** files under") and "not pulled yet" in text.value for text in page.markdown
    )
    assert page.title[0].value == "1 source brings logs by itself; 1 not pulled yet"
    page.session_state["source_list_asked_logs"] = PULL  # what the menu of the row asks for
    page.run()
    assert not page.exception and any("1 of 1 rows were new" in text.value for text in page.caption)
    assert progress_of(state, "logs").pulled_at
    assert page.title[0].value == "1 source brings logs by itself"
    page.session_state["section"] = "meaning"
    assert page.run().title[0].value.startswith("The log alone says whose work a row is")
    page.session_state["section"] = "sources"
    SOURCES.forget(state, "logs")
    page.session_state["source_list_deleted"] = ("logs", {"kind": "folder", "path": str(tmp_path)})
    page.session_state["source_list_changed"] = ("logs", "")
    page.run()
    assert not page.exception and not progress_of(state, "logs").pulled_at
    page.button(key="source_list_undo").click().run()
    assert not page.exception and set(SOURCES.all(state)) == {"logs"}
