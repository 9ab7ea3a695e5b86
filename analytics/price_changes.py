"""Price changes that stand, dated, in the price book or a contract, in the dollars of the recent work.

The last four weeks' tokens of each model, at the price that holds now and at the one that will hold. All
changes together give one factor a day, so that two models' changes do not multiply.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

import pandas as pd

from analytics.answers_by_version import kept
from analytics.history import through
from analytics.planned_events import Event
from analytics.scope import Scope
from analytics.totals import total
from data import wording
from data.calendar import DAYS_PER_MONTH
from data.errors import NoData
from data.ledger import Ledger
from data.prices.book import PriceBook
from data.schema import TOKENS
from data.state import State

RECENT_DAYS = 28
FREE = ("error", "cached")  # statuses whose tokens nobody is charged for


class PriceChange(NamedTuple):
    """From `on`, a model costs `ratio` times what it cost the day before; `usd_month` is what that adds a month.

    `event` is the change of the whole scope's spend, as a forecast takes it.
    """

    provider: str
    model: str
    on: date
    ratio: float
    usd_month: float
    event: Event

    @property
    def text(self) -> str:
        """When, which model, how much, and its dollars a month at the recent use."""
        return f"{self.event.name} from {self.on:%-d %b %Y}, {wording.usd_change(self.usd_month)} a month"


def announced(view: Ledger, state: State, scope: Scope, until: date | None = None) -> tuple[PriceChange, ...]:
    """The dated changes after the data's last whole day that touch the scope's recent work, in order of date."""
    day = min(through(view).complete_until, until or date.max) - timedelta(days=1)  # the last one paid for
    work = _recent_work(view, scope.at_any_time(), day)
    spend = float(work["cost_usd"].sum())
    if not spend:
        return ()
    book = PriceBook.load(state)
    found = [change for row in work.itertuples(index=False) for change in _changes(book, row, day)]
    running, changes = 1.0, []
    for on, provider, model, ratio, before, cost in sorted(found):
        # `before` is what the model's price has become, relative to today's, when this change comes.
        after = running + cost / spend * before * (ratio - 1)
        name = f"{model} {'dearer' if ratio > 1 else 'cheaper'} by {wording.share(abs(ratio - 1))}"
        event = Event(name=name, kind="price change", on=on, change_pct=(after / running - 1) * 100)
        changes.append(
            PriceChange(provider, model, on, ratio, cost * before * (ratio - 1) / RECENT_DAYS * DAYS_PER_MONTH, event)
        )
        running = after
    return tuple(changes)


def described(change: PriceChange) -> dict[str, Any]:
    """The JSON form."""
    return change._asdict() | {"event": change.event.name, "text": change.text}


@kept
def _recent_work(view: Ledger, scope: Scope, day: date) -> pd.DataFrame:
    """cost_usd and TOKENS by provider and model over the four weeks that end with `day`, of answers that were paid."""
    recent = scope.between(day - timedelta(days=RECENT_DAYS - 1), day + timedelta(days=1))
    source = recent.days(view) if recent.fits_rollup() else recent.usage(view)
    paid = source.filter(~source.status.isin(FREE) & source.provider.notnull() & source.model.notnull())
    sums = {name: total(paid, name).cast("float64") for name in ("cost_usd", *TOKENS)}
    return view.frame(paid.group_by("provider", "model").aggregate(**sums)).fillna(0.0)


def _changes(book: PriceBook, row: Any, day: date) -> list[tuple[date, str, str, float, float, float]]:
    """(date, provider, model, ratio to the price before, that price relative to today's, recent cost) per change."""
    match = book.match(row.provider, None, None, row.model)
    edges = sorted(
        {e for r in (*book.contract_rows(match), *book.list_rows(match)) for e in (r.valid_from, r.valid_to)}
    )
    today = _cost(book, row, datetime.combine(day, time(12)))
    if not today or not row.cost_usd:
        return []
    found, last = [], today
    for edge in edges:
        if edge.date() <= day or edge.year > day.year + 5:  # a price without an end ends in the year 9999
            continue
        cost = _cost(book, row, datetime.combine(edge.date(), time(12)))
        if cost and abs(cost / last - 1) > 1e-9:
            found.append((edge.date(), row.provider, row.model, cost / last, last / today, row.cost_usd))
            last = cost
    return found


def _cost(book: PriceBook, row: Any, at: datetime) -> float:
    """USD of the row's tokens at the price that is paid at an instant; 0 where there is none."""
    try:
        rates = book.price_usd_per_mtok(row.provider, row.model, at)
    except NoData:
        return 0.0
    return sum(float(rates.get(kind.removesuffix("_tokens"), 0)) * getattr(row, kind) for kind in TOKENS)
