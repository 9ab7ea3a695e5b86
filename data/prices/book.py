"""The price book: which price holds for a request, in SQL for millions of rows and in Python for one.

Order: the operator's contract price, else the cost the log reports, else the list price at the
instant of the request. The list price is kept beside it always, so that the two can be compared.
Prices enter the engine as a small table for the names of a batch and meet the rows in a range join.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from data.calendar import MILLION
from data.errors import BadInput, NoData
from data.prices import catalogue as price_catalogue
from data.prices import model_names, second_catalogue
from data.prices.aliases import ALIASES, Alias, Aliases
from data.prices.catalogue import RATES, PriceRow
from data.prices.contracts import OVERRIDES, Override, Overrides
from data.prices.model_names import Match
from data.prices.priced_rows import PRICE_COLUMNS, priced_sql
from data.state import State

ROW_MONEY = Decimal("1e-12")  # the ledger keeps a row's money to twelve decimals
Name = tuple[str | None, str | None, str | None, str | None]  # provider, host, region, model as logged


@dataclass(frozen=True)
class Quote:
    """The price of one request: the sum, what each token kind adds to it, and where the prices come from."""

    cost_usd: Decimal
    lines: dict[str, Decimal]
    source: str
    source_version: str
    valid_from: datetime
    rule: str


class PriceBook:
    """List prices, contract prices and names, as they stand when it is loaded."""

    def __init__(
        self,
        aliases: Mapping[str, Alias | dict[str, Any]] | None = None,
        overrides: Mapping[str, Override | dict[str, Any]] | None = None,
        imported: second_catalogue.PriceFile | None = None,
    ) -> None:
        self._aliases, self._overrides, self.imported = Aliases(aliases or {}), Overrides(overrides or {}), imported
        self._matches: dict[Name, Match] = {}
        self._rows: dict[tuple[str, Match], tuple[PriceRow, ...]] = {}

    @classmethod
    def load(cls, state: State | None = None) -> PriceBook:
        """The book with a store's aliases, overrides and imported LiteLLM file; without a store, list prices.

        Kept per process until one of them changes. Raises BadInput for a document that cannot be read.
        """
        if state is None:
            return _shipped()
        versions = (
            state.version("alias"),
            state.version("price_override"),
            second_catalogue.version(state.path.parent),
        )
        return _by_versions(state.path, *versions)

    # -- names ----------------------------------------------------------------------------------

    def match(self, provider: str | None, host: str | None, region: str | None, model_raw: str | None) -> Match:
        """What one logged name stands for: aliases first, then the catalogue, then the imported file."""
        name = (provider, host, region, model_raw)
        if name not in self._matches:
            host_id = model_names.canonical_provider(host) if not provider else None
            natural = model_names.match(
                provider or (host_id if host_id in price_catalogue.providers() else None), region, model_raw
            )
            found = self._aliases.match(provider, region, model_raw, natural) or natural
            if not found.found and self.imported:
                found = self.imported.match(found, model_raw)
            self._matches[name] = found
        return self._matches[name]

    def resolve(self, names: Iterable[Name]) -> pd.DataFrame:
        """Frame of logged provider, host, region, model_raw and what they stand for, one row per distinct name."""
        rows = [
            (*name, m.provider, m.model, m.price_provider, m.price_model, m.factor, m.matched_by, m.found, m.note)
            for name in dict.fromkeys(names)
            for m in (self.match(*name),)
        ]
        columns = [
            "provider",
            "host",
            "region",
            "model_raw",
            "canonical_provider",
            "model",
            "price_provider",
            "price_model",
            "region_factor",
            "matched_by",
            "found",
            "note",
        ]
        return pd.DataFrame(rows, columns=columns, dtype=object)

    # -- prices ---------------------------------------------------------------------------------

    def list_rows(self, match: Match) -> tuple[PriceRow, ...]:
        """List prices of a matched name, its regional factor applied; empty when it is not sold by the token."""
        return self._kept(("list", match), self._list_rows, match)

    def contract_rows(self, match: Match) -> tuple[PriceRow, ...]:
        """Contract prices of a matched name."""
        return self._kept(
            ("contract", match), lambda m: self._overrides.rows(m.provider, m.model, self.list_rows(m)), match
        )

    def _kept(self, key: tuple, make: Callable[[Match], Iterable[PriceRow]], match: Match) -> tuple[PriceRow, ...]:
        if key not in self._rows:
            self._rows[key] = tuple(make(match))
        return self._rows[key]

    def _list_rows(self, match: Match) -> Iterable[PriceRow]:
        if not match.found:
            return ()
        if match.price_provider == second_catalogue.SOURCE:
            listed = self.imported.rows(match.price_model)
        else:
            listed = price_catalogue.rows(match.price_provider, match.price_model)
        if match.factor == 1:
            return listed
        return (row.scaled(match.factor, f"{match.factor} for the region ({match.note})") for row in listed)

    def attach(self, cursor: Any, relation: str) -> None:
        """Put the prices of every name in `relation` before the cursor, as temporary tables for `priced`.

        Tables: `resolved` (logged provider, host, region, model_raw -> canonical_provider, model,
        name_id, matched_by), `prices` and `contract_prices` (name_id and `PRICE_COLUMNS`).
        """
        names = cursor.execute(f"SELECT DISTINCT provider, host, region, model_raw FROM {relation}").fetchall()
        matches = [self.match(*name) for name in names]
        resolved = [
            (*name, m.provider, m.model, i, m.matched_by)
            for i, (name, m) in enumerate(zip(names, matches, strict=True))
        ]
        _create(cursor, "resolved", RESOLVED, resolved)
        for table, rows_of in (("prices", self.list_rows), ("contract_prices", self.contract_rows)):
            rows = [(i, *_per_token(row)) for i, m in enumerate(matches) for row in rows_of(m)]
            _create(cursor, table, PRICE_TABLE, rows)

    def priced(self, relation: str) -> str:
        """SQL: the rows of `relation` with canonical provider, `model`, `list_cost_usd`, `cost_usd`, `cost_basis`.

        `relation` has the columns of `usage` (but for those) and `unmetered`; see `data.prices.priced_rows`.
        """
        return priced_sql(relation)

    def quote(
        self,
        provider: str | None,
        model: str,
        at: datetime,
        *,
        fresh_input: int = 0,
        cache_read: int = 0,
        cache_write_5m: int = 0,
        cache_write_1h: int = 0,
        output: int = 0,
        reasoning: int = 0,
        service_tier: str = "standard",
        region: str | None = None,
        book: str = "paid",
    ) -> Quote:
        """Price of one successful request at an instant (naive UTC), the same arithmetic as `priced`.

        `book`: "paid" (contract where there is one, else list), "list" or "contract". Raises NoData
        for a model without a price at that instant, with the nearest names.
        """
        tokens = dict(
            zip(RATES, (fresh_input, cache_read, cache_write_5m, cache_write_1h, output, reasoning), strict=True)
        )
        if any(count < 0 for count in tokens.values()):
            raise BadInput(f"Token counts cannot be negative: {tokens}.")
        row = self.row(
            provider,
            model,
            at,
            total_input=sum(list(tokens.values())[:4]),
            service_tier=service_tier,
            region=region,
            book=book,
        )
        lines = {name: rate * tokens[name] / MILLION for name, rate in zip(RATES, row.rates, strict=True)}
        if row.request_usd:
            lines["request"] = row.request_usd
        cost = sum(lines.values(), Decimal(0)).quantize(ROW_MONEY, ROUND_HALF_UP)
        return Quote(cost, lines, row.source, row.source_version, row.valid_from, row.rule)

    def row(
        self,
        provider: str | None,
        model: str,
        at: datetime,
        *,
        total_input: int = 0,
        service_tier: str = "standard",
        region: str | None = None,
        book: str = "paid",
    ) -> PriceRow:
        """The one price row that holds for a request of `total_input` tokens (cache included) at an instant."""
        match = self.match(provider, None, region, model)
        contract = self.contract_rows(match) if book != "list" else ()
        listed = self.list_rows(match) if book != "contract" else ()
        for rows in (contract, listed):
            if row := _holding(rows, at, total_input, service_tier):
                return row
        raise self.no_price(match, model)

    def no_price(self, match: Match, model: str) -> NoData:
        """The error that says why a name has no price and what to do."""
        if match.found:
            return NoData(f"{model} is not sold by the token; add a price override to give it a price.")
        return NoData(f"{model} is in no price list{_nearest(model)}; add an alias or a price override.")

    def price_usd_per_mtok(self, provider: str | None, model: str, at: datetime, **choice: Any) -> dict[str, Decimal]:
        """USD per million tokens by token kind (`RATES`) for a request; options as `row`."""
        return dict(zip(RATES, self.row(provider, model, at, **choice).rates, strict=True))


def _holding(rows: Iterable[PriceRow], at: datetime, total_input: int, service_tier: str) -> PriceRow | None:
    tier = service_tier if service_tier in price_catalogue.SERVICE_TIERS else "standard"
    second = at.hour * 3600 + at.minute * 60 + at.second
    holds = (
        row
        for row in rows
        if row.service_tier == tier
        and row.valid_from <= at < row.valid_to
        and row.second_from <= second < row.second_to
        and row.tokens_from <= total_input < row.tokens_to
    )
    return next(holds, None)


@lru_cache(maxsize=256)
def _nearest(model: str) -> str:
    known = {model_names.canonical_model(*pair) for pair in price_catalogue.models()}
    near = difflib.get_close_matches(model.lower(), known, n=3, cutoff=0.6)
    return f" (did you mean {', '.join(near)}?)" if near else ""


# -- into the engine ----------------------------------------------------------------------------

_TEXT = pa.string()
RESOLVED = pa.schema(
    [(name, _TEXT) for name in ("provider", "host", "region", "model_raw", "canonical_provider", "model")]
    + [("name_id", pa.int32()), ("matched_by", _TEXT)]
)
PRICE_TABLE = pa.schema([("name_id", pa.int32()), *PRICE_COLUMNS])


def _per_token(row: PriceRow) -> tuple:
    """A price row as the engine's columns: USD per token, exact, so that SQL only multiplies and adds."""
    rates = (price / MILLION for price in row.rates)
    span = (row.valid_from, row.valid_to, row.second_from, row.second_to, row.tokens_from, row.tokens_to)
    return (row.service_tier, *span, *rates, row.request_usd)


def _create(cursor: Any, table: str, schema: pa.Schema, rows: list[tuple]) -> None:
    columns = [pa.array([row[i] for row in rows], field.type) for i, field in enumerate(schema)]
    cursor.register("price_book_rows", pa.Table.from_arrays(columns, schema=schema))
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS FROM price_book_rows")
    cursor.unregister("price_book_rows")


@lru_cache(maxsize=1)
def _shipped() -> PriceBook:
    return PriceBook()


@lru_cache(maxsize=8)
def _by_versions(path: Path, *_versions: str) -> PriceBook:
    state = State(path)
    return PriceBook(ALIASES.all(state), OVERRIDES.all(state), second_catalogue.load(path.parent))
