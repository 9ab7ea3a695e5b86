"""The price catalogue (genai-prices, offline) laid out flat: one row per span of time and size.

genai-prices decides which price holds at an instant; this module asks it at one instant per span
and writes the answers down, so that the engine can price rows with a join. Rules as in the
catalogue: a long-context tier counts the WHOLE request, chosen by total input including cache; a
missing cache price is the input price; 0 is a price.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from importlib.metadata import version
from typing import Any, NamedTuple

from data.prices import notes as price_notes

RATES = ("fresh_input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")
SERVICE_TIERS = ("standard", "batch", "flex", "priority", "fast")
BEGINNING, FOREVER = (datetime.combine(day, time.min) for day in (date.min, date.max))
DAY_SECONDS = 86_400
NO_LIMIT = 10**15  # tokens
QUANTUM = Decimal(
    "1e-6"
)  # USD per million tokens: what the ledger resolves per token; cuts float noise of the catalogue

NO_TIER = "no own price"  # a rule that begins so marks a tier that falls back on the standard price

# How the catalogue names our service tiers.
CONTEXTS = {
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"service_tier": "fast", "speed": "fast"},
}


class PriceRow(NamedTuple):
    """Prices in USD per million tokens that hold for one span; spans of one model never overlap.

    `valid_from` <= instant < `valid_to` (naive UTC), `second_from` <= second of the UTC day <
    `second_to`, `tokens_from` <= total input of the request < `tokens_to`.
    """

    provider: str
    model: str
    service_tier: str
    valid_from: datetime
    valid_to: datetime
    second_from: int
    second_to: int
    tokens_from: int
    tokens_to: int
    fresh_input: Decimal
    cache_read: Decimal
    cache_write_5m: Decimal
    cache_write_1h: Decimal
    output: Decimal
    reasoning: Decimal
    request_usd: Decimal
    source: str
    source_version: str
    rule: str

    @property
    def rates(self) -> tuple[Decimal, ...]:
        """The six prices in the order of `RATES`."""
        return tuple(getattr(self, name) for name in RATES)

    def scaled(self, factor: Decimal, rule: str) -> PriceRow:
        """The same span with every price multiplied and the reason added."""
        prices = {name: (getattr(self, name) * factor).quantize(QUANTUM) for name in (*RATES, "request_usd")}
        return self._replace(**prices, rule="; ".join(filter(None, (self.rule, rule))))


@lru_cache(maxsize=1)
def providers() -> dict[str, Any]:
    """genai-prices' providers by id. Imported late: it takes a third of a second."""
    from genai_prices.data_snapshot import get_snapshot

    return {provider.id: provider for provider in get_snapshot().providers}


@lru_cache(maxsize=1)
def source_version() -> str:
    """Name and version of the catalogue in use."""
    return f"genai-prices {version('genai-prices')}"


def find(provider_id: str, ref: str) -> tuple[str, str] | None:
    """(price provider, model id) of an id or a name in a provider's list or the lists it falls back to."""
    provider = providers().get(provider_id)
    if provider is None:
        return None
    if any(model.id == ref for model in provider.models):
        return provider_id, ref
    model = provider.find_model(ref, all_providers=list(providers().values()))
    if model is None:
        return None
    owners = (provider_id, *(provider.fallback_model_providers or ()))
    return next(owner for owner in owners if any(m is model for m in providers()[owner].models)), model.id


def find_provider(name: str) -> str | None:
    """Catalogue id of a provider name, or None."""
    from genai_prices.data_snapshot import find_provider_by_id

    found = find_provider_by_id(list(providers().values()), name)
    return found.id if found else None


def maker(ref: str) -> str | None:
    """The provider whose own models are named like this, or None."""
    return next((p.id for p in providers().values() if p.model_match and p.model_match.is_match(ref)), None)


def models() -> Iterator[tuple[str, str]]:
    """Every (price provider, model id) of the catalogue."""
    return ((p.id, m.id) for p in providers().values() for m in p.models)


