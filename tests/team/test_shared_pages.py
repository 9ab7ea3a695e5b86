"""The pages of a shared store show what those of a store of one folder do."""

from __future__ import annotations

import re

from streamlit.testing.v1 import AppTest

from data import postgres as sessions
from tests.pages.whole_app import answered
from tests.team.test_shared_ledger import LOG, load

PAGES = ("overview", "data_and_prices", "plan")


def shown(app: AppTest) -> list[str]:
    """Every title, figure and sentence, without what is each store's own: its data version, and when it was loaded."""
    words = [
        *(f"{metric.label} {metric.value} {metric.delta}" for metric in app.metric),
        *(str(one.value) for kind in (app.title, app.subheader, app.markdown, app.caption) for one in kind),
    ]
    return [re.sub(r"version \d+|snapshot=\d+|Last load .* UTC", "of its own", word) for word in words]


def test_a_page_shows_the_same(home, tmp_path, request, monkeypatch):
    folder = tmp_path / "folder"
    load(folder, LOG)
    expected = [shown(answered(folder, monkeypatch, page)) for page in PAGES]
    team = request.getfixturevalue("team")
    load(team.host("a"), LOG)
    there = [shown(answered(team.host("b"), monkeypatch, page)) for page in PAGES]
    assert [[word.replace(str(team.host("b")), str(folder)) for word in words] for words in there] == expected
    assert min(map(len, expected)) > 5 and not (team.host("b") / "state.sqlite").exists()
    sessions.close_idle()
