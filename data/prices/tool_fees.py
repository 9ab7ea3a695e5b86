"""Fees of server tools: what a provider bills for a search or a tool session beside the tokens.

The catalogue states some (searches per thousand); `tool_fees.csv` states the others, with their dates and
sources, and whether a fee is per call or once per request. A tool that is in neither has no known price.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from data.prices import catalogue
from data.prices.model_names import Match
from data.prices.price_row import BEGINNING, FOREVER
from data.prices.service_tiers import midnight, standard_prices

FILE = Path(__file__).parent / "tool_fees.csv"
EVERY_CALL = 10**12  # no request makes more


class Fee(NamedTuple):
    """USD per call of a tool; of one request at most `most` calls are billed."""

    usd: Decimal
    most: int
    source: str

    @property
    def by_contract(self) -> bool:
        """Whether the operator stated it."""
        return self.source.startswith("contract")

    def of(self, calls: int) -> Decimal:
        """What so many calls within one request cost."""
        return self.usd * min(calls, self.most)


class FeeSpan(NamedTuple):
    """The fees of a model's tools from an instant (naive UTC) until before another: at list, and as paid."""

    valid_from: datetime
    valid_to: datetime
    listed: Mapping[str, Fee]
    paid: Mapping[str, Fee]


class _Line(NamedTuple):
    provider: str
    model: str
    tool: str
    fee: Fee
    start: datetime
    end: datetime


@lru_cache(maxsize=1)
def _table() -> tuple[_Line, ...]:
    def instant(text: str, otherwise: datetime) -> datetime:
        return midnight(date.fromisoformat(text)) if text else otherwise

    with FILE.open(encoding="utf-8", newline="") as lines:
        return tuple(
            _Line(
                line["provider"],
                line["model"],
                line["tool"],
                Fee(Decimal(line["usd"]), EVERY_CALL if line["per"] == "call" else 1, line["source"]),
                instant(line["start"], BEGINNING),
                instant(line["end"], FOREVER),
            )
            for line in csv.DictReader(lines)
        )


@catalogue.kept_by_edition(maxsize=4096)
def spans(match: Match) -> tuple[FeeSpan, ...]:
    """The list fees of a matched name's tools over all time, oldest first; a name nobody prices may have some too."""
    lines = [
        line
        for line in _table()
        if line.provider == match.provider and re.fullmatch(line.model, (match.model or "").lower())
    ]
    edges = {BEGINNING, FOREVER} | {edge for line in lines for edge in (line.start, line.end)}
    listed = match.price_provider is not None and match.price_provider == match.provider
    if listed and match.price_provider in catalogue.providers():
        edges |= {midnight(day) for day in catalogue.days_of_change(match.price_provider, match.price_model or "")}
    days = sorted(edges)
    found: list[FeeSpan] = []
    for start, end in zip(days, days[1:], strict=False):
        fees = {line.tool: line.fee for line in lines if line.start <= start < line.end}
        fees |= _of_catalogue(match, start, fees) if listed else {}
        if found and found[-1].listed == fees:
            found[-1] = found[-1]._replace(valid_to=end)
        else:
            found.append(FeeSpan(start, end, fees, fees))
    return tuple(found)


def _of_catalogue(match: Match, at: datetime, known: Mapping[str, Fee]) -> dict[str, Fee]:
    """The catalogue's own fees at an instant; how calls are counted stays the table's."""
    if match.price_provider not in catalogue.providers() or match.price_model is None:
        return {}
    prices = standard_prices(catalogue.model(match.price_provider, match.price_model), at)
    search = "grounding" if (match.model or "").startswith("gemini") else "web_search"
    units = {search: "web_searches_kcount", "file_search": "storage_searches_kcount"}
    return {
        tool: Fee(prices[unit] / 1000, known[tool].most if tool in known else EVERY_CALL, catalogue.source_version())
        for tool, unit in units.items()
        if unit in prices
    }