def comment(provider_id: str, model_id: str) -> str:
    """The catalogue's own remark on a model's price, and ours."""
    return " ".join(
        filter(None, (_model(provider_id, model_id).price_comments, price_notes.note(provider_id, model_id)))
    )


@lru_cache(maxsize=4096)
def rows(provider_id: str, model_id: str) -> tuple[PriceRow, ...]:
    """Every price of a model. Empty where it is not sold by the token (audio hours, pages, images)."""
    model = _model(provider_id, model_id)
    days, seconds = _boundaries(model)
    found: list[PriceRow] = []
    for tier in SERVICE_TIERS:
        for second_from, second_to in zip(seconds, seconds[1:], strict=False):
            spans = [
                row
                for valid_from, valid_to in zip(days, days[1:], strict=False)
                for row in _bands(provider_id, model, tier, (valid_from, valid_to, second_from, second_to))
            ]
            found.extend(_merged(spans))
    return tuple(found)


@lru_cache(maxsize=4096)
def _model(provider_id: str, model_id: str) -> Any:
    return next(m for m in providers()[provider_id].models if m.id == model_id)


def _boundaries(model: Any) -> tuple[list[datetime], list[int]]:
    """Instants and seconds of the day at which some price of the model may change."""
    days, seconds = {BEGINNING, FOREVER}, {0, DAY_SECONDS}
    conditional = [*(model.prices if isinstance(model.prices, list) else ()), *(model.price_variants or ())]
    for constraint in filter(None, (c.constraint for c in conditional)):
        if hasattr(constraint, "start_date"):
            days.add(_midnight(constraint.start_date))
        else:
            seconds |= {_second(constraint.start_time), _second(constraint.end_time)}
    return sorted(days), sorted(seconds)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min)


def _second(moment: time) -> int:
    return moment.hour * 3600 + moment.minute * 60 + moment.second


