"""`python -m simulations decisions` and `handover`: what was decided, for whom, signed by whom; and the pack."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
from typing import Any

from data.console import command, emit_json, emit_table, say
from data.errors import BadInput
from data.ledger import Ledger
from data.state import State
from simulations.decisions import editions, handover
from simulations.decisions.record import DECISIONS, Decision, due, newest_first, sign


def register(subparsers: Any) -> None:
    """Add decisions and handover."""
    sub = command(subparsers, "decisions", _decisions, "the decisions on the record; one of them, or sign one")
    sub.add_argument("name", nargs="?", help="one decision")
    sub.add_argument("--edition", choices=editions.EDITIONS, default="whole", help="for whom (default whole)")
    sub.add_argument("--html", type=Path, metavar="FILE", help="write it as an offline page")
    verdict = sub.add_mutually_exclusive_group()
    verdict.add_argument("--approve", action="store_true", help="sign it")
    verdict.add_argument("--reject", action="store_true", help="sign against it; needs --reason")
    sub.add_argument("--reason", default="", help="why")
    sub = command(subparsers, "handover", _handover, "the hand-over pack of a policy as one sealed offline page")
    sub.add_argument("--policy", metavar="NAME", help="of this policy (default: the one in force)")
    sub.add_argument("--out", type=Path, metavar="FILE", help="where to write it")
    sub.add_argument("--verify", type=Path, metavar="FILE", help="check that a pack is as it was sealed")


def _decisions(args: argparse.Namespace) -> None:
    state = State.open()
    if args.name is None:
        if args.approve or args.reject or args.html:
            raise BadInput("Name the decision; `python -m simulations decisions` lists them.")
        return _list(newest_first(state), args.json)
    one = DECISIONS.find(state, args.name)
    if args.approve or args.reject:
        one = sign(state, one.name, "approved" if args.approve else "rejected", args.reason)
    if args.html:
        args.html.write_text(editions.html(one, args.edition), encoding="utf-8")
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


def _handover(args: argparse.Namespace) -> None:
    if args.verify:
        try:
            seal = handover.verify_seal(args.verify.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"{args.verify} cannot be read ({error}); name the HTML file of a pack.") from error
        return emit_json({"file": str(args.verify), "seal": seal}) if args.json else say(f"Whole: sha256 {seal}.")
    if args.out is None:
        raise BadInput("Say where to write the pack: `--out handover.html`.")
    ledger = Ledger.open()
    text = handover.handover(ledger.at(ledger.snapshot()), State.open(), args.policy)
    args.out.write_text(text, encoding="utf-8")
    seal = handover.verify_seal(text)
    return emit_json({"file": str(args.out), "seal": seal}) if args.json else say(f"Written to {args.out}: {seal}.")
