"""What a run shows: the verdict's words, tasks against policies, a run against another, the files people take away."""

from __future__ import annotations

import json
from typing import Any

import pytest

from routing.__main__ import main
from routing.grading.statistics import compare_pairs
from routing.runs.board import board_html
from routing.runs.engine import execute
from routing.runs.matrix import Row, against, matrix, rows_of, shown
from routing.runs.result_commands import against_words
from routing.runs.results import summary
from routing.runs.spec import checked_spec
from routing.runs.store import create_run, read_run
from routing.runs.verdict import verdict
from tests.routing.scripted_server import ScriptedServer
from tests.routing.test_runs import BAD, GOOD, SUMS, adder, spec

HOSTILE = "<script>alert(1)</script> =1+1 ![x](http://127.0.0.1:9/y)"


def result(
    policy: str, task: str, passed: bool | None, status: str = "done", answer: str = "4", repeat: int = 0
) -> Any:
    return {
        "policy": policy,
        "task_id": task,
        "repeat": 0,
        "status": status,
        "passed": passed,
        "no_answer": False,
        "call_id": f"{policy}/{task}",
        "verdict": "because",
        "reason": "why",
        "answer": answer,
        "tool_calls": [],
        "model": policy,
        "confidence": None,
        "cost_usd": 0.01,
        "latency_ms": 5.0,
    }


def rows(*found: Any) -> list[Row]:
    return rows_of(checked_spec(spec("http://127.0.0.1:9/v1", GOOD, BAD)), found, {})


def told(**more: Any) -> dict[str, Any]:
    rated = {"quality": 0.3, "quality_low": 0.1, "quality_high": 0.5, "graded_tasks": 20}
    cells = {"greedy": {**rated, "cost_per_task_usd": 0.18}, "vote": {**rated, "cost_per_task_usd": 1.0}}
    alike = {"a": "greedy", "b": "vote", "p_value": 1.0, "difference": -0.05, "tasks": 20, "not_worse": False}
    base = {"name": "run", "whole": True, "status": "done", "ended": "", "margin": 0.05, "tasks": 40}
    compared = [{**alike, **more.pop("compared", {})}]
    return {
        **base,
        "not_started": 0,
        "common_tasks": 20,
        "by_policy": cells,
        "comparisons": compared,
        "preferences": [],
        **more,
    }


def preferred(**more: Any) -> dict[str, Any]:
    counted = {"tasks": 20, "wins": 2, "losses": 12, "net": -0.5, "asked": 19, "agreed": 17, "reliable": True}
    return {"a": "greedy", "b": "vote", **counted, **more}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (told(), "No difference shown on 20 tasks; “greedy” costs 18.0% of “vote”; 73 tasks would show 5 points"),
        (
            told(compared={"p_value": 0.01, "difference": -0.4}),
            "“greedy” is 40.0 points worse than “vote” on 20 tasks and costs 18.0% of it",
        ),
        (
            told(compared={"not_worse": True, "tasks": 200}),
            "No difference shown, and at most 5 points worse, on 200 tasks; “greedy” costs 18.0% of “vote”",
        ),
        (
            told(whole=False, status="stopped", not_started=18, common_tasks=7),
            "Stopped after 22 of 40 answers: only the 7 tasks that all finished count; no difference shown",
        ),
        (
            told(comparisons=[], preferences=[preferred(p_value=0.01)]),
            "“greedy” passes 30.0% of 20 tasks (10.0% to 50.0%); “vote” passes 30.0% of 20 tasks (10.0% to 50.0%); no "
            "graded task in common; the judge prefers “vote” to “greedy” (12 to 2 on 20 tasks)",
        ),
        (
            told(preferences=[preferred(p_value=0.3)]),
            "No difference shown on 20 tasks; “greedy” costs 18.0% of “vote”; 73 tasks would show 5 points; the judge "
            "shows no preference on 20 tasks",
        ),
        (
            told(preferences=[preferred(p_value=0.01, reliable=False)]),
            "No difference shown on 20 tasks; “greedy” costs 18.0% of “vote”; 73 tasks would show 5 points; the "
            "judge's two orders agree on 17 of 19 pairs, as chance may",
        ),
        (told(comparisons=[]), "“greedy” passes 30.0% of 20 tasks (10.0% to 50.0%)"),
        (
            told(comparisons=[], by_policy={"x": {"quality": None}}, ended="nothing"),
            "“run” has no graded answer (nothing)",
        ),
    ],
)
def test_the_verdict_comes_first_and_never_a_winner_that_is_none(found, words):
    assert verdict(found).startswith(words)


