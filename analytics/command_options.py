"""What dated commands share: the ledger they read, and the span that --from and --to name."""

from __future__ import annotations

import argparse
import sys
from datetime import date, timedelta

from analytics.history import through
from analytics.scope import ClosedScope, Scope
from data import lost_rows, people
from data.console import parse_day
from data.errors import BadInput, NoData
from data.held_view import restrict_to_teams
from data.ledger import Ledger


def add_span(parser: argparse.ArgumentParser) -> None:
    """The options every dated command shares: --from and --to (both inclusive days), --as-of."""
    parser.add_argument("--from", dest="start", type=parse_day, metavar="DATE", help="first day, YYYY-MM-DD")
    parser.add_argument("--to", dest="end", type=parse_day, metavar="DATE", help="last day, included")
    parser.add_argument("--as-of", type=int, metavar="N", help="data version to read (default: the newest)")


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


def last_days(view: Ledger, days: int) -> ClosedScope:
    """The scope of --days: the last so many whole days; raises BadInput under 1, and beyond any log."""
    end = through(view).complete_until
    most = (end - date(1970, 1, 1)).days
    if not 1 <= days <= most:
        raise BadInput(f"--days {days} is no number of days; use 1 to {most:,}.")
    return Scope.of(view).between(end - timedelta(days=days), end)


def span_of(args: argparse.Namespace, view: Ledger) -> Scope:
    """The scope of --from and --to, or of --days; raises BadInput for a span that is none."""
    if getattr(args, "days", None) is not None:
        return last_days(view, args.days)
    if args.start and args.end and args.end < args.start:
        raise BadInput(f"--to {args.end} is before --from {args.start}; swap them.")
    return Scope.of(view, args.start, args.end + timedelta(days=1) if args.end else None)
