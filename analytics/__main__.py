"""`python -m analytics`: what it cost and why."""

from __future__ import annotations

import sys
from importlib import import_module

from data import console
from data.readings import Reading, Room
from routing.policies.in_force import forbidden

COMMANDS = (
    "spend",
    "compare",
    "bridges.bridge",
    "forecasts.forecast",
    "forecasts.ahead",
    "anomalies.anomalies_command",
    "unit_costs",
    "savings.savings",
    "budgets.budgets",
    "inventory",
    "billing.reconcile",
    "weekly.review",
    "billing.chargeback_command",
    "billing.focus",
    "promises.promise_command",
    "anomalies.silent_changes_command",
    "measures_page",
    "agents.mcp_command",
)
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


def commands() -> Room:
    """The parser of this room."""
    top, subparsers = console.parser("analytics", "What it cost and why.")
    top.set_defaults(forbidden=forbidden)  # savings ask the policy in force, which analytics itself does not know
    for name in COMMANDS:
        import_module(f"analytics.{name}").register(subparsers)
    return Room(top, subparsers, READINGS)


def rooms() -> list[Room]:
    """Every room an agent may ask; those above analytics come in here, only when they are asked for."""
    import data.__main__ as data_room
    import simulations.__main__ as simulations_room

    return [commands(), simulations_room.commands(), data_room.commands()]


def main(argv: list[str] | None = None) -> int:
    """Entry point; every module of COMMANDS adds its own subcommands."""
    room = commands()
    room.top.set_defaults(rooms=rooms)
    return console.run(room.top, argv)


if __name__ == "__main__":
    sys.exit(main())
