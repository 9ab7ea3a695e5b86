"""`python -m simulations`: what it would cost. Each module registers the commands it owns."""

from __future__ import annotations

import sys

from data.console import parser, run
from simulations import buying_command, frontier_command, outage_commands, replay_command, scenario_commands
from simulations.hosting import breakeven_command
from simulations.router_metrics import command as metrics_command

SUMMARY = "What it would cost: other mixes, routing policies, self-hosting, new models."


def main(argv: list[str] | None = None) -> int:
    """Exit code of one command."""
    top, commands = parser("simulations", SUMMARY)
    for module in (
        scenario_commands,
        replay_command,
        frontier_command,
        metrics_command,
        breakeven_command,
        outage_commands,
        buying_command,
    ):
        module.register(commands)
    return run(top, argv)


if __name__ == "__main__":
    sys.exit(main())
