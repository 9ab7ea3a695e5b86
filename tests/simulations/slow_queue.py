"""The replay once more, slow and plain: a clock that ticks, sequences that lose tokens at every tick."""

from __future__ import annotations

import numpy as np

from simulations.hosting.arrivals import Requests
from simulations.hosting.serving_queue import ServiceRates


def slow_replay(
    requests: Requests, rates: ServiceRates, pairs: np.ndarray, replicas: int, tick: float
) -> tuple[np.ndarray, np.ndarray]:
    """(TTFT, TPOT) in seconds of every request; `pairs` are the two replicas the router looks at."""
    count = len(requests.at_s)
    first, done = np.full(count, np.nan), np.full(count, np.nan)
    left = requests.output_tokens - 1
    held = requests.fresh_tokens + requests.cached_tokens + requests.output_tokens / 2
    queues = [[] for _ in range(replicas)]
    prompts: list[list] = [[] for _ in range(replicas)]  # at most one [request, seconds left]
    decoding = [[] for _ in range(replicas)]
    left, clock, arrived = left.astype(float).copy(), 0.0, 0
    while np.isnan(done).any():
        clock += tick
        while arrived < count and requests.at_s[arrived] <= clock:
            a, b = pairs[arrived]
            busy = [len(queues[r]) + bool(prompts[r]) + len(decoding[r]) for r in (a, b)]
            queues[b if busy[1] < busy[0] else a].append(arrived)
            arrived += 1
        for r in range(replicas):
            room = rates.cache_tokens - sum(held[i] for i in decoding[r])
            if not prompts[r] and queues[r] and len(decoding[r]) < rates.slots and held[queues[r][0]] <= room:
                request = queues[r].pop(0)
                prompts[r] = [request, requests.fresh_tokens[request] * rates.prefill_s_per_token]
            if decoding[r]:
                pace = (1 - rates.interference if prompts[r] else 1) * tick / rates.step_s[len(decoding[r])]
                for request in list(decoding[r]):
                    left[request] -= pace
                    if left[request] <= 0:
                        done[request] = clock
                        decoding[r].remove(request)
            if prompts[r]:
                prompts[r][1] -= tick
                if prompts[r][1] <= 0:
                    request = prompts[r][0]
                    first[request], prompts[r] = clock, []
                    decoding[r].append(request)
    return first - requests.at_s + rates.overhead_s, (done - first) / np.maximum(requests.output_tokens - 1, 1)
