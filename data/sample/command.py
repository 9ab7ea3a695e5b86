"""`python -m data sample`: the sample company in, and out again."""

from __future__ import annotations

import argparse

from data import console, wording
from data.errors import BadInput
from data.ledger import Ledger
from data.loading.report import print_reports
from data.sample import removal, sample
from data.sample.company import read_company
from data.state import State


def register(commands: console.Commands) -> None:
    """Add `sample` to `python -m data`."""
    sub = commands.add("sample", _run)
    company = read_company()
    sub.add_argument(
        "--rows",
        type=int,
        metavar="N",
        help=f"calls to invent (default {company.rows:,}; tens of millions work); dollars go with them",
    )
    sub.add_argument(
        "--full", action="store_true", help=f"the whole company: {company.full_rows:,} calls, some $500K in 400 days"
    )
    sub.add_argument("--days", type=int, metavar="D", help=f"days of history (default {company.days})")
    sub.add_argument("--seed", type=int, metavar="S", help=f"another company of the same kind (default {company.seed})")
    sub.add_argument("--remove", action="store_true", help="take it out of the ledger again, with its files")
    sub.add_argument(
        "--end", type=console.parse_day, metavar="DATE", help="the day after the last one (default today, UTC)"
    )


def _run(args: argparse.Namespace) -> None:
    if args.remove:
        return _remove(args)
    if args.full and args.rows is not None:
        raise BadInput(f"--full and --rows {args.rows:,} ask for two sizes; give one of them.")
    rows = read_company().full_rows if args.full else args.rows
    wanted, ledger = sample.wish(rows, args.days, args.end, args.seed), Ledger.open(args.home)
    with console.progress(quiet=args.json) as progress:
        reports = sample.load(ledger, State.open(ledger.home), wanted, progress)
    print_reports(reports, ledger, as_json=args.json)


def _remove(args: argparse.Namespace) -> None:
    ledger = Ledger.open(args.home)
    gone = removal.remove(ledger, State.open(ledger.home))
    if args.json:
        return console.emit_json({"removed": gone, "snapshot": ledger.snapshot()})
    console.say(
        f"The sample company is out of {ledger.home}: {wording.count_of(gone, 'row')}, its bills and its files."
    )
