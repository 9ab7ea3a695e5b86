"""A difficulty score: learned where grades hold a signal, refused where not, the same wherever it is added up."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.scope import Scope
from data.errors import BadInput, Refused
from data.facts.models import shipped_catalog
from routing.__main__ import main
from routing.export import export_policy
from routing.grading.difficulty_training import GradedTask, Learned, learn, policy_of
from routing.grading.point_table import LOG_FEATURES
from routing.grading.tasks import Task
from routing.policies.choice import candidates
from routing.policies.conditions import WORDS_OF_PROMPT
from routing.policies.in_force import mark
from routing.policies.prompt_features import prompt_features
from routing.policies.saved_policies import POLICIES
from routing.policies.text import read_policy, write_policy
from routing.runs.engine import execute
from routing.runs.store import create_run
from simulations.replay.joint_traffic import Asked, traffics
from simulations.replay.policy_query import rule_and_mask
from tests.routing.live import provider
from tests.routing.scripted_server import ScriptedServer
from tests.routing.test_runs import spec
from tests.simulations.ledgers import random_ledger
from tests.simulations.test_replay import market

FEATURES = (*LOG_FEATURES, *WORDS_OF_PROMPT)
SCORED = """name: scored
difficulty:
  base: 10
  terms:
    - {when: {task_type: coding}, points: 35}
    - {when: {input_tokens: {ge: 2000}}, points: 30}
    - {when: {criticality: low, task_type: [chat, coding]}, points: -20}
rules:
  - {when: {difficulty: {ge: 40}}, use: claude-opus-4-6}
  - {when: {difficulty: {le: 5}}, use: minimax-m2}
  - {when: {}, use: current}
"""


def graded(count: int, seed: int, easy: float = 0.98, hard: float = 0.2) -> list[GradedTask]:
    """Tasks of which two in five are hard for the cheap model: those with many numbers, which are the coding ones."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        is_hard = rng.random() < 0.4
        numbers = rng.integers(4, 9) if is_hard else rng.integers(0, 3)
        prompt = "Add " + " ".join(map(str, rng.integers(1, 99, numbers))) + " please" * int(rng.integers(0, 20))
        task = Task(id=f"t{number}", prompt=prompt, task_type="coding" if is_hard else "chat")
        passed = {"cheap": float(rng.random() < (hard if is_hard else easy)), "dear": float(rng.random() < 0.98)}
        made.append(GradedTask(f"t{number}", task.attributes, passed, {"cheap": 0.001, "dear": 0.02}))
    return made


def taught(tasks: list[GradedTask], features: tuple[str, ...] = FEATURES) -> Learned:
    return learn(tasks, "cheap", "dear", features)


@pytest.mark.parametrize("features", [LOG_FEATURES, WORDS_OF_PROMPT])
def test_where_there_is_a_signal_the_score_beats_shuffled_grades_and_the_best_single_model(features):
    found = taught(graded(300, 1), features)
    assert found.worth_it and found.p_value < 0.05 and found.gain > found.chance_gain
    assert found.best == "dear" and found.against_best.not_worse
    assert found.router.usd < 0.6 * found.singles["dear"].usd and 0.3 < found.share_dear < 0.5
    policy = read_policy(write_policy(policy_of(found, "learned")))
    hard, easy = ({"task_type": t, **prompt_features(p)} for t, p in (("coding", "Add 1 2 3 4 5 6"), ("chat", "Add 1")))
    chosen = [candidates(policy, one, shipped_catalog()).candidates[0].target for one in (hard, easy)]
    assert chosen == ["dear", "cheap"] and "the score sends" in policy.note


def test_the_same_tasks_in_any_order_give_the_same_score():
    tasks = graded(200, 2)
    again = list(tasks)
    random.Random(3).shuffle(again)
    assert taught(tasks) == taught(again)


@pytest.mark.heavy
def test_grades_without_a_signal_teach_nothing():
    """Fifteen worlds in which the cheap model fails at random: no score is called worth using."""
    for seed in range(15):
        found = taught(graded(150, seed, easy=0.65, hard=0.65))
        assert not found.worth_it and ("shuffled" in str(found.reasons) or "no feature" in str(found.reasons))
        assert "Not worth using" in found.words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda n, p: {**p, "cheap": 1.0}, "cheap passed all 200 tasks, so nothing tells"),
        (lambda n, p: {**p, "cheap": 0.0}, "Grades of one class only: cheap failed all 200"),
        (lambda n, p: {"cheap": float(n % 3 > 0), "dear": float(n % 3 > 0)}, "dear passes no task that cheap fails"),
        (lambda n, p: p if n < 60 else {"cheap": 1.0}, "60 tasks graded under every model: a score takes 73"),
    ],
)
def test_what_cannot_teach_is_refused_with_the_reason(change, words):
    tasks = [GradedTask(t.group, t.attributes, change(n, t.passed), t.usd) for n, t in enumerate(graded(200, 4))]
    with pytest.raises(Refused, match=words):
        taught(tasks)


