"""What a run may cost holds: over kills, calls at the same time, cache writes, and the limit of one task."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from routing.runs.engine import execute
from routing.runs.results import summary
from routing.runs.store import attempts, create_run, judged_pairs, money, read_run, results
from tests.routing.scripted_server import ScriptedServer, usage
from tests.routing.test_pair_judging import right
from tests.routing.test_runs import BAD, GOOD, SUMS, adder, spec, until

Answering = Callable[[dict[str, Any]], str]
KILLS = int(os.environ.get("BATON_KILLS", "8"))
ROOT = Path(__file__).resolve().parents[2]
ENGINE = "import sys; from data.state import State; from routing.runs.engine import execute; "
ENGINE += "execute(State.open(sys.argv[1]), sys.argv[2])"


def many(count: int, prompt: str = "") -> list[dict]:
    return [
        {**SUMS[n % len(SUMS)], "id": f"task-{n}", "prompt": f"{SUMS[n % len(SUMS)]['prompt']} {prompt}"}
        for n in range(count)
    ]


def billed(server: ScriptedServer, answer: Answering = adder) -> Decimal:
    """What a provider charges that bills every request it saw, at the prices of the tests ($1 and $2 a million
    tokens).
    """
    counts = [usage(body, answer(body)) for body in server.seen]
    return sum((Decimal(c["prompt_tokens"] + 2 * c["completion_tokens"]) for c in counts), Decimal(0)) / 10**6


def killed(state, run_id: str, server: ScriptedServer, calls: int, model: str | None = None) -> int:
    """Kill an engine that is `calls` calls (of one model) further, with calls in flight; how many requests the server
    has seen."""

    def asked() -> int:
        return sum(model in (None, body["model"]) for body in server.seen)

    process = subprocess.Popen([sys.executable, "-c", ENGINE, str(state.path.parent), run_id], cwd=ROOT)
    before = asked()
    until(lambda: (asked() >= before + calls and server.in_flight) or process.poll() is not None)
    process.kill()
    process.wait()
    until(lambda: server.in_flight == 0)
    with state.transaction() as db:
        db.execute("UPDATE live_runs SET heartbeat_at = 0 WHERE run_id = ?", (run_id,))
    return len(server.seen)


@pytest.mark.kill
def test_kills_with_calls_in_flight_lose_no_dollar_and_no_attempt(state):
    with ScriptedServer(lambda n, body: "slow", adder) as server:
        run_id = create_run(state, "killed", spec(server.url, GOOD, tasks=many(160), concurrency=6), "tester")
        for kill in range(KILLS):
            seen = killed(state, run_id, server, calls=1 + kill % 5)
            made, (spent, held) = attempts(state, run_id), money(state, run_id)
            # Each call was written down before it left, and none was overwritten by a later engine.
            assert len(made) == len({a["attempt_id"] for a in made}) >= seen
            assert spent <= billed(server) <= spent + held <= 1
        assert sum(a["status"] == "running" for a in made) >= KILLS
        out = execute(state, run_id)
        spent, held = money(state, run_id)
        assert spent <= billed(server) <= spent + held <= 1
    assert out["done"] == 160 == len({(r["task_id"], r["repeat"]) for r in results(state, run_id)})
    assert (out["spent_usd"], out["held_usd"]) == (float(spent), float(held))
    assert read_run(state, run_id)["status"] == "done" and state.verify_audit() == (True, None)


def answered_and_judged(body: dict[str, Any]) -> str:
    """Both policies' answers, and a judge that can add."""
    return right(body["messages"][-1]["content"]) if body["model"] == "judge" else adder(body)


def judged_in_pairs(server: ScriptedServer, tasks: int, **more: Any) -> dict[str, Any]:
    """A run of two policies whose answers are compared in pairs, six at a time."""
    models = ("good", "bad", "judge")
    asked = {"tasks": many(tasks), "models": models, "judge": "judge", "judge_pairs": True, "concurrency": 6}
    return spec(server.url, GOOD, BAD, **asked, **more)


@pytest.mark.kill
def test_kills_while_pairs_are_judged_lose_no_dollar_and_no_pair(state):
    with ScriptedServer(lambda n, body: "slow" if body["model"] == "judge" else "ok", answered_and_judged) as server:
        run_id = create_run(state, "killed", judged_in_pairs(server, 64), "tester")
        for kill in range(KILLS):
            seen = killed(state, run_id, server, calls=1 + 3 * (kill % 5), model="judge")
            made, (spent, held) = attempts(state, run_id), money(state, run_id)
            assert len(made) == len({a["attempt_id"] for a in made}) >= seen
            assert spent <= billed(server, answered_and_judged) <= spent + held <= 1
        lost = [a for a in made if a["status"] == "running"]
        assert len(lost) >= KILLS and {a["purpose"] for a in lost} == {"judge"}
        already = len(judged_pairs(state, run_id))
        assert 0 < already < 64  # the kills were in the middle of the judging
        out = execute(state, run_id)
        spent, held = money(state, run_id)
        assert spent <= billed(server, answered_and_judged) <= spent + held <= 1
        of_tasks = [body for body in server.seen if body["model"] != "judge"]
    # No task was asked again, and every pair has one verdict.
    assert len(of_tasks) == 2 * 64 and out["done"] == 2 * 64
    said = judged_pairs(state, run_id)
    assert len(said) == 64 == len({(row["policy"], row["task_id"], row["repeat"]) for row in said})
    told = summary(state, run_id)["preferences"][0]
    assert (told["losses"], told["ties"], told["no_verdict"], told["left"]) == (56, 8, 0, 0)
    assert (out["spent_usd"], out["held_usd"]) == (float(spent), float(held))
    assert read_run(state, run_id)["status"] == "done" and state.verify_audit() == (True, None)


