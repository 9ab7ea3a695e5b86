"""Contract prices: what the operator pays instead of the list price, dated, with a note.

Kept in state documents of kind `price_override`; `data.loading.reprice` applies them to rows
already loaded. An override covers one provider, or one model of
it, for a span of days. It states either a discount on the list price or prices of its own; of
several that apply, the one on the model wins over the one on the provider, a later start over an
earlier one. Prices of its own hold for every request length, and for the standard tier; other
tiers follow the provider's batch rule, unless the override names its tier.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from data.documents import Documents
from data.prices import model_names
from data.prices import notes as price_notes
from data.prices.catalogue import BEGINNING, DAY_SECONDS, FOREVER, NO_LIMIT, QUANTUM, RATES, SERVICE_TIERS, PriceRow

Price = Annotated[Decimal, Field(ge=0, lt=1_000_000, allow_inf_nan=False)]


class Prices(BaseModel):
    """USD per million tokens. A cache price that is left out is the input price, reasoning the output price."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    fresh_input: Price
    output: Price
    cache_read: Price | None = None
    cache_write_5m: Price | None = None
    cache_write_1h: Price | None = None
    reasoning: Price | None = None
    request_usd: Price = Decimal(0)

    def rates(self) -> dict[str, Decimal]:
        """The six prices of `RATES` and the price per request, none missing."""
        defaults = {name: self.fresh_input for name in RATES} | {"output": self.output, "reasoning": self.output}
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
    service_tier: Literal["standard", "batch", "flex", "priority", "fast"] | None = None
    note: str = ""

    @model_validator(mode="after")
    def _one_way(self) -> Override:
        if (self.discount is None) == (self.prices is None):
            raise ValueError("give either a discount (a share of 1) or prices, not both")
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
        return _midnight(self.start) or BEGINNING, _midnight(self.end) or FOREVER


def _midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time.min) if day else None


OVERRIDES = Documents("price_override", Override)


class Overrides:
    """The operator's contract lines."""

    def __init__(self, documents: Mapping[str, Override | dict[str, Any]]) -> None:
        self._named = {name: _canonical(OVERRIDES.read(name, line)) for name, line in documents.items()}

    def rows(self, provider: str | None, model: str | None, listed: Iterable[PriceRow]) -> list[PriceRow]:
        """Contract price rows of a canonical model, from its list prices; spans never overlap."""
        lines = {name: line for name, line in self._named.items() if line.covers(provider, model)}
        edges = sorted({edge for line in lines.values() for edge in line.span})
        listed = tuple(listed)
        found: list[PriceRow] = []
        for start, end in zip(edges, edges[1:], strict=False):
            for tier in SERVICE_TIERS:
                now = {
                    n: o for n, o in lines.items() if o.span[0] <= start < o.span[1] and o.service_tier in (None, tier)
                }
                if now:
                    name = max(
                        now,
                        key=lambda n: (now[n].model is not None, now[n].service_tier is not None, now[n].span[0], n),
                    )
                    found.extend(_priced(name, now[name], (provider or "", model or ""), tier, (start, end), listed))
        return found


def _canonical(line: Override) -> Override:
    """The line with the names that the ledger uses."""
    provider = model_names.canonical_provider(line.provider)
    model = model_names.match(provider, None, line.model).model.lower() if line.model else None
    return line.model_copy(update={"provider": provider, "model": model})


def _priced(
    name: str, line: Override, who: tuple[str, str], tier: str, span: tuple, listed: tuple[PriceRow, ...]
) -> Iterator[PriceRow]:
    if line.discount is not None:
        for row in listed:
            start, end = max(span[0], row.valid_from), min(span[1], row.valid_to)
            if row.service_tier == tier and start < end:
                cut = row.scaled(1 - line.discount, f"contract `{name}`: {_percent(line.discount)} off list")
                yield cut._replace(valid_from=start, valid_to=end, source="contract", source_version=name)
        return
    whole = (0, DAY_SECONDS, 0, NO_LIMIT)
    row = PriceRow(
        *who,
        tier,
        *span,
        *whole,
        **line.prices.rates(),
        source="contract",
        source_version=name,
        rule=f"contract `{name}`",
    )
    batch = price_notes.batch_rule(who[0]) if tier == "batch" and line.service_tier is None else None
    yield row.scaled(batch.factor, f"batch at {batch.factor} of the contract price") if batch else row


def _percent(share: Decimal) -> str:
    return f"{(share * 100).normalize():f} %"
