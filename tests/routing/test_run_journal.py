"""What is on disk when: order, what waits for it, and what a kill in the middle of a run leaves behind."""

from __future__ import annotations

import asyncio
import os
import signal
from decimal import Decimal

import pytest

from data.errors import LedgerError
from routing.calling.attempts import Attempt
from routing.runs import launch
from routing.runs.engine import execute
from routing.runs.journal import RunJournal
from routing.runs.results import summary
from routing.runs.store import attempts, create_run, money, read_run, results
from tests.routing.scripted_server import ScriptedServer
from tests.routing.test_runs import GOOD, SUMS, adder, spec, until


def attempt(number: int) -> Attempt:
    return Attempt(
        f"call/{number}", "call", number, "answer", "p", "api", "m", "m", f"2026-11-21T00:00:0{number}", Decimal("0.25")
    )


def test_a_reservation_and_every_decision_before_it_are_on_disk_when_a_call_may_leave(state):
    async def scenario():
        journal = RunJournal(state, "run")
        journal.note("model chosen", {"picked": ["m"]})
        await journal.begin(attempt(1))
        assert [e.event for e in state.audit()] == ["model chosen"] and money(state, "run") == (0, Decimal("0.25"))
        ended = attempt(1)
        ended.status, ended.cost_usd = "success", Decimal("0.1")
        journal.end(ended)
        await journal.close()
        assert money(state, "run") == (Decimal("0.1"), 0)

    asyncio.run(scenario())


def test_what_cannot_be_written_stops_the_next_call_and_the_run(state):
    async def scenario():
        journal = RunJournal(state, "run")
        with state.transaction() as db:
            db.execute("DROP TABLE live_attempts")
        journal.end(attempt(1))
        with pytest.raises(LedgerError, match="cannot be written"):
            await journal.begin(attempt(2))
        journal.note("model chosen", {})
        with pytest.raises(LedgerError):
            await journal.close()
        assert not state.audit()

    asyncio.run(scenario())


@pytest.mark.heavy
def test_a_run_killed_in_its_middle_loses_no_reservation_and_goes_on_under_its_cap(state, monkeypatch):
    tasks = [{**task, "id": f"{task['id']}-{n}"} for n in range(4) for task in SUMS]
    with ScriptedServer(lambda n, b: "slow" if n < 20 else "ok", adder) as server:
        run_id = create_run(state, "killed", spec(server.url, GOOD, tasks=tasks, max_usd="0.05"), "tester")
        launch.launch(state, run_id)
        until(lambda: len(server.seen) > 9)
        process = launch._STARTED.pop()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        until(lambda: server.in_flight == 0)
        made, (spent, held) = attempts(state, run_id), money(state, run_id)
        assert len(made) >= len(server.seen) and held > 0 and state.verify_audit() == (True, None)
        monkeypatch.setattr("routing.runs.store.STALE_S", 0.0)
        assert read_run(state, run_id)["status"] == "interrupted"
        finished = len(results(state, run_id))
        out = execute(state, run_id)
    found = summary(state, run_id)
    assert (out["done"], found["done"], found["audit_ok"]) == (32, 32, True) and finished < 32
    assert out["held_usd"] == float(held) and spent + held <= Decimal(str(found["cost_usd"])) + held <= Decimal("0.05")
