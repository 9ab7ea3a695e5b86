"""`ingest` and `billed`: logs and bills into the ledger."""

from __future__ import annotations

import argparse

from data import console
from data.after_load import judge_alerts
from data.formats import Format
from data.invented import refuse_beside
from data.ledger import Ledger
from data.loading.ingest import ingest
from data.loading.report import print_reports
from data.state import State


def register(commands: console.Commands) -> None:
    """Add `ingest` and `billed` to `python -m data`."""
    load = commands.add("ingest", _load)
    load.add_argument("paths", nargs="+", metavar="PATH")
    load.add_argument("--format", metavar="NAME", help="skip recognition; the formats command lists the names")
    load.add_argument("--mapping", metavar="NAME", help="a column mapping saved on the Data page")
    load.add_argument("--keep-text", action="store_true", help="also store prompts and completions (off by default)")
    _allow_the_mix(load)
    bill = commands.add("billed", _load)
    bill.add_argument("paths", nargs="+", metavar="FILE")
    _allow_the_mix(bill)
    bill.set_defaults(format=None, mapping=None, keep_text=False)


def _allow_the_mix(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--beside-sample", action="store_true", help="load although the ledger holds the invented sample company"
    )


def _load(args: argparse.Namespace) -> None:
    """`ingest` and `billed`: load, and print one line per file and the total."""
    ledger, state = Ledger.open(args.home), State.open(args.home)
    if not args.beside_sample:
        refuse_beside(ledger, args.paths)
    form = _mapped(state, args.mapping) if args.mapping else args.format
    with console.progress(quiet=args.json) as progress:
        reports = ingest(ledger, state, args.paths, form=form, keep_text=args.keep_text, progress=progress)
    print_reports(reports, ledger, as_json=args.json)
    judge_alerts(state)


def _mapped(state: State, name: str) -> Format:
    from data.loading import mappings  # loads libraries that no other load needs

    return mappings.load(state, name)
