"""One answer from the first endpoint that can give it, under one budget of attempts, time and money.

The order of the candidates is the policy's. A retryable failure is repeated once at the same
endpoint, then the next candidate is asked; blocked endpoints (open circuit, Retry-After, resting)
are passed over; when all are blocked the router waits for the earliest one if the time budget
allows, else it fails and says when to come back. Before every single call the constraints are
checked again for that very endpoint, and the call's worst cost is reserved under the run's cap.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from data.errors import Refused
from routing.calling.attempts import Attempt, ChainOfCandidates, Context, Journal, Reply
from routing.calling.backoff import jitter_s
from routing.calling.calls import Answer, Request, Tokens
from routing.calling.endpoints import Endpoint, Fleet
from routing.calling.failures import CallFailed
from routing.calling.spend_cap import SpendCap
from routing.policies.choice import Candidate

LONGEST_RETRY_AFTER_S = 30.0
FATAL_OPEN_S = 60.0
OVERLOADED = (503, 529)


class Router:
    """Calls endpoints; `clock` is monotonic seconds, `sleep` waits (both replaceable in tests)."""

    def __init__(
        self,
        fleet: Fleet,
        cap: SpendCap,
        journal: Journal,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Any = asyncio.sleep,
    ) -> None:
        self.fleet, self.cap, self.journal, self.clock, self._sleep = fleet, cap, journal, clock, sleep

    async def call(self, candidates: Sequence[Candidate], request: Request, context: Context) -> Reply:
        """The first answer of the allowed candidates, asked in order."""
        chain = ChainOfCandidates(
            [pair for candidate in candidates for pair in self.fleet.in_try_order(candidate, context.rng)], context
        )
        if not chain.open:
            names = ", ".join(candidate.target for candidate in candidates) or "none"
            return chain.reply(refused=f"no declared endpoint may answer: {names}{chain.why_not()}")
        while context.budget.used < context.budget.attempts:
            endpoint, wait_s = chain.next()
            if endpoint is None:
                break
            left_s = context.budget.deadline - self.clock()
            if wait_s >= left_s:
                return chain.reply(
                    failure=chain.failure
                    or CallFailed("timeout", f"every endpoint is blocked; the first is free in {wait_s:.1f} s")
                )
            if wait_s > 0:
                await self._sleep(wait_s)
                continue
            try:
                answer = await self._attempt(endpoint, request, chain)
            except Refused as refused:
                return chain.reply(refused=str(refused))
            except CallFailed as failure:
                await self._learn(endpoint, failure, chain)
                continue
            if answer is not None:
                return chain.reply(answer=answer, endpoint=endpoint)
        return chain.reply(failure=chain.failure or CallFailed("server", "the budget of attempts is used up"))

    async def _attempt(self, endpoint: Endpoint, request: Request, chain: ChainOfCandidates) -> Answer | None:
        """One call; None when the endpoint stopped being available while waiting for its turn."""
        context, offer = chain.context, endpoint.offer
        request = replace(request, max_tokens=min(request.max_tokens, offer.max_output_tokens))
        size = request.input_bound + request.max_tokens
        async with endpoint.places:
            while (pace_s := endpoint.pace_s(size)) > 0 and not endpoint.blocked_s():
                if pace_s >= context.budget.deadline - self.clock():
                    raise CallFailed(
                        "no_place",
                        f"{endpoint.name} admits the next call in {pace_s:.1f} s, after the task's time budget",
                    )
                await self._sleep(pace_s)
            permit = None if endpoint.blocked_s() else endpoint.breaker.permit()
            if permit is None:
                return None
            leave = endpoint.in_flight.enter()
            overloaded, succeeded, blocked_until = False, None, 0.0
            try:
                answer = await self._paid_call(endpoint, request, size, chain)
                succeeded = True
                endpoint.learn_latency(answer.ttft_ms or answer.latency_ms)
                return answer
            except CallFailed as failure:
                overloaded = failure.kind in ("rate_limit", "timeout") or failure.http_status in OVERLOADED
                succeeded = None if failure.treatment.breaker == "ignore" else False
                if failure.treatment.breaker == "open":
                    blocked_until = self.clock() + FATAL_OPEN_S
                told_s = failure.retry_after_s or 0.0
                if told_s > LONGEST_RETRY_AFTER_S:
                    blocked_until = self.clock() + told_s
                raise
            finally:
                leave()
                permit.close(succeeded, blocked_until)
                if overloaded or succeeded is not None:
                    endpoint.rate.record(overloaded)

    async def _paid_call(self, endpoint: Endpoint, request: Request, size: int, chain: ChainOfCandidates) -> Answer:
        """Reserve, write down, ask, settle, write down."""
        price, budget = endpoint.offer.price, chain.context.budget
        worst = price.worst_usd(request.input_bound, request.max_tokens)
        of_task = await budget.cap.reserve(worst)
        try:
            of_run = await self.cap.reserve(worst)
        except BaseException:
            of_task.settle(Decimal(0))
            raise
        attempt = chain.begin(endpoint, of_run.usd, self.journal.next_number(chain.context.call_id))
        endpoint.rate.take()
        if endpoint.tokens:
            endpoint.tokens.take(size)
        cost: Decimal | None = None
        try:
            await self.journal.begin(attempt)
            async with asyncio.timeout(max(0.0, budget.deadline - self.clock())):
                answer = await endpoint.client.ask(endpoint.offer, request, attempt.leaves)
            attempt.status = "success"
            cost = _account(attempt, answer, endpoint, request)
            return answer
        except TimeoutError:
            message = "the task's time budget ended during this call"
            attempt.fails("error", "timeout", message)
            cost = None if attempt.sent else Decimal(0)
            raise CallFailed("timeout", message, billable=attempt.sent) from None
        except CallFailed as failure:
            attempt.fails("error", failure.kind, str(failure))
            attempt.http_status = failure.http_status
            cost = None if failure.billable else Decimal(0)
            if failure.partial:
                cost = _account(attempt, failure.partial, endpoint, request)
            raise
        except asyncio.CancelledError:
            attempt.fails("cancelled", "cancelled", "stopped by the kill switch or the end of the run")
            cost = None if attempt.sent else Decimal(0)
            raise
        finally:
            attempt.cost_usd = Decimal(0) if price.free else cost
            for reservation in (of_run, of_task):
                reservation.settle(attempt.cost_usd)
            if endpoint.tokens and attempt.tokens.known:
                endpoint.tokens.give_back(size - (attempt.tokens.fresh_input or 0) - (attempt.tokens.output or 0))
            self.journal.end(attempt)

    async def _learn(self, endpoint: Endpoint, failure: CallFailed, chain: ChainOfCandidates) -> None:
        """What a failure means for the rest of this call; waits where the same endpoint is to be asked again."""
        wait_s = failure.retry_after_s
        if wait_s is not None and wait_s <= LONGEST_RETRY_AFTER_S:
            endpoint.blocked_until = max(endpoint.blocked_until, self.clock() + wait_s)
        again = chain.note_failure(endpoint, failure)
        self.journal.note("call failed", chain.note(endpoint, failure, again))
        if again and wait_s is None:
            await self._sleep(
                min(
                    jitter_s(chain.tries[endpoint.name] - 1, chain.context.rng),
                    max(0.0, chain.context.budget.deadline - self.clock()),
                )
            )


def _account(attempt: Attempt, answer: Answer, endpoint: Endpoint, request: Request) -> Decimal | None:
    """Fill the attempt from an answer and return its cost. Counts the request cannot have are unknown counts."""
    plausible = answer.tokens.within(request.input_bound, request.max_tokens)
    attempt.tokens = answer.tokens if plausible else Tokens()
    attempt.http_status = 200
    attempt.latency_ms, attempt.ttft_ms, attempt.model_returned = answer.latency_ms, answer.ttft_ms, answer.model
    if not plausible:
        attempt.message = "the reported usage is larger than this request can have; it counts as unknown"
    return endpoint.offer.price.cost_usd(attempt.tokens)
