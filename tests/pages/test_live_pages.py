"""The Live pages in Streamlit's test runner: empty, during a run, after it, and what their buttons do."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from data.state import State
from routing.calling.declarations import save_provider
from routing.runs.engine import execute
from routing.runs.reviews import open_review, reviews
from routing.runs.store import create_run, list_runs
from tests.pages.whole_app import app_at
from tests.routing.live import provider
from tests.routing.scripted_server import ScriptedServer
from tests.routing.test_chaos import CANARY, forms
from tests.routing.test_runs import BAD, GOOD, adder, spec

PAGES = ("lab", "review", "governance")


def opened(page: str, **query: Any) -> AppTest:
    app = app_at(page, **query).run()
    assert not app.exception, app.exception
    return app


@pytest.fixture
def run_id(state: State) -> str:
    with ScriptedServer(lambda n, b: "ok", adder) as server:
        made = create_run(state, "sums", spec(server.url, GOOD, BAD), "tester")
        execute(state, made)
    return made


@pytest.mark.parametrize("page", PAGES)
def test_every_live_page_opens_on_an_empty_store(page):
    app = opened(page)
    assert app.title


def test_the_empty_lab_offers_the_local_model():
    app = opened("lab")
    assert "make local-models" in [code.value for code in app.code]


def test_a_finished_run_is_shown_and_taken_over(run_id, state):
    app = opened("lab", run=run_id)
    assert "87.5 points worse than “good” on 8 tasks" in app.title[0].value.replace("\\", "")
    grid = next(table.value for table in app.dataframe if "Expected" in table.value)
    assert len(grid) == 8 and list(grid.columns) == ["Task", "Asked", "Expected", "good", "bad"]
    app.query_params["task"] = "sum-3"
    app.segmented_control(key="lab_show").set_value("disagreements").run()
    assert not app.exception and "3 + 3?" in [code.value for code in app.code]
    app.button(key="lab_to_facts").click().run()
    assert not app.exception and "good" in state.all("model_fact")
    app.button(key="lab_to_ledger").click().run()
    assert not app.exception and any("16 rows added" in box.value for box in app.success)


def test_a_click_on_a_policy_shows_what_it_did_not_pass(run_id):
    app = opened("lab", run=run_id, failed_under="bad")
    grid = next(table.value for table in app.dataframe if "Expected" in table.value)
    assert len(grid) == 7 and any("7 tasks that “bad” did not pass" in told.value for told in app.markdown)
    next(b for b in app.button if b.label == "All tasks").click().run()
    assert len(next(table.value for table in app.dataframe if "Expected" in table.value)) == 8
    assert "failed_under" not in app.query_params


def test_a_link_that_names_a_policy_of_another_run_says_so(run_id):
    app = opened("lab", run=run_id, failed_under="nobody")
    assert any("nobody" in told.value for told in app.warning)


def test_a_person_decides_in_the_review_queue(run_id, state):
    number = open_review(
        state,
        run_id,
        "answer",
        "the models disagree",
        {"answer": "4", "model": "bad", "verdict": "wrong"},
        "bad",
        "sum-2",
    )
    app = opened("review")
    assert "1 item needs a person" in app.title[0].value
    app.text_input(key="person").input("").run()
    app.button(key=f"approved-{number}").click().run()
    assert "needs the name" in app.error[0].value
    app.text_input(key="person").input("Ada").run()
    app.button(key=f"approved-{number}").click().run()
    assert not app.exception and reviews(state)[0]["decided_by"] == "Ada"


def test_governance_says_when_the_trail_is_broken(run_id, state):
    assert "entries holds" in opened("governance").title[0].value
    with state.transaction() as db:
        db.execute("DROP TRIGGER audit_no_update")
        db.execute("UPDATE audit SET actor = 'nobody' WHERE seq = 2")
    assert "broken at entry 2" in opened("governance").title[0].value


def test_the_stop_button_reaches_the_run(state):
    body = spec("http://127.0.0.1:9/v1", GOOD)
    made = create_run(state, "waits", body, "tester")
    app = opened("lab", run=made)
    next(b for b in app.button if b.label == "Stop the run now").click().run()
    assert list_runs(state)[made]["status"] == "stopped"


def test_no_page_shows_a_key_also_when_a_server_echoes_it(state, monkeypatch):
    monkeypatch.setenv("CANARY_KEY", CANARY)
    monkeypatch.setenv("BATON_KEYS", "CANARY_KEY")
    # A run meets the key in answers; only the connection test meets it in a refusal, which closes an endpoint for a
    # minute.
    behaviour = ["echo-key-in-answer"]
    with ScriptedServer(lambda n, b: behaviour[0], adder) as server:
        body = spec(server.url, GOOD, BAD, provider={"key_env": "CANARY_KEY"})
        made = create_run(state, "echo", body, "tester")
        execute(state, made)
        behaviour[0] = "echo-key"
        save_provider(state, provider(server.url, "good", "bad", key_env="CANARY_KEY"))
        lab = opened("lab", run=made)
        next(b for b in lab.button if b.label == "Test the connections").click().run()
        pages = (lab, opened("review"), opened("governance"))
    shown = "".join(
        repr(page._tree)
        + "".join(table.value.to_csv() for table in page.dataframe)
        + "".join(text.value for kind in (page.markdown, page.caption, page.code) for text in kind)
        for page in pages
    )
    refusals = "".join(box.value for box in lab.error)
    assert "CANARY_KEY" in shown.replace("\\", "") and "auth" in refusals and "401" in refusals
    assert not [form for form in forms(CANARY) if form.decode() in shown + refusals]


def test_a_policy_is_put_in_force_on_governance_and_lifted(home, state):
    app = opened("governance")
    assert any("No policy is in force" in m.value for m in app.markdown)
    name = "no Chinese models over an API for customer data"
    app.selectbox(key="in_force").set_value(name)
    app.text_input(key="lifted_by").input("Legal")
    next(b for b in app.button if b.label == "Put it in force").click().run()
    assert not app.exception and any(f"“{name}” is in force; Legal may lift it." in m.value for m in app.markdown)
    assert state.audit()[0].event == "policy in force saved"
    app.selectbox(key="in_force").set_value("none")
    next(b for b in app.button if b.label == "Put it in force").click().run()
    assert state.all("in_force") == {} and not app.exception
