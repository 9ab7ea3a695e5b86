"""A policy's way to the lab: tasks that stand for the log, what it lacks, `current` on logged tasks, a fair judge."""

from __future__ import annotations

from collections import Counter

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from data.errors import BadInput, NoData, Refused
from data.facts.models import shipped_catalog
from routing.export import export_policy
from routing.grading.tasks import shipped_tasks
from routing.policies.text import read_policy
from routing.runs.engine import execute
from routing.runs.ledger_tasks import like_the_log, one_per_slice, requests_by_task_type, sampled_tasks
from routing.runs.run_command import build_spec
from routing.runs.spec import lacking
from routing.runs.store import create_run, results
from tests.routing.live import provider
from tests.routing.scripted_server import ScriptedServer
from tests.routing.test_runs import GOOD, adder, spec

KEEP = "name: keep\nrules: [{when: {task_type: coding}, use: good}, {when: {}, use: current}]"


@given(st.integers(1, 5000), st.integers(1, 300), st.integers(0, 9))
def test_one_request_is_drawn_from_each_slice(total, count, seed):
    places = one_per_slice(total, count, seed)
    assert len(set(places)) == min(total, count) and min(places) >= 0 and max(places) < total
    if count < total:
        ends = [part * total // count for part in range(count + 1)]
        assert all(low <= place < high for low, place, high in zip(ends, places, ends[1:], strict=False))


@pytest.mark.heavy
@given(st.dictionaries(st.sampled_from(("coding", "extraction", "reasoning")), st.integers(1, 10**6), min_size=1))
def test_shipped_tasks_keep_the_log_s_shares(requests):
    chosen, without = like_the_log(shipped_tasks(), {**requests, "chat": 0}, 8)
    counted, whole = Counter(task.task_type for task in chosen.tasks), sum(requests.values())
    assert len(chosen.tasks) == 8 and not without
    assert all(abs(counted[name] - 8 * n / whole) < 1 for name, n in requests.items())


def test_types_without_a_task_are_named():
    chosen, without = like_the_log(shipped_tasks(), {"coding": 3, "translation": 9}, 4)
    assert without == ["translation"] and len(chosen.tasks) == 4
    with pytest.raises(NoData, match="translation"):
        like_the_log(shipped_tasks(), {"translation": 9}, 4)


def test_a_sample_of_the_ledger_has_every_segment_and_every_size_of_bill(ledger):
    rows = [
        (f"e{n:03}", kind, usd)
        for n, (kind, usd) in enumerate([("coding", 0.01)] * 40 + [("coding", 5.0)] * 10 + [("chat", 0.01)] * 50)
    ]
    with ledger.write() as cursor:
        for event, kind, usd in rows:
            cursor.execute("INSERT INTO lake.main.texts VALUES (?, ?, 'ok')", [event, f"{usd} dollars?"])
            cursor.execute(
                """INSERT INTO lake.main.usage (event_id, source, status, task_type, cost_usd, model, provider,
                       requested_at)
                   VALUES (?, 'x', 'success', ?, ?, 'good', 'scripted', TIMESTAMP '2026-11-01')""",
                [event, kind, usd],
            )
    drawn = sampled_tasks(ledger, 10).tasks
    assert Counter(task.task_type for task in drawn) == {"coding": 5, "chat": 5}
    assert sum(task.prompt.startswith("5.0") for task in drawn) == 1 and {task.model for task in drawn} == {"good"}
    assert requests_by_task_type(ledger) == {"chat": 50, "coding": 50}
    assert len(sampled_tasks(ledger, 500).tasks) == 100


def test_what_a_policy_lacks_is_told_model_by_model():
    offered = (provider("http://127.0.0.1:9/v1", "good", key_env="NO_SUCH_KEY"),)
    told = lacking(read_policy("name: p\nfallback: [good, minimax-m2]"), None, offered, shipped_catalog())
    assert "NO_SUCH_KEY is not set" in told["good"] and "no declared provider offers" in told["minimax-m2"]
    free = (provider("http://127.0.0.1:9/v1", "good"),)
    assert lacking(read_policy(KEEP), None, free, shipped_catalog()) == {}
    assert "sample the tasks" in lacking(read_policy(KEEP), shipped_tasks(), free, shipped_catalog())["current"]
    assert "declared are: none" in lacking(read_policy(GOOD), None, (), shipped_catalog())["good"]


def test_a_policy_that_keeps_the_logged_model_runs_on_logged_tasks(state):
    tasks = [{"id": f"t{n}", "prompt": f"{n} + {n}?", "model": "bad", "provider": "scripted"} for n in (1, 2)]
    with ScriptedServer(lambda n, b: "ok", adder) as server:
        made = create_run(
            state, "t", spec(server.url, KEEP, tasks=[*tasks, {**tasks[0], "id": "c", "task_type": "coding"}]), "x"
        )
        execute(state, made)
    assert {r["task_id"]: r["model"] for r in results(state, made)} == {"t1": "bad", "t2": "bad", "c": "good"}


def test_a_judge_that_answers_itself_is_refused_under_any_name():
    offered = (provider("http://127.0.0.1:9/v1", "good", "judge"),)
    twin = offered[0].models[0].model_copy(update={"model": "twin"})
    offered = (offered[0].model_copy(update={"models": (*offered[0].models, twin)}),)
    for judge in ("good", "twin"):
        with pytest.raises(Refused, match="nobody grades their own work"):
            build_spec([read_policy(GOOD)], shipped_tasks(), offered, judge=judge)
    assert build_spec([read_policy(GOOD)], shipped_tasks(), offered, judge="judge")["judge"] == "judge"


def test_a_gateway_gets_no_model_called_current():
    text, notes = export_policy(
        read_policy(KEEP), "litellm", (provider("http://127.0.0.1:9/v1", "good", "asked for"),), shipped_catalog()
    )
    assert "current" not in text.split("model_list")[1] and any("the model they ask for" in note for note in notes)
    assert "asked for" in {one["model_name"] for one in yaml.safe_load(text)["model_list"]}
    # A mix keeps what no rule places where it was, first: a gateway's fallbacks name groups that are there.
    mix = read_policy("name: mix\nrules: [{when: {}, use: good}]\nfallback: [current, bad]")
    text, notes = export_policy(mix, "litellm", (provider("http://127.0.0.1:9/v1", "good", "bad"),), shipped_catalog())
    config = yaml.safe_load(text)
    assert config["router_settings"]["fallbacks"] == [{"good": ["bad"]}, {"rule-1": ["bad"]}]
    assert any("as a fallback is left out" in note for note in notes)
    with pytest.raises(BadInput, match="minimax-m2"):
        export_policy(read_policy("name: p\nfallback: [minimax-m2]"), "litellm", (), shipped_catalog())
