"""A judge that compares two policies' answers: blind, in both orders, once each, within the cap, and told as it is."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import BadInput, Refused
from routing.__main__ import main
from routing.grading.preferences import JudgedPair, preferences
from routing.grading.statistics import difference_interval, wilson
from routing.runs.board import board_html
from routing.runs.engine import execute
from routing.runs.judge import preference_in
from routing.runs.live_ledger import to_ledger
from routing.runs.matrix import matrix
from routing.runs.result_commands import results_csv
from routing.runs.results import summary
from routing.runs.spec import RunSpec, checked_spec, refuse_judging_oneself
from routing.runs.store import attempts, create_run, judged_pairs, money, read_run, want
from tests.routing.scripted_server import ScriptedServer
from tests.routing.test_runs import BAD, GOOD, SUMS, adder, spec, started, until

MODELS = ("good", "bad", "judge")
Judge = Callable[[str], str]


def right(text: str) -> str:
    """A judge that can add."""
    asked, a, b = re.findall(r"(?:Task|Answer [AB]):\n(\S+)", text)
    return "tie" if a == b else "A" if a == str(2 * int(asked)) else "B"


def answers(judge: Judge) -> Callable[[dict[str, Any]], str]:
    return lambda body: judge(body["messages"][-1]["content"]) if body["model"] == "judge" else adder(body)


def judged(state: Any, judge: Judge, *policies: str, **more: Any) -> tuple[dict[str, Any], ScriptedServer, str]:
    """A run of two policies whose pairs are judged: its summary, the server and the run's id."""
    with ScriptedServer(lambda n, b: "ok", answers(judge)) as server:
        body = spec(server.url, *(policies or (GOOD, BAD)), models=MODELS, judge="judge", judge_pairs=True, **more)
        run_id = create_run(state, "pairs", body, "tester")
        execute(state, run_id)
    return summary(state, run_id), server, run_id


def test_the_judge_sees_both_answers_in_both_orders_and_never_who_gave_them(state):
    found, server, run_id = judged(state, right)
    asked = [b["messages"][-1]["content"] for b in server.seen if b["model"] == "judge"]
    # Seven sums of eight: of the second both policies say 4, which needs no judge.
    assert len(asked) == 14 and not any(word in text for text in asked for word in ("good", "bad", "policy"))
    assert sum("Answer A:\n4\n" in text for text in asked) == sum("Answer B:\n4\n" in text for text in asked) == 7
    told = found["preferences"][0]
    assert (told["a"], told["b"], told["tasks"], told["wins"], told["ties"], told["losses"]) == (
        "bad",
        "good",
        8,
        0,
        1,
        7,
    )
    assert (told["asked"], told["agreed"], told["same"], told["no_verdict"], told["left"]) == (7, 7, 1, 0, 0)
    assert (told["graded"], told["with_grade"]) == (7, 7) and told["reliable"]
    assert told["interval"] == pytest.approx(difference_interval([-1.0] * 7 + [0.0]))
    assert "the judge prefers “good” to “bad” (7 to 0 on 8 tasks)" in found["verdict"]
    assert [e.event for e in state.audit()].count("pair judged") == 8 and found["audit_ok"]


@pytest.mark.parametrize(
    ("judge", "counts", "words"),
    [
        (lambda text: "A", (0, 8, 0, 7, 0), "as chance may"),
        (lambda text: "tie", (0, 8, 0, 7, 7), "the judge shows no preference on 8 tasks"),
        (lambda text: "banana", (0, 1, 0, 0, 0), ""),
    ],
    ids=["always the first", "always a tie", "nonsense"],
)
def test_a_tie_an_order_and_nonsense_are_told_apart(state, judge, counts, words):
    found, server, run_id = judged(state, judge)
    told = found["preferences"][0]
    assert tuple(told[key] for key in ("wins", "ties", "losses", "asked", "agreed")) == counts
    assert words in found["verdict"] and "prefers" not in found["verdict"]
    cell = matrix(state, run_id)[0].judged["bad"]
    assert cell.startswith(
        {"A": "the orders disagree: said A, and A", "tie": "a tie"}.get(judge(""), "no verdict: the")
    )
    assert matrix(state, run_id)[1].judged["bad"] == "both answers are the same"
    if judge("") == "banana":  # a first order without a verdict is not paid twice
        assert sum(b["model"] == "judge" for b in server.seen) == 7 and "7 pairs without a verdict" in told["words"]


