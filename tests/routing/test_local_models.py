"""A real run with a real model: both local tiers and the cascade between them, on every sixth of Baton's sixty tasks.

Some 130 real calls, 3,500 tokens: a minute of one core; BATON_LOCAL_EVERY=1 asks all sixty. Skipped, with the
reason, where the packages are missing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from routing.calling.client import probe
from routing.grading.tasks import shipped_tasks
from routing.local_models import GREEDY, VOTE, _free_port, local_provider, missing
from tests.routing.live import run

ROOT = Path(__file__).resolve().parents[2]
EVERY = int(os.environ.get("BATON_LOCAL_EVERY", "6"))
CAP_USD = 0.05

pytestmark = [
    pytest.mark.local_model,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(missing() is not None, reason=str(missing())),
]


@pytest.fixture
def served(home):
    """`make local-models` as a user starts it, on a free port."""
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "routing.local_models", "--port", str(port), "--home", str(home)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert "SmolLM2-135M answers" in process.stdout.readline()
    yield port
    process.terminate()
    process.wait(10)
    process.stdout.close()


def test_three_policies_on_a_real_model(served, home, tmp_path):
    asked = shipped_tasks().tasks[::EVERY]
    (tmp_path / "tasks.json").write_text(
        json.dumps([task.model_dump(mode="json", exclude_unset=True) for task in asked])
    )
    for row in run(probe(local_provider(served))):
        assert row["ok"], row
    command = [
        sys.executable,
        "-m",
        "routing",
        "run",
        "--local-policies",
        "--concurrency",
        "2",
        "--tasks",
        str(tmp_path / "tasks.json"),
        "--max-usd",
        str(CAP_USD),
        "--baseline",
        "local greedy",
        "--home",
        str(home),
        "--json",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    print(json.dumps(found["by_policy"], indent=1))
    calls = 3 * len(asked)
    assert (found["tasks"], found["done"] + found["failed"] + found["refused"] + found["blocked"]) == (calls, calls)
    assert found["done"] > 0.95 * calls and found["audit_ok"]
    assert 0 < found["cost_usd"] + found["held_usd"] <= CAP_USD
    greedy, vote, cascade = (found["by_policy"][f"local {name}"] for name in ("greedy", "vote", "cascade"))
    for policy in (greedy, vote, cascade):
        assert 0 < policy["quality_low"] <= policy["quality"] <= policy["quality_high"] < 1
    # Five samples cost five times as much, and the cascade lies between its parts and their sum.
    assert 3 < vote["cost_usd"] / greedy["cost_usd"] < 7 and greedy["cost_usd"] < cascade["cost_usd"]
    assert set(found["by_model"]) == {GREEDY, VOTE} and len(found["comparisons"]) == 2
