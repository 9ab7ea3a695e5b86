"""Prices brought into the engine: small temporary tables for the names of a relation, met by `priced_rows`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from data.calendar import MILLION
from data.prices.model_names import Match
from data.prices.price_row import MEDIA_RATES, RATES, TEXT_RATES, PriceRow
from data.prices.tool_fees import Fee, FeeSpan
from data.sql_text import literal

# USD per token to twelve decimals, as a row's own money: products need no rounding and stay in 64 bits.
RATE = "DECIMAL(18,12)"
RESOLVED = {
    **dict.fromkeys(("provider", "host", "region", "model_raw", "canonical_provider", "model"), "VARCHAR"),
    "name_id": "INTEGER",
    "matched_by": "VARCHAR",
}
SPAN = {"valid_from": "TIMESTAMP", "valid_to": "TIMESTAMP"}
PRICE_TABLE = {
    "name_id": "INTEGER",
    "service_tier": "VARCHAR",
    **SPAN,
    **dict.fromkeys(("second_from", "second_to", "tokens_from", "tokens_to"), "BIGINT"),
    **dict.fromkeys((*RATES, "request_usd"), RATE),
    "tier_assumed": "BOOLEAN",
    "prepaid": "BOOLEAN",
}
_FEES = f"MAP(VARCHAR, STRUCT(usd {RATE}, most BIGINT))"
FEE_TABLE = {"name_id": "INTEGER", **SPAN, "list_fees": _FEES, "paid_fees": _FEES, "by_contract": "VARCHAR[]"}


class Book(Protocol):
    """What a price book answers about one matched name."""

    def match(self, provider: str | None, host: str | None, region: str | None, model_raw: str | None) -> Match: ...

    def list_rows(self, match: Match) -> Iterable[PriceRow]: ...

    def contract_rows(self, match: Match) -> Iterable[PriceRow]: ...

    def fee_spans(self, match: Match) -> Iterable[FeeSpan]: ...


def attach(cursor: Any, book: Book, relation: str) -> None:
    """Put the prices of every name in `relation` before the cursor, as temporary tables.

    Tables: `resolved` (logged provider, host, region, model_raw -> canonical_provider, model, name_id,
    matched_by), `prices` and `contract_prices` (`PRICE_TABLE`), and `tool_fees` (`FEE_TABLE`) of the names
    whose rows have server tools.
    """
    names = cursor.execute(
        f"""SELECT provider, host, region, model_raw, bool_or(server_tools IS NOT NULL)
        FROM {relation} GROUP BY provider, host, region, model_raw"""
    ).fetchall()
    matches = [(number, book.match(*name[:4])) for number, name in enumerate(names)]
    resolved = [(*names[i][:4], m.provider, m.model, i, m.matched_by) for i, m in matches]
    _create(cursor, "resolved", RESOLVED, resolved)
    for table, rows_of in (("prices", book.list_rows), ("contract_prices", book.contract_rows)):
        _create(cursor, table, PRICE_TABLE, [(i, *_per_token(row)) for i, m in matches for row in rows_of(m)])
    fees = [(i, *_fee_columns(span)) for i, m in matches if names[i][4] for span in book.fee_spans(m)]
    _create(cursor, "tool_fees", FEE_TABLE, fees)


def _per_token(row: PriceRow) -> tuple:
    """A price row as the engine's columns: USD per token, exact, so that SQL only multiplies and adds."""
    text = (getattr(row, rate) / MILLION for rate in TEXT_RATES)
    media = (None if (price := getattr(row, rate)) is None else price / MILLION for rate in MEDIA_RATES)
    span = (row.valid_from, row.valid_to, row.second_from, row.second_to, row.tokens_from, row.tokens_to)
    return (row.service_tier, *span, *text, *media, row.request_usd, row.tier_assumed, row.prepaid)


def _fee_columns(span: FeeSpan) -> tuple:
    by_contract = sorted(tool for tool, fee in span.paid.items() if fee.by_contract)
    return (span.valid_from, span.valid_to, _entries(span.listed), _entries(span.paid), by_contract)


def _entries(fees: Mapping[str, Fee]) -> dict[str, dict[str, Any]]:
    return {tool: {"usd": fee.usd, "most": fee.most} for tool, fee in fees.items()}


def _create(cursor: Any, table: str, columns: Mapping[str, str], rows: list[tuple]) -> None:
    """A temporary table of some rows. As JSON in the statement: what hands the engine frames or parameters loads pandas
    first, for which a load of a hundred records would wait longer than for all else."""
    text = json.dumps([dict(zip(columns, row, strict=True)) for row in rows], default=_exact)
    cursor.execute(f"""CREATE OR REPLACE TEMP TABLE {table} AS
        SELECT unnest(row) FROM (SELECT unnest(from_json({literal(text)}, {literal(json.dumps([columns]))})) AS row)""")


def _exact(value: Decimal | datetime) -> str:
    return format(value, "f") if isinstance(value, Decimal) else value.isoformat(" ")
