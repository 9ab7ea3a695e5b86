"""Every page that answers can put its answer on the record; Decisions shows it, signs it and takes it away."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from data.state import State
from pages.ui import recording
from simulations.decisions import record
from tests.pages.test_promise_buttons import year  # noqa: F401 - a fixture
from tests.pages.test_savings_page import plain
from tests.pages.whole_app import opened

PAGES = [
    ("mix", "mix", "mix", {}),
    ("mix", "mix_typed", "mix", {"mode": "Typed in"}),
    ("policy_replay", "policy", "policy", {}),
    ("new_model", "new_model", "new model", {"mode": "Typed in"}),
    ("plan", "plan", "budget", {}),
]


@pytest.mark.parametrize(("page", "key", "kind", "query"), PAGES, ids=[key for _, key, _, _ in PAGES])
def test_what_a_page_answers_goes_on_the_record_as_it_stands(year, monkeypatch, page, key, kind, query):  # noqa: F811
    state = State.open(year)
    monkeypatch.setattr(recording, "_dialog", lambda draft, key: record.record(state, draft, "What we do"))
    app = opened(year, monkeypatch, page, **query)
    app.button(key=f"record_{key}").click().run()
    assert not app.exception and not app.error, (app.exception, app.error)
    (kept,) = record.newest_first(state)
    assert kept.told.kind == kind and kept.told.facts and kept.standing == "open" and kept.by
    assert kept.told.compliance[0].startswith("No policy is in force; advice keeps to")
    assert plain(app.title)[0] == kept.told.answer
    typed = bool(query)
    assert bool(kept.told.days) is not typed and ("covered" in kept.told.coverage) is not typed


def only_the_form() -> None:
    """The dialog as a page opens it."""
    from pages.ui import recording
    from tests.pages.test_decisions_page import DRAFT

    recording._dialog(DRAFT, "x")


def test_the_form_keeps_what_a_person_adds_and_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("BATON_HOME", str(tmp_path))
    state = State.open(tmp_path)
    record.record(state, DRAFT, "before")
    app = AppTest.from_function(only_the_form, default_timeout=60).run()
    app.text_input(key="decision_x_name").set_value("before").run()
    app.button(key="decision_x_save").click().run()
    assert "is on the record already" in app.error[0].value
    app.text_input(key="decision_x_name").set_value("after")
    app.text_area(key="decision_x_because").set_value("It is cheaper & as good.")
    app.selectbox(key="decision_x_replaces").set_value("before")
    app.number_input(key="decision_x_approvers").set_value(2)
    app.button(key="decision_x_save").click().run()
    assert not app.exception
    kept = record.DECISIONS.find(state, "after")
    assert (kept.because, kept.replaces, kept.approvers) == ("It is cheaper & as good.", "before", 2)
    assert [one.text for one in kept.told.risks] == ["It may fail"] and kept.review_on


def test_the_record_is_shown_signed_and_listed_with_what_waits(year, monkeypatch):  # noqa: F811
    state = State.open(year)
    record.record(state, DRAFT, "first", review_on=date.today() - timedelta(days=1))  # noqa: DTZ011
    record.record(state, DRAFT.model_copy(update={"answer": "Another *answer*"}), "second", approvers=2)
    app = opened(year, monkeypatch, "decisions")
    assert plain(app.title)[0] == "2 decisions on the record: 2 wait for signatures, 1 due for review"
    assert set(app.dataframe[0].value["review"]) == {
        "no day",
        f"{record.due(record.newest_first(state), date.max)[0].review_on}, due",
    }
    app.selectbox(key="decision").set_value("first").run()
    app.button(key="rejected_first").click().run()
    assert "needs its reason" in app.error[0].value
    app.button(key="approved_first").click().run()
    assert not app.exception and record.DECISIONS.find(state, "first").standing == "approved"
    app.selectbox(key="decision").set_value("second").run()
    assert "Another *answer*" in plain(app.subheader)
    app.button(key="approved_second").click().run()
    assert "is none of them" in app.error[0].value


def test_without_a_record_the_page_says_where_records_come_from(year, monkeypatch):  # noqa: F811
    app = opened(year, monkeypatch, "decisions")
    assert app.title[0].value == "No decision is on the record yet"
    assert app.selectbox(key="pack_of").value and not app.exception


DRAFT = record.Draft(
    kind="mix",
    question="Can we halve the bill?",
    answer="An answer",
    page="mix",
    data_version=3,
    facts=(record.Fact(section="money", label="Cost | a year", value="$1,000"),),
    risks=(record.Risk(text="It may fail"),),
)
