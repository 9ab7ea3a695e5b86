"""`ingest` and `billed`: logs and bills into the ledger."""

from __future__ import annotations

import argparse
from typing import Any

from data import console
from data.ledger import Ledger
from data.loading import mappings
from data.loading.ingest import ingest
from data.loading.report import print_reports
from data.state import State


def register(subparsers: Any) -> None:
    """Add `ingest` and `billed` to `python -m data`."""
    load = console.command(subparsers, "ingest", _load, "load log files, folders or globs into the ledger")
    load.add_argument("paths", nargs="+", metavar="PATH")
    load.add_argument("--format", metavar="NAME", help="skip recognition; see `python -m data formats`")
    load.add_argument("--mapping", metavar="NAME", help="a column mapping saved on the Data page")
    load.add_argument("--keep-text", action="store_true", help="also store prompts and completions (off by default)")
    bill = console.command(subparsers, "billed", _load, "load provider invoices and usage reports, for reconciliation")
    bill.add_argument("paths", nargs="+", metavar="FILE")
    bill.set_defaults(format=None, mapping=None, keep_text=False)


def _load(args: argparse.Namespace) -> None:
    """`ingest` and `billed`: load, and print one line per file and the total."""
    ledger, state = Ledger.open(args.home), State.open(args.home)
    form = mappings.load(state, args.mapping) if args.mapping else args.format
    with console.progress(quiet=args.json) as progress:
        reports = ingest(ledger, state, args.paths, form=form, keep_text=args.keep_text, progress=progress)
    print_reports(reports, ledger, as_json=args.json)
    args.after_load(ledger, state)
