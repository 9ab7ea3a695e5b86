"""One task under one policy: the decision, the calls it takes, the checks, and what became of it.

use, split, vote, cascade and cross_check all end here in one Outcome whose cost is the sum of every attempt, also of
those that were thrown away, and whose time is that of its calls, the slowest of those made at once.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from data import wording
from data.facts.models import ModelFacts
from data.schema import PROTECTION
from routing.calling.attempts import CallBudget, Reply
from routing.calling.calls import Answer
from routing.calling.router import Router
from routing.calling.spend_cap import SpendCap
from routing.grading import confidence
from routing.grading.answer_text import answer_key
from routing.grading.guardrails import input_violations, output_violations
from routing.grading.tasks import Task
from routing.policies.choice import Candidate, Choice, candidates, refusal, resolve
from routing.policies.policy import Policy, Rule
from routing.runs.outcome import Outcome
from routing.runs.task_calls import Said, TaskCalls


class Answerer:
    """Answers tasks under one policy; `facts` maps targets to model facts as the declared endpoints have them."""

    def __init__(
        self,
        router: Router,
        policy: Policy,
        catalog: Mapping[str, ModelFacts],
        *,
        task_seconds: float = 180.0,
        task_usd: Decimal | None = None,
    ) -> None:
        self.router, self.policy, self._catalog = router, policy, catalog
        self._task_seconds, self._task_usd = task_seconds, task_usd

    async def answer(self, task: Task, call_id: str, rng: random.Random) -> Outcome:
        """The outcome of one task; every decision is in the journal."""
        attributes = task.attributes
        facts = self._facts(attributes)
        choice = candidates(self.policy, attributes, facts)
        rule = None if choice.rule is None else self.policy.rules[choice.rule]
        outcome = Outcome(way=choice.way, rule=choice.rule)
        picked, outcome.propensity, outcome.explored = self._picked(choice, attributes, facts, rng)
        self._note_choice(task, call_id, choice, picked, outcome)
        if choice.way == "refused":
            why = (
                "; ".join(f"{target}: {reason}" for target, reason in choice.refused)
                or "no rule matches and there is no fallback"
            )
            return outcome.end("refused", f"no model may answer this task ({why})")
        blocked = input_violations(self.policy.guardrails, task.request())
        if blocked:
            return outcome.end("blocked", blocked[0].reason)
        calls = TaskCalls(self.router, self.policy, task, call_id, attributes, rng, self._budget(call_id, choice, rule))
        try:
            await self._follow(choice, rule, picked, calls, outcome)
        finally:
            outcome.attempts = calls.attempts
        await self._shadow(calls, facts, outcome)
        self._review(outcome)
        return outcome

    def _facts(self, attributes: Mapping[str, Any]) -> dict[str, ModelFacts]:
        """Facts per target: of an endpoint that may serve these attributes if there is one, else of the first."""
        found: dict[str, ModelFacts] = {}
        policy = self.policy
        for target in (
            *policy.targets,
            *policy.shadow,
            *(r.verifier for r in policy.rules if r.verifier),
            *([policy.planner] if policy.planner else []),
        ):
            endpoints = self.router.fleet.serving(resolve(target, attributes, self._catalog))
            allowed = (e for e in endpoints if refusal(policy, target, attributes, {target: e.facts}) is None)
            endpoint = next(allowed, endpoints[0] if endpoints else None)
            if endpoint is not None:
                found[target] = endpoint.facts
        return found

    def _picked(
        self, choice: Choice, attributes: Mapping[str, Any], facts: Mapping[str, ModelFacts], rng: random.Random
    ) -> tuple[list[Candidate], float, bool]:
        """(candidates in order, propensity of the first, whether this was exploration). Sensitive work is never
        explored.
        """
        if choice.way == "refused":
            return [], 1.0, False
        shares = (
            {c.target: c.share for c in choice.candidates}
            if choice.way == "split"
            else {choice.candidates[0].target: 1.0}
        )
        arms = [t for t in self.policy.targets if t in facts and refusal(self.policy, t, attributes, facts) is None]
        epsilon = self.policy.explore
        if (
            PROTECTION[attributes.get("data_class") or "unknown"].sensitive
            or attributes.get("criticality") == "high"
            or choice.way in ("cascade", "cross_check")
            or not arms
        ):
            epsilon = 0.0
        explored = epsilon > 0 and rng.random() < epsilon
        target = rng.choice(arms) if explored else rng.choices(list(shares), list(shares.values()))[0]
        propensity = (1 - epsilon) * shares.get(target, 0.0) + (epsilon / len(arms) if target in arms else 0.0)
        if choice.way in ("cascade", "cross_check"):
            return list(choice.candidates), 1.0, False
        return [resolve(target, attributes, facts)], propensity, explored

    def _budget(self, call_id: str, choice: Choice, rule: Rule | None) -> CallBudget:
        """One budget for all calls of a task: the policy's attempts for every answer it takes.

        What the task may have cost before a restart counts against its limit.
        """
        answers = sum(self._samples(c, rule) for c in choice.candidates) + confidence.PROBES * len(choice.candidates)
        verifiers = len(choice.candidates) if rule and rule.verifier else 0
        attempts = self.policy.limits.max_attempts + answers + verifiers - 1
        cap = SpendCap(self._task_usd, held_usd=self.router.journal.earlier_usd(call_id), whose="This task's limit")
        return CallBudget(attempts, self.router.clock() + self._task_seconds, cap)

    def _samples(self, candidate: Candidate, rule: Rule | None) -> int:
        offers = [endpoint.offer.samples for endpoint in self.router.fleet.serving(candidate)]
        return max(rule.samples if rule else 1, *offers, 1)

    async def _follow(
        self, choice: Choice, rule: Rule | None, picked: Sequence[Candidate], calls: TaskCalls, outcome: Outcome
    ) -> None:
        if choice.way == "cross_check":
            await self._cross_check(picked, choice.fallback, rule, calls, outcome)
            return
        floor = rule.confidence_floor if rule and choice.way == "cascade" else None
        for position, candidate in enumerate(picked):
            last = position == len(picked) - 1
            chain = [candidate, *(choice.fallback if last else ())]
            said = await calls.ask(
                chain,
                rule,
                self._samples(candidate, rule),
                want_confidence=not last or _wants_confidence(rule),
                lane=str(position),
            )
            accepted = self._consider(said, candidate, floor, last, outcome)
            if outcome.stages:
                calls.note("answer considered", outcome.stages[-1])
            if accepted:
                return

    def _consider(self, said: Said, candidate: Candidate, floor: float | None, last: bool, outcome: Outcome) -> bool:
        """Take over what was said; True when the task ends with it."""
        stage: dict[str, Any] = {"target": candidate.target, "confidence": said.confidence, "accepted": False}
        outcome.stages.append(stage)
        answer, endpoint = said.answer, said.reply.endpoint
        if answer is None or endpoint is None:
            refused = said.reply.refused is not None
            stage["reason"] = _not_answered(said.reply, outcome)
            outcome.end("refused" if refused else "failed", stage["reason"])
            return last or refused
        outcome.answer, outcome.confidence, outcome.failure = answer, said.confidence, None
        outcome.model, outcome.provider = endpoint.offer.model, endpoint.provider.name
        violations = output_violations(self.policy.guardrails, answer)
        outcome.review = [f"guardrail {v.guardrail}: {v.reason}" for v in violations]
        if violations:
            stage["reason"] = "; ".join(f"{v.guardrail}: {v.reason}" for v in violations)
            outcome.end("blocked", stage["reason"])
            return last
        sure = floor is None or last or (said.confidence is not None and said.confidence >= floor)
        stage["accepted"] = sure
        stage["reason"] = (
            "last of the cascade"
            if last and floor is not None
            else f"confidence {_share(said.confidence)} against a floor of {_share(floor)}"
            if floor
            else "answered"
        )
        outcome.end("done", stage["reason"])
        return sure

    async def _cross_check(
        self,
        picked: Sequence[Candidate],
        spare: Sequence[Candidate],
        rule: Rule | None,
        calls: TaskCalls,
        outcome: Outcome,
    ) -> None:
        """All models answer; the first one's answer stands, a conflict goes to a person."""
        said = await asyncio.gather(
            *(
                calls.ask([c, *spare] if i == 0 else [c], rule, self._samples(c, rule), lane=f"0.{i}")
                for i, c in enumerate(picked)
            )
        )
        keys = [None if s.answer is None else answer_key(calls.task, s.answer) for s in said]
        agree = sum(key is not None and key == keys[0] for key in keys) / len(keys)
        outcome.method = "agreement"
        self._consider(replace(said[0], confidence=agree), picked[0], None, True, outcome)
        outcome.stages += [
            {"target": c.target, "agrees": key == keys[0], "accepted": False}
            for c, key in zip(picked[1:], keys[1:], strict=True)
        ]
        if agree < 1.0:
            who = ", ".join(c.target for c, key in zip(picked, keys, strict=True) if key != keys[0])
            outcome.review.append(f"the models disagree: {who or picked[0].target} against {picked[0].target}")
        calls.note("answers compared", {"agreement": agree, "targets": [c.target for c in picked]})

    async def _shadow(self, calls: TaskCalls, facts: Mapping[str, ModelFacts], outcome: Outcome) -> None:
        """Ask the shadow models too; their answers are graded and never returned. Constraints hold for them as well."""
        for target in self.policy.shadow if outcome.status == "done" else ():
            reason = (
                refusal(self.policy, target, calls.attributes, facts) if target in facts else "no provider declares it"
            )
            if reason:
                outcome.shadows.append((target, None, reason))
                continue
            reply = await calls.call(
                [resolve(target, calls.attributes, facts)], calls.task.request(), "shadow", own_budget=True
            )
            outcome.shadows.append(
                (target, reply.answer, reply.refused or (str(reply.failure) if reply.failure else ""))
            )
        outcome.attempts = calls.attempts

    def _review(self, outcome: Outcome) -> None:
        review = self.policy.review
        if (
            review
            and outcome.status == "done"
            and outcome.confidence is not None
            and outcome.confidence < review.confidence_below
        ):
            outcome.review.append(f"confidence {_share(outcome.confidence)} is below {_share(review.confidence_below)}")

    def _note_choice(
        self, task: Task, call_id: str, choice: Choice, picked: Sequence[Candidate], outcome: Outcome
    ) -> None:
        matched = "no rule matches" if choice.rule is None else f"rule {choice.rule + 1} matches"
        detail = {
            "call": call_id,
            "policy": self.policy.name,
            "task": task.id,
            "input": task.request().digest,
            "rule": choice.rule,
            "way": choice.way,
            "picked": [c.target for c in picked],
            "fallback": [c.target for c in choice.fallback],
            "refused": dict(choice.refused),
            "propensity": outcome.propensity,
            "explored": outcome.explored,
            "reason": "exploration"
            if outcome.explored
            else matched
            if choice.way != "fallback" or choice.rule is None
            else f"{matched}, its models are refused",
        }
        self.router.journal.note("model chosen", detail)


def _wants_confidence(rule: Rule | None) -> bool:
    return rule is not None and rule.confidence is not None


def _not_answered(reply: Reply, outcome: Outcome) -> str:
    """Why there is no answer; what was received of one is kept."""
    if reply.refused is not None or reply.failure is None:
        outcome.failure, outcome.answer = None, Answer()
        return reply.refused or "no answer"
    outcome.failure, outcome.answer = reply.failure.kind, reply.failure.partial or Answer()
    return f"{reply.failure.kind}: {reply.failure}"


def _share(value: float | None) -> str:
    return "unknown" if value is None else wording.share(value)