def test_a_task_asked_several_times_is_one_observation(state):
    found, _, _ = judged(state, right, repeats=3, tasks=SUMS[2:6])
    told = found["preferences"][0]
    assert (told["tasks"], told["losses"], told["asked"], told["agreed"]) == (4, 4, 12, 12)
    assert told["agreement_interval"] == pytest.approx(wilson(4, 4))


def test_the_judge_stays_within_the_cap_of_the_run_and_what_it_could_not_ask_is_said(state):
    worst, _, _ = judged(state, right)
    with ScriptedServer(lambda n, b: "ok", answers(right)) as server:
        cap = f"{worst['cost_usd'] * 0.8 + 0.0004:.6f}"
        body = spec(server.url, GOOD, BAD, models=MODELS, judge="judge", judge_pairs=True, max_usd=cap)
        run_id = create_run(state, "capped", body, "tester")
        out = execute(state, run_id)
    assert out["done"] == 16 and sum(money(state, run_id)) <= Decimal(cap)
    told = summary(state, run_id)["preferences"][0]
    assert told["no_verdict"] > 0 and told["tasks"] + told["no_verdict"] == 8 and "spend cap" in told["words"]


def test_a_run_that_was_killed_asks_only_about_the_pairs_that_are_left(state):
    _, _, run_id = judged(state, right)
    with state.transaction() as db:
        db.execute("DELETE FROM live_pairs WHERE task_id IN ('sum-3', 'sum-4')")
        db.execute("UPDATE live_runs SET status = 'running', heartbeat_at = 0, ended = NULL")
        kept = json.loads(db.execute("SELECT spec FROM live_runs").fetchone()[0])
    before = {a["attempt_id"] for a in attempts(state, run_id)}
    with ScriptedServer(lambda n, b: "ok", answers(right)) as server:
        kept["providers"][0]["base_url"] = server.url
        with state.transaction() as db:
            db.execute("UPDATE live_runs SET spec = ?", (json.dumps(kept),))
        out = execute(state, run_id)
    assert len(server.seen) == 4 and {b["model"] for b in server.seen} == {"judge"}
    assert (out["pairs"], out["pairs_judged"]) == (8, 8) and len(judged_pairs(state, run_id)) == 8
    again = [a for a in attempts(state, run_id) if a["attempt_id"] not in before]
    assert sorted(a["number"] for a in again) == [3, 3, 4, 4] and {a["purpose"] for a in again} == {"judge"}


def test_the_kill_switch_ends_the_judging_and_the_result_says_how_far_it_came(state):
    slow = {"n": 0}

    def script(number: int, body: dict[str, Any]) -> str:
        slow["n"] += body["model"] == "judge"
        return "hang" if slow["n"] > 6 else "ok"

    with ScriptedServer(script, answers(right)) as server:
        body = spec(server.url, GOOD, BAD, models=MODELS, judge="judge", judge_pairs=True, provider={"timeout_s": 60.0})
        run_id, thread, out = started(state, {**body, "concurrency": 1})
        until(lambda: slow["n"] > 6)
        want(state, run_id, "stop", "tester")
        thread.join()
    found = summary(state, run_id)
    told = found["preferences"][0]
    assert (out["status"], out["done"]) == ("stopped", 16) and told["left"] == out["pairs"] - out["pairs_judged"] > 0
    assert f"{told['left']} pairs not judged: the run ended before." in told["words"]
    assert found["held_usd"] > 0  # what it asked and nobody answered may be billed


@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        ({"judge": "good"}, Refused, "nobody grades"),
        ({"judge": None}, BadInput, "takes two policies and a judge"),
        ({"policies": (GOOD,)}, BadInput, "takes two policies and a judge"),
    ],
    ids=["a judge that is an arm", "no judge", "one policy"],
)
def test_pairs_without_a_judge_of_their_own_are_refused_before_anything_is_asked(more, error, words):
    with pytest.raises(error, match=words):
        settings = {"judge": "judge", "judge_pairs": True, **more}
        refuse_judging_oneself(checked("http://127.0.0.1:9/v1", *settings.pop("policies", (GOOD, BAD)), **settings), {})


def checked(url: str, *policies: str, **more: Any) -> RunSpec:
    return checked_spec(spec(url, *policies, models=MODELS, **more))


