"""What a page offers to be held to: a number with its band, and the rows and days it was told from."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from analytics.history import through
from analytics.promises.actions import ACTIONS, Action, check_action
from analytics.promises.promises import add_witness
from analytics.scope import ClosedScope, Scope
from analytics.spend import grouped_spend
from data import wording
from data.errors import BadInput
from data.ledger import Ledger
from data.state import State

CENTS = 2


class Offer(NamedTuple):
    """USD a month that a mix or a policy saves between `low` and `high`; of a forecast, what the days of `scope` cost.

    `scope` are the rows and the days the number was told from; of a forecast the days it is told of.
    """

    kind: Literal["mix", "policy", "forecast"]
    name: str
    usd: float
    low: float
    high: float
    scope: ClosedScope
    note: str = ""

    @property
    def text(self) -> str:
        """Number, band and days in a sentence."""
        days = wording.days(self.scope.start, self.scope.last)
        low, high = min(self.low, self.usd), max(self.high, self.usd)
        if self.usd < 0:
            low, high = -high, -low
        told = f"{wording.usd(abs(self.usd))} ({wording.usd(low)} to {wording.usd(high)})"
        if self.kind == "forecast":
            return f"{days} costs {told}."
        return f"It {'costs' if self.usd < 0 else 'saves'} {told} a month{' more' * (self.usd < 0)}, told from {days}."

    @property
    def then(self) -> str:
        """How it will be measured."""
        if self.kind == "forecast":
            return "It is measured once these days are over and the log covers them."
        return (
            "It goes on the action list of the weekly review. Mark it as done there on the day it is switched on; from "
            "that day it is measured against what would have been."
        )


def promise(view: Ledger, state: State, offer: Offer, *, name: str, owner: str = "") -> Action:
    """Write an offer down as a promise, with its band, its days, its rows and who made it.

    Raises BadInput for a name that is taken.
    """
    if name.strip() in ACTIONS.all(state):
        raise BadInput(f"“{name.strip()}” is promised already; give this one another name.")
    day = through(view).day
    values: dict[str, Any] = {"status": "done", "done": day} if offer.kind == "forecast" else {"status": "open"}
    made = check_action(
        name=name.strip(),
        kind=offer.kind,
        owner=owner.strip(),
        note=offer.note,
        decided=day,
        expected_usd_month=round(offer.usd, CENTS),
        low_usd_month=round(min(offer.low, offer.usd), CENTS),
        high_usd_month=round(max(offer.high, offer.usd), CENTS),
        told_from=offer.scope.start,
        told_to=offer.scope.end,
        filters=rows_of(view, offer.scope),
        **values,
    )
    made = add_witness(view, state, made)
    ACTIONS.save(state, made.name, made)
    return made


def rows_of(view: Ledger, scope: Scope) -> dict[str, tuple[str, ...]]:
    """A scope's rows as values: a promise keeps what rows are, so "is not" becomes the values that are left."""
    kept = dict(scope.filters)
    for name, _ in scope.excluded:
        kept[name] = tuple(str(value) for value in grouped_spend(view, scope.at_any_time(), (name,))[name])
    return kept