def test_variants_of_one_question_are_never_on_both_sides():
    """Twenty questions, ten variants each, whose own words tell the grade: known questions alone could be answered."""
    rng = np.random.default_rng(5)
    tasks = []
    for question in range(20):
        fails = bool(rng.random() < 0.5)
        for _ in range(10):
            prompt = "word " * (10 * question + 5)
            passed = {"cheap": float(not fails), "dear": 1.0}
            usd = {"cheap": 0.001, "dear": 0.02}
            tasks.append(GradedTask(f"q{question}", Task(id="x", prompt=prompt).attributes, passed, usd))
    assert not taught(tasks).worth_it


def test_a_third_model_that_is_better_alone_is_the_one_to_beat():
    tasks = [
        GradedTask(t.group, t.attributes, {**t.passed, "third": 1.0}, {**t.usd, "third": 0.0005})
        for t in graded(200, 6)
    ]
    found = taught(tasks)
    assert found.best == "third" and "than third alone" in found.words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("How many apples are 3 and 4.5?", {"prompt_numbers": 2, "prompt_kind": "amount", "prompt_words": 7}),
        ("Which is a fruit?\nA) stone\nB) pear", {"prompt_options": 2, "prompt_kind": "choice"}),
        ("Explain this:\n```\nx = 1\ny = 2\n```", {"prompt_code_lines": 2, "prompt_kind": "reason"}),
        ("def f(x):\n    return x;\nHow does it work", {"prompt_code_lines": 2, "prompt_kind": "method"}),
        ("Write a poem.", {"prompt_kind": "instruction", "prompt_numbers": 0, "prompt_options": 0}),
        ("", {"prompt_kind": "instruction", "prompt_words": 0}),
    ],
)
def test_features_are_what_they_say(text, expected):
    assert expected.items() <= prompt_features(text).items()


@given(st.text())
def test_any_text_has_features(text):
    assert set(prompt_features(text)) == set(WORDS_OF_PROMPT)


def test_a_score_by_hand():
    score = read_policy(SCORED).difficulty
    cases: list[tuple[dict[str, Any], int]] = [
        ({"task_type": "coding", "input_tokens": 5000}, 75),
        ({"task_type": "coding", "criticality": "low"}, 25),
        ({"task_type": "chat", "criticality": "low"}, 0),
        ({}, 10),
    ]
    assert [score.points(request) for request, _ in cases] == [points for _, points in cases]
    assert score.model_copy(update={"base": 90}).points({"task_type": "coding"}) == 100
    assert candidates(read_policy(SCORED), {"task_type": "coding"}, shipped_catalog()).rule == 0


POINTS = st.lists(
    st.tuples(
        st.sampled_from(
            [{"task_type": "coding"}, {"team": {"not": "core"}}, {"input_tokens": {"gt": 3000}}, {"model": "gpt-5.2"}]
        ),
        st.integers(-60, 60),
    ),
    max_size=4,
)


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    ledger = random_ledger(tmp_path_factory.mktemp("random"), 300)
    return ledger.at(ledger.snapshot())


@given(POINTS, st.integers(-50, 120), st.integers(0, 100))
@settings(max_examples=15, deadline=None)
def test_the_engine_adds_up_what_the_lab_adds_up(log, points, base, threshold):
    body = {"base": base, "terms": [{"when": when, "points": given} for when, given in points]}
    rules = [{"when": {"difficulty": {"ge": threshold}}, "use": "gpt-5.2"}, {"when": {}, "use": "current"}]
    policy = read_policy(json.dumps({"name": "p", "difficulty": body, "rules": rules[: 1 + (threshold > 0)]}))
    rows = log.usage
    in_engine = log.frame(rows.mutate(rule=rule_and_mask(policy)["rule"](rows)).select("event_id", "rule"))
    inputs = ("fresh_input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")
    for row in log.frame(rows).merge(in_engine, on="event_id").to_dict("records"):
        known = [row[name] for name in inputs if row[name] == row[name] and row[name] is not None]
        request = {name: row[name] if isinstance(row[name], str) else None for name in ("task_type", "team", "model")}
        request["input_tokens"] = int(sum(known)) if known else None
        assert candidates(policy, request, {}).rule == row["rule"]


