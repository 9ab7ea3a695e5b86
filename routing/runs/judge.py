"""A language model as a grader: only where a task asks for it, blind, and never trusted unchecked.

The judge sees the task and the answer, never who gave it. Two answers are compared twice, in both
orders; only a verdict that survives the swap counts (Zheng et al. 2023, arXiv 2306.05685, 3.4). A judge
that answers nonsense gives no verdict. How often it agrees with people is computed from the review queue
and shown beside it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from routing.calling.attempts import Attempt, CallBudget, Context
from routing.calling.calls import Answer, Request
from routing.calling.router import Router
from routing.grading.statistics import wilson
from routing.grading.tasks import MODEL_GRADED, Task
from routing.grading.verdicts import Verdict
from routing.policies.choice import refusal, resolve
from routing.policies.policy import Policy
from routing.runs.outcome import Outcome

GRADE = re.compile(r"(?i)\b(pass|fail)\b")
LETTER, EVEN = re.compile(r"\b[AB]\b"), re.compile(r"(?i)\btie\b")
JUDGE_SECONDS, JUDGE_TOKENS = 120.0, 16
TIE = -1


class Preference(NamedTuple):
    """`better` is 0 for the first answer, 1 for the second, None for a tie or where the order decided; `agree` says
    whether both orders gave the same, None where a usable verdict is missing, and `why` what the judge said or what
    kept it from saying anything.
    """

    better: int | None
    agree: bool | None
    why: str = ""


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
            said, _ = await self._ask(self.model, task, text, outcome.attempts)
            found = GRADE.search(said.text) if said else None
            if found is None:
                outcome.review.append("the judge gave no usable verdict")
                continue
            passed = (found[1].lower() == "pass") is not assertion.type.startswith("not-")
            verdicts[position] = Verdict(
                passed, float(passed), f"judged {'to meet' if passed else 'not to meet'}: {str(assertion.value)[:80]}"
            )
        return verdicts

    async def prefer(self, task: Task, answers: tuple[str, str], kept: list[Attempt]) -> Preference:
        """Which of two answers is better, asked in both orders; a first order without a verdict is not paid twice.

        `kept` collects the attempts.
        """
        if self.model is None:
            return NOT_ASKED
        said: list[str] = []
        for first, second in ((0, 1), (1, 0)):
            text = (
                f"Task:\n{_question(task)}\n\nAnswer A:\n{answers[first]}\n\nAnswer B:\n{answers[second]}\n\n"
                "Which answer is better? Reply with A, B or tie only."
            )
            reply, refused = await self._ask(self.model, task, text, kept)
            letter = preference_in(reply.text) if reply else None
            if letter is None:
                return Preference(None, None, refused or "the judge gave no usable verdict")
            said.append(letter)
        votes = [TIE if letter == "tie" else "AB".index(letter) ^ swapped for swapped, letter in enumerate(said)]
        agree = votes[0] == votes[1]
        better = votes[0] if agree and votes[0] != TIE else None
        return Preference(better, agree, f"said {said[0]}, and {said[1]} with the answers swapped")

    async def _ask(self, model: str, task: Task, text: str, kept: list[Attempt]) -> tuple[Answer | None, str]:
        """One question to the judge, and why it has no answer; constraints hold for it as for any model."""
        target = resolve(model, {}, {})
        endpoints = self.router.fleet.serving(target)
        if not endpoints:
            return None, f"no declared provider offers the judge {model}"
        reason = refusal(self.policy, model, task.attributes, {model: endpoints[0].facts})
        if reason:
            return None, f"the judge may not see this task: {reason}"
        budget = CallBudget(2, self.router.clock() + JUDGE_SECONDS)
        context = Context(self.policy, task.attributes, self.call_id, budget, self.rng, "judge", kept)
        request = Request(({"role": "user", "content": text},), max_tokens=JUDGE_TOKENS, seed=0)
        reply = await self.router.call([target], request, context)
        return reply.answer, reply.refused or (str(reply.failure) if reply.failure else "")


def preference_in(text: str) -> str | None:
    """A, B or tie, where a judge's words name exactly one of them; None where they name none or several."""
    named = set(LETTER.findall(text)) | ({"tie"} if EVEN.search(text) else set())
    if "tie" in named and re.search(r"(?i)\ba tie\b", text):
        named -= {"A"}
    return named.pop() if len(named) == 1 else None


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
