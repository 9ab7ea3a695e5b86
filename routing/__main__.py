"""`python -m routing`: try routing policies for real, and take the one that won to the gateway."""

from __future__ import annotations

import sys

from data.console import parser, run
from routing import export
from routing.policies import commands as policy_commands
from routing.policies import reference
from routing.runs import audit, result_commands, webhook
from routing.runs import commands as run_commands

SUMMARY = "Try routing policies on real models, safely; verify the audit trail; export a policy."


def main(argv: list[str] | None = None) -> int:
    """Exit code of one command."""
    top, commands = parser("routing", SUMMARY)
    for module in (run_commands, result_commands, export, policy_commands, audit, webhook, reference):
        module.register(commands)
    return run(top, argv)


if __name__ == "__main__":
    sys.exit(main())
