"""Whole runs on the scripted server: progress, checkpoints, kill switch, restart, replay, guardrails, audit."""

from __future__ import annotations

import json
import threading
import time
from decimal import Decimal

import pytest

from data.errors import BadInput, Refused
from routing.policies.text import read_policy
from routing.runs.engine import execute
from routing.runs.results import summary
from routing.runs.reviews import reviews
from routing.runs.spec import checked_spec
from routing.runs.store import attempts, claim_run, create_run, list_runs, read_run, results
from tests.routing.live import provider
from tests.routing.scripted_server import ScriptedServer

SUMS = [
    {
        "id": f"sum-{n}",
        "prompt": f"{n} + {n}?",
        "asserts": [{"type": "match", "value": str(2 * n), "numeric": True}],
        "answer_kind": "number",
        "max_tokens": 16,
    }
    for n in range(1, 9)
]


def spec(url: str, *policies: str, tasks=None, models=("good", "bad"), **more):
    body = {
        "policies": [read_policy(text).model_dump(mode="json") for text in policies],
        "tasks": {"name": "sums", "tasks": tasks or SUMS},
        "providers": [provider(url, *models, **more.pop("provider", {})).model_dump(mode="json")],
        "max_usd": 1,
        **more,
    }
    return checked_spec(body).model_dump(mode="json", by_alias=True)


def adder(body):
    """The good model adds, the bad one always says 4."""
    if body["model"] == "bad":
        return "4"
    first = body["messages"][-1]["content"].split()[0]
    return str(2 * int(first)) if first.isdigit() else "in this order"


GOOD = "name: good\nrules: [{when: {}, use: good}]"
BAD = "name: bad\nrules: [{when: {}, use: bad}]"
CASCADE = "name: cascade\nrules: [{when: {}, cascade: [bad, good], confidence_floor: 0.85}]"


def started(state, body):
    """A run in a thread, as the app's subprocess would have it."""
    run_id = create_run(state, "test", body, "tester")
    out = {}
    thread = threading.Thread(target=lambda: out.update(execute(state, run_id)))
    thread.start()
    return run_id, thread, out


def until(condition):
    """Wait as long as it takes; a test that hangs is ended by pytest's own time limit."""
    while not condition():
        time.sleep(0.02)


def test_two_policies_are_compared_as_pairs_and_the_audit_holds(state):
    with ScriptedServer(lambda n, b: "ok", adder) as server:
        run_id = create_run(state, "test", spec(server.url, GOOD, BAD), "tester")
        execute(state, run_id)
    found = summary(state, run_id)
    assert (found["tasks"], found["done"], found["failed"], found["refused"]) == (16, 16, 0, 0)
    assert found["by_policy"]["good"]["quality"] == 1.0 and found["by_policy"]["bad"]["passed"] == 1
    comparison = found["comparisons"][0]
    assert (comparison["a"], comparison["b"], comparison["only_a"], comparison["only_b"]) == ("bad", "good", 0, 7)
    assert found["audit_ok"] and 0 < found["cost_usd"] <= 1
    assert {e.event for e in state.audit()} >= {"run asked for", "plan", "model chosen", "task finished", "run ended"}


def test_every_attempt_of_a_cascade_is_paid_for(state):
    flaky = {"n": 0}

    def answer(body):
        flaky["n"] += 1
        return adder(body) if body["model"] == "good" else str(flaky["n"])

    with ScriptedServer(lambda n, b: "ok", answer) as server:
        run_id = create_run(state, "test", spec(server.url, CASCADE), "tester")
        execute(state, run_id)
    rows = results(state, run_id)
    assert all(r["model"] == "good" and r["attempts"] == 3 and r["passed"] for r in rows)
    assert summary(state, run_id)["cost_usd"] == pytest.approx(sum(r["cost_usd"] for r in rows))
    assert len(server.seen) == 3 * len(SUMS)


