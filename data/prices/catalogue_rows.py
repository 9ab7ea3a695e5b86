"""The catalogue's prices laid out flat: one row per span of time and size.

genai-prices decides which price holds at an instant; this module asks it at one instant per span
and writes the answers down, so that the engine can price rows with a join. Rules as in the
catalogue: a long-context tier counts the WHOLE request, chosen by total input including cache; a
missing cache price is the input price; 0 is a price.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from data.prices import catalogue
from data.prices import notes as price_notes
from data.prices.price_row import (
    BEGINNING,
    DAY_SECONDS,
    FOREVER,
    MEDIA_RATES,
    NO_LIMIT,
    QUANTUM,
    TEXT_PRICE_OF,
    TEXT_RATES,
    PriceRow,
    Span,
    second_of_day,
)
from data.prices.service_tiers import SERVICE_TIERS, edges, midnight, of_tier

# Our media rates -> the catalogue's unit.
MEDIA_UNITS = {
    "image_input": "input_image_mtok",
    "audio_input": "input_audio_mtok",
    "video_input": "input_video_mtok",
    "image_cache_read": "cache_image_read_mtok",
    "audio_cache_read": "cache_audio_read_mtok",
    "image_output": "output_image_mtok",
    "audio_output": "output_audio_mtok",
    "video_output": "output_video_mtok",
}


@catalogue.kept_by_edition(maxsize=4096)
def rows(provider_id: str, model_id: str) -> tuple[PriceRow, ...]:
    """Every price of a model. Empty where it is not sold by the token (audio hours, pages, images)."""
    model = catalogue.model(provider_id, model_id)
    days, seconds = _boundaries(provider_id, model_id)
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


def _boundaries(provider_id: str, model_id: str) -> tuple[list[datetime], list[int]]:
    """Instants and seconds of the day at which some price of the model may change."""
    days = {midnight(day) for day in catalogue.days_of_change(provider_id, model_id)} | edges(provider_id, model_id)
    seconds = {second_of_day(moment) for moment in catalogue.daily_windows(provider_id, model_id)}
    return sorted(days | {BEGINNING, FOREVER}), sorted(seconds | {0, DAY_SECONDS})


def _bands(provider_id: str, model: Any, tier: str, span: tuple[datetime, datetime, int, int]) -> Iterator[PriceRow]:
    """One row per long-context band of a span."""
    instant = span[0].replace(hour=span[2] // 3600, minute=span[2] // 60 % 60, second=span[2] % 60)
    prices, rule, assumed = of_tier(provider_id, model, tier, instant)
    known = price_notes.media_at_text_price(provider_id, model.id)
    starts = sorted({step.start for price in prices.values() for step in getattr(price, "tiers", ())})
    edges = [0, *(start + 1 for start in starts), NO_LIMIT]  # a tier begins strictly above its threshold
    for tokens_from, tokens_to in zip(edges, edges[1:], strict=False):
        at = {key: _price_at(price, tokens_from) for key, price in prices.items()}
        if (rates := _rates(at, free=model.id.endswith(":free") and not at)) is not None:
            stated = {**rates, **_media_rates(at, rates, known)}
            stated["request_usd"] = at.get("requests_kcount", Decimal(0)) / 1000
            name = (provider_id, model.id, tier)
            source = ("genai-prices", catalogue.source_version())
            yield PriceRow.of(name, Span(*span, tokens_from, tokens_to), stated, source, rule, tier_assumed=assumed)


def _price_at(price: Any, tokens: int) -> Decimal:
    if isinstance(price, Decimal):
        return price
    return next((step.price for step in reversed(price.tiers) if tokens > step.start), price.base)


def _rates(at: dict[str, Decimal], free: bool) -> dict[str, Decimal] | None:
    """The prices of `TEXT_RATES`, or None for a model that is not sold by the token or the request."""

    def first(*keys: str) -> Decimal | None:
        return next((at[key] for key in keys if key in at), None)

    fresh = first("input_mtok", "input_text_mtok")
    output = first("output_mtok", "output_text_mtok", "output_image_mtok", "output_audio_mtok")
    if fresh is None and output is None and "requests_kcount" not in at:
        return dict.fromkeys(TEXT_RATES, Decimal(0)) if free else None
    fresh, output = fresh or Decimal(0), output or Decimal(0)
    prices = {
        "fresh_input": fresh,
        "cache_read": first("cache_read_mtok"),
        "cache_write_5m": first("cache_write_5m_mtok", "cache_write_mtok"),
        "cache_write_1h": first("cache_write_1h_mtok", "cache_write_mtok"),
        "output": output,
        "reasoning": first("output_reasoning_mtok") if "output_reasoning_mtok" in at else output,
    }
    return {name: (fresh if price is None else price).quantize(QUANTUM) for name, price in prices.items()}


def _media_rates(at: dict[str, Decimal], rates: dict[str, Decimal], known: frozenset[str]) -> dict[str, Decimal]:
    """The prices of `MEDIA_RATES` that the catalogue states, or that are known to be those of text."""
    stated = {name: at[unit].quantize(QUANTUM) for name, unit in MEDIA_UNITS.items() if unit in at}
    return {name: rates[TEXT_PRICE_OF[name]] for name in MEDIA_RATES if name in known} | stated


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
