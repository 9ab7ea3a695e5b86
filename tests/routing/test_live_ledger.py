"""Results become ledger rows and measured quality; an export is what the gateway expects."""

from __future__ import annotations

from decimal import Decimal

import pytest

from data.models import current
from routing.live_ledger import save_measured, to_ledger
from routing.run_store import attempts, create_run
from routing.runs import execute
from tests.routing.scripted_server import ScriptedServer
from tests.routing.test_runs import BAD, GOOD, adder, spec


@pytest.fixture
def finished(state):
    with ScriptedServer(lambda n, b: "500" if n == 2 else "no-usage" if n == 4 else "ok", adder) as server:
        run_id = create_run(state, "t", spec(server.url, GOOD, BAD), "tester")
        execute(state, run_id)
    return run_id


def test_attempts_become_ledger_rows_once(ledger, state, finished):
    made = attempts(state, finished)
    report = to_ledger(ledger, state, finished)
    assert (report.loaded, report.rejected) == (len(made), 0)
    again = to_ledger(ledger, state, finished)
    assert (again.loaded, again.duplicate) == (0, len(made))
    rows = ledger.at(ledger.snapshot()).sql(f"SELECT * FROM {ledger.name('usage')} WHERE source = 'live'")
    assert len(rows) == len(made)
    known = sum((Decimal(a["cost_usd"]) for a in made if a["cost_usd"] is not None), Decimal(0))
    assert sum(c for c in rows["cost_usd"] if c == c and c is not None) == known
    assert set(rows["status"]) == {"success", "error"} and (rows["cost_basis"] == "unmetered").sum() == 1
    assert rows["succeeded"].notna().sum() == 16


def test_grades_become_measured_quality(state, finished):
    kept = save_measured(state, finished)
    assert {(s.task, s.value, s.samples) for s in kept["bad"]} == {("overall", 1 / 8, 8)}
    score = current(state)["good"].score(kept["good"][0].scale, "coding")
    assert score.tier == "measured" and score.value == 1.0
    assert len(current(state)["good"].quality) == len(save_measured(state, finished)["good"])
