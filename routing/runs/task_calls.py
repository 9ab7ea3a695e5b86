"""The calls one task takes: single answers, samples and their vote, probes, verifiers; one budget for all of them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from routing.calling.attempts import Attempt, CallBudget, Context, Reply
from routing.calling.calls import Answer, Request
from routing.calling.router import Router
from routing.grading import confidence
from routing.grading.answer_text import answer_key
from routing.grading.tasks import Task
from routing.policies.choice import Candidate, resolve
from routing.policies.policy import Policy, Rule


@dataclass(frozen=True)
class Said:
    """What one candidate said, over all the samples it took."""

    reply: Reply
    answer: Answer | None
    confidence: float | None = None


class TaskCalls:
    """The calls made for one task: they share a budget and are all kept."""

    def __init__(
        self,
        router: Router,
        policy: Policy,
        task: Task,
        call_id: str,
        attributes: Mapping[str, Any],
        rng: random.Random,
        budget: CallBudget,
    ) -> None:
        self._router, self._policy, self.task, self.attributes = router, policy, task, attributes
        self._call_id, self._rng, self._budget = call_id, rng, budget
        self.attempts: list[Attempt] = []

    async def ask(
        self,
        chain: Sequence[Candidate],
        rule: Rule | None,
        samples: int,
        want_confidence: bool = False,
        *,
        lane: str,
    ) -> Said:
        """What a candidate says: one greedy answer, or the majority of several samples; a non-answer is never sure.

        `lane` says when in the task this is (`Attempt.lane`).
        """
        said = await self._asked(chain, rule, samples, want_confidence, lane)
        if said.confidence and said.answer is not None and answer_key(self.task, said.answer) is None:
            return replace(said, confidence=0.0)
        return said

    async def _asked(
        self, chain: Sequence[Candidate], rule: Rule | None, samples: int, want_confidence: bool, lane: str
    ) -> Said:
        method = (rule.confidence if rule else None) or "agreement"
        if samples > 1:
            return await self._vote(chain, samples, lane)
        suffix = confidence.ASK if want_confidence and method == "self_reported" else ""
        reply = await self.call(
            chain,
            self.task.request(logprobs=want_confidence and method == "logprob", suffix=suffix, seed=0),
            lane=lane,
        )
        if reply.answer is None or not want_confidence:
            return Said(reply, reply.answer)
        if method == "self_reported":
            return Said(reply, *confidence.self_reported(reply.answer))
        if method == "logprob":
            return Said(reply, reply.answer, confidence.log_probability(reply.answer))
        if rule and rule.verifier:
            verifier = resolve(rule.verifier, self.attributes, {})
            checked = await self.call(
                [verifier], confidence.verification(self.task, reply.answer), "verifier", lane=lane
            )
            return Said(reply, reply.answer, None if checked.answer is None else confidence.verdict(checked.answer))
        return await self._probed(reply, reply.answer, chain, lane)

    async def _probed(self, reply: Reply, answer: Answer, chain: Sequence[Candidate], lane: str) -> Said:
        """Agreement of one answer with further samples of the same model."""
        temperature = confidence.PROBE_TEMPERATURE
        probes = [
            await self.call(chain[:1], self.task.request(temperature=temperature, seed=n + 1), "sample", lane=lane)
            for n in range(confidence.PROBES)
        ]
        keys = [answer_key(self.task, answer)] + [
            None if p.answer is None else answer_key(self.task, p.answer) for p in probes
        ]
        return Said(reply, answer, sum(key is not None and key == keys[0] for key in keys) / len(keys))

    async def _vote(self, chain: Sequence[Candidate], samples: int, lane: str) -> Said:
        requests = [self.task.request(temperature=confidence.PROBE_TEMPERATURE, seed=n + 1) for n in range(samples)]
        replies = await asyncio.gather(
            *(self.call(chain, request, "sample", lane=f"{lane}.{n}") for n, request in enumerate(requests))
        )
        position, share = confidence.majority(
            [None if r.answer is None else answer_key(self.task, r.answer) for r in replies]
        )
        reply = replies[0] if position is None else replies[position]
        return Said(reply, reply.answer, share)

    async def call(
        self,
        chain: Sequence[Candidate],
        request: Request,
        purpose: str = "answer",
        own_budget: bool = False,
        *,
        lane: str = "",
    ) -> Reply:
        """One routed call; its attempts are kept also when it is cancelled."""
        budget = CallBudget(1, self._budget.deadline) if own_budget else self._budget
        context = Context(self._policy, self.attributes, self._call_id, budget, self._rng, purpose, self.attempts, lane)
        return await self._router.call(chain, request, context)

    def note(self, event: str, detail: Mapping[str, Any]) -> None:
        self._router.journal.note(event, {"call": self._call_id, **detail})
