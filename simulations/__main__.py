"""`python -m simulations`: what it would cost. Each module registers the commands it owns."""

from __future__ import annotations

import sys

from data.console import parser, run
from data.readings import Reading, Room
from routing.policies.text import EXAMPLES
from simulations import buying_command, frontier_command, outage_commands, replay_command, scenario_commands
from simulations.hosting import breakeven_command
from simulations.router_metrics import command as metrics_command
from simulations.scenario import SHIPPED

SUMMARY = "What it would cost: other mixes, routing policies, self-hosting, new models."


LOG_TERMS = ("start", "end", "as_of", "prices_at", "scale", "verbosity", "self_host_price")
POLICY, FILE = {"policy": EXAMPLES}, {"file": SHIPPED}
READINGS = (
    Reading(
        "frontier", ("floor", "models", "policy", "points", "floor_for", "max_moved", *LOG_TERMS), POLICY, "model_mix"
    ),
    Reading("replay", ("policy", "by", "acceptance", "review_share", *LOG_TERMS), POLICY),
    Reading("drill", ("provider", "model", "hours", "fallback", "policy"), POLICY),
    Reading("mix", ("file",), FILE, "typed_mix", of_log=False),
    Reading("pipeline", ("file",), FILE, of_log=False),
    Reading("triage", ("file",), FILE, of_log=False),
    Reading("breakeven", ("file",), FILE, of_log=False),
)


def commands() -> Room:
    """The parser of this room."""
    top, subparsers = parser("simulations", SUMMARY)
    for module in (
        scenario_commands,
        replay_command,
        frontier_command,
        metrics_command,
        breakeven_command,
        outage_commands,
        buying_command,
    ):
        module.register(subparsers)
    return Room(top, subparsers, READINGS)


def main(argv: list[str] | None = None) -> int:
    """Exit code of one command."""
    return run(commands().top, argv)


if __name__ == "__main__":
    sys.exit(main())
