"""`python -m analytics`: what it cost and why."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from data import console
from data.readings import Reading, Room

if TYPE_CHECKING:
    from data.state import State

COMMANDS = {
    "spend": "analytics.spend",
    "compare": "analytics.compare",
    "bridge": "analytics.bridges.bridge",
    "forecast": "analytics.forecasts.forecast",
    "ahead": "analytics.forecasts.ahead",
    "anomalies": "analytics.anomalies.anomalies_command",
    "units": "analytics.unit_costs",
    "savings": "analytics.savings.savings",
    "budgets": "analytics.budgets.budgets",
    "inventory": "analytics.inventory",
    "reconcile": "analytics.billing.reconcile",
    "review": "analytics.weekly.review",
    "chargeback": "analytics.billing.chargeback_command",
    "focus": "analytics.billing.focus",
    "promises": "analytics.promises.promise_command",
    "silent-changes": "analytics.anomalies.silent_changes_command",
    "measures": "analytics.measures_page",
    "mcp": "analytics.agents.mcp_command",
    "alerts": "analytics.alerts.command",
    "gauges": "analytics.alerts.gauges",
}
SPAN = ("start", "end", "as_of")
READINGS = (
    Reading("spend", ("by", *SPAN)),
    Reading("compare", ("tag", "against", *SPAN)),
    Reading("bridge", (*SPAN, "against_from", "against_to", "by", "budget", "filter")),
    Reading("forecast", ("months", "team")),
    Reading("ahead", ("team",)),
    Reading("anomalies", ("days",)),
    Reading("units", ("days", "by"), called="unit_costs"),
    Reading("savings", ("days", "as_of")),
    Reading("budgets"),
    Reading("inventory"),
    Reading("reconcile"),
    Reading("chargeback", ("month", "by", "as_of")),
    Reading("promises", ("as_of",)),
    Reading("silent-changes", ("as_of",)),
    Reading("measures", of_log=False),
)


def commands(argv: Sequence[str] = ()) -> Room:
    """The parser of this room, or of the one command that is asked for."""
    top, subparsers = console.parser("analytics", "What it cost and why.", COMMANDS, argv)
    top.set_defaults(forbidden=_forbidden)  # savings ask the policy in force, which analytics itself does not know
    return Room(top, subparsers, READINGS)


def _forbidden(state: State) -> Callable[[str, str, Mapping[str, Any]], str | None]:
    from routing.policies.in_force import forbidden

    return forbidden(state)


def rooms() -> list[Room]:
    """Every room an agent may ask; those above analytics come in here, only when they are asked for."""
    import data.__main__ as data_room
    import simulations.__main__ as simulations_room

    return [commands(), simulations_room.commands(), data_room.commands()]


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    room = commands(argv)
    room.top.set_defaults(rooms=rooms)
    return console.run(room.top, argv)


if __name__ == "__main__":
    sys.exit(main())