def test_a_replay_decides_by_the_score_and_says_what_it_cannot_know(log):
    found = traffics(log, Scope.of(log), [Asked(read_policy(SCORED))], market())[0].groups
    met = Counter(found["rule"])
    assert {0, 2} <= set(met)
    hard = found[found["rule"] == 0]
    assert ((hard["task_type"] == "coding") | (hard["band"] >= 2000)).all()
    words = SCORED.replace("{task_type: coding}, points", "{prompt_numbers: {ge: 2}}, points")
    with pytest.raises(BadInput, match="decides by prompt_numbers, which the words of a prompt tell"):
        traffics(log, Scope.of(log), [Asked(read_policy(words))], market())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "name: x\nrules: [{when: {difficulty: {ge: 3}}, use: a}]",
            "rule 1 asks for difficulty, and the policy has no",
        ),
        (SCORED.replace("task_type: coding}, p", "output_tokens: {ge: 2}}, p"), "not by output_tokens"),
        (SCORED.replace("task_type: coding}, p", "difficulty: {ge: 2}}, p"), "not by difficulty"),
        (SCORED.replace("task_type: coding}, p", "}, p"), "not by nothing"),
        (SCORED.replace("{ge: 40}", "'>= 0.6'"), "difficulty takes a range"),
        (SCORED + "constraints: [{when: {difficulty: {ge: 9}}, forbid: {origin: CN}}]", "which has no difficulty"),
        (SCORED + "constraints: [{when: {prompt_kind: fact}, forbid: {origin: CN}}]", "which has no prompt_kind"),
        (SCORED.replace("{le: 5}", "{ge: 50}"), "can never match"),
        ("name: x\nrules: [{when: {prompt_kind: poem}, use: a}]", "`poem` is no prompt_kind"),
    ],
)
def test_a_score_that_makes_no_sense_is_refused(text, words):
    with pytest.raises(BadInput, match=words):
        read_policy(text)


def test_an_export_says_how_to_add_it_up():
    offered = [provider("http://127.0.0.1:9/v1", "claude-opus-4-6", "minimax-m2")]
    text, notes = export_policy(read_policy(SCORED), "litellm", offered, shipped_catalog())
    told = next(note for note in notes if note.startswith("A gateway cannot"))
    assert "10 for every request; +35 for task_type=coding; +30 for input_tokens>=2000" in told and "model_list" in text
    words = SCORED.replace("{criticality: low, task_type: [chat, coding]}", "{prompt_code_lines: {ge: 1}}")
    assert any(
        "prompt_code_lines come" in note
        for note in export_policy(read_policy(words), "litellm", offered, shipped_catalog())[1]
    )
    assert read_policy(export_policy(read_policy(SCORED), "yaml", [], shipped_catalog())[0]) == read_policy(SCORED)


CHEAP = "name: cheap\nrules: [{when: {}, use: bad}]"
DEAR = "name: dear\nrules: [{when: {}, use: good}]"


def graded_run(state, count: int = 90) -> str:
    """A run in which the cheap model fails where the prompt has many numbers."""
    tasks = [
        {
            "id": f"t{n}",
            "prompt": f"Repeat {' '.join(['7'] * (5 if n % 3 == 0 else 1))} of {n}",
            "task_type": "reasoning" if n % 3 == 0 else "chat",
            "asserts": [{"type": "equals", "value": "right"}],
            "max_tokens": 8,
        }
        for n in range(count)
    ]

    def said(body):
        return "wrong" if body["model"] == "bad" and "7 7" in body["messages"][-1]["content"] else "right"

    with ScriptedServer(lambda n, b: "ok", said) as server:
        offer = spec(server.url, CHEAP, DEAR, tasks=tasks)
        price = {"bad": "0.1", "good": "5"}
        for one in offer["providers"][0]["models"]:
            one |= {"input_usd_per_mtok": price[one["model"]], "output_usd_per_mtok": price[one["model"]]}
        run_id = create_run(state, "graded", offer, "tester")
        execute(state, run_id)
    return run_id


def test_the_command_learns_keeps_and_refuses(state, tmp_path, capsys):
    run_id = graded_run(state)

    def said(*words: str, code: int = 0) -> str:
        assert main(["learn", *words]) == code
        streams = capsys.readouterr()
        return streams.err if code else streams.out

    out = tmp_path / "p.yaml"
    assert "it had not seen" in said(run_id, "--save", "--out", str(out))
    kept = POLICIES.get(state, "learned difficulty")
    assert kept == read_policy(out.read_text()) and kept.difficulty.words_needed == ()
    found = json.loads(said(run_id, "--features", "all", "--json"))
    assert found["worth_it"] and (found["cheap"], found["dear"], found["best"]) == ("bad", "good", "good")
    assert found["router"]["quality"] == 1.0 and found["router"]["usd"] < 0.5 * found["singles"]["good"]["usd"]
    assert "graded are: bad, good" in said(run_id, "--cheap", "nobody", code=1)
    assert "takes two models" in said(run_id, "--cheap", "good", "--dear", "good", code=1)
    assert "--margin 2" in said(run_id, "--margin", "2", code=1)
    assert "good passed all 90 tasks" in said(run_id, "--cheap", "good", "--dear", "bad", code=1)
    assert "There is no run `x`" in said("x", code=1)


def test_a_model_that_the_policy_in_force_forbids_is_not_learned_for(state, capsys):
    run_id = graded_run(state, 12)
    POLICIES.save(
        state, "law", read_policy("name: law\nconstraints: [{forbid: {model: good}, because: legal}]\nfallback: [bad]")
    )
    mark(state, "law")
    assert main(["learn", run_id]) == 1
    assert "graded alone are: bad" in capsys.readouterr().err