@pytest.mark.kill
def test_a_cap_that_kills_in_the_judging_have_used_up_refuses_the_other_pairs(state):
    cap, worst = Decimal("0.0085"), Decimal("0.00075")  # without a kill 0.00276 is spent, and six calls at once fit
    with ScriptedServer(lambda n, body: "slow" if body["model"] == "judge" else "ok", answered_and_judged) as server:
        run_id = create_run(state, "killed", judged_in_pairs(server, 32, max_usd=str(cap)), "tester")
        while sum(money(state, run_id)) + worst <= cap and read_run(state, run_id)["status"] != "done":
            killed(state, run_id, server, calls=1, model="judge")
        out = execute(state, run_id)
        spent, held = money(state, run_id)
        assert spent <= billed(server, answered_and_judged) <= spent + held <= cap
    told = summary(state, run_id)["preferences"][0]
    assert out["done"] == 64 and held > 0 and told["no_verdict"] > 0 and "spend cap" in told["words"]


@pytest.mark.heavy
def test_a_cap_that_kills_have_used_up_refuses_the_rest(state):
    """What nobody saw the end of counts at its worst: each kill takes from the cap, and gives nothing back."""
    with ScriptedServer(lambda n, body: "slow" if n < 20 else "ok", adder) as server:
        body = spec(server.url, GOOD, tasks=many(200), concurrency=8, max_usd="0.01")
        run_id = create_run(state, "killed", body, "tester")
        for _ in range(2):
            killed(state, run_id, server, calls=8)
        out = execute(state, run_id)
        spent, held = money(state, run_id)
        assert billed(server) <= spent + held <= Decimal("0.01")
    assert out["refused"] > 0 and held > 0


@pytest.mark.parametrize("concurrency", [1, 60])
def test_cache_writes_at_twice_the_input_price_stay_under_the_cap(state, concurrency):
    with ScriptedServer(lambda n, body: "cache-writes", adder) as server:
        body = spec(
            server.url.removesuffix("/v1"),
            GOOD,
            tasks=many(60, "word " * 800),
            provider={"protocol": "anthropic", "concurrency": concurrency},
            concurrency=concurrency,
            max_usd="0.05",
        )
        run_id = create_run(state, "cache writes", body, "tester")
        out = execute(state, run_id)
    spent, held = money(state, run_id)
    assert spent + held <= Decimal("0.05") and spent > Decimal("0.03") and out["refused"] > 0
    cost = {a["cost_usd"] for a in attempts(state, run_id)}
    assert cost and all(Decimal(usd) > Decimal("0.002") for usd in cost)


def test_the_limit_of_one_task_holds_for_its_calls_at_the_same_time(state):
    """Two models are asked at once, and the limit pays for one and a half of them."""
    with ScriptedServer(lambda n, body: "slow", adder) as server:
        text = "name: x\nrules: [{when: {}, cross_check: [good, bad]}]"
        run_id = create_run(state, "t", spec(server.url, text, tasks=SUMS[:2], max_usd_per_task="0.0009"), "tester")
        execute(state, run_id)
        for call_id in {a["call_id"] for a in attempts(state, run_id)}:
            of_task = [a for a in attempts(state, run_id) if a["call_id"] == call_id]
            assert sum(Decimal(a["cost_usd"]) for a in of_task) <= Decimal("0.0009")
    assert server.most_in_flight <= 2


@pytest.mark.heavy
def test_what_a_task_cost_before_a_kill_counts_against_its_own_limit(state):
    with ScriptedServer(lambda n, body: "hang" if n == 1 else "ok", adder) as server:
        body = spec(server.url, GOOD, tasks=SUMS[:1], max_usd_per_task="0.0006", provider={"timeout_s": 600})
        run_id = create_run(state, "t", body, "tester")
        process = subprocess.Popen([sys.executable, "-c", ENGINE, str(state.path.parent), run_id], cwd=ROOT)
        until(lambda: server.seen)
        time.sleep(0.1)
        process.kill()
        process.wait()
        with state.transaction() as db:
            db.execute("UPDATE live_runs SET heartbeat_at = 0 WHERE run_id = ?", (run_id,))
        out = execute(state, run_id)
    assert out["refused"] == 1 and "This task's limit" in results(state, run_id)[0]["reason"]
