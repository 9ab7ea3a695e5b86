"""`python -m simulations`: what it would cost. Each module registers the commands it owns."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from data.console import parser, run
from data.readings import Reading, Room
from routing.policies.text import EXAMPLES
from simulations.scenario import SHIPPED

SUMMARY = "What it would cost: other mixes, routing policies, self-hosting, new models."
COMMANDS = {
    "mix": "simulations.scenario_commands",
    "pipeline": "simulations.scenario_commands",
    "triage": "simulations.scenario_commands",
    "replay": "simulations.replay_command",
    "frontier": "simulations.frontier_command",
    "metrics": "simulations.router_metrics.command",
    "breakeven": "simulations.hosting.breakeven_command",
    "drill": "simulations.outage_commands",
    "reroute": "simulations.outage_commands",
    "buy": "simulations.buying_command",
}
FIGURES = (  # of `buy`
    *("can_wait", "commitment_usd", "discount", "usd_per_unit_hour", "output_weight"),
    *("usd_per_seat", "usd_per_seat_covered", "own_usd_per_mtok"),
)
LIMITS = (
    *("max_moved", "max_vendor_share", "vendor_cap", "origin_cap", "min_share", "capacity"),
    *("max_latency_ms", "max_p50_ms", "max_p95_ms", "max_failures"),
)
LOG_TERMS = ("start", "end", "as_of", "prices_at", "scale", "verbosity", "self_host_price")
WHOM, SPAN = ("file", "provider", "model"), ("start", "end", "as_of")
POLICY, FILE = {"policy": EXAMPLES}, {"file": SHIPPED}
READINGS = (
    Reading("frontier", ("floor", "models", "policy", "points", "floor_for", *LIMITS, *LOG_TERMS), POLICY, "model_mix"),
    Reading("replay", ("policy", "by", "acceptance", "review_share", *LOG_TERMS), POLICY),
    Reading(
        "drill",
        ("file", "provider", "model", "starts_at", "hours", "fallback", "limit", "policy", "as_of"),
        POLICY | FILE,
    ),
    Reading("reroute", (*WHOM, "target", "per_minute", "no_limiter", *SPAN), FILE),
    Reading("buy", ("file", "model", *FIGURES, *SPAN), FILE),
    Reading("mix", ("file",), FILE, "typed_mix", of_log=False),
    Reading("pipeline", ("file",), FILE, of_log=False),
    Reading("triage", ("file",), FILE, of_log=False),
    Reading("breakeven", ("file",), FILE, of_log=False),
)


def commands(argv: Sequence[str] = ()) -> Room:
    """The parser of this room, or of the one command that is asked for."""
    return Room(*parser("simulations", SUMMARY, COMMANDS, argv), READINGS)


def main(argv: list[str] | None = None) -> int:
    """Exit code of one command."""
    argv = sys.argv[1:] if argv is None else argv
    return run(commands(argv).top, argv)


if __name__ == "__main__":
    sys.exit(main())