def test_a_judge_that_answers_as_the_model_of_the_log_is_an_arm_too():
    tasks = [{**SUMS[0], "model": "judge"}]
    current = "name: as it is\nrules: [{when: {}, use: current}]"
    with pytest.raises(Refused, match="The judge judge also answers, as `judge` of the policy as it is"):
        refuse_judging_oneself(checked("http://127.0.0.1:9/v1", current, tasks=tasks, judge="judge"), {})


def test_neither_policy_s_answers_go_to_a_judge_it_would_not_let_see_the_task(state):
    strict = BAD + "\nconstraints: [{when: {data_class: customer}, forbid: {model: judge}}]"
    tasks = [{**SUMS[2], "data_class": "customer"}, SUMS[3]]
    for order in ((GOOD, strict), (strict, GOOD)):
        found, server, run_id = judged(state, right, *order, tasks=tasks)
        assert sum(b["model"] == "judge" for b in server.seen) == 2
        told = found["preferences"][0]
        assert (told["tasks"], told["no_verdict"]) == (1, 1) and "may not see this task" in told["words"]


def test_every_place_that_shows_a_result_shows_what_the_judge_said(state, ledger, tmp_path, capsys):
    found, _, run_id = judged(state, right)
    said = found["preferences"][0]["words"]
    rows = matrix(state, run_id)
    page = board_html(found, rows, read_run(state, run_id)["created_at"])
    assert page.count("judge: prefers “good” in both orders") == 7 and "on 7 of 7 pairs" in page
    assert "prefers “good” in both orders" in results_csv(rows).splitlines()[2]
    assert main(["results", run_id]) == 0
    shown = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert "judge of bad" in shown and re.sub(r"\s+", " ", said) in shown
    assert main(["results", run_id, "--json"]) == 0
    body = json.loads(capsys.readouterr().out)
    assert body["preferences"][0]["words"] == said and body["matrix"][0]["judged"]["bad"].startswith("prefers")
    to_ledger(ledger, state, run_id)
    rows_added = ledger.sql(f"SELECT task_type FROM {ledger.name('usage')} WHERE tags::VARCHAR LIKE '%judge%'")
    assert len(rows_added) == 14 and rows_added["task_type"].notna().all()


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("A", "A"),
        ("B.", "B"),
        ("**B**", "B"),
        ("Answer A is better", "A"),
        ("Tie", "tie"),
        ("It is a tie.", "tie"),
        ("A tie", "tie"),
        ("A is better than B", None),
        ("neither", None),
        ("", None),
    ],
)
def test_a_judge_s_words_name_one_answer_or_nothing(text, letter):
    assert preference_in(text) == letter


pairs = st.lists(
    st.builds(
        JudgedPair,
        st.sampled_from("uvwxyz"),
        st.sampled_from((1, 0, -1, None)),
        st.sampled_from((True, False, None)),
        st.sampled_from((1, 0, -1, None)),
        st.just("why"),
    ),
    min_size=1,
    max_size=12,
)


@given(pairs)
def test_wins_ties_and_losses_are_the_tasks_and_turn_round_with_the_sides(judged_pairs_):
    found = preferences({"a": judged_pairs_}, "b", {})["a"]
    turned = [
        JudgedPair(p.task, p.preferred and -p.preferred, p.agree, p.grades and -p.grades, p.why) for p in judged_pairs_
    ]
    other = preferences({"b": turned}, "a", {})["b"]
    assert found.wins + found.ties + found.losses == found.tasks <= len({p.task for p in judged_pairs_})
    assert (found.wins, found.losses, found.agreed, found.with_grade) == (
        other.losses,
        other.wins,
        other.agreed,
        other.with_grade,
    )
    assert found.net is None or found.interval[0] - 1e-9 <= found.net <= found.interval[1] + 1e-9


def test_a_judge_that_tosses_a_coin_is_hardly_ever_believed():
    rng, believed = random.Random(7), 0
    for _ in range(400):
        tossed = []
        for task in range(30):
            votes = rng.choice((1, -1)), rng.choice((1, -1))
            tossed.append(JudgedPair(str(task), votes[0] if votes[0] == votes[1] else 0, votes[0] == votes[1], None))
        told = preferences({"a": tossed}, "b", {})["a"]
        believed += told.reliable and told.p_value < 0.05
    assert believed <= 400 * 0.01
