"""`python -m routing policy`: which policy is in force."""

from __future__ import annotations

import argparse
from typing import Any

from data import console
from data.errors import BadInput
from data.state import State
from routing.policies.checks import lints
from routing.policies.in_force import in_force, mark, who_may_lift


def register(subparsers: Any) -> None:
    """Add `policy in-force NAME|none|show`."""
    sub = console.command(subparsers, "policy", _policy, "the policy in force, which all advice keeps to")
    sub.add_argument("what", choices=("in-force",), help="mark a policy as in force, lift it, or show it")
    sub.add_argument("name", metavar="NAME|none|show", help="a saved or shipped policy; `none` lifts the one in force")
    sub.add_argument("--lifted-by", metavar="WHO", default="", help="with NAME: who may lift it, in words")


def _policy(args: argparse.Namespace) -> None:
    state = State.open(args.home)
    if args.name != "show":
        mark(state, None if args.name == "none" else args.name, args.lifted_by)
    elif args.lifted_by:
        raise BadInput("--lifted-by goes with the name of a policy to mark.")
    held = in_force(state)
    if args.json:
        body = held.model_dump(mode="json", exclude_defaults=True) if held else None
        console.emit_json({"in_force": held.name if held else None, "lifted_by": who_may_lift(state), "policy": body})
        return
    if held is None:
        console.say("No policy is in force: advice keeps to the constraints that ship with Baton.")
        return
    who = who_may_lift(state)
    count = len(held.constraints)
    console.say(
        f"In force: “{held.name}”, {count} constraint{'s' * (count != 1)}" + (f"; lifted by {who}." if who else ".")
    )
    for sentence in lints(held):
        console.say(f"Note: {sentence}.")
