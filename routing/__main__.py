"""`python -m routing`: try routing policies for real, and take the one that won to the gateway."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from data.console import parser, run
from data.readings import Room

SUMMARY = "Try routing policies on real models, safely; verify the audit trail; export a policy."
COMMANDS = {
    "run": "routing.runs.commands",
    "runs": "routing.runs.commands",
    "stop": "routing.runs.commands",
    "reviews": "routing.runs.commands",
    "decide": "routing.runs.commands",
    "results": "routing.runs.result_commands",
    "predictions": "routing.runs.predictions",
    "canary": "routing.canary_commands",
    "export": "routing.export",
    "policy": "routing.policies.commands",
    "audit": "routing.runs.audit",
    "providers": "routing.runs.audit",
    "webhook": "routing.runs.webhook",
    "policy-reference": "routing.policies.reference",
}


def commands(argv: Sequence[str] = ()) -> Room:
    """The parser of this room, or of the one command that is asked for."""
    return Room(*parser("routing", SUMMARY, COMMANDS, argv), readings=())


def main(argv: list[str] | None = None) -> int:
    """Exit code of one command."""
    argv = sys.argv[1:] if argv is None else argv
    return run(commands(argv).top, argv)


if __name__ == "__main__":
    sys.exit(main())