def test_a_cascade_stops_at_the_first_sure_answer(state):
    with ScriptedServer(lambda n, b: "ok", adder) as server:
        run_id = create_run(state, "test", spec(server.url, CASCADE), "tester")
        execute(state, run_id)
    assert {r["model"] for r in results(state, run_id)} == {"bad"} and {b["model"] for b in server.seen} == {"bad"}


def test_the_majority_of_samples_answers_and_agreement_is_its_confidence(state):
    answers = {1: "2", 2: "2", 3: "9", 4: "2", 5: "7"}
    with ScriptedServer(lambda n, b: "ok", lambda body: answers[body["seed"]]) as server:
        run_id = create_run(
            state,
            "t",
            spec(server.url, "name: v\nrules: [{when: {}, use: good, samples: 5, vote: majority}]", tasks=SUMS[:1]),
            "tester",
        )
        execute(state, run_id)
    row = results(state, run_id)[0]
    assert row["passed"] and row["confidence"] == 0.6 and row["attempts"] == 5
    took = [one["latency_ms"] for one in attempts(state, run_id)]
    assert len(took) == 5 and row["latency_ms"] == pytest.approx(max(took), abs=0.01)  # all are asked at once


def test_an_interrupted_run_goes_on_without_repeating_and_counts_lost_attempts(state):
    body = spec("http://127.0.0.1:9/v1", GOOD)
    lost = {"started_at": "", "number": 1, "purpose": "answer", "reserved_usd": "0.25", "cost_usd": None}
    with ScriptedServer(lambda n, b: "ok", adder) as server:
        body["providers"][0]["base_url"] = server.url
        run_id = create_run(state, "t", body, "tester")
        claim_run(state, run_id)
        lost["call_id"] = f"{run_id}/0/sum-2/0"
        lost["attempt_id"] = f"{lost['call_id']}/1"
        with state.transaction() as db:
            done = {"model": "good", "passed": True, "cost_usd": 0.1, "latency_ms": 1, "attempts": 1, "review": []}
            row = (run_id, json.dumps(done | {"no_answer": False}))
            db.execute("INSERT INTO live_results VALUES (?, 'good', 'sum-1', 0, 'done', ?)", row)
            db.execute(
                "INSERT INTO live_attempts VALUES (?, ?, 'running', '0.25', NULL, ?)",
                (run_id, lost["attempt_id"], json.dumps(lost)),
            )
            db.execute("UPDATE live_runs SET heartbeat_at = 0 WHERE run_id = ?", (run_id,))
        assert read_run(state, run_id)["status"] == "interrupted"
        out = execute(state, run_id)
    assert out["done"] == 8 and len(server.seen) == 7 and out["held_usd"] == 0.25
    # The lost attempt stands beside the one that repeated it.
    assert [a["number"] for a in attempts(state, run_id) if a["call_id"] == lost["call_id"]] == [1, 2]


def test_two_engines_do_not_execute_at_once(state):
    with ScriptedServer(lambda n, b: "slow", adder) as server:
        run_id, thread, _ = started(state, spec(server.url, GOOD))
        until(lambda: server.seen)
        other = create_run(state, "t", spec(server.url, GOOD), "tester")
        for again in (run_id, other):
            with pytest.raises(Refused, match="being executed"):
                execute(state, again)
        thread.join()
    assert list(list_runs(state))[0] == other


def test_the_cap_stops_the_run_and_is_never_exceeded(state):
    with ScriptedServer(lambda n, b: "ok", adder) as server:
        run_id = create_run(state, "t", spec(server.url, GOOD, max_usd="0.00033"), "tester")
        out = execute(state, run_id)
    assert out["refused"] > 0 and Decimal(str(out["spent_usd"])) + Decimal(str(out["held_usd"])) <= Decimal("0.00033")
    assert any("spend cap" in r["reason"] for r in results(state, run_id))


