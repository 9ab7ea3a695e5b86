"""From a live run that explored to an estimate: the loop through the ordinary ingest, and the command that reads it."""

from __future__ import annotations

import json

import pytest

from data.ledger import Ledger
from routing.runs.engine import execute
from routing.runs.live_ledger import to_ledger
from routing.runs.store import create_run, results
from simulations.__main__ import main
from tests.routing.scripted_server import ScriptedServer
from tests.routing.test_runs import SUMS, spec
from tests.stores import new_ledger

EXPLORING = "name: explorer\nrules: [{when: {}, use: gpt-5.2}]\nfallback: [minimax-m2]\nexplore: 0.6"
CHEAP = "name: all to the cheap one\nrules: [{when: {}, use: minimax-m2}]\n"


def answers(body: dict) -> str:
    """The dear model adds; the cheap one is right where the sum is below ten, which is half of the tasks."""
    total = 2 * int(body["messages"][-1]["content"].split()[0])
    return str(total) if body["model"] == "gpt-5.2" or total < 10 else "7"


@pytest.fixture
def explored(home, state) -> Ledger:
    tasks = [{**task, "id": f"{task['id']}-{n}", "task_type": "reasoning"} for n in range(50) for task in SUMS]
    with ScriptedServer(lambda n, body: "ok", answers) as server:
        run_id = create_run(
            state, "t", spec(server.url, EXPLORING, tasks=tasks, models=("gpt-5.2", "minimax-m2")), "tester"
        )
        execute(state, run_id)
    ledger = new_ledger(home)
    assert to_ledger(ledger, state, run_id).rejected == 0
    truth = {r["call_id"]: r["propensity"] for r in results(state, run_id)}
    rows = ledger.sql(
        "SELECT call_id, model, tags->>'propensity' AS odds, quality_score FROM lake.main.usage WHERE quality_score "
        "IS NOT NULL"
    )
    assert len(rows) == len(tasks) and all(
        float(row.odds) == pytest.approx(truth[row.call_id]) for row in rows.itertuples()
    )
    assert set(rows.groupby("model")["odds"].nunique()) == {1} and set(rows["model"]) == {"gpt-5.2", "minimax-m2"}
    yield ledger
    ledger.close()


def test_a_live_run_that_explored_estimates_another_policy(explored, tmp_path, capsys):
    policy = tmp_path / "cheap.yaml"
    policy.write_text(CHEAP)
    assert main(["replay", str(policy), "--estimate", "--json"]) == 0
    found = {e["method"]: e for e in json.loads(capsys.readouterr().out)["estimated"]}
    # The cheap model passes half of the tasks; the log's own mean is far above, since it mostly asked the dear one.
    assert all(e["low"] <= 0.5 <= e["high"] and e["high"] < 0.7 for e in found.values()) and set(found) == {
        "SNIPS",
        "DR",
        "IPS",
    }
    assert found["SNIPS"]["effective_samples"] > 50
