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
    "spend": ("analytics.spend", "spend by any dimensions"),
    "today": ("analytics.today", "what today has cost so far, in a line: for a status line"),
    "compare": ("analytics.compare", "what some rows cost, against others: two tags, teams, models"),
    "bridge": ("analytics.bridges.bridge", "why spend moved between two spans, closing to the cent"),
    "forecast": ("analytics.forecasts.forecast", "month end and the next months, with P10, P50 and P90"),
    "ahead": ("analytics.forecasts.ahead", "announced price changes and ends of models, in your dollars"),
    "anomalies": (
        "analytics.anomalies.anomalies_command",
        "days above their pattern, failing models, costs that outgrow usage",
    ),
    "units": ("analytics.unit_costs", "cost per request, task, successful task and customer"),
    "savings": ("analytics.savings.savings", "where money is wasted, by dollars a month"),
    "budgets": ("analytics.budgets.budgets", "budgets against actual and forecast; --set saves one"),
    "inventory": ("analytics.inventory", "models, features and keys in use, with their owners; --own sets one"),
    "reconcile": ("analytics.billing.reconcile", "the ledger against what providers billed, by month"),
    "review": ("analytics.weekly.review", "the weekly review, as HTML, Markdown, CSV of actions or JSON"),
    "chargeback": (
        "analytics.billing.chargeback_command",
        "what each team pays for a month, shared and untagged spend split by a rule",
    ),
    "focus": ("analytics.billing.focus", "export a month as FOCUS, one row per token kind"),
    "promises": (
        "analytics.promises.promise_command",
        "what was promised when somebody acted, measured against what would have been",
    ),
    "silent-changes": (
        "analytics.anomalies.silent_changes_command",
        "models that answer otherwise than before, and whose change that is",
    ),
    "measures": ("analytics.measures_page", "every measure and dimension, and what it means"),
    "mcp": ("analytics.agents.mcp_command", "answer agents over the Model Context Protocol, read-only"),
    "alerts": ("analytics.alerts.command", "what the alert rules say; --send tells whom they name"),
    "gauges": ("analytics.alerts.gauges", "where things stand as gauges, for Prometheus and Grafana"),
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


def commands(argv: Sequence[str] | None = None) -> Room:
    """The parser of this room, or of the one command that is asked for."""
    top, added = console.parser("analytics", "What it cost and why.", COMMANDS, argv)
    top.set_defaults(forbidden=_forbidden)  # savings ask the policy in force, which analytics itself does not know
    return Room(top, added, READINGS)


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
