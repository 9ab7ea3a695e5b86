"""A rollout from plan to end on a scripted gateway log: the ledger's word, each stage's config, the audit."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from data.errors import BadInput, Refused
from data.facts.models import shipped_catalog
from routing.__main__ import main
from routing.policies.saved_policies import POLICIES
from routing.policies.text import read_policy
from routing.rollout.decision import GO_ON, HOLD, ROLL_BACK, decide
from routing.rollout.evidence import evidence, usual_traffic
from routing.rollout.moves import advance, begin, roll_back
from routing.rollout.plan import ROLLOUTS, Rollout, RolloutGuardrails, Stage
from routing.rollout_config import stage_config
from tests.routing.live import provider

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
BEGAN = NOW - timedelta(days=2)
PLAN = Rollout(
    control="old",
    candidate="new",
    stages=(Stage(share=0.5, requests=2000), Stage(share=1.0, requests=50)),
    guardrails=RolloutGuardrails(errors_points=0.02, quality_points=None),
    since=BEGAN,
)


def logged(ledger, arm, count=2200, *, failing=2, usd="0.01", ms=900, since=BEGAN, hours=47):
    """Requests of one arm, evenly over some hours; of each hundred `failing` fail. Costs and times vary."""
    cost = "NULL" if usd == "NULL" else f"{usd} * (0.5 + (n % 7) / 6.0)"
    start = since.replace(tzinfo=None)
    with ledger.write() as cursor:
        cursor.execute(f"""
            INSERT INTO lake.main.usage
                (event_id, source, call_id, attempt, status, requested_at, cost_usd, latency_ms, tags)
            SELECT '{arm}' || n || '{start}', 'x', '{arm}' || n || '{start}', 1,
                CASE WHEN n % 100 < {failing} THEN 'error' ELSE 'success' END,
                TIMESTAMP '{start}' + to_seconds(n * {hours} * 3600 // {count}), {cost},
                {ms} * (0.5 + (n % 11) / 10.0), '{{"model_group": "{arm}/rule-1"}}'
            FROM range({count}) t(n)""")


def word(ledger, plan: Rollout = PLAN) -> tuple[str, str]:
    found = decide(plan, evidence(ledger, plan), NOW)
    return found.word, "; ".join(found.reasons)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("new", "old", "wanted", "because"),
    [
        ({"usd": "0.006", "ms": 700}, {}, GO_ON, "0.60 times"),
        ({}, {}, GO_ON, "failures: 2.0% against 2.0%"),
        ({"failing": 9}, {}, ROLL_BACK, "failures beyond"),
        ({"usd": "0.02"}, {}, ROLL_BACK, "2.00 times"),
        ({"ms": 2500}, {}, ROLL_BACK, "slow answers beyond"),
        ({"usd": "NULL"}, {}, HOLD, "cost a request of the candidate is known of 0"),
        ({"hours": 20}, {"hours": 20}, HOLD, "the log stops 28 hours ago"),
        ({"count": 600}, {}, HOLD, "600 of 2,000 requests of the candidate"),
        ({"failing": 12}, {"failing": 12}, HOLD, "the control itself fails more than before"),
    ],
)
def test_a_scripted_log_gets_the_right_word(ledger, new, old, wanted, because):
    logged(ledger, "other", 3000, since=BEGAN - timedelta(days=5))
    logged(ledger, "candidate", **new)
    logged(ledger, "control", **old)
    found, reasons = word(ledger)
    assert found == wanted and because in reasons, reasons
    assert usual_traffic(ledger).score_spread is None


def test_without_a_log_it_holds_and_retries_are_one_request(ledger):
    assert word(ledger)[0] == HOLD and word(ledger)[1].startswith("the ledger holds no record of this time")
    assert "the stage has no traffic" in word(ledger)[1]
    with ledger.write() as cursor:
        for attempt, status, group in ((1, "error", "candidate/a"), (2, "success", "control/a")):
            cursor.execute(
                """INSERT INTO lake.main.usage (event_id, source, call_id, attempt, status, requested_at, cost_usd,
                       latency_ms, tags)
                   VALUES (?, 'x', 'c1', ?, ?, TIMESTAMP '2026-11-26', 0.5, 100, ?)""",
                [f"e{attempt}", attempt, status, json.dumps({"model_group": group})],
            )
    small = PLAN.model_copy(update={"stages": (Stage.model_construct(share=0.5, requests=1, days=0),)})
    look = evidence(ledger, small).looks[-1]
    assert (look.candidate.requests, look.candidate.failed, look.candidate.cost, look.candidate.timed) == (1, 0, 1.0, 1)


def test_people_move_it_and_the_audit_says_who_and_why(ledger, state):
    plan = ROLLOUTS.save(state, "r", PLAN.model_copy(update={"since": None}))
    with pytest.raises(BadInput, match="has not begun"):
        roll_back(state, "r", plan)
    plan = begin(state, "r", plan)
    held = decide(plan, evidence(ledger, plan), NOW)
    with pytest.raises(Refused, match="say why"):
        advance(state, "r", plan, held)
    plan = advance(state, "r", plan, held, "the vendor ends the old model on Monday")
    assert plan.stage == 1 and plan.since > BEGAN
    plan = roll_back(state, "r", plan)
    assert plan.stayed == "old" and ROLLOUTS.get(state, "r") == plan
    with pytest.raises(BadInput, match="is over"):
        advance(state, "r", plan, held, "again")
    told = [entry for entry in state.audit() if entry.event.startswith("rollout ") and "because" in entry.detail]
    assert [entry.event for entry in told] == ["rollout rolled back", "rollout went on", "rollout begun"]
    assert "vendor" in told[1].detail["because"] and all(entry.actor for entry in told)


def test_every_stage_has_a_config_whose_groups_the_log_can_be_read_by():
    policies = {
        "old": read_policy("name: old\nrules: [{when: {}, use: good}]\nfallback: [bad]"),
        "new": read_policy("name: new\nrules: [{when: {}, use: bad}]\nfallback: [good]"),
    }
    offered = (provider("http://127.0.0.1:9/v1", "good", "bad"),)
    text, notes = stage_config("r", PLAN, policies, offered, shipped_catalog())
    body = yaml.safe_load(text)
    names = {one["model_name"] for one in body["model_list"]}
    assert {"control/rule-1", "candidate/rule-1", "control/good", "candidate/bad"} <= names and "50 %" in notes[0]
    known = {name for entry in body["router_settings"]["fallbacks"] for chain in entry.values() for name in chain}
    assert known <= names and {"control/rule-1": ["control/bad"]} in body["router_settings"]["fallbacks"]
    over = PLAN.model_copy(update={"ended": "rolled back", "stayed": "old"})
    back = yaml.safe_load(stage_config("r", over, policies, offered, shipped_catalog())[0])
    assert all(one["model_name"].startswith("control/") for one in back["model_list"])
    with pytest.raises(BadInput, match="not saved"):
        stage_config("r", PLAN, {"old": policies["old"]}, offered, shipped_catalog())


def test_the_commands_walk_a_rollout(ledger, state, tmp_path, capsys):
    for name in ("old", "new"):
        POLICIES.save(state, name, read_policy(f"name: {name}\nfallback: [gpt-5.2]"))

    def said(*words: str, code: int = 0) -> str:
        assert main(["canary", *words]) == code
        streams = capsys.readouterr()
        return streams.err if code else streams.out

    assert "names of two policies" in said("plan", "r", code=1)
    assert "There is no policy “no”" in said("plan", "r", "--control", "old", "--candidate", "no", code=1)
    assert "Kept as “r”" in said("plan", "r", "--control", "old", "--candidate", "new")
    assert "those saved are r" in said("status", "q", code=1)
    assert "the first stage has not begun" in said("status", "r")
    assert json.loads(said("begin", "r", "--json"))["decision"] == "hold"
    assert "is under way" in said("plan", "r", "--control", "old", "--candidate", "new", code=1)
    for text in ("stages: 3", "[", "- a", "stages: [{share: 2, requests: 1}]"):
        (tmp_path / "f.yaml").write_text(text)
        words = said("plan", "x", "--control", "old", "--candidate", "new", "--file", str(tmp_path / "f.yaml"), code=1)
        assert words.strip() and "Traceback" not in words
    assert "is over: rolled back" in said("rollback", "r")
