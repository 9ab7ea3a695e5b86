"""`python -m data dimensions`: list, add and remove the operator's own dimensions."""

from __future__ import annotations

import argparse
from typing import Any

from data import console, dimensions
from data.dimensions import PREFIX
from data.errors import BadInput
from data.ledger import Ledger
from data.state import State


def register(commands: console.Commands) -> None:
    """Add `dimensions` to `python -m data`."""
    sub = commands.add("dimensions", run, needs_store=True)
    sub.add_argument("do", nargs="?", choices=("list", "add", "remove"), default="list")
    sub.add_argument("name", nargs="?", metavar="NAME", help="such as cost_center; asked for as tag:cost_center")
    sub.add_argument("--from", dest="tag", metavar="tag:KEY", help="the key of the tags; dots descend into nested ones")


def run(args: argparse.Namespace) -> None:
    """`dimensions`: what is declared, after adding or removing one."""
    ledger, state = Ledger.open(args.home), State.open(args.home)
    if args.do != "list" and not args.name:
        raise BadInput(f"Name the dimension to {args.do}, such as cost_center.")
    if args.do == "add":
        if not (args.tag or "").startswith(PREFIX):
            raise BadInput(f"--from is {args.tag!r}; write it as tag:KEY, for example tag:cost_center.")
        dimensions.add(ledger, state, args.name, args.tag[len(PREFIX) :])
    if args.do == "remove":
        dimensions.remove(ledger, state, args.name)
    rows = [_described(ledger, one) for one in dimensions.free_dimensions(ledger)]
    if args.json:
        console.emit_json({"dimensions": rows, "snapshot": ledger.snapshot()})
        return
    console.emit_table(
        ("Dimension", "From", "Rows", "Values"), [row.values() for row in rows], right=("Rows", "Values")
    )
    if not rows:
        console.say("None yet; add one with `python -m data dimensions add NAME --from tag:KEY`.")


def _described(ledger: Ledger, one: dimensions.FreeDimension) -> dict[str, Any]:
    counted = ledger.sql(
        f"SELECT count({one.column}) AS n, count(DISTINCT {one.column}) AS v FROM {ledger.name('usage')}"
    ).iloc[0]
    return {
        "name": PREFIX + one.name,
        "from": PREFIX + one.tag,
        "rows": int(counted["n"]),
        "values": int(counted["v"]),
    }
