"""A discrete-event replay of requests through replicas with continuous batching.

Each replica has one prefill lane and a set of decoding sequences; decoding slows while a prompt is
prefilled, and every sequence advances one token per step whose length depends on how many decode.
Nothing changes between two events, so a replica jumps from event to event: a request costs three of
them, whatever its length. The router asks two replicas drawn at random and takes the less busy one,
as least-request balancers do.
"""

from __future__ import annotations

import math
from collections import deque
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np

from data.errors import BadInput
from simulations.hosting.arrivals import Requests

NONE = -1
PROMISED = 95  # of a hundred requests must see what is promised
LOOKS = 8  # at a replay on its way, whether it can still end within its limits
ROUNDING = 1e-12


class ServiceRates(NamedTuple):
    """How fast one replica works. `step_s[b]` is the decode step with b sequences (index 0 unused)."""

    step_s: tuple[float, ...]
    prefill_s_per_token: float
    interference: float  # share of prefill time that decoding loses
    overhead_s: float  # per request before its first token: network, tokeniser, scheduling
    cache_tokens: float  # tokens of cache the replica holds
    gpus: int

    @property
    def slots(self) -> int:
        """Sequences that may run at once."""
        return len(self.step_s) - 1

    @property
    def decode_tokens_per_s(self) -> float:
        """Most tokens/s of decoding alone, at the best batch."""
        return max(b / self.step_s[b] for b in range(1, len(self.step_s)))

    def busy_seconds(self, fresh_tokens: float | np.ndarray, output_tokens: float | np.ndarray) -> float | np.ndarray:
        """Least replica-seconds that this much work can take.

        Its prompts one by one, or its decoding at the best batch.
        """
        prefill = fresh_tokens * self.prefill_s_per_token
        return np.maximum(prefill, self.interference * prefill + output_tokens / self.decode_tokens_per_s)


class Latencies(NamedTuple):
    """What every request saw (seconds, in order of arrival), and the mean number in the system."""

    ttft_s: np.ndarray
    tpot_s: np.ndarray
    sojourn_s: np.ndarray
    mean_in_flight: float
    busy_share: float

    def percentiles(self) -> dict[str, float]:
        """P50, P95 and P99 in ms."""
        named = (("ttft", self.ttft_s), ("tpot", self.tpot_s))
        return {
            f"{name}_p{q}_ms": float(np.percentile(values, q) * 1e3) for name, values in named for q in (50, 95, 99)
        }


class Replica:
    """One replica between two events."""

    __slots__ = ("area", "busy_s", "cache_left", "lane", "lane_left", "load", "now", "running", "steps", "waiting")

    def __init__(self, rates: ServiceRates) -> None:
        self.now = self.steps = self.area = self.busy_s = self.lane_left = 0.0
        self.running: list[tuple[float, int]] = []
        self.waiting: deque[int] = deque()
        self.lane, self.load, self.cache_left = NONE, 0, rates.cache_tokens


class Limits(NamedTuple):
    """What P95 of the time to first token and of the time per token may be, in ms."""

    ttft_ms: float
    tpot_ms: float

    def hold_for(self, seen: Latencies) -> bool:
        """Whether both do."""
        found = seen.percentiles()
        return found[f"ttft_p{PROMISED}_ms"] <= self.ttft_ms and found[f"tpot_p{PROMISED}_ms"] <= self.tpot_ms

    def are_broken(self, requests: Requests, rates: ServiceRates, first: list[float], done: list[float]) -> bool:
        """Whether the requests answered so far (the others have 0) break one, however fast the others will be."""
        begun, count = len(first), len(requests.at_s)
        enough = count - (count - 1) * PROMISED // 100 + 1  # so many too slow, and P95 lies among them
        first_at, done_at = np.array(first), np.array(done)
        ttft = first_at - requests.at_s[:begun] + rates.overhead_s
        tpot = (done_at - first_at) / np.maximum(requests.output_tokens[:begun] - 1, 1)
        return any(
            int(((at > 0) & (values * 1e3 > most * (1 + ROUNDING))).sum()) >= enough
            for at, values, most in ((first_at, ttft, self.ttft_ms), (done_at, tpot, self.tpot_ms))
        )


def replay(requests: Requests, rates: ServiceRates, replicas: int, *, seed: int = 0) -> Latencies:
    """Send requests in order of arrival through `replicas` replicas and wait until all are answered.

    Raises BadInput for no replica, no request, or a request larger than a replica's whole cache.
    """
    seen = _replay(requests, rates, replicas, seed, None)
    assert seen is not None  # without limits none is broken
    return seen


