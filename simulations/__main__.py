"""`python -m simulations`: what it would cost. Each module registers the commands it owns."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from data.console import parser, run
from data.readings import Reading, Room

SUMMARY = "What it would cost: other mixes, routing policies, self-hosting, new models."
COMMANDS = {
    "mix": ("simulations.scenario_commands", "compare two model mixes: annual cost, quality, exposure"),
    "pipeline": ("simulations.scenario_commands", "a multi-stage workflow against one model for all"),
    "triage": ("simulations.scenario_commands", "does a newly released model concern us: SKIP, EVALUATE or ADOPT"),
    "replay": ("simulations.replay_command", "what a routing policy would have done to the logged traffic"),
    "frontier": ("simulations.frontier_command", "the cheapest mix for every quality, or for one floor"),
    "metrics": (
        "simulations.router_metrics.command",
        "reference lines and router metrics on a per-prompt results table",
    ),
    "breakeven": (
        "simulations.hosting.breakeven_command",
        "API, host, rented or bought GPUs: payback, NPV and the odds",
    ),
    "drill": ("simulations.outage_commands", "a provider or a model is out for some hours of the log"),
    "reroute": ("simulations.outage_commands", "what fails goes to another model, with the adaptive limiter"),
    "buy": (
        "simulations.buying_command",
        "tokens, batches, commitments, prepaid capacity, seats, own machines: one table",
    ),
    "decisions": (
        "simulations.decisions.command",
        "the decisions on the record; one of them, or sign one",
    ),
    "handover": (
        "simulations.decisions.handover_command",
        "the hand-over pack of a policy as one sealed offline page",
    ),
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


def readings() -> tuple[Reading, ...]:
    """What an agent may ask of this room."""
    from routing.policies.text import EXAMPLES
    from simulations.scenario import SHIPPED

    policy, file = {"policy": EXAMPLES}, {"file": SHIPPED}
    return (
        Reading(
            "frontier", ("floor", "models", "policy", "points", "floor_for", *LIMITS, *LOG_TERMS), policy, "model_mix"
        ),
        Reading("replay", ("policy", "by", "acceptance", "review_share", *LOG_TERMS), policy),
        Reading(
            "drill",
            ("file", "provider", "model", "starts_at", "hours", "fallback", "limit", "policy", "as_of"),
            policy | file,
        ),
        Reading("reroute", (*WHOM, "target", "per_minute", "no_limiter", *SPAN), file),
        Reading("buy", ("file", "model", *FIGURES, *SPAN), file),
        Reading("mix", ("file",), file, "typed_mix", of_log=False),
        Reading("pipeline", ("file",), file, of_log=False),
        Reading("triage", ("file",), file, of_log=False),
        Reading("breakeven", ("file",), file, of_log=False),
    )


def commands(argv: Sequence[str] | None = None) -> Room:
    """The parser of this room, or of the one command that is asked for."""
    return Room(*parser("simulations", SUMMARY, COMMANDS, argv), readings() if argv is None else ())


def main(argv: list[str] | None = None) -> int:
    """Exit code of one command."""
    argv = sys.argv[1:] if argv is None else argv
    return run(commands(argv).top, argv)


if __name__ == "__main__":
    sys.exit(main())
