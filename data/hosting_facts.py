"""What running one's own machines costs beside the GPUs: power, space, people, money.

`catalog/hosting_facts.csv` holds each figure with its range, unit, source and date; the operator's
own figures (state documents of kind `setting`, name `hosting:<figure>`) win over it.
"""

from __future__ import annotations

import difflib
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from data.catalog_table import CATALOG, number, read_rows
from data.errors import BadInput

if TYPE_CHECKING:
    from data.state import State

PREFIX = "hosting:"


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


@cache
def shipped_facts() -> dict[str, HostingFact]:
    """The catalogue's figures by name."""
    return {
        row["name"]: HostingFact(row["name"], *(number(row, c) for c in ("value", "low", "high")), row["unit"], row["source"], row["as_of"], row["verified"] == "yes", row["note"])
        for row in read_rows(CATALOG / "hosting_facts.csv")
    }


def hosting_facts(state: State | None = None) -> dict[str, HostingFact]:
    """Every figure by name, the operator's own where given."""
    facts = dict(shipped_facts())
    for name, body in (state.all("setting") if state else {}).items():
        if name.startswith(PREFIX) and name.removeprefix(PREFIX) in facts:
            facts[name.removeprefix(PREFIX)] = facts[name.removeprefix(PREFIX)]._replace(**body)
    return facts


def save_fact(state: State, name: str, value: float, source: str, as_of: str) -> HostingFact:
    """Keep the operator's own figure; raises BadInput for an unknown name, no source or no date."""
    if name not in shipped_facts():
        near = difflib.get_close_matches(name, shipped_facts(), n=2) or list(shipped_facts())[:2]
        raise BadInput(f"{name} is not a hosting figure; nearest: {', '.join(near)}.")
    if not source.strip():
        raise BadInput(f"{name} has no source; say where {value:g} comes from.")
    try:
        date.fromisoformat(as_of)
    except ValueError:
        raise BadInput(f"{name} has the date {as_of or '(none)'}; give it as YYYY-MM-DD.") from None
    known = shipped_facts()[name]
    body = {"value": value, "low": min(known.low, value), "high": max(known.high, value), "source": source.strip(), "as_of": as_of, "verified": True}
    state.put("setting", PREFIX + name, body)
    return known._replace(**body)
