"""`python -m analytics chargeback`: print a month's statement, or say how a shared cost is split."""

from __future__ import annotations

import argparse
import re
from datetime import date
from typing import Any

from analytics.billing import chargeback
from analytics.billing.month_budgets import against_budgets
from analytics.billing.shared_costs import SHARED, SPLITS
from analytics.command_options import view_of
from analytics.registry import dimension
from data import console
from data.errors import BadInput
from data.state import State


def register(commands: console.Commands) -> None:
    """Add `chargeback` to `python -m analytics`."""
    sub = commands.add("chargeback", _command)
    sub.add_argument("--month", metavar="YYYY-MM", help="default: the last month that is over")
    sub.add_argument("--by", default="team", metavar="DIMENSION", help="who pays (default team)")
    form = sub.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="print every line as CSV")
    form.add_argument("--html", action="store_true", help="print the statement as one HTML page")
    sub.add_argument("--share", metavar="NAME", help="save a shared cost: rows of --filter, split by --split")
    sub.add_argument("--filter", action="append", default=[], metavar="DIMENSION=VALUE", help="its rows (repeatable)")
    sub.add_argument("--split", choices=SPLITS, default="spend", help="how it is split (default spend)")
    sub.add_argument("--weight", action="append", default=[], metavar="TEAM=N", help="of a fixed split (repeatable)")
    sub.add_argument("--unshare", metavar="NAME", help="forget a shared cost")
    sub.add_argument("--as-of", type=int, metavar="N", help="data version to read (default: the newest)")


def _command(args: argparse.Namespace) -> None:
    state = State.open(args.home)
    if args.unshare:
        SHARED.find(state, args.unshare)
        SHARED.forget(state, args.unshare)
    if args.share:
        SHARED.save(state, args.share, _from_words(args))
    view = view_of(args)
    found = chargeback.statement(
        view, state, _month(args.month) or chargeback.last_month(view), dimension(args.by).name
    )
    if args.json:
        console.emit_json(chargeback.json_form(found))
    elif args.csv:
        print(chargeback.csv_text(found), end="")
    elif args.html:
        print(chargeback.html(found))
    else:
        table = chargeback.table(found).rename(columns={"Team": args.by})
        rows = [[row[0], *map(found.money, row[1:])] for row in table.itertuples(index=False)]
        console.emit_table(table.columns, rows, right=table.columns[1:], title=f"{found.month:%B %Y}, USD")
        for name, rule, usd in found.shared:
            console.say(f"{name}, {found.money(usd)}: split {rule}.")
        for note in [*filter(None, [against_budgets(found)]), *found.notes]:
            console.say(f"{note}.")


def _month(text: str | None) -> date | None:
    if text is None:
        return None
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text):
        raise BadInput(f"--month is {text!r}; write it as YYYY-MM, for example 2026-10.")
    return date.fromisoformat(f"{text}-01")


def _from_words(args: argparse.Namespace) -> dict[str, Any]:
    filters: dict[str, tuple[str, ...]] = {}
    for text in args.filter:
        name, found, value = text.partition("=")
        if not found:
            raise BadInput(f"--filter {text!r} has no value; write it as DIMENSION=VALUE, for example team=platform.")
        filters[dimension(name).name] = (*filters.get(name, ()), value)
    weights = {}
    for text in args.weight:
        team, _, number = text.rpartition("=")
        try:
            weights[team] = float(number)
        except ValueError:
            raise BadInput(f"--weight {text!r} is no weight; write it as TEAM=N, for example search=60.") from None
    return {"filters": filters, "split": args.split, "weights": weights}
