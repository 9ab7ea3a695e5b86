"""The lab's forms: task sets kept and refused, a prediction carried over, a judge checked by people, a run replayed."""

from __future__ import annotations

import json

import pytest

from pages.parts.lab import form as lab_form
from routing.calling.declarations import save_provider
from routing.grading.saved_task_sets import SETS, save_set
from routing.grading.tasks import parse_tasks
from routing.policies.text import read_policy
from routing.runs.engine import execute
from routing.runs.results import summary
from routing.runs.reviews import open_review, reviews
from routing.runs.store import create_run, list_runs, read_run
from tests.pages.test_live_pages import opened
from tests.pages.whole_app import app_at
from tests.routing.live import provider
from tests.routing.scripted_server import ScriptedServer
from tests.routing.test_judge_and_selection import RUBRIC
from tests.routing.test_pair_judging import judged, right
from tests.routing.test_runs import GOOD, adder, spec, until


@pytest.fixture
def launched(monkeypatch):
    """Runs are written down and not started."""
    started = []
    monkeypatch.setattr(lab_form, "launch", lambda state, run_id: started.append(run_id))
    return started


def press(app, label: str):
    next(b for b in app.button if b.label == label).click().run()
    assert not app.exception, app.exception


def test_a_task_set_is_typed_refused_with_its_line_and_kept(state):
    app = opened("lab")
    box = next(a for a in app.text_area if a.label == "Tasks as YAML")
    text = box.value or ""
    box.input(text.replace("llm-rubric", "lm-rubric"))
    press(app, "Check and save")
    assert (
        "tasks.yaml, line 10 (polite-no)" in app.error[0].value.replace("\\", "")
        and "did you mean llm-rubric" in app.error[0].value
    )
    next(a for a in app.text_area if a.label == "Tasks as YAML").input(text)
    press(app, "Check and save")
    assert [len(s.tasks) for s in SETS.all(state).values()] == [2] and "1 of them need a judge" in app.success[0].value
    assert state.audit()[0].event == "task set saved"


def test_the_routing_page_s_prediction_reaches_the_run(state, launched, monkeypatch):
    save_provider(state, provider("http://127.0.0.1:9/v1", "smollm2-135m", "smollm2-135m-vote5"))
    save_set(state, "two sums", parse_tasks("- {id: a, prompt: 1 + 1?}\n- {id: b, prompt: 2 + 2?}", "t.yaml"))
    app = opened("lab", policy="local greedy", said_usd="0.00001200", said_quality="0.9", said_scale="MMLU-Pro")
    assert any(
        "The replay predicts $0.000012 a request and quality 90" in c.value.replace("\\", "") for c in app.caption
    )
    app.selectbox(key="lab_tasks").select("two sums")
    press(app, "Start the run")
    kept = read_run(state, launched[0])["spec"]
    assert kept["predicted"] == {"local greedy": {"cost_per_task_usd": 0.000012, "quality": 0.9, "scale": "MMLU-Pro"}}
    assert [p["name"] for p in kept["policies"]] == ["local greedy"] and kept["tasks"]["name"] == "two sums"


def test_a_policy_nobody_offers_says_what_is_missing(state):
    save_provider(state, provider("http://127.0.0.1:9/v1", "smollm2-135m", "smollm2-135m-vote5"))
    create_run(state, "earlier", spec("http://127.0.0.1:9/v1", GOOD), "tester")
    app = opened("lab", policy="orchestrator")
    assert "which no provider here can answer for yet" in app.warning[0].value and "orchestrator" in app.title[0].value
    box = app.multiselect(key="lab_policies")
    assert "orchestrator" in box.options  # named, never dropped
    lacks = next(table.value for table in app.dataframe if "missing" in table.value)
    assert {"minimax-m2", "claude-opus-4-6"} <= set(lacks["model"]) and "orchestrator" in set(lacks["policy"])
    assert "no policy “gone”" in opened("lab", policy="gone").warning[0].value.replace("\\", "")
    box.set_value(["orchestrator"])
    press(app, "Start the run")
    assert "no declared provider offers" in app.error[0].value.replace("\\", "") and len(list_runs(state)) == 1


