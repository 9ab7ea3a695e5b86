"""`python -m routing policy`: which policy is in force, and the versions of the saved ones."""

from __future__ import annotations

import argparse

from data import console
from data.errors import BadInput
from data.state import State
from routing.policies.checks import lints
from routing.policies.in_force import in_force, mark, who_may_lift
from routing.policies.versions import difference, restore, version, versions


def register(commands: console.Commands) -> None:
    """Add `policy in-force NAME|none|show`, `policy versions NAME` and `policy restore NAME --to N`."""
    sub = commands.add("policy", _policy)
    sub.add_argument(
        "what",
        choices=("in-force", "versions", "restore"),
        help="mark a policy as in force, lift it, or show it; list a policy's versions; take one back",
    )
    sub.add_argument("name", metavar="NAME|none|show", help="a saved or shipped policy; `none` lifts the one in force")
    sub.add_argument("--compare", type=int, nargs=2, metavar=("A", "B"), help="with versions: what B changed of A")
    sub.add_argument("--to", type=int, metavar="N", help="with restore: the version to take back")
    sub.add_argument("--lifted-by", metavar="WHO", default="", help="with NAME: who may lift it, in words")


def _policy(args: argparse.Namespace) -> None:
    state = State.open(args.home)
    if args.what != "in-force":
        _versions(args, state)
        return
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


def _versions(args: argparse.Namespace, state: State) -> None:
    """The versions of a policy, two of them compared, or one taken back."""
    if args.what == "restore":
        if args.to is None:
            raise BadInput("`policy restore` needs --to, the number of a version; `policy versions` lists them.")
        restore(state, args.name, args.to)
    changed = difference(*(version(state, args.name, number) for number in args.compare)) if args.compare else None
    known = versions(state, args.name)
    if args.json:
        body = [one._asdict() for one in known]
        console.emit_json({"policy": args.name, "versions": body, "difference": changed})
        return
    if changed is not None:
        console.say(changed or "The two versions say the same.")
        return
    if not known:
        console.say(f"“{args.name}” was never saved here, so it has no versions.")
        return
    rows = [(one.number, one.at[:16].replace("T", " "), one.by) for one in known]
    console.emit_table(("version", "saved (UTC)", "by"), rows, right=("version",))
