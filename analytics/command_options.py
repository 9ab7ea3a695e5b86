"""What dated commands share: the ledger they read, and the span that --from and --to name."""

from __future__ import annotations

import argparse
import sys
from datetime import date, timedelta

from analytics.scope import Scope
from data import lost_rows, people
from data.errors import BadInput, NoData
from data.held_view import restrict_to_teams
from data.ledger import Ledger


def add_span(parser: argparse.ArgumentParser) -> None:
    """The options every dated command shares: --from and --to (both inclusive days), --as-of."""
    parser.add_argument("--from", dest="start", type=parse_day, metavar="DATE", help="first day, YYYY-MM-DD")
    parser.add_argument("--to", dest="end", type=parse_day, metavar="DATE", help="last day, included")
    parser.add_argument("--as-of", type=int, metavar="N", help="data version to read (default: the newest)")


def parse_day(text: str) -> date:
    """An ISO day; argparse turns what is raised into a usage error."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; write it as 2026-11-27") from error


def view_of(args: argparse.Namespace) -> Ledger:
    """The pinned ledger a command reads, with a word on stderr where rows of it are lost; NoData when it is empty.

    A caller of many commands keeps one ledger open and hands it over as `args.ledger`.
    """
    ledger = getattr(args, "ledger", None) or Ledger.open(args.home)
    pinned = ledger.at(args.as_of if getattr(args, "as_of", None) is not None else ledger.snapshot())
    view = restrict_to_teams(pinned, people.held_teams())
    tables = ("usage", "billed")
    if not any(len(view.sql(f"SELECT 1 FROM {view.name(table)} LIMIT 1")) for table in tables):
        raise NoData(
            f"The ledger in {ledger.home} is empty; load a log with `python -m data ingest PATH` or try `python -m data"
            " sample`."
        )
    if lost := lost_rows.sentence(view):
        print(lost, file=sys.stderr)
    return view


def span_of(args: argparse.Namespace, view: Ledger) -> Scope:
    """The scope of --from and --to; raises BadInput when they are the wrong way round."""
    if args.start and args.end and args.end < args.start:
        raise BadInput(f"--to {args.end} is before --from {args.start}; swap them.")
    return Scope.of(view, args.start, args.end + timedelta(days=1) if args.end else None)
