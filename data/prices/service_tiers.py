"""Service tiers: what logs call them, and what the catalogue's standard price becomes in one.

Order: the catalogue's own price of the tier; its ratio to the standard price on the day it entered the
catalogue, for the days before; a dated factor of `price_notes.yaml`; else the standard price, assumed.
"""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple

from data.prices import notes as price_notes
from data.sql_text import literal

SERVICE_TIERS = ("standard", "batch", "flex", "priority", "fast", "ultrafast")
LONGEST_TIER = 40  # characters kept of a tier's word that nobody knows

# How the catalogue names our service tiers.
CONTEXTS = {
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"service_tier": "fast", "speed": "fast"},
    "ultrafast": {"service_tier": "ultrafast"},
}


class TierPrice(NamedTuple):
    """Prices by the catalogue's unit, the rule they come from when it is ours, and whether the tier is assumed."""

    prices: dict[str, Any]
    rule: str = ""
    assumed: bool = False


def of_tier(provider_id: str, model: Any, tier: str, instant: datetime) -> TierPrice:
    """A catalogue model's prices in a service tier at an instant."""
    standard = standard_prices(model, instant)
    if tier == "standard":
        return TierPrice(standard)
    context = CONTEXTS[tier]
    variants = [v for v in model.price_variants or () if v.when.items() <= context.items() and _known(v.prices)]
    if any(v.constraint is None or v.constraint.active(instant) for v in variants):
        return TierPrice(_known(model.get_prices(instant, context)))
    if variants:
        return _at_first_ratio(model, tier, standard, variants)
    rule = price_notes.tier_rule(provider_id, model.id, tier, instant.date())
    if rule is None:
        return TierPrice(standard, f"no own price for {tier}: the standard price, assumed", assumed=True)
    return TierPrice(_by_factor(standard, rule), f"{tier} at {rule.factor} of the standard price ({rule.source})")


def standard_prices(model: Any, instant: datetime) -> dict[str, Any]:
    """A catalogue model's standard prices at an instant, by the catalogue's unit."""
    return _known(_standard(model, instant))


def edges(provider_id: str, model_id: str) -> set[datetime]:
    """Instants at which a known factor begins or ends."""
    days = (day for rule in price_notes.tier_rules(provider_id, model_id) for day in (rule.start, rule.end))
    return {midnight(day) for day in days if day}


def midnight(day: date) -> datetime:
    """The first instant of a UTC day."""
    return datetime.combine(day, time.min)


def _at_first_ratio(model: Any, tier: str, standard: dict[str, Any], variants: list[Any]) -> TierPrice:
    """A tier before it entered the catalogue keeps its ratio to the standard price of that day."""
    first = min(variants, key=lambda v: v.constraint.start_date)
    then = _known(model.get_prices(midnight(first.constraint.start_date)))
    factors = {
        key: _base(price) / _base(then[key])
        for key, price in _known(first.prices).items()
        if key in then and _base(then[key])
    }
    day = first.constraint.start_date
    return TierPrice(_multiplied(standard, factors), f"{tier} at its ratio to the standard price on {day}")


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


def _by_factor(standard: dict[str, Any], rule: price_notes.TierRule) -> dict[str, Any]:
    """Token prices times the factor; where the cache's is kept, the lower of it and the new input price."""
    tokens = [key for key in standard if key.endswith("_mtok")]
    if rule.cuts_cache:
        return _multiplied(standard, dict.fromkeys(tokens, rule.factor))
    prices = _multiplied(standard, {key: rule.factor for key in tokens if not key.startswith("cache_")})
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


# -- in the engine ------------------------------------------------------------------------------


def word_sql(column: str) -> str:
    """SQL for a logged tier in our words: NULL is standard, a word nobody knows stays as logged, lower case."""
    word = f"lower(trim({column}::VARCHAR))"
    cases = " ".join(
        f"WHEN {word} IN ({', '.join(map(literal, words))}) THEN '{tier}'"
        for tier, words in price_notes.tier_words().items()
    )
    return f"CASE WHEN {column} IS NULL OR {word} = '' THEN 'standard' {cases} ELSE left({word}, {LONGEST_TIER}) END"


def prepaid_sql(provider: str, tier: str) -> str:
    """SQL: whether a tier at a canonical provider is capacity bought ahead."""
    rules = (
        f"{tier} = '{name}'" + (f" AND {provider} = '{owner}'" if owner else "")
        for owner, name in price_notes.prepaid_tiers()
    )
    return f"coalesce({' OR '.join(rules)}, FALSE)"
