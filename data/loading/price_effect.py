"""What another edition of the price catalogue would make of the log's last 28 days: prices and dollars, by model."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pandas as pd

from data import wording
from data.ledger import Cursor, Ledger
from data.loading import reading_macros
from data.loading.reprice import rows_as_logged
from data.prices.book import PriceBook
from data.prices.catalogue import Catalogue
from data.prices.editions import Edition
from data.prices.price_row import RATES, PriceRow
from data.state import State

DAYS = 28
NAME = ["asked_provider", "host", "region", "model_raw"]
COLUMNS = ["provider", "model", "attempts", "price_before", "price_after", "before_usd", "after_usd", "change_usd"]
COLUMNS += ["list_change_usd"]  # what the same attempts cost more or less at list prices, whoever says what was paid
NO_PRICE = "no price"
ELSEWHERE = "another on some day, tier or size"


class Effect(NamedTuple):
    """The difference between two editions on the attempts of [`start`, `last`] (UTC days), None for an empty log.

    `rows` has COLUMNS: a row for each model whose price or dollars differ, most dollars first. Prices are USD per
    million tokens in the standard tier at the end of the log; dollars are what the ledger would say of these days
    (contract, reported or list), None where nothing has a cost. `unpriced_*` count attempts.
    """

    before: Edition
    after: Edition
    start: date | None
    last: date | None
    rows: pd.DataFrame
    before_usd: Decimal
    after_usd: Decimal
    unpriced_before: int
    unpriced_after: int
    list_change_usd: Decimal = Decimal(0)

    @property
    def sentence(self) -> str:
        """The whole of it in words."""
        if self.start is None or self.last is None:
            return "The ledger is empty: no price of it would change."
        days = f"the {DAYS} days to {self.last:%-d %b %Y}"
        if self.rows.empty:
            return f"{self.after.version} changes no price of {days} ({wording.usd_cents(self.after_usd)})."
        change = self.after_usd - self.before_usd
        said = (
            f"Over {days}, {wording.usd_cents(self.before_usd)} would have been {wording.usd_cents(self.after_usd)} "
            f"({_signed(change)}): prices of "
            f"{wording.count_of(len(self.rows), 'model')} differ."
        )
        if self.list_change_usd != change:
            said += (
                f" At list prices it is {_signed(self.list_change_usd)}: contracts and costs that the log reports come "
                "before the list."
            )
        if self.unpriced_before != self.unpriced_after:
            said += f" Attempts without a cost: {self.unpriced_before:,} before, {self.unpriced_after:,} after."
        if self.before.as_of and self.after.as_of and self.after.as_of < self.before.as_of:
            said += f" Its prices are older than those of {self.before.as_of:%-d %b %Y} in force."
        return said

    @property
    def told(self) -> dict[str, Any]:
        """For the audit trail: days, dollars and attempts without a cost, before and after."""
        return {
            "days": [str(day) for day in (self.start, self.last) if day],
            "usd": [str(self.before_usd), str(self.after_usd)],
            "list_change_usd": str(self.list_change_usd),
            "unpriced": [self.unpriced_before, self.unpriced_after],
        }


def _signed(usd: Decimal) -> str:
    return ("+" if usd >= 0 else "") + wording.usd_cents(usd)


def price_effect(view: Ledger, state: State, catalogue: Catalogue) -> Effect:
    """Price the last 28 days of a ledger by the book in force and by that of another catalogue; nothing is written."""
    held, wanted = PriceBook.load(state), PriceBook.load(state, catalogue)
    editions = held.catalogue.edition, wanted.catalogue.edition
    [(newest,)] = view.rows(f"SELECT max(requested_at) FROM {view.name('usage')}")
    if newest is None:
        nothing = pd.DataFrame(columns=COLUMNS)
        return Effect(*editions, None, None, nothing, Decimal(0), Decimal(0), 0, 0)
    start = newest.date() - timedelta(days=DAYS - 1)
    cursor = view.cursor()
    try:
        cursor.execute(reading_macros.PROVIDER_OF)
        usage = f"""(SELECT *, coalesce(provider_of(provider_raw), provider) AS asked_provider
            FROM {view.name("usage")} WHERE requested_at >= TIMESTAMP '{datetime.combine(start, time.min)}')"""
        sides = [_priced(cursor, book, usage) for book in (held, wanted)]
    finally:
        cursor.close()
    both = sides[0].merge(sides[1], on=NAME, suffixes=("_before", "_after"))
    named = _by_model(both, held, wanted, newest)
    usd, usd_after, listed, listed_after = (
        _total(both[column]) or Decimal(0) for column in ("usd_before", "usd_after", "listed_before", "listed_after")
    )
    unpriced, unpriced_after = (
        int((both[f"attempts_{side}"] - both[f"priced_{side}"]).sum()) for side in ("before", "after")
    )
    change = listed_after - listed
    return Effect(*editions, start, newest.date(), named, usd, usd_after, unpriced, unpriced_after, change)


def _priced(cursor: Cursor, book: PriceBook, usage: str) -> pd.DataFrame:
    """Attempts, priced attempts and dollars by logged name under a book; `usd` is None where none has a cost."""
    rows = f"({rows_as_logged(usage)})"
    book.attach(cursor, rows)
    found = cursor.execute(
        f"""SELECT {", ".join(NAME)}, any_value(provider), any_value(model), count(*), count(cost_usd), sum(cost_usd),
            sum(list_cost_usd) FROM ({book.price_rows(rows)}) GROUP BY ALL"""
    ).fetchall()
    return pd.DataFrame(
        found, columns=[*NAME, "provider", "model", "attempts", "priced", "usd", "listed"], dtype=object
    )


def _by_model(both: pd.DataFrame, held: PriceBook, wanted: PriceBook, at: datetime) -> pd.DataFrame:
    """The rows of an `Effect`: the names that stand for one model together, at the prices of the one used most."""
    found = []
    frame = both.sort_values("attempts_after", ascending=False)
    for (provider, model), part in frame.groupby(["provider_after", "model_after"], sort=False, dropna=False):
        usd, listed = ([_total(part[f"{what}_{side}"]) for side in ("before", "after")] for what in ("usd", "listed"))
        differs = usd[0] != usd[1] or listed[0] != listed[1]
        prices = _prices(held, wanted, tuple(part.iloc[0][NAME]), at, differs=differs)
        if differs or prices[0] != prices[1]:
            attempts = int(part["attempts_after"].sum())
            found.append((provider, model, attempts, *prices, *usd, _change(*usd), _change(*listed)))
    found.sort(key=lambda row: (-abs(row[-2]), -abs(row[-1]), str(row[1])))
    return pd.DataFrame(found, columns=COLUMNS, dtype=object)


def _change(before: Decimal | None, after: Decimal | None) -> Decimal:
    return (after or Decimal(0)) - (before or Decimal(0))


def _total(amounts: pd.Series) -> Decimal | None:
    known = [usd for usd in amounts if usd is not None]
    return sum(known, Decimal(0)) if known else None


def _prices(held: PriceBook, wanted: PriceBook, name: tuple, at: datetime, *, differs: bool) -> tuple[str, str]:
    """The prices of a logged name that the two books do not agree on, in words."""
    sides = [book.holding(book.match(*name), at, 0, "standard") for book in (held, wanted)]
    one, other = ({} if side is None else _rates(side) for side in sides)
    apart = [rate for rate in one.keys() | other.keys() if one.get(rate) != other.get(rate)]
    if not apart:
        return (ELSEWHERE, ELSEWHERE) if differs else ("", "")
    shown = [rate for rate in _rates_in_order() if rate in apart]
    return _words(one, shown), _words(other, shown)


def _rates_in_order() -> tuple[str, ...]:
    return (*RATES, "request_usd")


def _rates(row: PriceRow) -> dict[str, Decimal]:
    """What a price row states, by rate; media at the price of text are left out."""
    stated = {rate: getattr(row, rate) for rate in _rates_in_order()}
    return {rate: price for rate, price in stated.items() if price is not None}


def _words(prices: dict[str, Decimal], shown: list[str]) -> str:
    if not prices:
        return NO_PRICE
    told = {rate: f"{prices[rate].normalize():f}" if rate in prices else "none" for rate in shown}
    return ", ".join(f"{rate.removesuffix('_usd').replace('_', ' ')} {price}" for rate, price in told.items())
