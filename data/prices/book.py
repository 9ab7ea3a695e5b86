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
from typing import TYPE_CHECKING, Any

from data.calendar import MILLION
from data.errors import BadInput, NoData
from data.prices import attached_prices, catalogue_rows, contracts, model_names, second_catalogue, tool_fees
from data.prices import catalogue as price_catalogue
from data.prices import notes as price_notes
from data.prices.aliases import ALIASES, Alias, Aliases
from data.prices.catalogue import Catalogue
from data.prices.contracts import OVERRIDES, Override, Overrides
from data.prices.model_names import Match
from data.prices.price_row import RATES, PriceRow, prepaid_row
from data.prices.priced_rows import priced_sql
from data.prices.service_tiers import SERVICE_TIERS
from data.prices.tool_fees import FeeSpan
from data.schema import INPUT_TOKENS
from data.state import State

if TYPE_CHECKING:
    import pandas as pd

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
        catalogue: Catalogue | None = None,
    ) -> None:
        self.catalogue = catalogue or price_catalogue.of_package()
        self.imported = imported
        with price_catalogue.using(self.catalogue):
            self._aliases, self._overrides = Aliases(aliases or {}), Overrides(overrides or {})
        self._matches: dict[Name, Match] = {}
        self._rows: dict[tuple[str, Match], tuple[PriceRow, ...]] = {}
        self.tiers = tuple(dict.fromkeys((*SERVICE_TIERS, *sorted(self._overrides.tiers))))

    @classmethod
    def load(cls, state: State | None = None, catalogue: Catalogue | None = None) -> PriceBook:
        """The book with a store's aliases, overrides, imported LiteLLM file and catalogue, or with another `catalogue`;
        without a store, the list prices of the catalogue in use.

        Kept per process until one of them changes. Raises BadInput for a document that cannot be read.
        """
        if state is None:
            return _of_lists(price_catalogue.current())
        versions = (
            state.version("alias"),
            state.version("price_override"),
            second_catalogue.version(state.path.parent),
        )
        return _by_versions(state.path, catalogue or price_catalogue.of_store(state.path.parent), *versions)

    # -- names ----------------------------------------------------------------------------------

    def match(self, provider: str | None, host: str | None, region: str | None, model_raw: str | None) -> Match:
        """What one logged name stands for: aliases first, then the catalogue, then the imported file."""
        name = (provider, host, region, model_raw)
        if name not in self._matches:
            with price_catalogue.using(self.catalogue):
                self._matches[name] = self._found(*name)
        return self._matches[name]

    def _found(self, provider: str | None, host: str | None, region: str | None, model_raw: str | None) -> Match:
        host_id = model_names.canonical_provider(host) if not provider else None
        natural = model_names.match(
            provider or (host_id if host_id in price_catalogue.providers() else None), region, model_raw
        )
        found = self._aliases.match(provider, region, model_raw, natural) or natural
        if not found.found and self.imported:
            found = self.imported.match(found, model_raw)
        return found

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
        import pandas as pd

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
            with price_catalogue.using(self.catalogue):
                self._rows[key] = tuple(make(match))
        return self._rows[key]

    def _list_rows(self, match: Match) -> Iterable[PriceRow]:
        if not match.found:
            return ()
        seller, name = match.price_provider or "", match.price_model or ""
        if seller == second_catalogue.SOURCE:
            listed = self.imported.rows(name) if self.imported else ()
        else:
            listed = catalogue_rows.rows(seller, name)
        if match.factor != 1:
            region = f"{match.factor} for the region ({match.note})"
            listed = tuple(row.scale(match.factor, region) for row in listed)
        own = (row for tier in self.tiers[len(SERVICE_TIERS) :] for row in contracts.of_tier(listed, tier))
        return (*listed, *own)

    def fee_spans(self, match: Match) -> list[FeeSpan]:
        """Fees of a matched name's tools over all time, the operator's in place of the list's."""
        with price_catalogue.using(self.catalogue):
            return self._overrides.fees(match.provider, match.model, tool_fees.spans(match))

    def attach(self, cursor: Any, relation: str) -> None:
        """Put the prices of every name in `relation` before the cursor, as temporary tables for `priced`."""
        attached_prices.attach(cursor, self, relation)

    def price_rows(self, relation: str) -> str:
        """SQL: the rows of `relation` with canonical provider, `model`, costs, fees and `cost_basis`.

        `relation` has the columns of `usage` (but for those) and `unmetered`; see `data.prices.priced_rows`.
        """
        return priced_sql(relation, self.tiers)

    def quote(
        self,
        provider: str | None,
        model: str,
        at: datetime,
        *,
        service_tier: str = "standard",
        region: str | None = None,
        book: str = "paid",
        **tokens: int,
    ) -> Quote:
        """Price of one successful request at an instant (naive UTC), the same arithmetic as `priced`.

        `tokens` are counts by the names of `RATES`. `book`: "paid" (contract where there is one, else list),
        "list" or "contract". Raises NoData for a model without a price at that instant, with the nearest names.
        """
        if unknown := set(tokens) - set(RATES):
            raise TypeError(f"no token kinds: {', '.join(sorted(unknown))}")
        if any(count < 0 for count in tokens.values()):
            raise BadInput(f"Token counts cannot be negative: {tokens}.")
        row = self.row(
            provider,
            model,
            at,
            total_input=sum(count for name, count in tokens.items() if f"{name}_tokens" in INPUT_TOKENS),
            service_tier=service_tier,
            region=region,
            book=book,
        )
        lines = {name: row.rate(name) * tokens.get(name, 0) / MILLION for name in RATES}
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
        """The one price row that holds for a request of `total_input` tokens (cache included) at an instant.

        On capacity bought ahead every price of it is 0, unless a contract states the tier's. Raises NoData.
        """
        match = self.match(provider, None, region, model)
        found = self.holding(match, at, total_input, service_tier, book)
        if found is None:
            raise self.no_price(match, model)
        return found

    def holding(
        self, match: Match, at: datetime, total_input: int, service_tier: str, book: str = "paid"
    ) -> PriceRow | None:
        """As `row`, for a matched name; None where no price holds."""
        contract = self.contract_rows(match) if book != "list" else ()
        if row := _holding(contract, at, total_input, service_tier, self.tiers):
            return row
        if price_notes.prepaid(match.provider, service_tier):
            return prepaid_row(match.provider or "", match.model or "", service_tier)
        listed = self.list_rows(match) if book != "contract" else ()
        return _holding(listed, at, total_input, service_tier, self.tiers)

    def no_price(self, match: Match, model: str) -> NoData:
        """The error that says why a name has no price and what to do."""
        if match.found:
            return NoData(f"{model} is not sold by the token; add a price override to give it a price.")
        with price_catalogue.using(self.catalogue):
            near = _nearest(model)
        return NoData(f"{model} is in no price list{near}; add an alias or a price override.")

    def price_usd_per_mtok(self, provider: str | None, model: str, at: datetime, **choice: Any) -> dict[str, Decimal]:
        """USD per million tokens by token kind (`RATES`) for a request; options as `row`."""
        return dict(zip(RATES, self.row(provider, model, at, **choice).rates, strict=True))


def _holding(
    rows: Iterable[PriceRow], at: datetime, total_input: int, service_tier: str, tiers: tuple[str, ...]
) -> PriceRow | None:
    tier = service_tier if service_tier in tiers else "standard"
    return next((row for row in rows if row.service_tier == tier and row.holds(at, total_input)), None)


@price_catalogue.kept_by_edition(maxsize=256)
def _nearest(model: str) -> str:
    known = {model_names.canonical_model(*pair) for pair in price_catalogue.models()}
    near = difflib.get_close_matches(model.lower(), known, n=3, cutoff=0.6)
    return f" (did you mean {', '.join(near)}?)" if near else ""


@lru_cache(maxsize=2)
def _of_lists(catalogue: Catalogue) -> PriceBook:
    return PriceBook(catalogue=catalogue)


@lru_cache(maxsize=8)
def _by_versions(path: Path, catalogue: Catalogue, *_versions: str) -> PriceBook:
    state = State(path)
    return PriceBook(ALIASES.all(state), OVERRIDES.all(state), second_catalogue.load(path.parent), catalogue)
