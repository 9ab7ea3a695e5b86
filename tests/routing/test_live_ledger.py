"""Results become ledger rows and measured quality; an export is what the gateway expects."""

from __future__ import annotations

from decimal import Decimal

import pytest

from data.facts.models import current
from routing.runs.engine import execute
from routing.runs.live_ledger import to_ledger
from routing.runs.measured_facts import save_measured
from routing.runs.store import attempts, create_run
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


def test_a_cascade_s_acceptance_and_the_length_of_answers_become_facts(state):
    tasks = [
        {
            "id": f"t{n}",
            "prompt": f"{n} + {n}?",
            "max_tokens": 200,
            "asserts": [{"type": "match", "value": str(2 * n), "numeric": True}],
            "answer_kind": "number",
        }
        for n in range(1, 31)
    ]
    tries = {}

    def answer(body):
        """The short model contradicts itself on every third task; the long one writes four times as much."""
        number, short = int(body["messages"][-1]["content"].split()[0]), body["model"] == "short"
        tries[number] = tries.get(number, 0) + short
        return (str(2 * number + (tries[number] if short and number % 3 == 0 else 0))).rjust(40 if short else 160)

    short, long = (f"name: {model}\nrules: [{{when: {{}}, use: {model}}}]" for model in ("short", "long"))
    cascade = "name: cascade\nrules: [{when: {}, cascade: [short, long], confidence_floor: 0.85}]"
    with ScriptedServer(lambda n, b: "ok", answer) as server:
        run_id = create_run(
            state, "t", spec(server.url, short, long, cascade, tasks=tasks, models=("short", "long")), "tester"
        )
        execute(state, run_id)
    save_measured(state, run_id)
    one, two = current(state)["short"], current(state)["long"]
    assert one.acceptance == 20 / 30 and "30 answers" in one.sources["acceptance"] and two.acceptance is None
    assert (
        (one.verbosity.value, two.verbosity.value) == (1.0, 4.0)
        and one.verbosity.source == two.verbosity.source
        and two.verbosity.samples == 30
    )