def _bands(provider_id: str, model: Any, tier: str, span: tuple) -> Iterator[PriceRow]:
    """One row per long-context band of a span."""
    instant = span[0].replace(hour=span[2] // 3600, minute=span[2] // 60 % 60, second=span[2] % 60)
    prices, rule = _tier_prices(provider_id, model, tier, instant)
    starts = sorted({step.start for price in prices.values() for step in getattr(price, "tiers", ())})
    edges = [0, *(start + 1 for start in starts), NO_LIMIT]  # a tier begins strictly above its threshold
    for tokens_from, tokens_to in zip(edges, edges[1:], strict=False):
        at = {key: _price_at(price, tokens_from) for key, price in prices.items()}
        if (rates := _rates(at, free=model.id.endswith(":free") and not at)) is not None:
            request = (at.get("requests_kcount", Decimal(0)) / 1000).quantize(QUANTUM)
            yield PriceRow(
                provider_id,
                model.id,
                tier,
                *span,
                tokens_from,
                tokens_to,
                *rates,
                request,
                "genai-prices",
                source_version(),
                rule,
            )


def _price_at(price: Any, tokens: int) -> Decimal:
    if isinstance(price, Decimal):
        return price
    return next((step.price for step in reversed(price.tiers) if tokens > step.start), price.base)


def _rates(at: dict[str, Decimal], free: bool) -> tuple[Decimal, ...] | None:
    """The six prices of `RATES`, or None for a model that is not sold by the token or the request."""

    def first(*keys: str) -> Decimal | None:
        return next((at[key] for key in keys if key in at), None)

    fresh = first("input_mtok", "input_text_mtok")
    output = first("output_mtok", "output_text_mtok", "output_image_mtok", "output_audio_mtok")
    if fresh is None and output is None and "requests_kcount" not in at:
        return (Decimal(0),) * len(RATES) if free else None
    fresh, output = fresh or Decimal(0), output or Decimal(0)
    prices = {
        "fresh_input": fresh,
        "cache_read": first("cache_read_mtok"),
        "cache_write_5m": first("cache_write_5m_mtok", "cache_write_mtok"),
        "cache_write_1h": first("cache_write_1h_mtok", "cache_write_mtok"),
        "output": output,
        "reasoning": first("output_reasoning_mtok") if "output_reasoning_mtok" in at else output,
    }
    return tuple((fresh if price is None else price).quantize(QUANTUM) for price in prices.values())


def _tier_prices(provider_id: str, model: Any, tier: str, instant: datetime) -> tuple[dict[str, Any], str]:
    """The model's prices in a service tier at an instant, and the rule they come from when it is ours.

    Service tiers enter the catalogue on a date; before it, they keep their ratio to the standard price.
    """
    standard = _known(_standard(model, instant))
    if tier == "standard":
        return standard, ""
    context = CONTEXTS[tier]
    variants = [v for v in model.price_variants or () if v.when.items() <= context.items() and _known(v.prices)]
    if any(v.constraint is None or v.constraint.active(instant) for v in variants):
        return _known(model.get_prices(instant, context)), ""
    if variants:
        first = min(variants, key=lambda v: v.constraint.start_date)
        then = _known(model.get_prices(_midnight(first.constraint.start_date)))
        factors = {
            key: _base(price) / _base(then[key])
            for key, price in _known(first.prices).items()
            if key in then and _base(then[key])
        }
        return _multiplied(
            standard, factors
        ), f"{tier} at its ratio to the standard price on {first.constraint.start_date}"
    batch = price_notes.batch_rule(provider_id) if tier == "batch" else None
    if batch:
        return _batch(standard, batch), f"batch at {batch.factor} of the standard price ({batch.source})"
    return standard, f"{NO_TIER} for {tier}: the standard price"


def _standard(model: Any, instant: datetime) -> Any:
    """The catalogue's last price that holds at an instant.

    The catalogue cannot date a daily window; one listed after a dated price belongs to that price and
    does not reach back before it (its own reading would charge 2026's peak hours in 2025).
    """
    if not isinstance(model.prices, list):
        return model.prices
    chosen, begun = model.prices[0], True
    for entry in model.prices:
        daily = hasattr(entry.constraint, "start_time")
        active = entry.constraint is None or entry.constraint.active(instant)
        begun = begun if daily else active
        if active and begun:
            chosen = entry
    return chosen.prices


def _batch(standard: dict[str, Any], rule: price_notes.BatchRule) -> dict[str, Any]:
    if rule.with_cache:
        return _multiplied(standard, dict.fromkeys((key for key in standard if key.endswith("_mtok")), rule.factor))
    prices = _multiplied(standard, dict.fromkeys(("input_mtok", "output_mtok", "output_reasoning_mtok"), rule.factor))
    lowered = (key for key in prices if key.startswith("cache_") and "input_mtok" in prices)
    return prices | {key: min(prices[key], prices["input_mtok"], key=_base) for key in lowered}


def _known(prices: Any) -> dict[str, Any]:
    return {key: price for key, price in prices.__dict__.items() if price is not None}


def _base(price: Any) -> Decimal:
    return price if isinstance(price, Decimal) else price.base


def _multiplied(prices: dict[str, Any], factors: dict[str, Decimal]) -> dict[str, Any]:
    from genai_prices.types import Tier, TieredPrices

    def times(price: Any, factor: Decimal) -> Any:
        if isinstance(price, Decimal):
            return price * factor
        return TieredPrices(price.base * factor, [Tier(step.start, step.price * factor) for step in price.tiers])

    return {key: times(price, factors[key]) if key in factors else price for key, price in prices.items()}


def _merged(spans: list[PriceRow]) -> list[PriceRow]:
    """Rows of one tier and window in order of time, with neighbours that say the same joined."""
    merged: dict[tuple, list[PriceRow]] = {}
    for row in spans:
        band = merged.setdefault((row.tokens_from, row.tokens_to), [])
        if band and band[-1].valid_to == row.valid_from and band[-1][9:] == row[9:]:
            band[-1] = band[-1]._replace(valid_to=row.valid_to)
        else:
            band.append(row)
    return [row for band in merged.values() for row in band]
