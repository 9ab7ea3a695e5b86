"""A price book with the fixed rates of a case table, for tests that must not follow the live catalogue."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from data.prices.book import PriceBook
from data.prices.model_names import Match
from data.prices.price_row import BEGINNING, DAY_SECONDS, FOREVER, NO_LIMIT, TEXT_RATES, PriceRow


class FixedBook(PriceBook):
    """Prices from `{model: {provider, rates, above: {tokens: rates}, since: {day: rates}, hours: {span: rates}, batch, us}}`."""

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
        tiers = {"standard": Decimal(1)} | ({"batch": Decimal(str(entry["batch"]))} if "batch" in entry else {})
        rows = (row for tier in tiers for row in _rows(match, entry, tier))
        return tuple(row.scaled(match.factor * tiers[row.service_tier], "") for row in rows)


def _rows(match: Match, entry: dict, tier: str):
    def row(rates: dict, **span) -> PriceRow:
        prices = {
            rate: Decimal(str(rates.get(rate, rates["output"] if rate == "reasoning" else rates["fresh_input"])))
            for rate in TEXT_RATES
        }
        whole = {
            "valid_from": BEGINNING,
            "valid_to": FOREVER,
            "second_from": 0,
            "second_to": DAY_SECONDS,
            "tokens_from": 0,
            "tokens_to": NO_LIMIT,
        }
        names = {"provider": match.price_provider, "model": match.price_model, "service_tier": tier}
        return PriceRow(
            **names, **(whole | span), **prices, request_usd=Decimal(0), source="fixed", source_version="", rule=""
        )

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
