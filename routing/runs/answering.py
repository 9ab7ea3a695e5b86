"""One task under one policy: the decision, the calls it takes, the checks, and what became of it.

use, split, vote, cascade and cross_check all end here in one Outcome whose cost and time are the
sum of every attempt, also of those that were thrown away.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from data.facts.models import ModelFacts
from routing.calling.attempts import Attempt, CallBudget, Context, Reply
from routing.calling.calls import Answer, Request
from routing.calling.router import Router
from routing.grading import confidence
from routing.grading.answer_text import answer_key
from routing.grading.guardrails import input_violations, output_violations
from routing.grading.tasks import Task
from routing.policies.choice import Candidate, Choice, candidates, refusal, resolve
from routing.policies.policy import Policy, Rule

SENSITIVE = ("customer", "regulated")


@dataclass
class Outcome:
    """What became of a task. `status`: done, failed (endpoints), refused (a rule) or blocked (a guardrail)."""

    status: str = "failed"
    reason: str = ""
    failure: str | None = None
    answer: Answer = field(default_factory=Answer)
    model: str | None = None
    provider: str | None = None
    way: str = ""
    rule: int | None = None
    confidence: float | None = None
    method: str | None = None
    propensity: float = 1.0
    explored: bool = False
    stages: list[dict[str, Any]] = field(default_factory=list)
    review: list[str] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    shadows: list[tuple[str, Answer | None, str]] = field(default_factory=list)

    @property
    def cost_usd(self) -> Decimal:
        """The known cost of all attempts, shadow calls apart."""
        return sum((a.cost_usd for a in self.attempts if a.cost_usd is not None and a.purpose != "shadow"), Decimal(0))

    @property
    def held_usd(self) -> Decimal:
        """What attempts of unknown cost may have cost."""
        return sum((a.reserved_usd for a in self.attempts if a.cost_usd is None), Decimal(0))

    @property
    def latency_ms(self) -> float:
        """The time of all attempts, one after another, shadow calls apart."""
        return sum(a.latency_ms or 0.0 for a in self.attempts if a.purpose != "shadow")


@dataclass(frozen=True)
class _Said:
    """What one candidate said, over all the samples it took."""

    reply: Reply
    answer: Answer | None
    confidence: float | None = None


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
            return _ended(outcome, "refused", f"no model may answer this task ({why})")
        blocked = input_violations(self.policy.guardrails, task.request())
        if blocked:
            return _ended(outcome, "blocked", blocked[0].reason)
        calls = _Calls(self, task, call_id, attributes, rng, self._budget(choice, rule))
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
        """(candidates in order, propensity of the first, whether this was exploration). Sensitive work is never explored."""
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
            attributes.get("data_class") in SENSITIVE
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

    def _budget(self, choice: Choice, rule: Rule | None) -> CallBudget:
        """One budget for all calls of a task: the policy's attempts for every answer it takes."""
        answers = sum(self._samples(c, rule) for c in choice.candidates) + confidence.PROBES * len(choice.candidates)
        verifiers = len(choice.candidates) if rule and rule.verifier else 0
        attempts = self.policy.limits.max_attempts + answers + verifiers - 1
        return CallBudget(attempts, self.router.clock() + self._task_seconds, self._task_usd)

    def _samples(self, candidate: Candidate, rule: Rule | None) -> int:
        offers = [endpoint.offer.samples for endpoint in self.router.fleet.serving(candidate)]
        return max(rule.samples if rule else 1, *offers, 1)

    async def _follow(
        self, choice: Choice, rule: Rule | None, picked: Sequence[Candidate], calls: _Calls, outcome: Outcome
    ) -> None:
        if choice.way == "cross_check":
            await self._cross_check(picked, choice.fallback, rule, calls, outcome)
            return
        floor = rule.confidence_floor if rule and choice.way == "cascade" else None
        for position, candidate in enumerate(picked):
            last = position == len(picked) - 1
            chain = [candidate, *(choice.fallback if last else ())]
            said = await calls.ask(
                chain, rule, self._samples(candidate, rule), want_confidence=not last or _wants_confidence(rule)
            )
            accepted = self._consider(said, candidate, floor, last, outcome)
            if outcome.stages:
                calls.note("answer considered", outcome.stages[-1])
            if accepted:
                return

    def _consider(self, said: _Said, candidate: Candidate, floor: float | None, last: bool, outcome: Outcome) -> bool:
        """Take over what was said; True when the task ends with it."""
        stage = {"target": candidate.target, "confidence": said.confidence, "accepted": False}
        outcome.stages.append(stage)
        if said.answer is None:
            reply = said.reply
            stage["reason"] = reply.refused or f"{reply.failure.kind}: {reply.failure}"
            outcome.failure = None if reply.refused else reply.failure.kind
            outcome.answer = reply.failure.partial or Answer() if reply.failure else Answer()
            _ended(outcome, "refused" if reply.refused else "failed", stage["reason"])
            return last or bool(reply.refused)
        violations = output_violations(self.policy.guardrails, said.answer)
        sure = floor is None or last or (said.confidence is not None and said.confidence >= floor)
        outcome.answer, outcome.confidence = said.answer, said.confidence
        outcome.model, outcome.provider = said.reply.endpoint.offer.model, said.reply.endpoint.provider.name
        outcome.failure = None
        if violations:
            stage["reason"] = "; ".join(f"{v.guardrail}: {v.reason}" for v in violations)
            _ended(outcome, "blocked", stage["reason"])
            outcome.review = [f"guardrail {v.guardrail}: {v.reason}" for v in violations]
            return last
        outcome.review = []
        stage["accepted"] = sure
        stage["reason"] = (
            "last of the cascade"
            if last and floor is not None
            else f"confidence {_shown(said.confidence)} against a floor of {_shown(floor)}"
            if floor
            else "answered"
        )
        _ended(outcome, "done", stage["reason"])
        return sure

    async def _cross_check(
        self,
        picked: Sequence[Candidate],
        spare: Sequence[Candidate],
        rule: Rule | None,
        calls: _Calls,
        outcome: Outcome,
    ) -> None:
        """All models answer; the first one's answer stands, a conflict goes to a person."""
        said = await asyncio.gather(
            *(calls.ask([c, *spare] if i == 0 else [c], rule, self._samples(c, rule)) for i, c in enumerate(picked))
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

    async def _shadow(self, calls: _Calls, facts: Mapping[str, ModelFacts], outcome: Outcome) -> None:
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
            outcome.review.append(f"confidence {_shown(outcome.confidence)} is below {_shown(review.confidence_below)}")

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


class _Calls:
    """The calls made for one task: they share a budget and are all kept."""

    def __init__(
        self,
        answerer: Answerer,
        task: Task,
        call_id: str,
        attributes: Mapping[str, Any],
        rng: random.Random,
        budget: CallBudget,
    ) -> None:
        self._answerer, self.task, self.attributes = answerer, task, attributes
        self._call_id, self._rng, self._budget = call_id, rng, budget
        self.attempts: list[Attempt] = []

    async def ask(
        self, chain: Sequence[Candidate], rule: Rule | None, samples: int, want_confidence: bool = False
    ) -> _Said:
        """What a candidate says: one greedy answer, or the majority of several samples."""
        method = (rule.confidence if rule else None) or "agreement"
        if samples > 1:
            return await self._vote(chain, samples)
        suffix = confidence.ASK if want_confidence and method == "self_reported" else ""
        reply = await self.call(
            chain, self.task.request(logprobs=want_confidence and method == "logprob", suffix=suffix, seed=0)
        )
        if reply.answer is None or not want_confidence:
            return _Said(reply, reply.answer)
        if method == "self_reported":
            return _Said(reply, *confidence.self_reported(reply.answer))
        if method == "logprob":
            return _Said(reply, reply.answer, confidence.log_probability(reply.answer))
        if method == "verifier":
            verifier = resolve(rule.verifier, self.attributes, {})
            checked = await self.call([verifier], confidence.verification(self.task, reply.answer), "verifier")
            return _Said(reply, reply.answer, None if checked.answer is None else confidence.verdict(checked.answer))
        return await self._probed(reply, chain)

    async def _probed(self, reply: Reply, chain: Sequence[Candidate]) -> _Said:
        """Agreement of one answer with further samples of the same model."""
        temperature = confidence.PROBE_TEMPERATURE
        probes = [
            await self.call(chain[:1], self.task.request(temperature=temperature, seed=n + 1), "sample")
            for n in range(confidence.PROBES)
        ]
        keys = [answer_key(self.task, reply.answer)] + [
            None if p.answer is None else answer_key(self.task, p.answer) for p in probes
        ]
        return _Said(reply, reply.answer, sum(key is not None and key == keys[0] for key in keys) / len(keys))

    async def _vote(self, chain: Sequence[Candidate], samples: int) -> _Said:
        requests = [self.task.request(temperature=confidence.PROBE_TEMPERATURE, seed=n + 1) for n in range(samples)]
        replies = await asyncio.gather(*(self.call(chain, request, "sample") for request in requests))
        position, share = confidence.majority(
            [None if r.answer is None else answer_key(self.task, r.answer) for r in replies]
        )
        reply = replies[0] if position is None else replies[position]
        return _Said(reply, reply.answer, share)

    async def call(
        self, chain: Sequence[Candidate], request: Request, purpose: str = "answer", own_budget: bool = False
    ) -> Reply:
        """One routed call; its attempts are kept also when it is cancelled."""
        budget = replace(self._budget, attempts=self._budget.used + 1, usd=None) if own_budget else self._budget
        context = Context(
            self._answerer.policy, self.attributes, self._call_id, budget, self._rng, purpose, self.attempts
        )
        return await self._answerer.router.call(chain, request, context)

    def note(self, event: str, detail: Mapping[str, Any]) -> None:
        self._answerer.router.journal.note(event, {"call": self._call_id, **detail})


def _wants_confidence(rule: Rule | None) -> bool:
    return rule is not None and rule.confidence is not None


def _ended(outcome: Outcome, status: str, reason: str) -> Outcome:
    outcome.status, outcome.reason = status, reason
    return outcome


def _shown(value: float | None) -> str:
    return "unknown" if value is None else f"{100 * value:.0f}%"
