"""`python -m simulations handover`: the pack of a policy, and whether one is as it was sealed."""

from __future__ import annotations

import argparse
from pathlib import Path

from data.console import Commands, emit_json, say, write_file
from data.errors import BadInput
from data.ledger import Ledger
from data.state import State
from simulations.decisions import handover


def register(commands: Commands) -> None:
    """Add handover."""
    sub = commands.add("handover", _handover)
    sub.add_argument("--policy", metavar="NAME", help="of this policy (default: the one in force)")
    sub.add_argument("--out", type=Path, metavar="FILE", help="where to write it")
    sub.add_argument("--verify", type=Path, metavar="FILE", help="check that a pack is as it was sealed")


def _handover(args: argparse.Namespace) -> None:
    if args.verify:
        try:
            seal = handover.verify_seal(args.verify.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"{args.verify} cannot be read ({error}); name the HTML file of a pack.") from error
        if args.json:
            return emit_json({"file": str(args.verify), "seal": seal})
        return say(f"Whole by its own seal, sha256 {seal}; compare that with the one you were given.")
    if args.out is None:
        raise BadInput("Say where to write the pack: `--out handover.html`.")
    ledger = Ledger.open()
    text = handover.handover(ledger.at(ledger.snapshot()), State.open(), args.policy)
    write_file(args.out, text)
    seal = handover.verify_seal(text)
    return emit_json({"file": str(args.out), "seal": seal}) if args.json else say(f"Written to {args.out}: {seal}.")