def test_what_kept_an_answer_away_is_no_wrong_answer_and_filters_find_it():
    found = rows(
        result("good", "sum-1", True),
        result("bad", "sum-1", False),
        result("good", "sum-2", None, "refused"),
        result("bad", "sum-2", True),
        result("good", "sum-3", True),
        result("bad", "sum-3", True),
        result("good", "sum-4", None),
    )
    outcomes = [[cell.outcome if cell else None for cell in row.cells.values()] for row in found]
    assert outcomes == [["passed", "wrong"], ["refused", "passed"], ["passed", "passed"], ["not graded", None]]
    assert [row.task_id for row in shown(found, "failures")] == ["sum-1", "sum-2"]
    assert [row.task_id for row in shown(found, "disagreements")] == ["sum-1", "sum-2"]
    assert found[0].prompt == "1 + 1?" and found[0].expected == "2"


def test_an_expectation_is_told_in_short():
    either = {"type": "assert-set", "assert": [{"type": "equals", "value": 4}, {"type": "f1", "value": "a b"}]}
    checks = [{"type": "icontains", "value": "Paris"}, {"type": "is-json"}, either]
    body = spec("http://127.0.0.1:9/v1", GOOD, tasks=[{"id": "t", "prompt": "p", "asserts": checks}])
    row = rows_of(checked_spec(body), [result("good", "t", True)], {})[0]
    assert row.expected == "icontains Paris; is-json; 4 and like a b"


def test_two_runs_are_compared_where_both_asked_the_same():
    first = rows(*(result("good", f"sum-{n}", n > 3) for n in range(1, 7)), result("bad", "sum-1", True))
    second = rows(*(result("good", f"sum-{n}", True, answer="4" if n > 3 else "5") for n in range(1, 6)))
    compared = against(first, second)
    by_hand = compare_pairs([0, 0, 0, 1, 1], [1, 1, 1, 1, 1])
    assert (
        compared.by_policy == {"good": by_hand}
        and [row["changed"] for row in compared.rows] == [True] * 3 + [False] * 2
    )
    assert compared.only_first == ["sum-6"] and "5 tasks both runs graded: no difference" in against_words(compared)[0]
    other = [Row("sum-1", 0, "x", "another prompt", "", second[0].cells)]
    assert against(first, other).rows == [] and "no policy and task in common" in against_words(against([], []))[0]


def test_a_stopped_run_is_rated_on_what_every_policy_finished(state):
    with ScriptedServer(lambda n, b: "ok", adder) as server:
        made = create_run(state, "t", spec(server.url, GOOD, BAD), "tester")
        execute(state, made)
    with state.transaction() as db:
        db.execute("DELETE FROM live_results WHERE policy = 'bad' AND task_id IN ('sum-1', 'sum-2', 'sum-3')")
    found = summary(state, made)
    assert not found["whole"] and found["common_tasks"] == 5
    assert {p["graded_tasks"] for p in found["by_policy"].values()} == {5} and found["by_policy"]["good"]["tasks"] == 8
    assert found["verdict"].startswith("Ended after 13 of 16 answers: only the 5 tasks that all finished count")


@pytest.mark.heavy
def test_the_command_writes_what_the_page_shows(state, tmp_path, capsys):
    tasks = [{**SUMS[0], "prompt": HOSTILE}, *SUMS[1:]]
    with ScriptedServer(lambda n, b: "ok", lambda b: HOSTILE if "script" in str(b) else adder(b)) as server:
        made = create_run(state, HOSTILE, spec(server.url, GOOD, BAD, tasks=tasks), "tester")
        execute(state, made)
    csv, html = tmp_path / "r.csv", tmp_path / "r.html"
    assert main(["results", made, "--json", "--csv", str(csv), "--html", str(html), "--show", "failures"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["verdict"] == verdict(said) and [len(said["matrix"]), said["matrix"][0]["disagrees"]] == [7, False]
    cell = next(row for row in said["matrix"] if row["task_id"] == "sum-3")["cells"]["bad"]
    assert cell["outcome"] == "wrong" and cell["cost_usd"] > 0 and cell["input_tokens"] > 0 and cell["why"]
    assert "<script>alert" not in html.read_text() and len(csv.read_text().splitlines()) == 15
    assert main(["results", made, "--against", made]) == 0 and "no difference shown" in capsys.readouterr().out
    assert main(["results", "no-such-run"]) == 1 and "There is no run" in capsys.readouterr().err
    page = board_html(summary(state, made), matrix(state, made), read_run(state, made)["created_at"])
    assert page.count("<tr>") == 2 + 2 + 8 and "http-equiv" not in page
