"""The requests behind a number on a page: caveats listed, their rows paged, a row opened."""

from __future__ import annotations

import json
import shutil

import pytest
from streamlit.testing.v1 import AppTest

from data.ledger import Ledger
from data.loading.ingest import ingest
from data.state import State
from data.wording import MISSING
from tests.analytics.test_standing import ODD
from tests.data.bad_logs import record
from tests.pages.whole_app import answered


@pytest.fixture
def odd_home(home, blank_home, tmp_path):
    """A store of 250 calls, a minute apart and so in five hours, 50 of them on an assumption."""
    shutil.copytree(blank_home, home, dirs_exist_ok=True)
    path = tmp_path / "log.jsonl"
    path.write_text("".join(f'{{"id": {n}, "odd": {str(n % 5 == 0).lower()}}}\n' for n in range(250)))
    ledger = Ledger.open(home)
    ingest(ledger, State.open(home), [path], form=ODD)
    ledger.close()
    return home


def test_every_page_says_what_is_without_caveat(odd_home, monkeypatch):
    app = answered(odd_home, monkeypatch, "explore")
    assert any("here all priced, 80.0% without caveat" in c.value for c in app.caption), [c.value for c in app.caption]


def test_a_caveat_lists_its_rows(odd_home, monkeypatch):
    app = answered(odd_home, monkeypatch, "data_and_prices", section="Coverage")
    assert app.title[0].value.replace("\\", "").startswith("100.0% of 250 attempts have a known cost, 80.0% of")
    app.selectbox(key="caveat").set_value("split_assumed").run()
    assert not app.exception, app.exception[0].value
    assert any("1 to 50 of 50 attempts" in c.value for c in app.caption), [c.value for c in app.caption]
    assert any(len(d.value) == 50 for d in app.dataframe)


@pytest.mark.parametrize(("tab", "rows"), [("Breakdown", 2), ("As drawn", 6), ("Requests", 100), ("Sessions", 0)])
def test_explore_shows_the_rows_and_the_numbers_as_drawn(odd_home, monkeypatch, tab, rows):
    app = answered(odd_home, monkeypatch, "explore", window="All")
    app.session_state["rows"] = tab
    app.run()
    assert not app.exception, app.exception[0].value
    shown = next(iter(app.dataframe), None)
    assert (0 if shown is None else len(shown.value)) == rows
    if tab == "As drawn":
        assert float(shown.value["Total"].iloc[-1]) == pytest.approx(250 * 0.0035)


def opened_story() -> None:
    """The dialog of the newest request, without the table that opens it."""
    from analytics import requests as rows
    from analytics.scope import Scope
    from pages.ui import requests, shell

    view = shell.view()
    requests.story(view, rows.page(view, Scope.of(view)).iloc[0].to_dict())


def priceless_session() -> None:
    """The calls of a session of which none has a price."""
    import pandas as pd

    from pages.ui import requests

    row = {"requested_at": pd.Timestamp("2026-10-01"), "model": "m", "input_tokens": 1, "output_tokens": 1}
    requests.timeline(pd.DataFrame([row | {"cost_usd": None, "status": "success"}] * 2), "In all")


def test_a_session_nobody_knows_the_cost_of_is_not_free(home):
    app = AppTest.from_function(priceless_session).run()
    assert not app.exception, app.exception[0].value
    assert app.markdown[0].value.endswith(f"2 attempts, {MISSING}**")


@pytest.mark.parametrize("there", [True, False])
def test_a_request_tells_how_it_was_read(blank_home, home, tmp_path, monkeypatch, there):
    shutil.copytree(blank_home, home, dirs_exist_ok=True)
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps(record(1)) + "\n")
    ledger = Ledger.open(home)
    ingest(ledger, State.open(home), [path])
    ledger.close()
    if not there:
        path.unlink()
    app = AppTest.from_function(opened_story, default_timeout=60).run()
    assert not app.exception, app.exception[0].value
    prices, columns = (frame.value for frame in app.dataframe)
    assert "input" in " ".join(prices["Of"]) and "model_raw" in set(columns["Column"])
    if there:
        app.button[0].click().run()
        assert json.loads(app.code[0].value) == record(1)
    else:
        assert any("no longer where it was read from" in caption.value for caption in app.caption)
