"""`python -m analytics`: what it cost and why."""

from __future__ import annotations

import sys
from importlib import import_module

from data import console
from routing.policies.in_force import forbidden

COMMANDS = (
    "spend",
    "bridge",
    "forecast",
    "ahead",
    "anomaly_search",
    "unit_costs",
    "savings",
    "budgets",
    "inventory",
    "reconcile",
    "review",
    "chargeback_command",
    "focus",
    "promise_command",
    "silent_changes_command",
    "measures_page",
)


def main(argv: list[str] | None = None) -> int:
    """Entry point; every module of COMMANDS adds its own subcommands."""
    top, subparsers = console.parser("analytics", "What it cost and why.")
    top.set_defaults(forbidden=forbidden)  # savings ask the policy in force, which analytics itself does not know
    for name in COMMANDS:
        import_module(f"analytics.{name}").register(subparsers)
    return console.run(top, argv)


if __name__ == "__main__":
    sys.exit(main())
