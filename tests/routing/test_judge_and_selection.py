"""The judge (blind, both orders, nonsense), the selectors' shares, tasks from the ledger, predictions held to
account.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter

import pytest

from data.errors import BadInput, NoData
from routing.calling.declarations import checked_provider
from routing.calling.endpoints import Fleet
from routing.policies.choice import Candidate
from routing.runs.engine import execute
from routing.runs.ledger_tasks import ANSWER_TOKENS, sampled_tasks
from routing.runs.results import summary
from routing.runs.store import attempts, create_run, results
from tests.routing.live import run
from tests.routing.scripted_server import ScriptedServer
from tests.routing.test_runs import BAD, GOOD, SUMS, adder, spec

RUBRIC = [{**SUMS[1], "asserts": [{"type": "llm-rubric", "value": "is even"}]}]


def judged(state, verdict, tasks=RUBRIC, policy=GOOD):
    def answer(body):
        text = body["messages"][-1]["content"]
        return verdict(text) if text.startswith(("Criterion", "Task:")) else adder(body)

    with ScriptedServer(lambda n, b: "ok", answer) as server:
        run_id = create_run(
            state, "t", spec(server.url, policy, tasks=tasks, models=("good", "bad", "judge"), judge="judge"), "tester"
        )
        execute(state, run_id)
        asked = [b["messages"][-1]["content"] for b in server.seen if b["model"] == "judge"]
    return results(state, run_id)[0], asked, run_id


@pytest.mark.parametrize(("said", "passed"), [("PASS", True), ("FAIL", False)])
def test_a_judge_grades_what_no_rule_can_and_never_learns_who_answered(state, said, passed):
    row, asked, run_id = judged(state, lambda text: said)
    assert row["passed"] is passed and len(asked) == 1 and "good" not in asked[0]
    assert [a["purpose"] for a in attempts(state, run_id)] == ["answer", "judge"]


def test_a_judge_that_answers_nonsense_gives_no_verdict_and_asks_for_a_person(state):
    row, _, _ = judged(state, lambda text: "banana")
    assert "the judge gave no usable verdict" in row["review"]


@pytest.mark.parametrize(
    ("verdict", "preferred"),
    [
        (lambda text: "A", None),
        (lambda text: "tie", None),
        (lambda text: "A" if "Answer A:\n4\n" not in text else "B", "answer"),
    ],
    ids=["always the first", "tie", "the right one"],
)
def test_only_a_preference_that_survives_the_swap_counts(state, verdict, preferred):
    row, asked, _ = judged(state, verdict, tasks=SUMS[:1], policy=GOOD + "\nshadow: [bad]")
    assert row["shadows"][0]["judge_prefers"] == preferred and len(asked) == 2


def fleet(strategy, prices):
    declared = [
        checked_provider(
            {
                "name": f"p{i}",
                "base_url": "http://127.0.0.1:1",
                "models": [{"model": "m", "input_usd_per_mtok": p, "output_usd_per_mtok": p}],
            }
        )
        for i, p in enumerate(prices)
    ]
    return Fleet(declared, {}, clock=time.monotonic, strategy=strategy, environ={})


def firsts(made, count=6000):
    rng = random.Random(4)
    found = Counter(made.in_try_order(Candidate("m", "m", None), rng)[0][0].provider.name for _ in range(count))
    run(made.close())
    return {name: found[name] / count for name in ("p0", "p1", "p2")}


def test_inverse_price_shares_as_openrouter_documents_them():
    assert firsts(fleet("inverse_price", (1, 2, 3))) == pytest.approx({"p0": 0.735, "p1": 0.184, "p2": 0.082}, abs=0.02)


def test_ties_are_shared_and_the_busy_one_is_passed_over():
    made = fleet("least_busy", (1, 1, 1))
    leave = made.endpoints[0].in_flight.enter()
    shares = firsts(made)
    leave()
    assert shares["p0"] == 0 and shares["p1"] == pytest.approx(0.5, abs=0.03)


def test_latency_routing_tries_the_unknown_and_keeps_looking_at_the_slow():
    made = fleet("latency", (1, 1, 1))
    for endpoint, ms in zip(made.endpoints, (100.0, 105.0, 900.0), strict=True):
        endpoint.learn_latency(ms)
    shares = firsts(made)
    assert shares["p0"] == pytest.approx(shares["p1"], abs=0.03) and 0.0 < shares["p2"] < 0.06


def test_fixed_and_cheapest_and_unknown_strategies():
    assert firsts(fleet("fixed", (3, 2, 1)), 50)["p0"] == 1 and firsts(fleet("cheapest", (3, 2, 1)), 50)["p2"] == 1
    with pytest.raises(BadInput, match="use one of"):
        fleet("fastest", (1,))


def test_tasks_are_sampled_from_the_ledger_where_texts_were_kept(ledger, tmp_path, state):
    with pytest.raises(NoData, match="--keep-text"):
        sampled_tasks(ledger, 5)
    with ledger.write() as cursor:
        cursor.execute("INSERT INTO lake.main.texts VALUES ('e1', 'What is the capital of France?', 'It is Paris')")
        cursor.execute(
            "INSERT INTO lake.main.usage (event_id, source, status, data_class, requested_at) VALUES ('e1', 'x', "
            "'success', 'customer', TIMESTAMP '2026-11-01')"
        )
    task = sampled_tasks(ledger, 5).tasks[0]
    assert (
        task.prompt.startswith("What is the capital") and task.data_class == "customer" and task.asserts[0].type == "f1"
    )
    assert task.max_tokens == ANSWER_TOKENS and sampled_tasks(ledger, 5, max_tokens=12).tasks[0].max_tokens == 12


def test_the_replay_s_prediction_is_held_against_what_was_measured(state):
    with ScriptedServer(lambda n, b: "ok", adder) as server:
        run_id = create_run(
            state,
            "t",
            spec(
                server.url, GOOD, BAD, predicted={"good": {"quality": 0.95, "cost_usd": 0.001}, "bad": {"quality": 0.9}}
            ),
            "tester",
        )
        execute(state, run_id)
    found = summary(state, run_id)["by_policy"]
    assert (
        found["good"]["predicted"]["quality_within_interval"]
        and not found["bad"]["predicted"]["quality_within_interval"]
    )
    assert found["good"]["predicted"]["cost_ratio"] > 0 and json.dumps(found)