def replay_within(
    limits: Limits, requests: Requests, rates: ServiceRates, replicas: int, *, seed: int = 0
) -> Latencies | None:
    """As `replay` where it keeps the limits, else None: a replay is left as soon as it is certain to break them."""
    seen = _replay(requests, rates, replicas, seed, limits)
    return seen if seen is not None and limits.hold_for(seen) else None


def _replay(
    requests: Requests, rates: ServiceRates, replicas: int, seed: int, limits: Limits | None
) -> Latencies | None:
    count = len(requests.at_s)
    if replicas < 1 or not count:
        raise BadInput(f"A replay needs at least one replica and one request; there are {replicas} and {count}.")
    sizes = requests.fresh_tokens + requests.cached_tokens + requests.output_tokens / 2
    if sizes.max() > rates.cache_tokens:
        raise BadInput(
            f"A request holds {sizes.max():,.0f} tokens; a replica's cache holds {rates.cache_tokens:,.0f}. Take "
            "more GPUs a replica, or send such requests to the API."
        )
    prefill = (requests.fresh_tokens * rates.prefill_s_per_token).tolist()
    steps, size, at = np.maximum(requests.output_tokens - 1, 0).tolist(), sizes.tolist(), requests.at_s.tolist()
    first, done = [0.0] * count, [0.0] * count
    fleet = [Replica(rates) for _ in range(replicas)]
    drawn, look = router_draws(count, replicas, seed), math.ceil(count / LOOKS)
    for index, (a, b) in enumerate(drawn.tolist()):
        if limits and index and not index % look and limits.are_broken(requests, rates, first[:index], done[:index]):
            return None
        now, one, other = at[index], fleet[a], fleet[b]
        _advance(one, now, rates, prefill, steps, size, first, done)
        if a != b:
            _advance(other, now, rates, prefill, steps, size, first, done)
            if other.load < one.load:
                one = other
        one.load += 1
        one.waiting.append(index)
        if one.lane == NONE:
            _admit(one, rates, prefill, size)
    if limits and limits.are_broken(requests, rates, first, done):
        return None
    for replica in fleet:
        _advance(replica, float("inf"), rates, prefill, steps, size, first, done)
    start, end = requests.at_s[0], max(done)
    first_at, done_at = np.array(first), np.array(done)
    tokens = np.maximum(requests.output_tokens - 1, 1)
    return Latencies(
        first_at - requests.at_s + rates.overhead_s,
        (done_at - first_at) / tokens,
        done_at - requests.at_s,
        sum(r.area for r in fleet) / max(end - start, 1e-9),
        sum(r.busy_s for r in fleet) / (replicas * max(end - start, 1e-9)),
    )


def router_draws(count: int, replicas: int, seed: int) -> np.ndarray:
    """The two replicas the router looks at, per request."""
    return np.random.default_rng(seed).integers(0, replicas, (count, 2))


def _admit(replica: Replica, rates: ServiceRates, prefill: list[float], size: list[float]) -> None:
    """Start the next waiting prompt when a slot and the cache allow it."""
    if replica.waiting and len(replica.running) < rates.slots and size[replica.waiting[0]] <= replica.cache_left:
        replica.lane = replica.waiting.popleft()
        replica.cache_left -= size[replica.lane]
        replica.lane_left = prefill[replica.lane]


def _advance(
    replica: Replica,
    until: float,
    rates: ServiceRates,
    prefill: list[float],
    steps: list[float],
    size: list[float],
    first: list[float],
    done: list[float],
) -> None:
    """Run one replica up to `until`, event by event."""
    running, step_s = replica.running, rates.step_s
    now = replica.now
    while True:
        batch, lane = len(running), replica.lane
        if not batch and lane == NONE:
            replica.now = max(now, until) if until < float("inf") else now
            return
        pace = (1.0 - rates.interference if lane != NONE else 1.0) / step_s[batch] if batch else 0.0
        prompt_ends = now + replica.lane_left if lane != NONE else float("inf")
        next_done = now + (running[0][0] - replica.steps) / pace if batch else float("inf")
        event = min(prompt_ends, next_done, until)
        passed = event - now
        replica.steps += passed * pace
        replica.lane_left -= passed
        replica.area += passed * replica.load
        replica.busy_s += passed
        now = event
        if event == prompt_ends:
            first[lane] = now
            replica.lane = NONE
            heappush(running, (replica.steps + steps[lane], lane))
            _admit(replica, rates, prefill, size)
        elif event == next_done:
            replica.steps, finished = running[0]
            heappop(running)
            done[finished] = now
            replica.cache_left += size[finished]
            replica.load -= 1
            if replica.lane == NONE:
                _admit(replica, rates, prefill, size)
        else:
            replica.now = now
            return
