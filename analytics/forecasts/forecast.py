"""Month end, any period and the next twelve months of a ledger, with what is planned and what is announced."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import date

import pandas as pd

from analytics.command_options import view_of
from analytics.forecasts import retirements
from analytics.forecasts.outlook import Outlook, months, outlook_of
from analytics.forecasts.planned_events import Event, saved_events
from analytics.forecasts.price_changes import announced_changes, json_form
from analytics.history import through
from analytics.known_spend import known_spend
from analytics.scope import Scope
from data import console, wording
from data.calendar import next_month
from data.errors import BadInput, NoData
from data.ledger import Ledger
from data.prices.model_lives import READS as LIVES
from data.state import State

READS = ("event", "alias", "price_override", *LIVES)  # the kinds of document that a forecast depends on


def events_ahead(view: Ledger, state: State, scope: Scope, scenario: str | None = None) -> tuple[Event, ...]:
    """What will change spend: planned events, of a scenario too, and dated price changes of the scope's models."""
    changes = (change.event for change in announced_changes(view, state, scope))
    return tuple(sorted((*saved_events(state, scenario), *changes), key=lambda event: (event.on, event.name)))


def month_end(view: Ledger, scope: Scope, events: Sequence[Event] = ()) -> Outlook:
    """The month of the newest data; only the scope's filters count, not its days."""
    last = through(view).day
    return outlook(view, scope, last.replace(day=1), next_month(last), events)


def outlook(view: Ledger, scope: Scope, start: date, end: date, events: Sequence[Event] = ()) -> Outlook:
    """Any period [start, end), past, present or future."""
    spend = known_spend(view, scope.at_any_time())
    return outlook_of(spend, through(view).complete_until, start, end, events)


def register(commands: console.Commands) -> None:
    """`python -m analytics forecast`."""
    sub = commands.add("forecast", _command)
    sub.add_argument("--months", type=int, default=12, metavar="N", help="months ahead (default 12)")
    sub.add_argument("--team", action="append", default=[], help="only this team (repeatable)")


def _command(args: argparse.Namespace) -> None:
    if not 1 <= args.months <= 60:
        raise BadInput(f"--months {args.months} is out of range; ask for 1 to 60.")
    view, state = view_of(args), State.open(args.home)
    scope = Scope.of(view, None, None, team=args.team)
    spend = known_spend(view, scope)
    if not spend.is_priced:
        whose = " or ".join(args.team) or "anyone"
        raise NoData(f"The log has nothing with a known cost of {whose}; there is nothing to forecast.")
    changes, ends = announced_changes(view, state, scope), retirements.endings(view, state, scope)
    events = events_ahead(view, state, scope)
    end = month_end(view, scope, events)
    if end.p50 is None:
        raise NoData(f"{end.note}{f' Spent so far: {wording.usd(end.actual_usd)}.' if end.is_known else ''}")
    table = months(spend, through(view).complete_until, args.months, events)
    if args.json:
        month = end._asdict() | {"score": end.score and end.score._asdict(), "note": end.note}
        console.emit_json(
            {
                "month_end": month,
                "months": table.to_dict("records"),
                "price_changes": [json_form(change) for change in changes],
                "retirements": [retirements.json_form(ending) for ending in ends],
                "snapshot": view.snapshot(),
            }
        )
        return
    rows = [
        (f"{row.month:%b %Y}", *("–" if pd.isna(v) else f"{v:,.0f}" for v in (row.p10, row.p50, row.p90)))
        for row in table.itertuples()
    ]
    console.emit_table(["Month", "P10 USD", "P50 USD", "P90 USD"], rows, right=["P10 USD", "P50 USD", "P90 USD"])
    for change in changes:
        console.say(f"Counted: {change.text}.")
    for ending in ends:
        if ending.change_usd_month is None:
            console.say(f"Not counted: {ending.text}.")
    console.say(end.note)
