"""The endpoints of a run, each with its breaker, limiter and counters, and how one is picked.

A policy chooses a model; several endpoints may offer it. Which one is asked first is the
selector's business, and its propensity is logged with the decision.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from data.errors import BadInput
from data.facts.models import ModelFacts
from routing.calling.breaker import Breaker
from routing.calling.calls import Answer, Request
from routing.calling.client import Client
from routing.calling.declarations import Offer, Provider
from routing.calling.limiter import AdaptiveRate, Bucket, InFlight
from routing.policies.choice import Candidate

STRATEGIES = ("fixed", "shuffle", "inverse_price", "cheapest", "least_busy", "latency")
EWMA = 0.2
SIMILAR = 1.10
EXPLORE = 0.05


class Caller(Protocol):
    """Who asks a provider: its client, or a recording in its place."""

    async def ask(self, offer: Offer, request: Request, on_sent: Callable[[], None] = ...) -> Answer: ...


class Endpoint:
    """One model at one provider, with everything learned about it during this run."""

    def __init__(
        self, provider: Provider, offer: Offer, client: Caller, facts: ModelFacts, clock: Callable[[], float]
    ) -> None:
        self.provider, self.offer, self.client, self.facts, self._clock = provider, offer, client, facts, clock
        self.name = f"{provider.name}/{offer.model}"
        self.breaker = Breaker(clock)
        self.rate = AdaptiveRate(clock, provider.requests_per_minute)
        self.tokens = Bucket(clock, provider.tokens_per_minute, burst_s=60) if provider.tokens_per_minute else None
        self.in_flight = InFlight()
        self.places = asyncio.Semaphore(provider.concurrency)
        self.blocked_until = 0.0
        self.first_token_ms: float | None = None

    def blocked_s(self) -> float:
        """Seconds for which this endpoint should not be asked at all: open circuit, told to wait, or resting."""
        # A half-open circuit whose probe is under way has no end to wait for; look again soon.
        probing = 0.1 if self.breaker.state == "half_open" and self.breaker.probing else 0.0
        return max(self.breaker.wait_s(), probing, self.blocked_until - self._clock(), self.rate.resting_s(), 0.0)

    def pace_s(self, tokens: int) -> float:
        """Seconds until the declared and learned rates admit one more call of this size."""
        return max(self.rate.wait_s(), self.tokens.wait_s(tokens) if self.tokens else 0.0)

    def learn_latency(self, milliseconds: float) -> None:
        """Fold one time to first token into the moving average."""
        known = self.first_token_ms
        self.first_token_ms = milliseconds if known is None else known + EWMA * (milliseconds - known)


class Fleet:
    """Every endpoint of a run; `strategy` orders the endpoints that offer the same model."""

    def __init__(
        self,
        providers: Iterable[Provider],
        catalog: Mapping[str, ModelFacts],
        *,
        clock: Callable[[], float],
        strategy: str = "fixed",
        environ: Mapping[str, str] | None = None,
    ) -> None:
        if strategy not in STRATEGIES:
            raise BadInput(f"`{strategy}` is no way to pick an endpoint; use one of: {', '.join(STRATEGIES)}.")
        self.strategy = strategy
        self.endpoints: list[Endpoint] = []
        self._clients: list[Client] = []
        for provider in providers:
            client = Client(provider, environ)
            self._clients.append(client)
            self.endpoints += [
                Endpoint(provider, offer, client, provider.facts(offer, catalog), clock) for offer in provider.models
            ]

    def serving(self, candidate: Candidate) -> list[Endpoint]:
        """The endpoints that offer this model, in this hosting where the policy names one."""
        hosting = candidate.target.partition("@")[2] or None
        return [
            e
            for e in self.endpoints
            if e.offer.model.lower() == candidate.model.lower() and hosting in (None, e.provider.hosting)
        ]

    def in_try_order(self, candidate: Candidate, rng: random.Random) -> list[tuple[Endpoint, float]]:
        """The endpoints of a model in the order to try them, each with the propensity of standing first."""
        found = self.serving(candidate)
        weights = _weights(found, self.strategy)
        total = sum(weights)
        chance = {id(e): w / total for e, w in zip(found, weights, strict=True)} if total else {}
        # Efraimidis-Spirakis: a weighted random order; equal weights are a fair shuffle.
        keyed = sorted(
            found, key=lambda e: rng.random() ** (1 / chance[id(e)]) if chance[id(e)] else -1.0, reverse=True
        )
        return [(endpoint, chance[id(endpoint)]) for endpoint in keyed]

    async def close(self) -> None:
        """Close every connection."""
        for client in self._clients:
            await client.close()


def _weights(endpoints: list[Endpoint], strategy: str) -> list[float]:
    """How likely each endpoint should stand first; ties share."""
    if strategy == "shuffle":
        return [1.0] * len(endpoints)
    if strategy == "least_busy":
        return _best(endpoints, lambda e: e.in_flight.count, 1.0)
    if strategy == "cheapest":
        return _best(endpoints, _price, 1.0)
    if strategy == "inverse_price":
        return [1.0 / max(_price(e), 1e-9) ** 2 for e in endpoints]
    if strategy == "latency":
        # Unknown ones look instant, so each is tried; the others keep a small chance, or a recovered one would never
        # be seen.
        best = _best(endpoints, lambda e: e.first_token_ms or 0.0, SIMILAR)
        return [max(weight, EXPLORE) for weight in best]
    return [1.0 if i == 0 else 0.0 for i in range(len(endpoints))]


def _best(endpoints: list[Endpoint], measure: Callable[[Endpoint], float], similar: float) -> list[float]:
    lowest = min((measure(e) for e in endpoints), default=0.0)
    return [1.0 if measure(e) <= lowest * similar else 0.0 for e in endpoints]


def _price(endpoint: Endpoint) -> float:
    """USD per million tokens at three input tokens to one of output; an unknown price is the dearest."""
    price = endpoint.offer.price
    if price.input is None or price.output is None:
        return float("inf")
    return float(3 * price.input + price.output) / 4
