"""One task of a run from its question to its kept result: answered, judged, graded, written down."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

from data import wording
from data.state import State
from routing.calling.calls import Answer
from routing.grading.graders import grade
from routing.grading.tasks import Task
from routing.grading.verdicts import Measured, Verdict
from routing.runs.answering import Answerer
from routing.runs.journal import RunJournal
from routing.runs.judge import NOT_ASKED, Judge, Preference
from routing.runs.outcome import Outcome
from routing.runs.reviews import open_review
from routing.runs.spec import RunSpec
from routing.runs.tally import Item


class TaskRunner:
    """Does the items of a run one at a time; one answerer per policy."""

    def __init__(
        self, state: State, run_id: str, spec: RunSpec, answerers: Sequence[Answerer], journal: RunJournal
    ) -> None:
        self._state, self._run_id, self._spec = state, run_id, spec
        self._answerers, self._journal = answerers, journal

    async def run(self, item: Item) -> tuple[dict[str, Any], str | None]:
        """(the result as it is kept, why the run must halt or None)."""
        index, task, repeat = item
        policy, answerer = self._spec.policies[index], self._answerers[index]
        call_id = f"{self._run_id}/{index}/{task.id}/{repeat}"
        rng = random.Random(f"{self._spec.seed}/{policy.name}/{task.id}/{repeat}")
        outcome = await answerer.answer(task, call_id, rng)
        judge = Judge(answerer.router, policy, self._spec.judge, call_id, rng)
        verdict, judged = await self._graded(judge, task, outcome)
        preferred = [
            await judge.prefer(task, (outcome.answer.text, other.text), outcome.attempts) if other else NOT_ASKED
            for _, other, _ in outcome.shadows
        ]
        body = result_body(outcome, verdict, call_id, task, preferred) | {"judged": judged}
        told = {
            "call": call_id,
            "model": outcome.model,
            "confidence": outcome.confidence,
            "cost_usd": str(outcome.cost_usd),
            "passed": body["passed"],
            "reason": outcome.reason,
        }
        await self._journal.result(policy.name, task.id, repeat, outcome.status, body, told)
        for reason in outcome.review:
            await self.ask_a_person("answer", reason, body, policy.name, task.id)
        halt = _halt(outcome, policy.limits.halt_below_confidence, task)
        return {"policy": policy.name, "task_id": task.id, "repeat": repeat, "status": outcome.status, **body}, halt

    async def _graded(self, judge: Judge, task: Task, outcome: Outcome) -> tuple[Verdict, bool]:
        """(the verdict, whether a judge had a part in it)."""
        if outcome.status != "done":
            return Verdict(False, 0.0, outcome.reason), False
        measured = Measured(outcome.latency_ms, float(outcome.cost_usd))
        judged = await judge.rubrics(task, outcome)
        return grade(task, outcome.answer, measured, judged), bool(judged)

    async def ask_a_person(self, kind: str, reason: str, body: dict[str, Any], policy: str, task_id: str) -> None:
        """Put a result into the review queue."""
        await asyncio.to_thread(open_review, self._state, self._run_id, kind, reason, body, policy, task_id)


def result_body(
    outcome: Outcome, verdict: Verdict, call_id: str, task: Task, preferred: Sequence[Preference]
) -> dict[str, Any]:
    """A result as it is kept: what was answered, by whom, how sure, at what cost, and why it passed or failed."""
    done = outcome.status == "done"
    return {
        "call_id": call_id,
        "reason": outcome.reason,
        "failure": outcome.failure,
        "model": outcome.model,
        "provider": outcome.provider,
        "way": outcome.way,
        "rule": outcome.rule,
        "answer": outcome.answer.text,
        "tool_calls": list(outcome.answer.tool_calls),
        "finish": outcome.answer.finish,
        "passed": verdict.passed if done else None,
        "score": verdict.score if done else None,
        "verdict": verdict.reason,
        "no_answer": verdict.no_answer,
        "confidence": outcome.confidence,
        "propensity": outcome.propensity,
        "explored": outcome.explored,
        "stages": outcome.stages,
        "review": outcome.review,
        "cost_usd": float(outcome.cost_usd),
        "held_usd": float(outcome.held_usd),
        "latency_ms": outcome.latency_ms,
        "attempts": len(outcome.attempts),
        "task_type": task.task_type,
        "group": task.group,
        "shadows": [_shadow(task, *shadow, better) for shadow, better in zip(outcome.shadows, preferred, strict=True)],
    }


def _shadow(task: Task, target: str, answer: Answer | None, why: str, preferred: Preference) -> dict[str, Any]:
    """A shadow's answer is graded, compared by the judge if there is one, and goes nowhere else."""
    return {
        "target": target,
        "reason": why,
        "passed": grade(task, answer).passed if answer else None,
        "judge_prefers": None if preferred.better is None else ("answer", "shadow")[preferred.better],
        "judge_orders_agree": preferred.agree,
    }


def _halt(outcome: Outcome, below: float | None, task: Task) -> str | None:
    """Why the run must halt: an answer less sure than the policy lets pass."""
    if below is None or outcome.confidence is None or outcome.confidence >= below:
        return None
    return f"{task.id}: confidence {wording.percent(outcome.confidence)} is below the halt of {wording.percent(below)}"
