"""Planned changes of spend: what they do to each day ahead, and where they are kept."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from data.calendar import DAYS_PER_YEAR, MONTHS_PER_YEAR
from data.documents import Documents
from data.state import State


class Event(BaseModel):
    """A planned change: from `on`, spend is multiplied by 1 + change_pct / 100 and `usd_per_month` is added.

    `share` is the part of the spend it touches: 1 for everything, a model's share for a price change.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    name: str = Field(min_length=1)
    kind: str = Field(default="launch", pattern="^(launch|migration|price change|model swap|other)$")
    on: date
    change_pct: float = Field(default=0.0, ge=-100.0, le=10_000.0)
    share: float = Field(default=1.0, ge=0.0, le=1.0)
    usd_per_month: float = 0.0
    scenario: str = ""  # of which it is a part; "" is the plan as it stands


EVENTS = Documents("event", Event)  # by `<scenario>/<name>`


def saved_events(state: State, scenario: str | None = None) -> tuple[Event, ...]:
    """Events saved in the state, in order of date; of one scenario, or of the plan as it stands (None)."""
    events = [event for event in EVENTS.all(state).values() if event.scenario in ("", scenario)]
    return tuple(sorted(events, key=lambda event: (event.on, event.name)))


def factors(events: Iterable[Event], known_until: date, days: int) -> np.ndarray:
    """Multiplier of each day from `known_until` on. An event whose day has passed is in the log, or never came."""
    result = np.ones(days)
    for event in _ahead(events, known_until):
        result[(event.on - known_until).days :] *= 1 + event.share * event.change_pct / 100
    return result


def event_usd(events: Iterable[Event], known_until: date, days: int) -> np.ndarray:
    """USD that events add to each day from `known_until` on."""
    result = np.zeros(days)
    for event in _ahead(events, known_until):
        result[(event.on - known_until).days :] += event.usd_per_month * MONTHS_PER_YEAR / DAYS_PER_YEAR
    return result


def _ahead(events: Iterable[Event], known_until: date) -> list[Event]:
    return [event for event in events if event.on >= known_until]
