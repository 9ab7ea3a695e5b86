"""What running one's own machines costs beside the GPUs: power, space, people, money.

`catalog/hosting_facts.csv` holds each figure with its range, unit, source and date.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from data.errors import BadInput
from data.facts.tables import Stamp, number, rows_at, stamp


class HostingFact(NamedTuple):
    """A figure with the range one should believe (P10 to P90), its unit, source and date."""

    name: str
    value: float
    low: float
    high: float
    unit: str
    source: str
    as_of: str
    verified: bool
    note: str


def hosting_facts() -> dict[str, HostingFact]:
    """Every figure by name; raises BadInput where low, value and high do not rise."""
    return dict(_facts(stamp("hosting_facts.csv")))


@lru_cache(maxsize=8)
def _facts(at: Stamp) -> dict[str, HostingFact]:
    facts = {}
    for row in rows_at(at):
        low, value, high = (number(row, column) for column in ("low", "value", "high"))
        if not low <= value <= high:
            raise BadInput(f"{row['name']}: low, value and high must rise; they are {low:g}, {value:g}, {high:g}.")
        facts[row["name"]] = HostingFact(
            row["name"],
            value,
            low,
            high,
            row["unit"],
            row["source"],
            row["as_of"],
            row["verified"] == "yes",
            row["note"],
        )
    return facts
