"""`python -m analytics anomalies`: what was unusual, told by its cause as on the pages."""

from __future__ import annotations

import argparse
from typing import Any

from analytics.anomalies import incidents
from analytics.anomalies.anomaly_search import Watch, findings, note_on
from analytics.anomalies.incidents import Incident
from analytics.command_options import last_days, view_of
from analytics.gates import Verdict, add_gates, judge
from data import console, wording
from data.ledger import Ledger
from data.state import State


def register(commands: console.Commands) -> None:
    """`python -m analytics anomalies`."""
    sub = commands.add("anomalies", _command)
    sub.add_argument("--days", type=int, default=28, metavar="N", help="look at the last N whole days (default 28)")
    sub.add_argument("--keys", action="store_true", help="also watch every API key (reads the rows)")
    add_gates(sub, "anomaly")


def _command(args: argparse.Namespace) -> None:
    view, state = view_of(args), State.open(args.home)
    scope = last_days(view, args.days)
    seen = findings(view, scope, args.keys)
    happened = incidents.incidents(view, scope, seen.anomalies)
    if args.json:
        console.emit_json(_json(view, state, seen, happened))
    else:
        _print(state, seen, happened, args.days)
    judge(args.fail_on, {"anomaly": lambda: _gate(state, seen, happened)})


def _gate(state: State, seen: Watch, happened: tuple[Incident, ...]) -> Verdict:
    """Shut by incidents that nobody has called expected or fixed."""
    unsettled = [one.title for one in happened if incidents.note_on(state, one)["status"] in ("open", "investigating")]
    if unsettled:
        return Verdict(shut=f"Unsettled anomalies: {'; '.join(unsettled)}.")
    return Verdict(untold="" if seen.checked else f"No anomaly can be told: {seen.note}")


def _json(view: Ledger, state: State, seen: Watch, happened: tuple[Incident, ...]) -> dict[str, Any]:
    """Incidents as the weekly review has them, and the anomalies behind them."""
    rows = [one._asdict() | {"title": one.title, "key": one.key} | note_on(state, one) for one in seen.anomalies]
    return {
        "incidents": [incidents.json_form(one) | incidents.note_on(state, one) for one in happened],
        "anomalies": rows,
        "checked": seen.checked,
        "too_short": seen.too_short,
        "gaps": seen.gaps,
        "snapshot": view.snapshot(),
    }


def _print(state: State, seen: Watch, happened: tuple[Incident, ...], days: int) -> None:
    within = f"in these {days} days"
    columns = ("What", "Led to", "USD above", "Of these days", within, "Status")
    rows = [
        (
            one.title,
            one.story,
            wording.usd(one.usd),
            one.period,
            wording.usd(one.usd_in_scope),
            incidents.note_on(state, one)["status"],
        )
        for one in happened
    ]
    console.emit_table(columns, rows, right=("USD above", within))
    console.say(seen.note)
