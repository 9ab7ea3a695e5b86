"""How fast one endpoint may be asked: declared limits, and a rate that adapts to what it answers.

The adaptive rule is the brief's: more than 10 % overload among the last 100 calls, and the rate
goes down by a fifth, or to what still came through where that is less; the endpoint rests for five
seconds and the fallback answers meanwhile. A single refusal already trims the rate a little and is
remembered as a ceiling, so that the limiter settles just under the real limit and climbs above it
only in small steps (AIMD).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

WINDOW = 100
FAILURE_SHARE = 0.10
ENOUGH = 25
LATEST = 20
PRIOR = 0.5
ROUGHLY = 1.15
CUT = 0.8
REST_S = 5.0
TRIM = 0.97
TRIM_EVERY_S = 1.0
HOLD_S = 5.0
GROWTH_PER_S = 0.015
CAUTIOUS_GROWTH_PER_S = 0.0003
PATIENCE_S = 30.0
PROVEN_S = 60.0
PROVEN_SHARE = 0.9
LOWEST_PER_S = 1 / 60


class Bucket:
    """A token bucket: `per_minute` units flow in, at most `burst_s` seconds of them are kept."""

    def __init__(self, clock: Callable[[], float], per_minute: float, burst_s: float = 1.0) -> None:
        self._clock, self.per_s, self._burst_s = clock, per_minute / 60.0, burst_s
        self._level, self._at = self._capacity, clock()

    @property
    def _capacity(self) -> float:
        return max(1.0, self.per_s * self._burst_s)

    def wait_s(self, units: float = 1.0) -> float:
        """Seconds until `units` may be taken; a demand beyond the capacity waits for a full bucket."""
        self._refill()
        missing = min(units, self._capacity) - self._level
        return missing / self.per_s if missing > 1e-9 else 0.0

    def take(self, units: float = 1.0) -> None:
        """Take `units` now; the level may go below zero, which later calls wait for."""
        self._refill()
        self._level -= units

    def give_back(self, units: float) -> None:
        """Return what was reserved and not used."""
        self._refill()
        self._level = min(self._capacity, self._level + max(0.0, units))

    def _refill(self) -> None:
        now = self._clock()
        self._level = min(self._capacity, self._level + (now - self._at) * self.per_s)
        self._at = now


class AdaptiveRate:
    """Requests per second that an endpoint bears, learned from its refusals; None until the first one.

    `highest_per_minute` is the declared limit. `record` takes every attempt's outcome, not every request's.
    """

    def __init__(self, clock: Callable[[], float], highest_per_minute: float | None = None) -> None:
        self._clock = clock
        self._highest = None if highest_per_minute is None else highest_per_minute / 60.0
        self.per_s = self._highest
        self._outcomes: deque[bool] = deque(maxlen=WINDOW)
        self._sent: deque[float] = deque(maxlen=WINDOW)
        self._ceiling: float | None = None
        self._refused_at = self._trimmed_at = float("-inf")
        self._grown_at = clock()
        self._next = 0.0
        self._proven_per_s, self._proven_at = 0.0, clock()
        self._met: list[bool] = []
        self._too_high = 0.0
        self.resting_until = 0.0

    @property
    def failure_share(self) -> float:
        """Share of overload among the last 100 attempts."""
        return self._outcomes.count(False) / len(self._outcomes) if self._outcomes else 0.0

    def resting_s(self) -> float:
        """Seconds of rest left; while it rests the fallback answers."""
        # No longer than a rest: a clock that has counted far rounds the sum and the difference apart.
        return min(REST_S, max(0.0, self.resting_until - self._clock()))

    def wait_s(self) -> float:
        """Seconds until the next attempt may start."""
        self._grow()
        return max(self.resting_s(), self._next - self._clock() if self.per_s else 0.0, 0.0)

    def take(self) -> None:
        """An attempt starts now."""
        now = self._clock()
        self._sent.append(now)
        if self.per_s:
            # One late start may be made up for, a backlog may not: bursts are what limits punish.
            self._next = max(self._next, now - 1 / self.per_s) + 1 / self.per_s

    def record(self, overloaded: bool) -> None:
        """An attempt ended. `overloaded`: it failed in a way that load causes: a rate limit, a timeout, a 503.

        Other failures are the breaker's business: asking more slowly does not cure them.
        """
        if self.resting_s() > 0:
            # A call from before the rest: it says more about the rate that was too high, nothing about the present one.
            self._met.append(not overloaded)
            self._cut()
            return
        self._outcomes.append(not overloaded)
        if not overloaded:
            self._prove()
            return
        self._grow()
        rate, now = self.per_s or self._observed(), self._clock()
        if self._too_many_failures():
            latest = list(self._outcomes)[-LATEST:]
            self._met, self._too_high = latest[latest.index(False) :], rate
            self._cut()
            self.resting_until = now + REST_S
            self._outcomes.clear()
        elif now >= self._trimmed_at + TRIM_EVERY_S:
            # Refusals of one burst are one message; and a few refusals do not unsay what lately came through.
            self._ceiling = self.per_s = max(LOWEST_PER_S, min(rate, max(rate * TRIM, self._proven() * PROVEN_SHARE)))
            self._trimmed_at = now
        self._refused_at = now

    def _cut(self) -> None:
        """Go down by a fifth, or to what came through since the refusals began where that is less."""
        came_through = self._too_high * (self._met.count(True) + PRIOR) / (len(self._met) + 1)
        self.per_s = max(LOWEST_PER_S, min(self._too_high * CUT, came_through))
        # Few calls tell the limit roughly: a little above it the climb is still brisk.
        self._ceiling = self._proven_per_s = self.per_s * ROUGHLY

    def _prove(self) -> None:
        """Remember the highest throughput of the last minute or so."""
        span = self._clock() - self._sent[0] if len(self._sent) >= ENOUGH else 0.0
        if span > 0:
            self._proven_per_s = max(self._proven(), len(self._sent) * (1 - self.failure_share) / span)
            self._proven_at = self._clock()

    def _proven(self) -> float:
        return self._proven_per_s * math.exp((self._proven_at - self._clock()) / PROVEN_S)

    def _too_many_failures(self) -> bool:
        return len(self._outcomes) >= ENOUGH and self.failure_share > FAILURE_SHARE

    def _observed(self) -> float:
        """The rate at which attempts were started lately."""
        span = self._clock() - self._sent[0] if self._sent else 0.0
        return len(self._sent) / span if span > 0 else 1.0

    def _grow(self) -> None:
        """Climb: briskly below the remembered ceiling; above it slowly, the faster the longer nothing was refused."""
        now = self._clock()
        held = max(self._refused_at + HOLD_S, self.resting_until)
        since, self._grown_at = now - max(self._grown_at, held), now
        if self.per_s is None or since <= 0:
            return
        growth = GROWTH_PER_S
        if self._ceiling is not None and self.per_s >= self._ceiling:
            growth = min(growth, CAUTIOUS_GROWTH_PER_S * (1 + ((now - self._refused_at) / PATIENCE_S) ** 2))
        self.per_s *= 1 + min(since, 1.0) * growth
        if self._highest is not None:
            self.per_s = min(self.per_s, self._highest)


class InFlight:
    """Calls under way at one endpoint: entered and left exactly once each, never below zero."""

    def __init__(self) -> None:
        self.count = 0

    def enter(self) -> Callable[[], None]:
        """Count one call; the returned function uncounts it, however often it is called."""
        self.count += 1
        left = False

        def leave() -> None:
            nonlocal left
            if not left:
                left = True
                self.count -= 1

        return leave
