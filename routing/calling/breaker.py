"""A circuit breaker for one endpoint: closed, open, half-open with a single probe.

It opens on five failures in a row or on half of the last twenty, needs no second endpoint to do
its work, and a failure during an open period never shortens it. Every attempt takes a permit and
gives it back exactly once, so that a cancelled probe cannot leave the circuit half-open for ever.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

CONSECUTIVE = 5
WINDOW = 20
MINIMUM = 10
RATE = 0.5
OPEN_S = 30.0
LONGEST_OPEN_S = 300.0


class Permit:
    """Leave for one attempt. Later answers of an earlier period of the circuit are ignored."""

    def __init__(self, breaker: Breaker, period: int, probe: bool) -> None:
        self._breaker, self._period, self.probe = breaker, period, probe
        self._open = True

    def close(self, succeeded: bool | None, blocked_until: float = 0.0) -> None:
        """Give the permit back: True, False, or None when the attempt says nothing about the endpoint.

        `blocked_until` opens the circuit at least until that instant of the clock, whatever the counts.
        """
        if self._open:
            self._open = False
            self._breaker._closed(self, succeeded, blocked_until)


class Breaker:
    """`clock` gives seconds, monotonic; `open_s` doubles with every failed probe up to `longest_open_s`."""

    def __init__(
        self, clock: Callable[[], float], open_s: float = OPEN_S, longest_open_s: float = LONGEST_OPEN_S
    ) -> None:
        self._clock, self._open_s, self._longest_open_s = clock, open_s, longest_open_s
        self._results: deque[bool] = deque(maxlen=WINDOW)
        self._in_a_row = 0
        self._times_opened = 0
        self._period = 0
        self._probing: Permit | None = None
        self.open_until: float | None = None

    @property
    def state(self) -> str:
        """closed, open or half_open."""
        if self.open_until is None:
            return "closed"
        return "open" if self._clock() < self.open_until else "half_open"

    @property
    def probing(self) -> bool:
        """Whether the one probe of a half-open circuit is under way."""
        return self._probing is not None

    def permit(self) -> Permit | None:
        """Leave for one attempt now, or None: open, or half-open with its probe under way."""
        state = self.state
        if state == "open" or (state == "half_open" and self.probing):
            return None
        permit = Permit(self, self._period, probe=state == "half_open")
        if permit.probe:
            self._probing = permit
        return permit

    def wait_s(self) -> float:
        """Seconds until a permit may be had again; 0 when it may be had now."""
        return max(0.0, (self.open_until or 0.0) - self._clock())

    def _closed(self, permit: Permit, succeeded: bool | None, blocked_until: float) -> None:
        if self._probing is permit:
            self._probing = None
        if blocked_until > self._clock():
            self._open_for(blocked_until)
        if succeeded is None or permit._period != self._period:
            return
        if permit.probe:
            self._close() if succeeded else self._trip()
            return
        self._results.append(succeeded)
        self._in_a_row = 0 if succeeded else self._in_a_row + 1
        failures = self._results.count(False)
        if self._in_a_row >= CONSECUTIVE or (len(self._results) >= MINIMUM and failures >= RATE * len(self._results)):
            self._trip()

    def _trip(self) -> None:
        duration = min(self._longest_open_s, self._open_s * 2.0**self._times_opened)
        self._times_opened += 1
        self._open_for(self._clock() + duration)

    def _open_for(self, until: float) -> None:
        self.open_until = max(self.open_until or 0.0, until)
        self._next_period()

    def _close(self) -> None:
        self.open_until = None
        self._times_opened = 0
        self._next_period()

    def _next_period(self) -> None:
        self._period += 1
        self._results.clear()
        self._in_a_row = 0
