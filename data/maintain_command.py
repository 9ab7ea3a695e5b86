"""`python -m data maintain`: upkeep on demand, and what the store consists of before and after."""

from __future__ import annotations

import argparse

from data import console, people, upkeep
from data.ledger import Ledger
from data.state import State
from data.wording import count


def register(commands: console.Commands) -> None:
    """`python -m data maintain`."""
    commands.add("maintain", _maintain, needs_store=True)


def _maintain(args: argparse.Namespace) -> None:
    people.require("maintenance")
    ledger, state = Ledger.open(args.home), State.open(args.home)
    before = upkeep.measure(ledger)
    with console.progress(quiet=args.json) as progress:
        done = upkeep.maintain(ledger, state, progress)
    after = upkeep.measure(ledger)
    if args.json:
        console.emit_json({**done._asdict(), "before": before._asdict(), "after": after._asdict()})
        return
    rows = (
        (name.replace("_", " "), count(was), count(now))
        for name, was, now in zip(before._fields, before, after, strict=True)
    )
    console.emit_table(("there are", "before", "after"), rows, right=("before", "after"))
    console.say(
        f"{count(done.days_folded)} days folded, {count(done.files_merged)} files merged into others, "
        f"{count(done.versions_given_up)} data versions given up, {count(done.files_removed)} files removed; "
        "files replaced in the last ten minutes stay for queries under way."
    )
