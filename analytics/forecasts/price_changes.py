"""Price changes that stand, dated, in the price book or a contract, in the dollars of the recent work.

The last four weeks' tokens of each model, at the price that holds now and at the one that will hold; from the day
on which a model ends, at its successor's. All changes together give one factor a day, so that two models'
changes do not multiply.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

import pandas as pd

from analytics.answers_by_version import remember
from analytics.coverage import coverage
from analytics.forecasts.planned_events import Event
from analytics.history import RECENT_DAYS, through
from analytics.scope import Scope
from analytics.totals import total
from data import wording
from data.errors import NoData
from data.ledger import Ledger
from data.prices.book import PriceBook
from data.prices.model_lives import ModelLives, Successors
from data.schema import TOKENS
from data.state import State

FREE = ("error", "cached")  # statuses whose tokens nobody is charged for


class PriceChange(NamedTuple):
    """From `on`, a model's work costs `ratio` times what it cost the day before; `usd_month` is what that adds a month.

    `event` is the change of the whole scope's spend, as a forecast takes it. With a `successor` the model ends then
    and its work moves there.
    """

    provider: str
    model: str
    on: date
    ratio: float
    usd_month: float
    event: Event
    successor: str = ""

    @property
    def text(self) -> str:
        """When, which model, how much, and its dollars a month at the recent use."""
        if self.successor:
            return f"{self.event.name} on {self.on:%-d %b %Y}, {wording.usd_change(self.usd_month)} a month"
        return f"{self.event.name} from {self.on:%-d %b %Y}, {wording.usd_change(self.usd_month)} a month"


class Step(NamedTuple):
    """One change of what a model's work costs: `ratio` to the day before, `before` the cost then relative to today's,
    `cost_usd` the recent cost of that work."""

    on: date
    provider: str
    model: str
    ratio: float
    before: float
    cost_usd: float
    successor: str


def announced_changes(view: Ledger, state: State, scope: Scope, until: date | None = None) -> tuple[PriceChange, ...]:
    """The dated changes after the data's last whole day that touch the scope's recent work, in order of date.

    A model that ends is one where the operator named its successor; `retirements` lists the others.
    """
    day = last_paid(view, until)
    work, per_month = recent_work(view, scope.at_any_time(), day)
    spend = float(work["cost_usd"].sum())
    if not spend:
        return ()
    book, lives, heirs = PriceBook.load(state), ModelLives(state), Successors(state)
    found = []
    for row in work.itertuples(index=False):
        end = lives.retirement(row.provider, row.model)
        heir = heirs.of(row.provider, row.model) if end else None
        found += _steps(book, row, day, (end.retires, heir) if end and heir else None)
    running, changes = 1.0, []
    for step in sorted(found):
        after = running + step.cost_usd / spend * step.before * (step.ratio - 1)
        event = Event(name=_name(step), kind=_kind(step), on=step.on, change_pct=(after / running - 1) * 100)
        added = step.cost_usd * step.before * (step.ratio - 1) * per_month
        changes.append(PriceChange(step.provider, step.model, step.on, step.ratio, added, event, step.successor))
        running = after
    return tuple(changes)


def _name(step: Step) -> str:
    if step.successor:
        return f"{step.model} at {step.provider} ends and {step.successor} takes over"
    moves = "dearer" if step.ratio > 1 else "cheaper"
    return f"{step.model} at {step.provider} {moves} by {wording.share(abs(step.ratio - 1))}"


def _kind(step: Step) -> str:
    return "model swap" if step.successor else "price change"


def last_paid(view: Ledger, until: date | None = None) -> date:
    """The last whole day before `until`: what comes after it lies ahead."""
    return min(through(view).complete_until, until or date.max) - timedelta(days=1)


def json_form(change: PriceChange) -> dict[str, Any]:
    """The JSON form."""
    return change._asdict() | {"event": change.event.name, "text": change.text}


@remember
def recent_work(view: Ledger, scope: Scope, day: date) -> tuple[pd.DataFrame, float]:
    """What was paid in the four weeks that end with `day`: cost_usd and TOKENS by provider and model; and the factor
    from its covered days to a month. Empty and 0 where no day is covered."""
    recent = scope.between(day - timedelta(days=RECENT_DAYS - 1), day + timedelta(days=1))
    told = coverage(view, recent)
    if not told.covered_days:
        return pd.DataFrame({name: [] for name in ("provider", "model", "cost_usd", *TOKENS)}), 0.0
    recent = recent.leaving_out(told.missing)
    source = recent.days(view) if recent.fits_rollup() else recent.usage(view)
    paid = source.filter(~source.status.isin(FREE) & source.provider.notnull() & source.model.notnull())
    sums = {name: total(paid, name).cast("float64") for name in ("cost_usd", *TOKENS)}
    return view.frame(paid.group_by("provider", "model").aggregate(**sums)).fillna(0.0), told.per_month()


def _steps(book: PriceBook, row: Any, day: date, end: tuple[date, tuple[str, str]] | None) -> list[Step]:
    """The changes of what a row's work costs after `day`; from `end` on its successor does it."""
    own = row.provider, row.model
    until, heir = (max(end[0], day + timedelta(days=1)), end[1]) if end else (date.max, own)
    days = {on for on in _edges(book, *own) if on < until} | {on for on in _edges(book, *heir) if on > until}
    if end:
        days.add(until)
    today = _cost(book, row, own, day)
    if not today or not row.cost_usd:
        return []
    found, last = [], today
    for on in sorted(days):
        if on <= day or on.year > day.year + 5:  # a price without an end ends in the year 9999
            continue
        cost = _cost(book, row, heir if on >= until else own, on)
        moved = heir[1] if on == until else ""
        if cost and (moved or abs(cost / last - 1) > 1e-9):
            found.append(Step(on, row.provider, row.model, cost / last, last / today, row.cost_usd, moved))
            last = cost
    return found


def _edges(book: PriceBook, provider: str, model: str) -> set[date]:
    """The days on which a price of the model begins or ends."""
    match = book.match(provider, None, None, model)
    rows = (*book.contract_rows(match), *book.list_rows(match))
    return {edge.date() for row in rows for edge in (row.valid_from, row.valid_to)}


def _cost(book: PriceBook, row: Any, seller: tuple[str, str], day: date) -> float:
    """USD of the row's tokens at what a (provider, model) is paid on a day; 0 where there is no price."""
    try:
        rates = book.price_usd_per_mtok(*seller, datetime.combine(day, time(12)))
    except NoData:
        return 0.0
    return sum(float(rates.get(kind.removesuffix("_tokens"), 0)) * getattr(row, kind) for kind in TOKENS)
