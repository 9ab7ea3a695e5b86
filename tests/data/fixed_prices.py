"""A price book with the fixed rates of a case table, for tests that must not follow the live catalogue."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from data.prices.book import PriceBook
from data.prices.model_names import Match
from data.prices.price_row import MEDIA_RATES, TEXT_RATES, PriceRow, Span
from data.prices.service_tiers import SERVICE_TIERS


class FixedBook(PriceBook):
    """Prices from `{model: {provider, rates, above: {tokens: rates}, since: {day: rates}, hours: {span: rates}}}`."""

    def __init__(self, table: dict[str, dict]) -> None:
        super().__init__()
        self.table = table

    def match(self, provider, host, region, model_raw) -> Match:
        entry = self.table.get(model_raw)
        if entry is None:
            return Match(provider, model_raw)
        factor = Decimal(str(entry.get("us", 1))) if region == "us" else Decimal(1)
        return Match(provider or entry["provider"], model_raw, entry["provider"], model_raw, factor, "fixed")

    def list_rows(self, match: Match) -> tuple[PriceRow, ...]:
        if not match.found:
            return ()
        entry = self.table[match.price_model]
        factors = {tier: Decimal(str(entry[tier])) for tier in SERVICE_TIERS if tier in entry}
        tiers = {"standard": Decimal(1)} | factors
        rows = (row for tier in tiers for row in _rows(match, entry, tier))
        return tuple(row.scale(match.factor * tiers[row.service_tier], "") for row in rows)


def _rows(match: Match, entry: dict, tier: str):
    def row(rates: dict, **span) -> PriceRow:
        prices = {
            rate: Decimal(str(rates.get(rate, rates["output"] if rate == "reasoning" else rates["fresh_input"])))
            for rate in TEXT_RATES
        }
        prices |= {rate: Decimal(str(rates[rate])) for rate in MEDIA_RATES if rate in rates}
        name = (match.price_provider or "", match.price_model or "", tier)
        return PriceRow.of(name, Span()._replace(**span), prices, ("fixed", ""))

    for threshold, rates in entry.get("above", {}).items():
        yield row(entry, tokens_to=threshold + 1)
        yield row(rates, tokens_from=threshold + 1)
        return
    for day, rates in entry.get("since", {}).items():
        yield row(entry, valid_to=datetime.fromisoformat(day))
        yield row(rates, valid_from=datetime.fromisoformat(day))
        return
    for hours, rates in entry.get("hours", {}).items():
        start, end = (int(h[:2]) * 3600 + int(h[3:]) * 60 for h in hours.split("-"))
        yield row(rates, second_to=end)
        yield row(entry, second_from=end, second_to=start)
        yield row(rates, second_from=start)
        return
    yield row(entry)
