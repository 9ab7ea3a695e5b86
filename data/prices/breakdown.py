"""What one usage row costs and why: a line per kind of token, per tool and per request, that add up to the cost.

The arithmetic of `priced_rows`, one row at a time and with its sources: what `python -m data explain` and the
rows table show.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from data.calendar import MILLION
from data.prices.book import PriceBook
from data.prices.model_names import Match
from data.prices.price_row import MEDIA_RATES, RATES, PriceRow
from data.prices.tool_fees import Fee
from data.schema import INPUT_TOKENS


class PriceLine(NamedTuple):
    """One line of a row's price. `rate_usd` is per million tokens for tokens, else per call or request.

    `bucket` is a kind of tokens without `_tokens`, a tool's name, or `request`; `unit` is tokens, calls or request.
    `factor` is the region's, already in the rate; `rule` says where the rate comes from when it is not a list's own.
    """

    bucket: str
    quantity: int
    unit: str
    rate_usd: Decimal | None
    usd: Decimal | None
    service_tier: str
    factor: Decimal
    source: str
    rule: str


class Breakdown(NamedTuple):
    """A row's price at list and as paid, in lines; the basis and the cost that the ledger keeps for it.

    `paid` are the lines that make the cost: empty where the log's own amount, or nothing, is the cost.
    """

    model: str | None
    provider: str | None
    matched_by: str
    basis: str
    cost_usd: Decimal | None
    listed: tuple[PriceLine, ...]
    paid: tuple[PriceLine, ...]


def breakdown(book: PriceBook, row: Mapping[str, Any]) -> Breakdown:
    """The price of a usage row: its columns by name, as `usage` has them (`cost_basis` and `cost_usd` included)."""
    match = book.match(row.get("provider"), row.get("host"), row.get("region"), row.get("model_raw"))
    basis, cost = row.get("cost_basis") or "unpriced", row.get("cost_usd")
    charged = row.get("status") not in ("cached", "error")
    listed = price_lines(book, match, row, "list") if charged else ()
    paid: tuple[PriceLine, ...] = ()
    if charged and basis in ("list", "prepaid", "contract"):
        paid = listed if basis == "list" else price_lines(book, match, row, "paid")
    return Breakdown(match.model, match.provider, match.matched_by, basis, cost, listed, paid)


def price_lines(book: PriceBook, match: Match, row: Mapping[str, Any], which: str) -> tuple[PriceLine, ...]:
    """Lines of a row at list ("list") or as paid ("paid"): tokens first, then the request, then tools.

    A kind of tokens without a price, or a tool without a known fee, has `rate_usd` and `usd` None.
    """
    at, tier = row["requested_at"], row.get("service_tier") or "standard"
    tokens = {name: int(row.get(f"{name}_tokens") or 0) for name in RATES}
    price = _price(book, match, at, tier, tokens, which)
    lines = [_token_line(name, count, price, match, tier) for name, count in tokens.items() if count]
    if price is not None and price.request_usd:
        usd = price.request_usd
        lines.append(PriceLine("request", 1, "request", usd, usd, tier, match.factor, price.source, price.rule))
    return (*lines, *_tool_lines(book, match, row, which))


def _price(
    book: PriceBook, match: Match, at: datetime, tier: str, tokens: Mapping[str, int], which: str
) -> PriceRow | None:
    size = sum(count for name, count in tokens.items() if f"{name}_tokens" in INPUT_TOKENS)
    return book.holding(match, at, size, tier, which)


def _token_line(name: str, count: int, price: PriceRow | None, match: Match, tier: str) -> PriceLine:
    if price is None:
        return PriceLine(name, count, "tokens", None, None, tier, match.factor, "", "no price known")
    rate = price.rate(name)
    as_text = "at the price of text" if name in MEDIA_RATES and getattr(price, name) is None else ""
    assumed = (
        f"no price for {tier}: the standard price, assumed" if tier != price.service_tier and not price.prepaid else ""
    )
    rule = "; ".join(filter(None, (price.rule, assumed, as_text)))
    stated = price.source_version or ""  # the catalogue's version begins with its name
    source = stated if stated.startswith(price.source) else " ".join(filter(None, (price.source, stated)))
    return PriceLine(name, count, "tokens", rate, rate * count / MILLION, tier, match.factor, source, rule)


def _tool_lines(book: PriceBook, match: Match, row: Mapping[str, Any], which: str) -> list[PriceLine]:
    calls = calls_by_tool(row.get("server_tools"))
    at, tier = row["requested_at"], row.get("service_tier") or "standard"
    span = next((s for s in book.fee_spans(match) if s.valid_from <= at < s.valid_to), None) if calls else None
    fees: Mapping[str, Fee] = {} if span is None else span.listed if which == "list" else span.paid
    lines = []
    for tool, count in calls.items():
        fee = fees.get(tool)
        usd, rate = (None, None) if fee is None else (fee.of(count), fee.usd)
        rule = "no known fee" if fee is None else "once per request" if fee.most == 1 else ""
        source = fee.source if fee else ""
        lines.append(PriceLine(tool, count, "calls", rate, usd, tier, Decimal(1), source, rule))
    return lines


def calls_by_tool(server_tools: Any) -> dict[str, int]:
    """Calls of a row's tools; what is no count above 0 is left out."""
    stated = json.loads(server_tools) if isinstance(server_tools, str) and server_tools else server_tools
    if not isinstance(stated, Mapping):
        return {}
    return {str(tool): int(count) for tool, count in stated.items() if isinstance(count, int) and count > 0}
