"""After the tasks of a run: its judge compares every policy's answer with the baseline's, blind, in both orders.

A pair is written down once it is judged, so that a run that goes on after a kill asks only about those that are left.
The judge's calls stand under the run's cap like all others; it sees a task only where both policies let it.
"""

from __future__ import annotations

import json
import random
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from data.state import State
from routing.calling.router import Router
from routing.grading.preferences import JudgedPair, Preferences, preferences
from routing.policies.policy import Policy
from routing.runs.journal import RunJournal
from routing.runs.judge import Judge, Preference
from routing.runs.spec import RunSpec
from routing.runs.store import judged_pairs

Key = tuple[str, str, int]  # policy, task, repeat


class AnswerPair(NamedTuple):
    """A policy's answer to a task and the baseline's, as results keep them."""

    policy: str
    task_id: str
    repeat: int
    answer: Mapping[str, Any]
    other: Mapping[str, Any]


def pairs_of(spec: RunSpec, found: Sequence[Mapping[str, Any]]) -> list[AnswerPair]:
    """Every pair of finished answers that a run asks its judge about, in the order of the results."""
    if not spec.judge_pairs:
        return []
    done = [r for r in found if r["status"] == "done"]
    baseline = {(r["task_id"], r["repeat"]): r for r in done if r["policy"] == spec.compared_with}
    return [
        AnswerPair(r["policy"], r["task_id"], r["repeat"], r, baseline[r["task_id"], r["repeat"]])
        for r in done
        if r["policy"] != spec.compared_with and (r["task_id"], r["repeat"]) in baseline
    ]


def pair_call_id(run_id: str, spec: RunSpec, pair: AnswerPair) -> str:
    """The id under which a pair's calls to the judge are kept."""
    position = [policy.name for policy in spec.policies].index(pair.policy)
    return f"{run_id}/pair/{position}/{pair.task_id}/{pair.repeat}"


class PairJudging:
    """The pairs of one run that are left to judge."""

    def __init__(
        self, state: State, run_id: str, spec: RunSpec, router: Router, journal: RunJournal, found: Sequence[Any]
    ) -> None:
        self._run_id, self._spec, self._router, self._journal = run_id, spec, router, journal
        self._tasks = {task.id: task for task in spec.tasks.tasks}
        self._policies = {policy.name: policy for policy in spec.policies}
        every = pairs_of(spec, found)
        known = {_key(row) for row in judged_pairs(state, run_id)} if every else set()
        self._left = deque(pair for pair in every if (pair.policy, pair.task_id, pair.repeat) not in known)
        self.total, self.judged = len(every), len(every) - len(self._left)

    def take(self) -> AnswerPair | None:
        """The next pair, None when none is left."""
        return self._left.popleft() if self._left else None

    async def judge(self, pair: AnswerPair) -> None:
        """Ask about a pair, and write down what was said."""
        texts = _text(pair.answer), _text(pair.other)
        call_id = pair_call_id(self._run_id, self._spec, pair)
        rng = random.Random(f"{self._spec.seed}/{pair.policy}/{pair.task_id}/{pair.repeat}/pair")
        judge = Judge(self._router, self._held(pair.policy), self._spec.judge, call_id, rng)
        asked = texts[0] != texts[1]
        said = (
            await judge.prefer(self._tasks[pair.task_id], texts, [])
            if asked
            else Preference(None, None, "both answers are the same")
        )
        body = {
            "better": None if said.better is None else (pair.policy, self._spec.compared_with)[said.better],
            "agree": said.agree,
            "asked": asked,
            "why": said.why,
        }
        await self._journal.pair(pair.policy, self._spec.compared_with, pair.task_id, pair.repeat, body)
        self.judged += 1

    def _held(self, name: str) -> Policy:
        """The constraints of both policies: neither's answers go to a judge that it would not let see the task."""
        policy, baseline = self._policies[name], self._policies[self._spec.compared_with]
        return policy.model_copy(update={"constraints": (*policy.constraints, *baseline.constraints)})


def pair_preferences(
    spec: RunSpec, found: Sequence[Mapping[str, Any]], said: Sequence[Mapping[str, Any]]
) -> list[tuple[str, str, Preferences]]:
    """(a, b, what the judge prefers) for every policy against the baseline, from results and judged pairs."""
    by_key = {_key(row): row for row in said}
    rivals: dict[str, list[JudgedPair]] = {p.name: [] for p in spec.policies if p.name != spec.compared_with}
    left = dict.fromkeys(rivals, 0)
    every = pairs_of(spec, found)
    for pair in every:
        row = by_key.get((pair.policy, pair.task_id, pair.repeat))
        if row is None:
            left[pair.policy] += 1
        else:
            rivals[pair.policy].append(_judged(pair, row))
    known = {name: pairs for name, pairs in rivals.items() if pairs or left[name]}
    return [(name, spec.compared_with, told) for name, told in preferences(known, spec.compared_with, left).items()]


def preference_words(row: Mapping[str, Any]) -> str:
    """What the judge said of one pair, in a few words."""
    if row["better"] is not None:
        return f"prefers “{row['better']}” in both orders"
    if row["agree"]:
        return "a tie in both orders"
    if row["agree"] is False:
        return f"the orders disagree: {row['why']}"
    return row["why"] if not row["asked"] else f"no verdict: {row['why']}"


def _judged(pair: AnswerPair, row: Mapping[str, Any]) -> JudgedPair:
    verdict = row["agree"] is not None or not row["asked"]
    preferred = 0 if row["better"] is None else 1 if row["better"] == pair.policy else -1
    sides = pair.answer["passed"], pair.other["passed"]
    grades = None if None in sides else int(sides[0]) - int(sides[1])
    return JudgedPair(pair.task_id, preferred if verdict else None, row["agree"], grades, row["why"])


def _key(row: Mapping[str, Any]) -> Key:
    return row["policy"], row["task_id"], row["repeat"]


def _text(result: Mapping[str, Any]) -> str:
    """An answer as the judge sees it: its words and its tool calls, never who gave it."""
    calls = [json.dumps(call, sort_keys=True) for call in result["tool_calls"]]
    return "\n".join(part for part in (result["answer"], *calls) if part)
