"""What is announced stands on the Budget plan, and the operator names a successor there."""

from __future__ import annotations

from datetime import timedelta

from data.prices.model_lives import Successors
from data.state import State
from tests.analytics.covered_ledgers import LAST, day_rows, days, ledger_of
from tests.pages.whole_app import opened


def test_naming_a_successor_moves_the_work_and_the_forecast(home, monkeypatch):
    every = days(LAST - timedelta(days=35), LAST)
    rows = [row for day in every for model in ("gpt-4.1", "gpt-5.2") for row in day_rows(day, model=model)]
    ledger_of(home, rows).close()
    app = opened(home, monkeypatch, "plan")
    assert not app.exception
    assert any("gpt-4.1 at openai ends on 14 Jan 2027" in m.value and "at risk" in m.value for m in app.markdown)
    before = app.title[0].value
    app.selectbox(key="successor_openai_gpt-4.1").select("gpt-5.2").run()
    assert not app.exception and not app.error
    assert Successors(State.open(home)).of("openai", "gpt-4.1") == ("openai", "gpt-5.2")
    assert any("moves to gpt-5.2" in m.value for m in app.markdown)
    assert app.title[0].value != before
