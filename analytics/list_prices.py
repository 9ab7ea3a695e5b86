"""List prices per token kind of the models in a ledger, for analyses that need proportions or alternatives."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time

import pandas as pd

from analytics.paid_prices import KINDS
from data.calendar import MILLION
from data.errors import NoData
from data.prices.book import PriceBook
from data.prices.catalogue import kept_by_edition


@kept_by_edition(maxsize=4096)
def per_token(provider: str, model: str, day: date) -> tuple[float, float, float, float, float] | None:
    """USD per token of fresh input, cache read, both cache writes and output at noon of a day; None when unlisted."""
    try:
        rates = PriceBook.load().price_usd_per_mtok(provider, model, datetime.combine(day, time(12)))
    except NoData:
        return None
    kinds = ("fresh_input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
    fresh, read, short, long, output = (float(rates[kind]) / MILLION for kind in kinds)
    return fresh, read, short, long, output


def rates(names: Iterable[tuple[str, str]], days: tuple[date, date]) -> pd.DataFrame:
    """`side, provider, model` and KINDS for the listed ones of `names`, as `unit_prices.paid_prices` takes them."""
    rows = []
    for provider, model in sorted(set(names)):
        for side, day in enumerate(days):
            if found := per_token(provider, model, day):
                rows.append((side, provider, model, *found))
    return pd.DataFrame(rows, columns=["side", "provider", "model", *KINDS])
