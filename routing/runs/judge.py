"""A language model as a grader: only where a task asks for it, blind, and never trusted unchecked.

The judge sees the task and the answer, never who gave it. Two answers are compared twice, in both
orders; only a verdict that survives the swap counts. A judge that answers nonsense gives no
verdict. How often it agrees with people is computed from the review queue and shown beside it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from routing.calling.attempts import CallBudget, Context
from routing.calling.calls import Answer, Request
from routing.calling.router import Router
from routing.grading.statistics import wilson
from routing.grading.tasks import MODEL_GRADED, Task
from routing.grading.verdicts import Verdict
from routing.policies.choice import refusal, resolve
from routing.policies.policy import Policy
from routing.runs.outcome import Outcome

GRADE = re.compile(r"(?i)\b(pass|fail)\b")
PREFERENCE = re.compile(r"\b([AB]|tie)\b")
JUDGE_SECONDS = 120.0
TIE = -1


class Preference(NamedTuple):
    """`better` is 0 for the outcome's answer, 1 for the other, None for a tie or where the order decided; `agree` says
    whether both orders gave the same, None where a usable verdict is missing.
    """

    better: int | None
    agree: bool | None


NOT_ASKED = Preference(None, None)


@dataclass(frozen=True)
class Judge:
    """The model that grades one call of a run, held to the constraints of the call's policy; no model, no verdict."""

    router: Router
    policy: Policy
    model: str | None
    call_id: str
    rng: random.Random

    async def rubrics(self, task: Task, outcome: Outcome) -> dict[int, Verdict]:
        """Verdicts on a task's model-graded assertions by position; those without a usable verdict are left out."""
        verdicts: dict[int, Verdict] = {}
        for position, assertion in enumerate(task.asserts):
            if assertion.type.removeprefix("not-") not in MODEL_GRADED or self.model is None:
                continue
            text = (
                f"Criterion: {assertion.value}\n\nTask:\n{_question(task)}\n\nAnswer:\n{outcome.answer.text}\n\n"
                "Does the answer meet the criterion? Reply with PASS or FAIL only."
            )
            said = await self._ask(self.model, task, text, outcome)
            found = GRADE.search(said.text) if said else None
            if found is None:
                outcome.review.append("the judge gave no usable verdict")
                continue
            passed = (found[1].lower() == "pass") is not assertion.type.startswith("not-")
            verdicts[position] = Verdict(
                passed, float(passed), f"judged {'to meet' if passed else 'not to meet'}: {str(assertion.value)[:80]}"
            )
        return verdicts

    async def prefer(self, task: Task, outcome: Outcome, other: Answer | None) -> Preference:
        """Which is better, the outcome's answer or the other, asked in both orders."""
        if self.model is None or other is None:
            return NOT_ASKED
        answers, votes = (outcome.answer, other), []
        for order in ((0, 1), (1, 0)):
            text = (
                f"Task:\n{_question(task)}\n\nAnswer A:\n{answers[order[0]].text}\n\nAnswer "
                f"B:\n{answers[order[1]].text}\n\n"
                "Which answer is better? Reply with A, B or tie only."
            )
            said = await self._ask(self.model, task, text, outcome)
            found = PREFERENCE.search(said.text) if said else None
            votes.append(None if found is None else TIE if found[1] == "tie" else order["AB".index(found[1])])
        agree = None if None in votes else votes[0] == votes[1]
        return Preference(votes[0] if agree and votes[0] != TIE else None, agree)

    async def _ask(self, model: str, task: Task, text: str, outcome: Outcome) -> Answer | None:
        """One question to the judge; constraints hold for it as for any model."""
        target = resolve(model, {}, {})
        endpoints = self.router.fleet.serving(target)
        if not endpoints or refusal(self.policy, model, task.attributes, {model: endpoints[0].facts}):
            return None
        budget = CallBudget(2, self.router.clock() + JUDGE_SECONDS)
        context = Context(self.policy, task.attributes, self.call_id, budget, self.rng, "judge", outcome.attempts)
        request = Request(({"role": "user", "content": text},), max_tokens=16, seed=0)
        return (await self.router.call([target], request, context)).answer


@dataclass(frozen=True)
class Agreement:
    """How a judge compares with people on the same answers: share of equal verdicts with its 95 % interval `low` to
    `high`, and Cohen's kappa, None where either of them gave one verdict only: chance cannot be told from agreement.
    """

    compared: int
    equal: float
    kappa: float | None
    low: float
    high: float


def agreement(judged: Sequence[bool], human: Sequence[bool]) -> Agreement | None:
    """Agreement of paired verdicts; None without any pair. kappa = (p_o - p_e) / (1 - p_e)."""
    count = len(judged)
    if count == 0:
        return None
    same = sum(a == b for a, b in zip(judged, human, strict=True))
    equal, yes_judge, yes_human = same / count, sum(judged) / count, sum(human) / count
    chance = yes_judge * yes_human + (1 - yes_judge) * (1 - yes_human)
    both = 0 < yes_judge < 1 and 0 < yes_human < 1
    return Agreement(count, equal, (equal - chance) / (1 - chance) if both else None, *wilson(same, count))


def _question(task: Task) -> str:
    return "\n".join(str(message["content"]) for message in task.request().messages)
