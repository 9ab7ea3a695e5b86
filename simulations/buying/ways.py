"""Ways to buy the same work: by the token, in batches, under a commitment, ahead, by the seat, on own machines. Pure.

Every way answers what a day costs at a multiple of its logged volume; a price that nobody typed makes a way open,
never free.
"""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from data.calendar import HOURS_PER_DAY, MILLION, MINUTES_PER_DAY
from simulations.buying.work import Work
from simulations.scenario import Scenario


class Purchase(Scenario):
    """What is offered, as typed. None is unknown, and asked for.

    `can_wait` is the share of the work that a batch may answer; a commitment is a least spend a month for a discount on
    tokens; a seat a month covers one user, up to `usd_per_seat_covered` of tokens where a plan has a limit. Volume
    multiples are P10 and P90 of the months to come.
    """

    kind: Literal["purchase"]
    model: str = Field(min_length=1)
    can_wait: float = Field(0.0, ge=0, le=1)
    commitment_usd: float | None = Field(None, ge=0)
    discount: float | None = Field(None, ge=0, lt=1)
    usd_per_unit_hour: float | None = Field(None, ge=0)
    output_weight: float | None = Field(None, gt=0)
    usd_per_seat: float | None = Field(None, ge=0)
    usd_per_seat_covered: float | None = Field(None, ge=0)
    own_usd_per_mtok: float | None = Field(None, ge=0)
    volume: tuple[float, float] = (0.7, 1.4)

    @model_validator(mode="after")
    def _volume_rises(self) -> Self:
        if not 0 < self.volume[0] <= self.volume[1]:
            raise ValueError(f"the volume's P10 {self.volume[0]:g} and P90 {self.volume[1]:g} must be above 0 and rise")
        return self


def best_units(work: Work, load: np.ndarray, per_unit: float, least: int, step: int, usd_hour: float) -> int:
    """The units that cost least a month, 0 where none pay; what exceeds them is bought by the token."""
    most = int(np.ceil(load.max() / per_unit / step) * step)
    tried = np.unique(np.clip(np.arange(least, max(least, most) + step, step), least, None))[:400]
    costs = [
        units * usd_hour * HOURS_PER_DAY * work.days + spill(work, load, units * per_unit).sum() for units in tried
    ]
    best = int(np.argmin(costs))
    return int(tried[best]) if costs[best] < work.usd.sum() else 0


def pays_below(work: Work, load: np.ndarray, per_unit: float, least: int, step: int) -> float:
    """USD per unit and hour under which the least purchase, or any larger one, is cheaper than by the token."""
    tried = np.arange(least, least + 200 * step, step)
    saved = [
        (work.usd.sum() - spill(work, load, units * per_unit).sum()) / (units * HOURS_PER_DAY * work.days)
        for units in tried
    ]
    return float(max(saved))


def spill(work: Work, load: np.ndarray, capacity: float, multiple: float = 1.0) -> np.ndarray:
    """USD of every minute that exceeds a capacity in tokens a minute, at the token price of that minute."""
    asked = load * multiple
    over = np.clip(asked - capacity, 0.0, None)
    share = np.divide(over, asked, out=np.zeros_like(asked), where=asked > 0)
    return work.usd * multiple * share


def prepaid_days(work: Work, load: np.ndarray, capacity: float, usd_hour: float, grid: np.ndarray) -> np.ndarray:
    """USD of every day at every multiple of a grid with capacity that costs so much an hour, spill included."""
    rent = usd_hour * HOURS_PER_DAY
    return np.array([rent + np.bincount(work.day, spill(work, load, capacity, m), work.days) for m in grid])


def utilisation_days(work: Work, load: np.ndarray, capacity: float, grid: np.ndarray) -> np.ndarray:
    """Share of the bought capacity that every day uses, at every multiple of a grid."""
    used = [np.bincount(work.day, np.minimum(load * m, capacity), work.days) for m in grid]
    return np.array(used) / (capacity * MINUTES_PER_DAY)


def seats_month(purchase: Purchase, users: int, tokens_usd: np.ndarray) -> np.ndarray:
    """USD a month by the seat for months that would cost `tokens_usd` by the token; beyond a plan's limit by token."""
    seats = users * (purchase.usd_per_seat or 0.0)
    covered = purchase.usd_per_seat_covered
    over = np.zeros_like(tokens_usd) if covered is None else np.clip(tokens_usd - users * covered, 0.0, None)
    return seats + over


def committed_month(purchase: Purchase, tokens_usd: np.ndarray) -> np.ndarray:
    """USD a month under a commitment: the discounted use, at least the commitment."""
    return np.maximum(purchase.commitment_usd or 0.0, tokens_usd * (1 - (purchase.discount or 0.0)))


def own_month(purchase: Purchase, work: Work, multiples: np.ndarray) -> np.ndarray:
    """USD a month on own machines at their price per million tokens."""
    return multiples * work.tokens_per_month * (purchase.own_usd_per_mtok or 0.0) / MILLION