def test_a_policy_edited_on_the_routing_page_goes_to_the_lab_as_it_stands(state, launched):
    save_provider(state, provider("http://127.0.0.1:9/v1", "smollm2-135m", "smollm2-135m-vote5"))
    app = app_at("lab", policy="mine, edited", said_usd="0.5")
    app.session_state["policy_draft"] = ("mine", read_policy("name: mine\nfallback: [smollm2-135m]"))
    app.run()
    press(app, "Start the run")
    kept = read_run(state, launched[0])["spec"]
    assert kept["policies"][0]["fallback"] == ["smollm2-135m"] and kept["predicted"]["mine, edited"]


def test_an_answer_to_a_sampled_task_is_as_long_as_the_form_says(ledger, state, launched):
    save_provider(state, provider("http://127.0.0.1:9/v1", "smollm2-135m", "smollm2-135m-vote5"))
    with ledger.write() as cursor:
        cursor.execute("INSERT INTO lake.main.texts VALUES ('e1', 'What is the capital of France?', 'Paris')")
        cursor.execute(
            "INSERT INTO lake.main.usage (event_id, source, status, requested_at) VALUES ('e1', 'x', 'success', "
            "TIMESTAMP '2026-11-01')"
        )
    app = opened("lab")
    app.selectbox(key="lab_tasks").select("Sampled from the ledger")
    app.number_input(key="lab_answer_tokens").set_value(12)
    press(app, "Start the run")
    kept = read_run(state, launched[0])["spec"]["tasks"]["tasks"]
    assert [(task["prompt"], task["max_tokens"]) for task in kept] == [("What is the capital of France?", 12)]


def test_the_result_says_whether_the_simulation_was_right(state):
    with ScriptedServer(lambda n, b: "ok", adder) as server:
        made = create_run(
            state,
            "t",
            spec(
                server.url,
                GOOD,
                predicted={"good": {"cost_per_task_usd": 0.001, "quality": 0.5, "scale": "a benchmark"}},
            ),
            "tester",
        )
        execute(state, made)
    said = next(m.value for m in opened("lab", run=made).markdown if "Was the simulation right" in m.value)
    assert (
        said.startswith("**Was the simulation right?** ")
        and "outside the interval" in said
        and "a benchmark" in said
        and "times the prediction" in said
    )


def test_people_check_the_judge_without_seeing_what_it_said(state):
    with ScriptedServer(lambda n, b: "ok", lambda b: "PASS" if b["model"] == "judge" else adder(b)) as server:
        made = create_run(
            state, "t", spec(server.url, GOOD, tasks=RUBRIC, models=("good", "judge"), judge="judge"), "tester"
        )
        execute(state, made)
    app = opened("lab", run=made)
    assert any("Nobody has checked the judge" in m.value for m in app.markdown)
    press(app, "Let people grade ten of the judged answers")
    queue = opened("review")
    assert (
        "2 + 2?" in [t.value for t in queue.text]
        and "judged to meet" not in repr(queue._tree)
        and any("hidden" in c.value for c in queue.caption)
    )
    queue.text_input(key="person").input("Ada").run()
    press(queue, "Approve")
    assert reviews(state)[0]["decision"] == "approved"
    assert any("agreed with people on 100" in m.value for m in opened("lab", run=made).markdown)


def test_a_judge_compares_in_pairs_where_the_form_asks_for_it_and_is_none_that_answers(state, launched):
    save_provider(state, provider("http://127.0.0.1:9/v1", "smollm2-135m", "smollm2-135m-vote5", "judge"))
    app = opened("lab")
    app.checkbox(key="lab_judge_pairs").check()
    press(app, "Start the run")
    assert "takes two policies and a judge" in app.error[0].value
    app.selectbox(key="lab_judge").select("smollm2-135m")
    press(app, "Start the run")
    assert "nobody grades their own work" in app.error[0].value and not launched
    app.selectbox(key="lab_judge").select("judge")
    press(app, "Start the run")
    kept = read_run(state, launched[0])["spec"]
    assert (kept["judge"], kept["judge_pairs"]) == ("judge", True)


