"""Contract prices: what the operator pays instead of the list price, dated, with a note.

Kept in state documents of kind `price_override`. An override covers one provider, or one model of
it, for a span of days. It states a discount on the list price, prices of its own, or that the work runs on
prepaid capacity; beside any of them, or alone, fees of server tools. Of several that apply, the one on the
model wins over the one on the provider, then the one that names the service tier, then the later start.
Prices of its own hold for every request length, and for the standard tier; other tiers follow the provider's
known factor, else they are assumed, unless the override names its tier.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from data import wording
from data.documents import Documents
from data.prices import model_names
from data.prices import notes as price_notes
from data.prices.price_row import (
    BEGINNING,
    FOREVER,
    QUANTUM,
    RATES,
    TEXT_RATES,
    PriceRow,
    Span,
    prepaid_row,
)
from data.prices.service_tiers import LONGEST_TIER, SERVICE_TIERS, midnight
from data.prices.tool_fees import EVERY_CALL, Fee, FeeSpan

Price = Annotated[Decimal, Field(ge=0, lt=1_000_000, allow_inf_nan=False)]


class Prices(BaseModel):
    """USD per million tokens. A cache price that is left out is the input price, reasoning the output price.

    An image, audio or video price that is left out is the text price, and the rows say `media_as_text`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    fresh_input: Price
    output: Price
    cache_read: Price | None = None
    cache_write_5m: Price | None = None
    cache_write_1h: Price | None = None
    reasoning: Price | None = None
    request_usd: Price = Decimal(0)
    image_input: Price | None = None
    audio_input: Price | None = None
    video_input: Price | None = None
    image_cache_read: Price | None = None
    audio_cache_read: Price | None = None
    image_output: Price | None = None
    audio_output: Price | None = None
    video_output: Price | None = None

    def rates(self) -> dict[str, Decimal]:
        """The prices of `TEXT_RATES` and the price per request, none missing, and the media prices that are stated."""
        defaults = {name: self.fresh_input for name in TEXT_RATES} | {"output": self.output, "reasoning": self.output}
        given = {name: price for name in RATES if (price := getattr(self, name)) is not None}
        return {
            name: price.quantize(QUANTUM)
            for name, price in {**defaults, **given, "request_usd": self.request_usd}.items()
        }


class Override(BaseModel):
    """One contract line. `start` is its first day (UTC), `end` the day after its last; None is open."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)
    provider: str = Field(min_length=1)
    model: str | None = None
    start: date | None = None
    end: date | None = None
    discount: Annotated[Decimal, Field(gt=0, le=1, allow_inf_nan=False)] | None = None
    prices: Prices | None = None
    service_tier: Annotated[str, Field(min_length=1, max_length=LONGEST_TIER, pattern=r"^[^A-Z]+$")] | None = None
    prepaid: bool = False
    fees: dict[str, Price] | None = None
    note: str = ""

    @model_validator(mode="after")
    def _one_way(self) -> Override:
        stated = sum((self.discount is not None, self.prices is not None, self.prepaid))
        if stated > 1 or not (stated or self.fees):
            raise ValueError(
                "give either a discount (a share of 1) or prices or prepaid, one of them, or fees of tools"
            )
        if self.prices is not None and not self.model:
            raise ValueError("prices belong to one model; name it, or give a discount for the whole provider")
        if self.start and self.end and self.end <= self.start:
            raise ValueError("the end must come after the start; it is the first day no longer covered")
        return self

    def covers(self, provider: str | None, model: str | None) -> bool:
        """Whether this line speaks about a canonical provider and model."""
        return self.provider == provider and (not self.model or self.model == (model or "").lower())

    @property
    def span(self) -> tuple[datetime, datetime]:
        """First and end instant, naive UTC."""
        return midnight(self.start) if self.start else BEGINNING, midnight(self.end) if self.end else FOREVER

    @property
    def states_prices(self) -> bool:
        """Whether this line says what tokens cost, not only what tools do."""
        return self.discount is not None or self.prices is not None or self.prepaid

    def speaks_of(self, provider: str | None, tier: str) -> bool:
        """Whether this line holds in a tier: one that names none leaves capacity bought ahead alone."""
        if self.service_tier is not None:
            return self.service_tier == tier
        return tier in SERVICE_TIERS and (self.prepaid or not price_notes.prepaid(provider, tier))


OVERRIDES = Documents("price_override", Override)


class Overrides:
    """The operator's contract lines."""

    def __init__(self, documents: Mapping[str, Override | dict[str, Any]]) -> None:
        self._named = {name: _canonical(OVERRIDES.read(name, line)) for name, line in documents.items()}

    @property
    def tiers(self) -> frozenset[str]:
        """The service tiers that some line names."""
        return frozenset(line.service_tier for line in self._named.values() if line.service_tier)

    def rows(self, provider: str | None, model: str | None, listed: Iterable[PriceRow]) -> list[PriceRow]:
        """Contract price rows of a canonical model, from its list prices; spans never overlap."""
        lines = {n: line for n, line in self._named.items() if line.states_prices and line.covers(provider, model)}
        listed = tuple(listed)
        found: list[PriceRow] = []
        for start, end in _spans(lines.values()):
            for tier in dict.fromkeys((*SERVICE_TIERS, *sorted(self.tiers))):
                if name := _winner(lines, provider, tier, start):
                    found.extend(_priced(name, lines[name], (provider or "", model or ""), tier, (start, end), listed))
        return found

    def fees(self, provider: str | None, model: str | None, listed: Iterable[FeeSpan]) -> list[FeeSpan]:
        """The fees of a canonical model's tools over all time, what lines state in place of the list's."""
        lines = {n: line for n, line in self._named.items() if line.fees and line.covers(provider, model)}
        edges = {edge for line in lines.values() for edge in line.span}
        found = []
        for usual in listed:
            inner = (edge for edge in edges if usual.valid_from < edge < usual.valid_to)
            days = sorted({usual.valid_from, usual.valid_to, *inner})
            for start, end in zip(days, days[1:], strict=False):
                found.append(FeeSpan(start, end, usual.listed, {**usual.paid, **_stated_fees(lines, start)}))
        return found


