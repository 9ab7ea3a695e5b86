"""A thousand tasks under a random mix of every failure, on real sockets, with nothing lost and no secret out."""

from __future__ import annotations

import base64
import random
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from data.facts.models import current
from routing.calling import limiter
from routing.calling.client import probe
from routing.calling.declarations import checked_provider
from routing.export import export_policy
from routing.policies.text import read_policy
from routing.runs.audit import audit_lines as audit_export
from routing.runs.engine import execute
from routing.runs.live_ledger import to_ledger
from routing.runs.results import summary
from routing.runs.store import attempts, create_run, results
from tests.routing.live import provider, run
from tests.routing.scripted_server import BEHAVIOURS, ScriptedServer
from tests.routing.test_runs import SUMS, adder, spec

CANARY = "sk-canary-7f3a9b2c8d1e4f60a5b6c7d8"
# Weighted: what happens all the time, and what happens seldom. The endless ones move megabytes, so they are rare.
MIX = ["ok"] * 60 + [
    "429-float",
    "429-ms",
    "429-past",
    "429-nonsense",
    "429-bare",
    "500",
    "500",
    "503",
    "408",
    "hang-up",
    "cut-in-body",
    "garbled-usage",
    "absurd-usage",
    "no-usage",
    "not-a-completion",
    "wrong-type",
    "echo-key-in-answer",
    "too-long",
    "filtered",
    "bad-request",
]
POLICY = """
name: chaos
constraints:
  - when: {data_class: [customer]}
    forbid: {origin: [CN]}
    because: no Chinese models for customer data
rules:
  - when: {criticality: [high]}
    cross_check: [good, spare]
  - when: {task_type: [coding]}
    cascade: [abroad, good]
    confidence_floor: 0.85
  - when: {}
    split: {good: 0.5, abroad: 0.5}
fallback: [abroad, spare, good]
"""


def labelled(count: int) -> list[dict]:
    rng = random.Random(5)
    labels = {
        "task_type": ["coding", "chat"],
        "criticality": ["high", "normal", "low"],
        "data_class": ["customer", "internal"],
    }
    return [
        {**SUMS[n % len(SUMS)], "id": f"task-{n}", **{k: rng.choice(v) for k, v in labels.items()}}
        for n in range(count)
    ]


def everything_written(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())


def forms(secret: str) -> list[bytes]:
    return [
        secret.encode(),
        base64.b64encode(secret.encode()).rstrip(b"="),
        secret[:14].encode(),
        secret[-14:].encode(),
    ]


@pytest.mark.heavy
def test_a_thousand_tasks_under_every_failure(state, ledger, home, monkeypatch, caplog):
    monkeypatch.setenv("CANARY_KEY", CANARY)
    # The refusals here have nothing to do with the rate: without this the limiter would make the test wait for minutes.
    monkeypatch.setattr(limiter, "REST_S", 0.05)
    monkeypatch.setattr(limiter, "TRIM", 1.0)
    monkeypatch.setattr(limiter, "FAILURE_SHARE", 1.0)
    tasks, rng = labelled(1000), random.Random(11)
    with ScriptedServer(lambda n, body: rng.choice(MIX), adder) as server:
        body = spec(server.url, POLICY, tasks=tasks, max_usd="0.5", concurrency=24, task_seconds=300)
        body["providers"] = [
            provider(
                server.url,
                "good",
                "spare",
                name="home",
                origin="US",
                key_env="CANARY_KEY",
                concurrency=16,
                timeout_s=60,
            ).model_dump(mode="json"),
            provider(
                server.url, "abroad", name="abroad", origin="CN", key_env="CANARY_KEY", concurrency=16, timeout_s=60
            ).model_dump(mode="json"),
        ]
        run_id = create_run(state, "chaos", body, "tester")
        execute(state, run_id)
        asked = list(server.seen)
    found, rows = summary(state, run_id), results(state, run_id)
    # Nothing is lost: every task ended, and each that did not succeed has a reason.
    assert (
        found["done"] + found["failed"] + found["refused"] + found["blocked"]
        == 1000
        == len({r["task_id"] for r in rows})
    )
    assert all(r["reason"] for r in rows if r["status"] != "done") and found["done"] > 850
    # The cap held, and the money adds up.
    made = attempts(state, run_id)
    assert Decimal(str(found["cost_usd"])) + Decimal(str(found["held_usd"])) <= Decimal("0.5")
    assert not [a for a in made if a["status"] == "running"]
    # Every call the server saw is an attempt that left; one that never left (no connection on a busy machine) cost
    # nothing,
    # and one that left can have got lost on its way, but then nobody answered it.
    left = [a for a in made if a["sent"]]
    assert sum(a["http_status"] is not None for a in made) <= len(asked) <= len(left)
    assert all(a["failure"] == "connect" and a["cost_usd"] == "0" for a in made if not a["sent"])
    # No constraint was broken: customer data never reached the model of Chinese origin.
    classes = {t["id"]: t["data_class"] for t in tasks}
    assert not [a for a in made if a["model"] == "abroad" and classes[a["call_id"].split("/")[2]] == "customer"]
    assert found["audit_ok"] and Counter(e.event for e in state.audit())["task finished"] == 1000
    # The key was sent to the provider and is written nowhere: store, exports, logs.
    assert all(b["_headers"]["authorization"] == f"bearer {CANARY}" for b in asked)
    to_ledger(ledger, state, run_id)
    written = everything_written(home) + audit_export(state).encode() + caplog.text.encode()
    declared = tuple(checked_provider(p) for p in body["providers"])
    for form in ("litellm", "openrouter", "yaml"):
        written += export_policy(read_policy(POLICY), form, declared, current(state))[0].encode()
    assert not [form for form in forms(CANARY) if form in written]


@pytest.mark.heavy
@pytest.mark.parametrize("behaviour", sorted(set(BEHAVIOURS) - {"hang", "endless", "endless-line"}))
def test_no_behaviour_of_a_server_gets_the_key_into_a_message(behaviour):
    environ = {"CANARY_KEY": CANARY}
    with ScriptedServer() as server:
        for stream in (False, True):
            declared = provider(server.url, behaviour, key_env="CANARY_KEY", stream=stream)
            said = repr(run(probe(declared, environ)))
            assert not [form for form in forms(CANARY) if form.decode() in said]


def test_the_state_file_is_a_plain_sqlite_file_without_the_key(state, home):
    """The search above reads bytes; SQLite must not compress them."""
    state.put("setting", "probe", {"text": CANARY})
    assert CANARY.encode() in everything_written(home)
