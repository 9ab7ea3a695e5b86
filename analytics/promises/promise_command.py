"""`python -m analytics promises`: what was promised and acted on, what came of it, and the running score."""

from __future__ import annotations

import argparse

from analytics.command_options import view_of
from analytics.history import through
from analytics.promises import promises
from analytics.promises.actions import ACTIONS, check_action
from analytics.registry import dimension
from data import console, wording
from data.errors import BadInput
from data.state import State


def register(commands: console.Commands) -> None:
    """Add `promises` to `python -m analytics`."""
    sub = commands.add("promises", _command)
    sub.add_argument("--keep", metavar="NAME", help="write a promise down that is acted on")
    sub.add_argument("--kind", choices=("saving", "mix", "policy", "forecast"), default="saving")
    sub.add_argument(
        "--usd-month", type=float, metavar="USD", help="promised: USD saved a month; of a forecast, its sum"
    )
    sub.add_argument("--low", type=float, metavar="USD", help="low end of its band")
    sub.add_argument("--high", type=float, metavar="USD", help="high end of its band")
    sub.add_argument("--filter", action="append", default=[], metavar="DIMENSION=VALUE", help="its rows (repeatable)")
    sub.add_argument(
        "--told-from", type=console.parse_day, metavar="DATE", help="first day that the number was told from"
    )
    sub.add_argument("--told-to", type=console.parse_day, metavar="DATE", help="the day after the last")
    sub.add_argument(
        "--done", type=console.parse_day, metavar="DATE", help="the day it was done (default: the log's last)"
    )
    sub.add_argument("--as-of", type=int, metavar="N", help="data version to read (default: the newest)")


def _command(args: argparse.Namespace) -> None:
    state, view = State.open(args.home), view_of(args)
    if args.keep:
        if args.usd_month is None:
            raise BadInput("--keep needs the promised number; add --usd-month, for example --usd-month 1200.")
        last = through(view).day
        made = check_action(
            name=args.keep,
            kind=args.kind,
            expected_usd_month=args.usd_month,
            low_usd_month=args.low,
            high_usd_month=args.high,
            filters=_filters(args.filter),
            told_from=args.told_from,
            told_to=args.told_to,
            decided=args.done or last,
            done=args.done or last,
            status="done",
        )
        ACTIONS.save(state, made.name, promises.add_witness(view, state, made))
    found, waits = promises.ledger_of_promises(view, state), promises.waiting(state)
    if args.json:
        rows = [promises.json_form(one) for one in found]
        score = promises.score(found) | {"waiting": waits}
        console.emit_json({"promises": rows, "score": score, "snapshot": view.snapshot()})
        return
    columns = ("Promise", "Kind", "Done", "Promised USD a month", "Measured", "Verdict", "Rows since")
    lines = [
        (
            one.action.name,
            one.action.kind,
            wording.day(one.action.done or one.action.decided),
            wording.usd(one.action.expected_usd_month),
            wording.usd(one.saved_usd_month),
            f"{one.verdict}: {one.sentence}",
            one.changed or "unchanged",
        )
        for one in found
    ]
    if lines:
        console.emit_table(columns, lines, right=columns[3:5])
    console.say(promises.score_sentence(found, waits))


def _filters(texts: list[str]) -> dict[str, tuple[str, ...]]:
    filters: dict[str, tuple[str, ...]] = {}
    for text in texts:
        name, found, value = text.partition("=")
        if not found:
            raise BadInput(f"--filter {text!r} has no value; write it as DIMENSION=VALUE, for example team=search.")
        filters[dimension(name).name] = (*filters.get(name, ()), value)
    return filters
