"""Models in use whose end is announced, in the dollars of the recent work.

Where the operator named a successor the work moves there, at its price (`price_changes` puts that into the
forecast); where nobody did, it is at risk.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, NamedTuple

from analytics.forecasts.price_changes import announced_changes, last_paid, recent_work
from analytics.scope import Scope
from data import wording
from data.calendar import DAYS_PER_YEAR
from data.ledger import Ledger
from data.prices.model_lives import ModelLives, Successors
from data.state import State

HORIZON_DAYS = DAYS_PER_YEAR  # what ends later is no plan yet; a model that ends sooner is not worth a migration


class Ending(NamedTuple):
    """A model in use that a provider stops answering for on `on`; `is_over` where that day has passed.

    `usd_month` is what its work costs a month. `successor` is who takes over, for `change_usd_month` more; both are
    empty where nobody was named, and the change alone where the successor has no price.
    """

    provider: str
    model: str
    on: date
    is_over: bool
    usd_month: float
    successor: str
    change_usd_month: float | None
    source: str

    @property
    def is_at_risk(self) -> bool:
        """Whether nobody is named to take over the work."""
        return not self.successor

    @property
    def text(self) -> str:
        """What ends where and when, and what becomes of its work, in a sentence without its full stop."""
        ends = f"{self.model} at {self.provider} {'was to end' if self.is_over else 'ends'} on {self.on:%-d %b %Y}"
        amount = wording.usd(self.usd_month)
        if self.is_at_risk:
            return f"{ends}: {amount} a month of work at risk, no successor named"
        told = "at an unknown price" if self.change_usd_month is None else wording.usd_change(self.change_usd_month)
        return f"{ends}: {amount} a month of work moves to {self.successor}, {told}" + (
            "" if self.change_usd_month is None else " a month"
        )


def endings(view: Ledger, state: State, scope: Scope, until: date | None = None) -> tuple[Ending, ...]:
    """The announced ends within a year of the data that touch the scope's recent work, in order of date."""
    day = last_paid(view, until)
    work, per_month = recent_work(view, scope.at_any_time(), day)
    lives, heirs = ModelLives(state), Successors(state)
    moves = {(c.provider, c.model): c.usd_month for c in announced_changes(view, state, scope, until) if c.successor}
    found = []
    for row in work.itertuples(index=False):
        end = lives.retirement(row.provider, row.model)
        if end is None or end.retires > day + timedelta(days=HORIZON_DAYS) or not row.cost_usd:
            continue
        heir = heirs.of(row.provider, row.model)
        found.append(
            Ending(
                row.provider,
                row.model,
                end.retires,
                end.retires <= day,
                row.cost_usd * per_month,
                heir[1] if heir else "",
                moves.get((row.provider, row.model)),
                end.source,
            )
        )
    return tuple(sorted(found, key=lambda one: (one.on, one.model, one.provider)))


def json_form(ending: Ending) -> dict[str, Any]:
    """The JSON form."""
    return ending._asdict() | {"at_risk": ending.is_at_risk, "text": ending.text}
