"""The Rollout page: a plan is made, begun, held with its reasons, and rolled back."""

from __future__ import annotations

from pages.parts.lab import results
from routing.policies.saved_policies import POLICIES, known_policies
from routing.policies.text import read_policy
from routing.rollout.plan import ROLLOUTS
from routing.runs.engine import execute
from routing.runs.store import create_run
from tests.pages.test_lab_forms import press
from tests.pages.test_live_pages import opened
from tests.routing.scripted_server import ScriptedServer
from tests.routing.test_runs import BAD, GOOD, adder, spec


def test_a_rollout_is_planned_begun_held_and_rolled_back(state):
    app = opened("rollout")
    assert "stage by stage" in app.title[0].value
    assert any("as long as the slowest guardrail" in line.value for line in app.caption)
    press(app, "Keep the plan")
    assert "needs a name" in app.error[0].value
    app.text_input(key="rollout_name").input("autumn")
    app.text_input(key="rollout_shares").input("50, 5")
    press(app, "Keep the plan")
    assert "that grow" in app.error[0].value
    app.text_input(key="rollout_shares").input("0, 10")
    press(app, "Keep the plan")
    kept = ROLLOUTS.get(state, "autumn")
    assert [stage.name for stage in kept.stages] == ["shadow", "10 %"] and "has not begun" in app.title[0].value
    press(app, "Begin the first stage")
    assert app.title[0].value.startswith("Hold") and "more reasons" in app.title[0].value
    assert any("the stage has no traffic" in text.value for text in app.markdown)
    assert next(b for b in app.button if b.key == "rollout_on").disabled
    press(app, "Roll back")
    assert ROLLOUTS.get(state, "autumn").stayed == kept.control and "is over" in app.title[0].value


def test_a_verdict_of_the_lab_brings_its_two_policies(state):
    names = list(known_policies(state))
    app = opened("rollout", candidate=names[2], control=names[1], margin="7")
    assert app.selectbox(key="rollout_new").value == names[2]
    assert app.selectbox(key="rollout_control").value == names[1]
    assert not app.warning  # a log without quality scores does not watch it; the lab's own link is no mistake
    for margin in ("nan", "-1", "x", "1e9"):
        odd = opened("rollout", candidate="nobody", control="", margin=margin)
        assert odd.selectbox(key="rollout_control").value == names[0] and not odd.exception
        assert odd.selectbox(key="rollout_new").value == names[1]
        assert any("no saved policy “nobody”" in one.value for one in odd.warning)
    same = opened("rollout", control=names[1])
    assert same.selectbox(key="rollout_new").value == names[0]


def test_only_a_policy_that_is_shown_to_be_good_enough_may_be_planned_from_a_verdict(state, monkeypatch):
    told, said = [], []
    tried = {name: read_policy(f"name: {name}\nfallback: [gpt-5.2]") for name in ("now", "new", "worse", "better", "x")}
    known = {name: policy for name, policy in tried.items() if name != "x"}
    known["worse"] = read_policy("name: worse\nfallback: [minimax-m2]")
    monkeypatch.setattr(results.links, "page_link", lambda page, label, icon, choices: told.append(choices))
    monkeypatch.setattr(results.what_if, "policies", lambda: known)
    monkeypatch.setattr(results.st, "caption", said.append)
    rivals = [("new", True, 0.6, 0.01), ("worse", False, 0.001, -0.2), ("better", True, 0.01, 0.1), ("x", True, 1, 0)]
    comparisons = [
        {"a": name, "b": "now", "not_worse": good, "p_value": p, "difference": by} for name, good, p, by in rivals
    ]
    results._roll_out({"comparisons": [*comparisons, {**comparisons[0], "not_worse": False}], "margin": 0.05}, tried)
    assert [(one["candidate"], one["control"], one["margin"]) for one in told] == [
        ("new", "now", "5"),
        ("now", "worse", "5"),
        ("better", "now", "5"),
    ]
    assert len(said) == 1 and said[0].startswith("“worse” is saved otherwise than tried here")


def test_a_policy_that_was_tried_unsaved_is_saved_at_the_verdict_and_planned(state):
    with ScriptedServer(lambda n, b: "ok", adder) as server:
        run_id = create_run(state, "t", spec(server.url, BAD, GOOD, baseline="bad"), "tester")
        execute(state, run_id)
    app = opened("lab", run=run_id)
    assert not [link for link in app.get("page_link") if "take over" in link.label]
    press(app, "Save “good” and “bad” to plan a rollout")
    assert set(POLICIES.all(state)) == {"good", "bad"} and POLICIES.get(state, "good") == read_policy(GOOD)
    assert not [button for button in app.button if "plan a rollout" in button.label]
    assert [link.label for link in app.get("page_link") if "take over" in link.label] == [
        "Plan to let “good” take over from “bad”"
    ]