def test_low_confidence_halts_the_run(state):
    text = "name: h\nrules: [{when: {}, cross_check: [good, bad]}]\nlimits: {halt_below_confidence: 0.85}"
    with ScriptedServer(lambda n, b: "ok", adder) as server:
        run_id = create_run(state, "t", spec(server.url, text, concurrency=1), "tester")
        out = execute(state, run_id)
    assert out["status"] == "halted" and out["finished"] < 8
    assert [r["kind"] for r in reviews(state, run_id)].count("halt") == 1


def test_guardrails_withhold_an_answer_and_ask_a_person(state):
    text = GOOD + "\nguardrails: {block_pii: true}"
    with ScriptedServer(lambda n, b: "ok", lambda b: "Write to ada@example.com") as server:
        run_id = create_run(state, "t", spec(server.url, text), "tester")
        out = execute(state, run_id)
    assert out["blocked"] == 8 and out["done"] == 0 and "e-mail" in reviews(state, run_id)[0]["reason"]


def test_a_recorded_run_replays_to_the_same_decisions_without_a_connection(state):
    with ScriptedServer(lambda n, b: "500" if n == 3 else "ok", adder) as server:
        body = spec(server.url, CASCADE, GOOD, record=True, concurrency=1)
        first = create_run(state, "t", body, "tester")
        execute(state, first)
    second = create_run(state, "t", {**body, "record": False, "replay_of": first}, "tester")
    execute(state, second)
    without_ids = [[{**row, "call_id": ""} for row in results(state, run)] for run in (first, second)]
    assert without_ids[0] == without_ids[1]


def test_shadow_answers_are_graded_and_never_returned(state):
    with ScriptedServer(lambda n, b: "ok", adder) as server:
        run_id = create_run(state, "t", spec(server.url, GOOD + "\nshadow: [bad]"), "tester")
        execute(state, run_id)
    rows = results(state, run_id)
    assert all(r["passed"] and r["model"] == "good" for r in rows)
    assert sum(r["shadows"][0]["passed"] for r in rows) == 1


def test_exploration_logs_propensities_and_leaves_sensitive_data_alone(state):
    tasks = [{**t, "id": f"{t['id']}-{kind}", "data_class": kind} for t in SUMS for kind in ("public", "customer")]
    text = "name: e\nrules: [{when: {}, use: good}]\nfallback: [bad]\nexplore: 0.5"
    with ScriptedServer(lambda n, b: "ok", adder) as server:
        run_id = create_run(state, "t", spec(server.url, text, tasks=tasks), "tester")
        execute(state, run_id)
    rows = results(state, run_id)
    explored = [r for r in rows if r["explored"]]
    assert explored and all(r["task_id"].endswith("public") for r in explored)
    assert {r["propensity"] for r in rows if r["task_id"].endswith("customer")} == {1.0}
    assert {round(r["propensity"], 2) for r in rows if r["task_id"].endswith("public")} <= {0.25, 0.75}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"providers": [{"name": "p", "base_url": "http://127.0.0.1:1", "models": [{"model": "good"}]}]},
            "has no price",
        ),
        (
            {
                "providers": [
                    {
                        "name": "p",
                        "base_url": "http://127.0.0.1:1",
                        "models": [{"model": "other", "input_usd_per_mtok": 0, "output_usd_per_mtok": 0}],
                    }
                ]
            },
            "no declared provider offers",
        ),
        (
            {
                "providers": [
                    {
                        "name": "p",
                        "base_url": "http://127.0.0.1:1",
                        "key_env": "NO_SUCH_KEY",
                        "models": [{"model": "good", "input_usd_per_mtok": 0, "output_usd_per_mtok": 0}],
                    }
                ]
            },
            "export NO_SUCH_KEY=",
        ),
    ],
)
def test_a_run_that_cannot_start_says_why_and_sends_nothing(state, change, words):
    body = checked_spec({**spec("http://127.0.0.1:1/v1", GOOD), **change}).model_dump(mode="json", by_alias=True)
    run_id = create_run(state, "t", body, "tester")
    with pytest.raises((BadInput, Refused), match=words):
        execute(state, run_id)
    assert read_run(state, run_id)["status"] == "failed"
