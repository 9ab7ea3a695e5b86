"""What a request costs at constant prices, and how far that moves by itself from one month to the next.

List prices are held at those of the last week, so that neither volume nor a price list moves it.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd

from analytics.answers_by_version import remember
from analytics.history import daily_by
from analytics.list_prices import per_token
from analytics.scope import Scope
from data.calendar import DAYS_PER_WEEK
from data.ledger import Ledger
from data.schema import TEXT_TOKENS

WINDOW_DAYS = 28  # before; after, as many whole weeks as there are, and no more


@remember
def constant_prices(view: Ledger, scope: Scope) -> pd.DataFrame:
    """By day: `usd` at the list prices of the last week, and `requests`; NaN where the ledger has a hole.

    A model that no list names keeps what was paid.
    """
    wide = daily_by(view, scope, ("provider", "model"), ("cost_usd", "calls", *TEXT_TOKENS))
    if wide.columns.empty:
        return pd.DataFrame({"usd": np.nan, "requests": np.nan}, index=wide.index)
    usd = pd.Series(0.0, index=wide.index)
    for provider, model in wide["cost_usd"].columns:
        tokens = [float(wide[name].get((provider, model), pd.Series(0.0)).sum()) for name in TEXT_TOKENS]
        usd = usd + wide["cost_usd"][(provider, model)] / _price_index(provider, model, tokens, wide.index)
    return pd.DataFrame({"usd": usd, "requests": wide["calls"].sum(axis=1, min_count=1)})


def _price_index(provider: str, model: str, tokens: list[float], days: pd.DatetimeIndex) -> np.ndarray:
    """The model's list price by day, weighted by what it was used for, relative to the last week's."""
    weights = np.array([*tokens[:4], tokens[4] + tokens[5]])
    weeks = days.to_period("W").start_time
    prices = {}
    for monday in weeks.unique():
        listed = per_token(provider, model, monday.date())
        prices[monday] = float(np.dot(listed, weights)) if listed else 0.0
    last = prices[weeks[-1]]
    return np.array([prices[monday] / last if last and prices[monday] else 1.0 for monday in weeks])


def change(daily: pd.DataFrame, at: date, days: int) -> float | None:
    """Log of cost per request in the `days` from `at` over that of the four weeks before; None without a covered week
    with requests on both sides."""
    sides = []
    for start, end in ((at - timedelta(days=WINDOW_DAYS), at), (at, at + timedelta(days=days))):
        part = daily[(daily.index >= pd.Timestamp(start)) & (daily.index < pd.Timestamp(end))].dropna()
        usd, requests = part["usd"].sum(), part["requests"].sum()
        if len(part) < DAYS_PER_WEEK or requests <= 0 or usd <= 0:
            return None
        sides.append(usd / requests)
    return float(np.log(sides[1] / sides[0]))


def earlier_changes(daily: pd.DataFrame, done: date, days: int, others: tuple[date, ...] = ()) -> list[float]:
    """The same change at every earlier week whose windows end before `done` and hold no other thing that was done."""
    found, at = [], done - timedelta(days=days)
    while pd.Timestamp(at - timedelta(days=WINDOW_DAYS)) >= daily.index[0]:
        span = (at - timedelta(days=WINDOW_DAYS), at + timedelta(days=days))
        if not any(span[0] < other < span[1] for other in others):
            moved = change(daily, at, days)
            found += [moved] if moved is not None else []
        at -= timedelta(days=DAYS_PER_WEEK)
    return found


def cost_and_volume(daily: pd.DataFrame, done: date, days: int) -> tuple[float, float]:
    """Cost per request in the four weeks before, and requests a day since."""
    start, end = done - timedelta(days=WINDOW_DAYS), done + timedelta(days=days)
    before = daily[(daily.index >= pd.Timestamp(start)) & (daily.index < pd.Timestamp(done))].dropna()
    after = daily[(daily.index >= pd.Timestamp(done)) & (daily.index < pd.Timestamp(end))].dropna()
    return before["usd"].sum() / before["requests"].sum(), after["requests"].mean()
