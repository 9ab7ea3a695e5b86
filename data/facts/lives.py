"""When providers stop answering for a model: `catalog/retirements.csv`, one line per provider and model.

A model lives at a provider: its maker may retire it while a cloud still serves it. What nobody announced is
unknown, which is not the same as for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from data.errors import BadInput
from data.facts.tables import Stamp, rows_at, stamp


class Retirement(NamedTuple):
    """`retires` is the first day on which the provider no longer answers for the model."""

    provider: str
    model: str
    retires: date
    source: str
    as_of: str


def retirements() -> Mapping[tuple[str, str], Retirement]:
    """Every announced end, by (provider, model); BadInput for a line whose day is none."""
    return _retirements(stamp("retirements.csv"))


@lru_cache(maxsize=8)
def _retirements(at: Stamp) -> dict[tuple[str, str], Retirement]:
    return {(row["provider"], row["model"]): _read(row) for row in rows_at(at)}


def _read(row: Mapping[str, str]) -> Retirement:
    try:
        day = date.fromisoformat(row["retires"])
    except ValueError:
        raise BadInput(
            f"{row['provider']} {row['model']}: retires is {row['retires'] or 'empty'}; give the first day without it "
            "as YYYY-MM-DD."
        ) from None
    return Retirement(row["provider"], row["model"], day, row["source"], row["as_of"])
