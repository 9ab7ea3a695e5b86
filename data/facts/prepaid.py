"""Capacity bought ahead: how many tokens a minute one unit carries, how few and in which steps it is sold.

`catalog/prepaid_capacity.csv` holds one line per offer, with source and date. What a unit costs is no fact here: it
differs by contract, region and term, and is asked for.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from data.errors import BadInput
from data.facts.tables import Stamp, number, rows_at, stamp

TABLE = "prepaid_capacity.csv"


class Offer(NamedTuple):
    """Units of capacity for one model at one provider; `input_tokens_per_minute` is what one unit carries."""

    name: str
    provider: str
    model: str
    unit: str
    least_units: int
    step_units: int
    input_tokens_per_minute: float
    source: str
    as_of: str


def prepaid_offers(model: str) -> tuple[Offer, ...]:
    """Offers for a model, by its catalogue name."""
    return tuple(offer for offer in _offers(stamp(TABLE)) if offer.model == model)


@lru_cache(maxsize=4)
def _offers(at: Stamp) -> tuple[Offer, ...]:
    found = []
    for row in rows_at(at):
        least, step, tokens = (number(row, name) for name in ("least_units", "step_units", "input_tokens_per_minute"))
        if step < 1 or tokens <= 0:
            raise BadInput(f"{row['offer']}: step_units and input_tokens_per_minute must be above 0.")
        name, provider, model, unit = (row[column] for column in ("offer", "provider", "model", "unit"))
        found.append(Offer(name, provider, model, unit, int(least), int(step), tokens, row["source"], row["as_of"]))
    return tuple(found)
