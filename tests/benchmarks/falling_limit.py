"""A server that lowers its rate limit without notice, on real sockets: what the limiter gets through against the best
fixed rate.

Time runs eight times as fast for the router and the server alike,
so that two minutes pass in seventeen seconds. The best
fixed rate is measured beside it, at the same time; where the machine is too busy to keep even that,
it is done again slower.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from routing.calling.attempts import CallBudget, Context
from routing.calling.calls import Request
from routing.calling.endpoints import Fleet
from routing.calling.router import Router
from routing.calling.spend_cap import SpendCap
from routing.policies.choice import resolve
from tests.benchmarks.ratios import row
from tests.routing.live import MemoryJournal, policy, provider, run
from tests.routing.scripted_server import ScriptedServer

FASTER, SLOWER = 8.0, 4.0
DOCUMENTED, LOWERED, LOWERED_AT_S = 1500, 300, 4.0
FIXED = 0.98 * LOWERED
SETTLED_S, END_S = 75.0, 135.0
BURST_S = 2.0
CALLERS = 8


class FastClock:
    """Seconds since it was made, `faster` to the second."""

    def __init__(self, faster: float) -> None:
        self._faster, self._started = faster, time.monotonic()

    def __call__(self) -> float:
        return self._faster * (time.monotonic() - self._started)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._faster)


class FallingLimit:
    """The server's token bucket, one for each model; `log` has (instant, admitted) per model."""

    def __init__(self, clock: FastClock) -> None:
        self._clock = clock
        self._level: dict[str, tuple[float, float]] = {}
        self.log: dict[str, list[tuple[float, bool]]] = defaultdict(list)

    def __call__(self, number: int, body: dict) -> str:
        model, now = body["model"], self._clock()
        per_s = (DOCUMENTED if now < LOWERED_AT_S else LOWERED) / 60
        level, at = self._level.get(model, (per_s * BURST_S, now))
        level = min(per_s * BURST_S, level + (now - at) * per_s)
        admitted = level >= 1
        self._level[model] = (level - admitted, now)
        self.log[model].append((now, admitted))
        return "ok" if admitted else "429-bare"

    def settled(self, model: str) -> tuple[int, float]:
        """(answers, share refused) after settling."""
        tail = [admitted for at, admitted in self.log[model] if SETTLED_S < at < END_S]
        return sum(tail), 1 - sum(tail) / len(tail)


def tried(faster: float) -> FallingLimit:
    """What the server saw of a router told 1,500 a minute, and of one told the limit it lowered to."""
    clock = FastClock(faster)
    limit = FallingLimit(clock)

    async def asking(router: Router, model: str) -> None:
        rules = policy(fallback=[model])
        while clock() < END_S:
            context = Context(rules, {}, f"{model}/{clock()}", CallBudget(50, END_S), random.Random(0))
            await router.call(
                [resolve(model, {}, {})], Request(({"role": "user", "content": "6 x 7?"},), max_tokens=8), context
            )

    async def both(url: str) -> None:
        rates = {"learned": DOCUMENTED, "fixed": FIXED}
        declared = [
            provider(url, model, name=model, requests_per_minute=rate, concurrency=CALLERS, timeout_s=30)
            for model, rate in rates.items()
        ]
        fleet = Fleet(declared, {}, clock=clock, environ={})
        router = Router(fleet, SpendCap(Decimal(100)), MemoryJournal(), clock=clock, sleep=clock.sleep)
        await asyncio.gather(*(asking(router, model) for model in rates for _ in range(CALLERS)))
        await fleet.close()

    with ScriptedServer(limit) as server:
        run(both(server.url))
    return limit


def main() -> None:
    """Print what was answered and refused once settled, beside the best fixed rate at the same time."""
    limit = tried(FASTER)
    if limit.settled("fixed")[0] < 0.985 * FIXED * (END_S - SETTLED_S) / 60:
        limit = tried(SLOWER)
    (answered, refused), (best, _) = limit.settled("learned"), limit.settled("fixed")
    met = sum(not admitted for _, admitted in limit.log["learned"])
    print(f"{met} refused in all")
    print(
        row(
            "Calls answered after a provider's limit fell from 1,500 to 300 a minute unannounced",
            f"{answered}, {100 * refused:.1f} % refused",
            f"best fixed rate: {best}",
            answered / best,
        )
    )


if __name__ == "__main__":
    main()
