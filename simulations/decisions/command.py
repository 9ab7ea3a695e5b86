"""`python -m simulations decisions`: what was decided, for whom, signed by whom."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
from typing import Any

from data.console import Commands, emit_json, emit_table, say, write_file
from data.errors import BadInput
from data.state import State
from simulations.decisions import editions
from simulations.decisions.record import DECISIONS, Decision, due, newest_first, sign


def register(commands: Commands) -> None:
    """Add decisions."""
    sub = commands.add("decisions", _decisions)
    sub.add_argument("name", nargs="?", help="one decision")
    sub.add_argument("--edition", choices=editions.EDITIONS, default="whole", help="for whom (default whole)")
    sub.add_argument("--html", type=Path, metavar="FILE", help="write it as an offline page")
    verdict = sub.add_mutually_exclusive_group()
    verdict.add_argument("--approve", action="store_true", help="sign it")
    verdict.add_argument("--reject", action="store_true", help="sign against it; needs --reason")
    sub.add_argument("--reason", default="", help="why")


def _decisions(args: argparse.Namespace) -> None:
    state = State.open()
    if args.name is None:
        if args.approve or args.reject or args.html:
            raise BadInput("Name the decision; `python -m simulations decisions` lists them.")
        return _list(newest_first(state), args.json)
    one = DECISIONS.find(state, args.name)
    if args.html and (args.html.is_dir() or not args.html.parent.is_dir()):  # told before anything is signed
        raise BadInput(f"{args.html} is no place for a file; name one in a folder there is.")
    if args.approve or args.reject:
        one = sign(state, one.name, "approved" if args.approve else "rejected", args.reason)
    if args.html:
        write_file(args.html, editions.html(one, args.edition))
    if args.json:
        return emit_json(as_json(one))
    return say(editions.markdown(one, args.edition).rstrip() if not args.html else f"Written to {args.html}.")


def _list(found: list[Decision], as_machine: bool) -> None:
    if as_machine:
        return emit_json({"decisions": [as_json(one) for one in found]})
    if not found:
        return say("No decision is on the record yet; “Record the decision” stands on the pages that answer.")
    waiting = due(found, date.today())  # noqa: DTZ011 - the reader's own day
    rows = [
        (one.name, one.standing, one.told.answer, str(one.review_on or ""), "due" if one in waiting else "")
        for one in found
    ]
    return emit_table(("decision", "status", "answer", "review", ""), rows)


def as_json(one: Decision) -> dict[str, Any]:
    """A record as plain values, with what follows from it."""
    return one.model_dump(mode="json") | {"status": one.standing, "facts_digest": one.digest}
