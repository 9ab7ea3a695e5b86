"""People and the kill switch: what holds a run, changes it, or ends it."""

from __future__ import annotations

import threading

import pytest

from data.errors import Refused
from routing.runs import engine, store
from routing.runs.engine import execute
from routing.runs.reviews import decide, reviews
from routing.runs.store import attempts, create_run, read_run, want
from tests.routing.scripted_server import ScriptedServer
from tests.routing.test_runs import GOOD, SUMS, adder, spec, started, until


def test_a_conflict_of_two_models_goes_to_a_person(state):
    with ScriptedServer(lambda n, b: "ok", adder) as server:
        run_id = create_run(
            state, "t", spec(server.url, "name: x\nrules: [{when: {}, cross_check: [good, bad]}]"), "tester"
        )
        execute(state, run_id)
    queue = [r for r in reviews(state, run_id) if r["kind"] == "answer"]
    assert len(queue) == 7 and "disagree" in queue[0]["reason"]
    decide(state, queue[0]["review_id"], "approved", "Ada")
    with pytest.raises(Refused, match="already decided"):
        decide(state, queue[0]["review_id"], "rejected", "Bob")


def test_a_person_approves_the_plan_lowers_the_cap_and_drops_a_task(state):
    with ScriptedServer(lambda n, b: "ok", adder) as server:
        run_id, thread, out = started(state, spec(server.url, GOOD + "\nlimits: {checkpoints: [0h]}"))
        until(lambda: reviews(state, run_id, open_only=True))
        assert not server.seen and read_run(state, run_id)["status"] in ("waiting", "running")
        number = reviews(state, run_id, open_only=True)[0]["review_id"]
        decide(state, number, "edited", "Ada", '{"max_usd": 0.5, "drop_tasks": ["sum-1"]}')
        thread.join()
    assert out["done"] == 7 and out["cap_usd"] == 0.5 and out["status"] == "done"


def test_a_rejected_plan_ends_the_run_before_any_call(state):
    with ScriptedServer(lambda n, b: "ok", adder) as server:
        run_id, thread, out = started(state, spec(server.url, GOOD + "\nplanner: good"))
        until(lambda: reviews(state, run_id, open_only=True))
        item = reviews(state, run_id, open_only=True)[0]
        assert "plan of good" in item["body"]
        decide(state, item["review_id"], "rejected", "Ada")
        thread.join()
    assert out["status"] == "rejected" and out["done"] == 0 and len(server.seen) == 1


def test_a_checkpoint_at_half_of_the_tasks_holds_the_run(state):
    with ScriptedServer(lambda n, b: "ok", adder) as server:
        run_id, thread, out = started(state, spec(server.url, GOOD + "\nlimits: {checkpoints: ['50%']}", concurrency=1))
        until(lambda: reviews(state, run_id, open_only=True))
        until(lambda: read_run(state, run_id)["status"] == "waiting")
        assert len(server.seen) == 4
        decide(state, reviews(state, run_id, open_only=True)[0]["review_id"], "approved", "Ada")
        thread.join()
    assert out["done"] == 8


def test_the_kill_switch_lets_no_call_begin_once_it_is_seen_and_cancels_those_in_flight(state, monkeypatch):
    seen = []

    def beat(*arguments):
        wanted = store.beat(*arguments)
        if wanted == "stop":
            seen.append(len(server.seen))
        return wanted

    monkeypatch.setattr(engine, "beat", beat)
    with ScriptedServer(lambda n, b: "hang" if n % 3 == 0 else "slow", adder) as server:
        tasks = [{**t, "id": f"{t['id']}-{n}"} for n in range(20) for t in SUMS]
        run_id, thread, out = started(state, spec(server.url, GOOD, tasks=tasks, provider={"timeout_s": 600}))
        until(lambda: len(server.seen) > 5)
        want(state, run_id, "stop", "Ada")
        thread.join()
        # The engine learns of it in a thread of its own; until it acts, each of the four workers may begin one more.
        assert len(server.seen) <= seen[0] + 4 and len(seen) == 1
    assert out["status"] == "stopped" and out["finished"] < 160
    cancelled = [a for a in attempts(state, run_id) if a["status"] == "cancelled"]
    assert cancelled and out["held_usd"] > 0


def test_a_beat_under_way_when_a_run_ends_does_not_begin_it_again(state, monkeypatch):
    """The engine beats in a thread of its own, which no cancelling stops: on a busy machine it is late."""
    over = threading.Event()

    def end_run(*arguments):
        store.end_run(*arguments)
        over.set()

    monkeypatch.setattr(engine, "end_run", end_run)
    monkeypatch.setattr(engine, "beat", lambda *arguments: over.wait() and store.beat(*arguments))
    with ScriptedServer(lambda n, b: "ok", adder) as server:
        run_id = create_run(state, "t", spec(server.url, GOOD), "tester")
        execute(state, run_id)
    kept = read_run(state, run_id)
    assert kept["status"] == "done" and kept["progress"]["finished"] == 8
