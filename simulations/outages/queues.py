"""Minute by minute: what fallbacks with rate limits take over, who waits, who is turned away. Pure, no ledger.

Every model first serves what was its own, then what came over to it. What exceeds its limit waits, at most `patience`
minutes; what would wait longer goes to the next fallback, and fails after the last.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

Chain = tuple[str, ...]


class Queue(NamedTuple):
    """What one model met: requests a minute before and during, minutes above its limit, who waited and how long.

    `taken` requests came over to it; `limit` is None where nobody knows one.
    """

    model: str
    limit: float | None
    peak_own: float
    peak: float
    taken: float
    minutes_over: int
    waited: float
    longest_wait_minutes: float


class Carried(NamedTuple):
    """The queues by model; per minute, the requests that found no model in time.

    By chain, how many requests `came` and how many of them each model has `taken`.
    """

    queues: tuple[Queue, ...]
    failed: np.ndarray
    came: dict[Chain, float]
    taken: dict[Chain, dict[str, float]]


def carry(
    own: Mapping[str, np.ndarray], moved: Mapping[Chain, np.ndarray], limits: Mapping[str, float], patience: float
) -> Carried:
    """Send `moved` requests (per minute, by the chain of models that may take them) over to models with `own` load."""
    minutes = len(next(iter([*own.values(), *moved.values()]), np.zeros(0)))
    names = list(dict.fromkeys(name for chain in moved for name in chain))
    zeros = np.zeros(minutes)
    desks = {name: _Desk(own.get(name, zeros), limits.get(name), patience) for name in names}
    failed, taken = np.zeros(minutes), {chain: dict.fromkeys(chain, 0.0) for chain in moved}
    for minute in range(minutes):
        for desk in desks.values():
            desk.open(minute)
        for chain, arriving in moved.items():
            left = float(arriving[minute])
            for name in chain:
                took = desks[name].take(left)
                taken[chain][name] += took
                left -= took
            failed[minute] += left
        for desk in desks.values():
            desk.close(minute)
    came = {chain: float(arriving.sum()) for chain, arriving in moved.items()}
    return Carried(tuple(desk.outcome(name) for name, desk in desks.items()), failed, came, taken)


class _Desk:
    """One model's limit and who waits there."""

    def __init__(self, own: np.ndarray, limit: float | None, patience: float) -> None:
        self._own, self._limit, self._patience = own, limit, patience
        self._arrived, self._waits = np.array(own, float), np.zeros(len(own))
        self._waiting = self._now = self._taken = self._waited = 0.0

    def open(self, minute: int) -> None:
        """A minute begins with what was its own."""
        self._now = float(self._own[minute])

    def take(self, wanted: float) -> float:
        """How many of these requests it takes in this minute: all, or what fits within the patience."""
        if self._limit is not None:
            wanted = min(wanted, max(0.0, self._limit * (1 + self._patience) - self._waiting - self._now))
        self._now += wanted
        self._taken += wanted
        return wanted

    def close(self, minute: int) -> None:
        """A minute ends: what exceeds the limit waits; its own callers give up as well, in time."""
        self._arrived[minute] = self._now
        if self._limit is not None:
            over = max(0.0, self._waiting + self._now - self._limit)
            self._waiting = min(over, self._limit * self._patience)
            self._waited += min(self._now, self._waiting)
            self._waits[minute] = self._waiting / self._limit

    def outcome(self, name: str) -> Queue:
        """What it met."""
        over = 0 if self._limit is None else int((self._arrived > self._limit).sum())
        own, all_of_it, wait = (float(part.max(initial=0.0)) for part in (self._own, self._arrived, self._waits))
        return Queue(name, self._limit, own, all_of_it, self._taken, over, self._waited, wait)
