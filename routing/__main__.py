"""`python -m routing`: try routing policies for real, and take the one that won to the gateway."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from data.console import parser, run
from data.readings import Room

SUMMARY = "Try routing policies on real models, safely; verify the audit trail; export a policy."
COMMANDS = {
    "run": ("routing.runs.run_command", "try policies on sample tasks with real models, under a spend cap"),
    "runs": ("routing.runs.commands", "the latest live runs"),
    "stop": ("routing.runs.commands", "kill switch: stop a run now"),
    "reviews": ("routing.runs.commands", "what needs a person, oldest first"),
    "decide": ("routing.runs.commands", "decide an item of the review queue"),
    "results": ("routing.runs.result_commands", "a run's verdict and every task under every policy"),
    "learn": (
        "routing.learn_command",
        "a difficulty score from graded runs, as a policy, where it beats the best model",
    ),
    "predictions": ("routing.runs.predictions", "what replays said of policies, held against what the lab found"),
    "canary": ("routing.canary_commands", "roll a policy out in stages, judged by the gateway's own log"),
    "export": ("routing.export", "a policy as a LiteLLM proxy config, OpenRouter request fields, or plain YAML"),
    "policy": ("routing.policies.commands", "the policy in force, and the versions of saved ones"),
    "audit": ("routing.runs.audit", "verify the audit trail, anchor it, or export it as JSON lines"),
    "providers": ("routing.runs.audit", "test the connection of every declared provider, or list them"),
    "webhook": ("routing.runs.webhook", "post a review's summary to the webhook of BATON_WEBHOOK_URL"),
    "policy-reference": ("routing.policies.reference", "write the reference of the policy language"),
}


def commands(argv: Sequence[str] | None = None) -> Room:
    """The parser of this room, or of the one command that is asked for."""
    return Room(*parser("routing", SUMMARY, COMMANDS, argv), readings=())


def main(argv: list[str] | None = None) -> int:
    """Exit code of one command."""
    argv = sys.argv[1:] if argv is None else argv
    return run(commands(argv).top, argv)


if __name__ == "__main__":
    sys.exit(main())
