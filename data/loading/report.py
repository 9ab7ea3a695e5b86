"""What a load is said to have done: a line per file and the total, as a table or as JSON."""

from __future__ import annotations

import sys

from data import console
from data.errors import BadInput
from data.ledger import Ledger
from data.loading.ingest import Report

COUNTS = ("read", "loaded", "duplicate", "rejected", "skipped")


def print_reports(reports: list[Report], ledger: Ledger, *, as_json: bool) -> None:
    """Print what became of each file; raises BadInput when no file could be used."""
    total = {name: sum(getattr(r, name) for r in reports) for name in COUNTS}
    if as_json:
        files = [
            {k: None if v == "" else v for k, v in vars(r).items()} | {"unread": [u._asdict() for u in r.unread]}
            for r in reports
        ]
        console.emit_json(
            {
                "files": files,
                **total,
                "format": _one_of([r.format for r in reports]),
                "batch_id": _one_of([r.batch_id for r in reports]),
                "snapshot": ledger.snapshot(),
            }
        )
    else:
        rows = [
            (r.path, r.format or "not loaded", *(f"{getattr(r, n):,}" for n in COUNTS)) for r in reports if not r.error
        ]
        console.emit_table(
            ("file", "format", *COUNTS), [*rows, ("total", "", *(f"{total[n]:,}" for n in COUNTS))], right=COUNTS
        )
        for reason, count in sorted({k: v for r in reports for k, v in r.reasons.items()}.items(), key=lambda x: -x[1]):
            console.say(f"rejected {count:,}: {reason}")
        for path, rows, total in (unread for r in reports for unread in r.unread):
            console.say(f"unread usage: {path} in {rows:,} rows, sum {total:,g}; these rows are marked unread_usage")
        if more := sum(r.unread_more for r in reports):
            console.say(f"unread usage: {more:,} further paths")
    for report in reports:
        if report.error:
            print(report.error, file=sys.stderr)
    if all(r.error for r in reports):
        raise BadInput("Nothing was loaded.")


def _one_of(values: list[str]) -> str:
    distinct = sorted({v for v in values if v})
    return distinct[0] if len(distinct) == 1 else ", ".join(distinct)
