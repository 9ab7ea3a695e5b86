"""`python -m data price-book`: which list prices hold, what others would change in dollars, accept, refuse, undo."""

from __future__ import annotations

import argparse
from typing import Any

from data import console, wording
from data.errors import BadInput
from data.ledger import Ledger
from data.loading import reprice
from data.loading.price_effect import Effect, price_effect
from data.prices import editions, refresh
from data.prices.editions import Edition
from data.prices.refresh import Proposal
from data.state import State

KEPT = "Rows already loaded keep their price until they are repriced (`python -m data price-book --reprice`)."


def register(commands: console.Commands) -> None:
    """Add `price-book` to `python -m data`."""
    sub = commands.add("price-book", _command, needs_store=True)
    sub.add_argument("file", nargs="?", default="", metavar="FILE", help="genai-prices' prices/new_data/v2/data.json")
    sub.add_argument(
        "--as-of",
        type=console.parse_day,
        metavar="DATE",
        help="the day its prices are of (default: when FILE was written)",
    )
    sub.add_argument(
        "--download",
        nargs="?",
        const=True,
        default="",
        metavar="URL",
        help="from where the package updates itself, or from a mirror",
    )
    sub.add_argument("--package", action="store_true", help="the prices that came with the installed package")
    answer = sub.add_mutually_exclusive_group()
    answer.add_argument("--accept", action="store_true", help="put it in force for all that is loaded from now on")
    answer.add_argument("--refuse", action="store_true", help="note in the audit trail that it is not wanted")
    answer.add_argument("--undo", action="store_true", help="put the price book before back in force")
    sub.add_argument("--reprice", action="store_true", help="price the rows already loaded by the book in force")


def _command(args: argparse.Namespace) -> None:
    ledger, state = Ledger.open(args.home), State.open(args.home)
    given = [bool(args.file), bool(args.download), args.package]
    if sum(given) > 1:
        raise BadInput("Name one price book: FILE, --download or --package.")
    if (args.accept or args.refuse) and not any(given):
        raise BadInput("Name the price book to accept or refuse: FILE, --download or --package.")
    if args.undo and any(given):
        raise BadInput("--undo goes alone: it puts the price book before back in force.")
    answer: dict[str, Any] = {}
    if any(given):
        answer |= _compare(args, ledger, state)
    if args.undo:
        _say(args, f"{refresh.take_back(ledger, state).told} is in force again. {KEPT}")
    if args.reprice:
        change = reprice.reprice(ledger, state)
        answer["repriced_rows"] = change.rows
        _say(args, f"{wording.count_of(change.rows, 'row')} repriced; data version {change.snapshot}.")
    _tell_in_force(args, ledger, answer)


def _proposal(args: argparse.Namespace) -> Proposal:
    if args.package:
        return refresh.of_package()
    if args.download:
        from data.sources.price_download import download  # loads a library that the other ways do not need

        return download("" if args.download is True else args.download)
    return refresh.read_file(args.file, args.as_of)


def _compare(args: argparse.Namespace, ledger: Ledger, state: State) -> dict[str, Any]:
    """What the named price book would change; then what was asked to be done with it."""
    proposal = _proposal(args)
    effect = price_effect(ledger, state, proposal.catalogue)
    if not args.json:
        _print_effect(effect)
    if args.accept:
        refresh.accept(ledger, state, proposal, effect.before, effect.told)
        _say(args, f"{proposal.edition.told} is in force. {KEPT}")
    elif args.refuse:
        refresh.refuse(state, proposal, effect.before, effect.told)
        _say(args, f"{proposal.edition.told} was refused; nothing was changed.")
    else:
        _say(args, "Nothing was changed: --accept puts it in force, --refuse notes that it is not wanted.")
    return {"proposed": _json(effect.after), "effect": effect.told, "models": effect.rows.to_dict("records")}


def _print_effect(effect: Effect) -> None:
    columns = ("model", "provider", "attempts", "price before", "price after", "before", "after", "change", "at list")
    rows = [
        (
            row.model,
            row.provider,
            f"{row.attempts:,}",
            row.price_before,
            row.price_after,
            *("unknown" if usd is None else wording.usd_cents(usd) for usd in (row.before_usd, row.after_usd)),
            wording.usd_cents(row.change_usd),
            wording.usd_cents(row.list_change_usd),
        )
        for row in effect.rows.itertuples(index=False)
    ]
    if rows:
        console.emit_table(columns, rows, right=(columns[2], *columns[5:]))
    console.say(effect.sentence)


def _tell_in_force(args: argparse.Namespace, ledger: Ledger, answer: dict[str, Any]) -> None:
    """The editions that hold and held, at the end."""
    held = editions.choice(ledger.home)
    if args.json:
        before = held.before and _json(held.before)
        console.emit_json({"in_force": _json(held.in_force), "before": before, **answer})
        return
    origin = f", from {held.in_force.origin}" if held.in_force.origin else ""
    console.say(f"In force: {held.in_force.told}{origin}.")
    if held.in_force.origin == editions.BEFORE_UPDATE:
        told = f"The installed package has {editions.of_package().told}: --package shows what that changes."
        console.say(told)
    if held.before:
        console.say(f"Before: {held.before.told}.")


def _say(args: argparse.Namespace, sentence: str) -> None:
    if not args.json:
        console.say(sentence)


def _json(edition: Edition) -> dict[str, Any]:
    return edition._asdict()