def _stated_fees(lines: dict[str, Override], at: datetime) -> dict[str, Fee]:
    """The fees that lines state at an instant: a model's over a provider's, a later start over an earlier one."""
    now = [n for n, line in lines.items() if line.span[0] <= at < line.span[1]]
    ranked = sorted(now, key=lambda n: (lines[n].model is not None, lines[n].span[0], n))
    return {
        tool: Fee(usd, EVERY_CALL, f"contract `{n}`") for n in ranked for tool, usd in (lines[n].fees or {}).items()
    }


def _spans(lines: Iterable[Override]) -> Iterator[tuple[datetime, datetime]]:
    edges = sorted({edge for line in lines for edge in line.span})
    return zip(edges, edges[1:], strict=False)


def _winner(lines: dict[str, Override], provider: str | None, tier: str, at: datetime) -> str | None:
    """The line that holds in a tier at an instant: the closest to the request, then the latest."""
    now = [n for n, o in lines.items() if o.span[0] <= at < o.span[1] and o.speaks_of(provider, tier)]
    closeness = {n: (lines[n].model is not None, lines[n].service_tier is not None, lines[n].span[0], n) for n in now}
    return max(now, key=closeness.__getitem__, default=None)


def _canonical(line: Override) -> Override:
    """The line with the names that the ledger uses."""
    provider = model_names.canonical_provider(line.provider)
    model = (model_names.match(provider, None, line.model).model or line.model).lower() if line.model else None
    return line.model_copy(update={"provider": provider, "model": model})


def _priced(
    name: str,
    line: Override,
    who: tuple[str, str],
    tier: str,
    span: tuple[datetime, datetime],
    listed: tuple[PriceRow, ...],
) -> Iterator[PriceRow]:
    if line.discount is not None:
        for row in of_tier(listed, tier):
            start, end = max(span[0], row.valid_from), min(span[1], row.valid_to)
            if start < end:
                cut = row.scale(1 - line.discount, f"contract `{name}`: {_percent(line.discount)} off list")
                yield cut._replace(valid_from=start, valid_to=end, source="contract", source_version=name)
        return
    if line.prices is None:
        row = prepaid_row(*who, tier)
        rule = f"contract `{name}`: {row.rule}"
        yield row._replace(valid_from=span[0], valid_to=span[1], source="contract", source_version=name, rule=rule)
        return
    row = PriceRow.of((*who, tier), Span(*span), line.prices.rates(), ("contract", name), f"contract `{name}`")
    if tier == "standard" or line.service_tier is not None:
        yield row
        return
    known = price_notes.tier_rule(who[0], who[1], tier, max(span[0], BEGINNING).date())
    if known:
        yield row.scale(known.factor, f"{tier} at {known.factor} of the contract price")
    else:
        yield row._replace(tier_assumed=True, rule=f"{row.rule}; no price for {tier}: the standard one, assumed")


def of_tier(listed: Iterable[PriceRow], tier: str) -> list[PriceRow]:
    """List prices in a tier; of one that the list does not know the standard prices, assumed."""
    listed = tuple(listed)
    if tier in SERVICE_TIERS:
        return [row for row in listed if row.service_tier == tier]
    rule = f"no own price for {tier}: the standard price, assumed"
    return [
        row._replace(service_tier=tier, tier_assumed=True, rule=rule)
        for row in listed
        if row.service_tier == "standard"
    ]


def _percent(share: Decimal) -> str:
    return wording.percent(share)
