"""Prices of declared models from the price book, for those that were declared without."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from data.errors import NoData
from data.prices.book import PriceBook
from routing.calling.declarations import Offer, Provider

KINDS = {
    "input_usd_per_mtok": "fresh_input",
    "output_usd_per_mtok": "output",
    "cache_read_usd_per_mtok": "cache_read",
    "cache_write_5m_usd_per_mtok": "cache_write_5m",
    "cache_write_1h_usd_per_mtok": "cache_write_1h",
}


def with_book_prices(provider: Provider, book: PriceBook, at: datetime) -> tuple[Provider, list[str]]:
    """The provider with the book's prices for models that state none, and the models the book does not know."""
    offers, unknown = [], []
    for offer in provider.models:
        prices = _book_prices(offer, provider, book, at)
        if prices is None:
            unknown.append(offer.model)
        offers.append(offer.model_copy(update=prices or {}))
    return provider.model_copy(update={"models": tuple(offers)}), unknown


def _book_prices(offer: Offer, provider: Provider, book: PriceBook, at: datetime) -> dict[str, Decimal] | None:
    """What the book says, {} where the declaration states its own price or the machines are one's own; None unknown."""
    if offer.input_usd_per_mtok is not None or offer.output_usd_per_mtok is not None or provider.hosting == "self":
        return {}
    for vendor, model in ((provider.vendor or provider.name, offer.upstream), (None, offer.model)):
        try:
            rates = book.price_usd_per_mtok(vendor, model, at)
        except NoData:
            continue
        return {field: rates[kind] for field, kind in KINDS.items()}
    return None