def test_what_a_judge_of_pairs_said_stands_in_the_title_and_beside_every_answer(state):
    found, _, made = judged(state, right)
    app = opened("lab", run=made)
    assert "the judge prefers “good” to “bad” (7 to 0 on 8 tasks)" in app.title[0].value.replace("\\", "")
    assert any("Both orders gave the same on 7 of 7 pairs" in m.value.replace("\\", "") for m in app.markdown)
    grid = next(table.value for table in app.dataframe if "Expected" in table.value)
    assert list(grid["Judge of bad"])[1] == "both answers are the same" and found["preferences"]
    assert any("Judge: prefers “good” in both orders" in c.value.replace("\\", "") for c in app.caption)


def test_a_recorded_run_is_replayed_from_the_page(state, launched):
    with ScriptedServer(lambda n, b: "ok", adder) as server:
        made = create_run(state, "t", spec(server.url, GOOD, record=True), "tester")
        execute(state, made)
    press(opened("lab", run=made), "Replay from the recording")
    execute(state, launched[0])
    assert launched[0] == list(list_runs(state))[0]
    assert any("8 of 8 results are the same" in c.value for c in opened("lab", run=launched[0]).caption)


def test_a_second_run_is_refused_while_one_is_executed_and_one_that_never_started_can_go_on(state, launched):
    save_provider(state, provider("http://127.0.0.1:9/v1", "smollm2-135m", "smollm2-135m-vote5"))
    press(opened("lab"), "Start the run")
    app = opened("lab")
    assert "is starting" in app.title[0].value
    press(app, "Start the run")
    assert "two runs at once" in app.error[0].value and len(launched) == 1
    with state.transaction() as db:
        db.execute("UPDATE live_runs SET created_at = '2026-01-01T00:00:00+00:00'")
    app = opened("lab")
    assert "was interrupted" in app.title[0].value and {"Go on", "End it"} <= {b.label for b in app.button}


def test_a_link_names_its_run_whatever_became_of_it_since(state):
    made = [create_run(state, name, spec("http://127.0.0.1:9/v1", GOOD), "tester") for name in ("first", "second")]
    assert "first" in opened("lab", run=made[0]).title[0].value
    app = opened("lab", run=made[1])
    next(s for s in app.selectbox if s.label == "Run").select(made[0]).run()
    assert made[0] in app.query_params["run"] and "first" in app.title[0].value
    assert any("no run nonsense" in w.value for w in opened("lab", run="nonsense").warning)


def test_a_plan_is_approved_with_a_lower_cap_and_without_a_task(state):
    made = create_run(state, "t", spec("http://127.0.0.1:9/v1", GOOD), "tester")
    number = open_review(
        state,
        made,
        "plan",
        "the policy asks for approval before anything runs",
        {"tasks": 8, "cap_usd": "1", "checkpoint": "plan"},
    )
    app = opened("review")
    assert next(b for b in app.button if b.label == "Approve with this change").disabled
    app.text_input(key="person").input("Ada")
    app.number_input(key=f"cap-{number}").set_value(0.5)
    app.multiselect(key=f"drop-{number}").select("sum-2").run()
    press(app, "Approve with this change")
    assert json.loads(reviews(state)[0]["answer"]) == {"max_usd": 0.5, "drop_tasks": ["sum-2"]}
    open_review(state, made, "checkpoint", "checkpoint at 8h", {"finished": 4})
    shown = next(table.value for table in opened("governance").dataframe if "decided_by" in table.value)
    assert list(shown["decided_by"].fillna("nobody")) == ["nobody", "Ada"] and len(shown["opened_at"][0]) == 16


def test_an_interrupted_run_goes_on_or_ends_as_the_operator_says(state):
    with ScriptedServer(lambda n, b: "ok", adder) as server:
        ended, went_on = (create_run(state, name, spec(server.url, GOOD), "tester") for name in ("ended", "went on"))
        with state.transaction() as db:
            db.execute("UPDATE live_runs SET status = 'running', heartbeat_at = 1")
        press(opened("lab", run=ended), "End it")
        app = opened("lab", run=went_on)
        assert "was interrupted" in app.title[0].value
        press(app, "Go on")
        until(lambda: read_run(state, went_on)["status"] == "done")
    assert list_runs(state)[ended]["status"] == "stopped" and summary(state, went_on)["done"] == 8
