"""Planned events: a dialog that keeps what was typed and says what is missing, a list in words."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

from streamlit.testing.v1 import AppTest

from analytics.forecasts.planned_events import EVENTS, Event
from data.ledger import Ledger
from pages.parts.plan import event_form


def only_the_form() -> None:
    from pages.parts.plan.event_form import dialog
    from pages.ui import shell
    from pages.ui.document_list import Opened

    body = shell.state().get("event", "/launch")
    assert body
    dialog(shell.view(), Opened("/launch", body, True, 1))


def test_an_event_moves_to_a_scenario_and_an_empty_one_is_refused(home, monkeypatch, state):
    Ledger.open(home).close()
    monkeypatch.setattr("pages.parts.plan.event_form.through", lambda view: SimpleNamespace(day=date(2026, 11, 1)))
    EVENTS.save(state, "/launch", Event(name="launch", on=date(2026, 12, 1), change_pct=20, share=0.4))
    app = AppTest.from_function(only_the_form, default_timeout=60)
    app.run()
    assert not app.exception, app.exception[0].value
    app.number_input(key="event_change_1").set_value(0.0).run()
    assert not app.error, "nothing is said before the first try"
    app.button(key="event_save_1").click().run()
    assert "Say what it does to spend" in app.error[0].value
    app.number_input(key="event_usd_1").set_value(-250.0)
    app.text_input(key="event_scenario_1").set_value("cheaper").run()
    assert not app.error
    app.button(key="event_save_1").click().run()
    kept = Event(name="launch", on=date(2026, 12, 1), share=0.4, usd_per_month=-250, scenario="cheaper")
    assert EVENTS.all(state) == {"cheaper/launch": kept}


def test_an_event_reads_as_a_sentence():
    event = Event(name="swap *x*", kind="model swap", on=date(2026, 12, 1), change_pct=-50, share=0.4)
    assert event_form.in_words(event).replace("\\", "") == (
        "**swap *x*** (model swap) from 1 Dec 2026: 50% less of 40% of spend; part of the plan."
    )
    fixed = Event(name="a", on=date(2026, 12, 1), usd_per_month=1500, scenario="s")
    assert "+$1,500 a month; scenario s" in event_form.in_words(fixed).replace("\\", "")
