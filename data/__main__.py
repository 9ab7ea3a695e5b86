"""`python -m data`: load logs, list formats, make the sample company, look prices up, check the ledger."""

from __future__ import annotations

import argparse
import sys

from data import backup, checks, console, dimension_commands, erase_command, erasure, lost_rows, wording
from data.errors import BadInput
from data.formats import sources_page
from data.ledger import Ledger
from data.loading import explain, mappings
from data.loading.ingest import ingest
from data.loading.report import print_reports
from data.prices import report as price_report
from data.readings import Reading, Room
from data.sample import sample
from data.state import KINDS, State

READINGS = (
    Reading("prices", ("model", "provider", "at", "region"), of_log=False),
    Reading("explain", ("path", "record", "format"), {"path": None}, of_log=False),
    Reading("formats", of_log=False),
)


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return console.run(commands().top, argv)


def commands() -> Room:
    """The parser of this room."""
    top, subparsers = console.parser("data", "The ledger: what happened, as one table from any log.")
    load = console.command(subparsers, "ingest", run_ingest, "load log files, folders or globs into the ledger")
    load.add_argument("paths", nargs="+", metavar="PATH")
    load.add_argument("--format", metavar="NAME", help="skip recognition; see `python -m data formats`")
    load.add_argument("--mapping", metavar="NAME", help="a column mapping saved on the Data page")
    load.add_argument("--keep-text", action="store_true", help="also store prompts and completions (off by default)")
    bill = console.command(
        subparsers, "billed", run_ingest, "load provider invoices and usage reports, for reconciliation"
    )
    bill.add_argument("paths", nargs="+", metavar="FILE")
    bill.set_defaults(format=None, mapping=None, keep_text=False)
    sources_page.register(subparsers)
    check = console.command(subparsers, "check", run_check, "check the ledger: roll-ups and ids against the rows")
    check.add_argument(
        "--repair", action="store_true", help="first set damaged files aside, then build sums and ids anew"
    )
    forget = console.command(
        subparsers, "forget", run_forget, "forget a saved document, such as one that cannot be read"
    )
    forget.add_argument("kind", choices=sorted(KINDS), metavar="KIND", help=", ".join(sorted(KINDS)))
    forget.add_argument("name", metavar="NAME")
    explain.register(subparsers)
    dimension_commands.register(subparsers)
    price_report.register(subparsers)
    sample.register(subparsers)
    backup.register(subparsers)
    erase_command.register(subparsers)
    return Room(top, subparsers, READINGS)


def run_ingest(args: argparse.Namespace) -> None:
    """`ingest` and `billed`: load, and print one line per file and the total."""
    ledger, state = Ledger.open(args.home), State.open(args.home)
    form = mappings.load(state, args.mapping) if args.mapping else args.format
    with console.progress(quiet=args.json) as progress:
        reports = ingest(ledger, state, args.paths, form=form, keep_text=args.keep_text, progress=progress)
    print_reports(reports, ledger, as_json=args.json)


def run_check(args: argparse.Namespace) -> None:
    """`check`: whether what the pages read equals what the rows say; exits 1 when not. `--repair` makes it so first."""
    ledger = Ledger.open(args.home)
    hurt = checks.damaged_files(ledger)
    sentences = [checks.sentence_of(ledger, fault) for fault in hurt]
    state, files = State.open(args.home), [fault.path.name for fault in hurt]
    if args.repair:
        state.append_audit("store repair begun", {"files": files})
    repaired = checks.repair(ledger, hurt) if args.repair else {}
    if hurt and not args.repair:
        raise BadInput(
            " ".join(sentences) + " Bring a backup back, or set the files aside with `python -m data check --repair`"
            " and load those logs again."
        )
    for sentence in sentences:
        console.say(sentence)
    if repaired:
        state.append_audit("store repaired", {**repaired, "files": files})
    found = checks.check(ledger.at(ledger.snapshot()))
    audit_ok, first_bad = state.verify_audit()
    if audit_ok:
        state.anchor_when_due()
    caveats = found.pop("caveats")
    result = {**found, "audit_ok": audit_ok, "lost": lost_rows.sentence(ledger)}
    if args.json:
        console.emit_json({**result, "caveats": caveats, **({"repaired": repaired} if repaired else {})})
    else:
        console.emit_table(("check", "value"), ((name, value) for name, value in result.items() if name != "lost"))
        console.say(state.audit_standing().sentence)
        if result["lost"]:
            console.say(result["lost"])
        for row in caveats:
            usd = "an unknown sum of" if row["cost_usd"] is None else f"{wording.usd(row['cost_usd'])} of"
            console.say(f"caveat {row['caveat']}: {row['rows']:,} rows, {usd} dollars")
        for name, value in repaired.items():
            console.say(f"repaired: {name.replace('_', ' ')} {value:,}")
    if not checks.adds_up(found):
        raise BadInput(
            "The ledger does not add up (see above); `python -m data check --repair` builds the roll-ups anew from the"
            " rows."
            if not found["doubled"]
            else (
                f"{found['doubled']:,} ids are in the ledger twice; remove one of the two files they came from, or"
                " restore a backup."
            )
        )
    if cut_short := erasure.unfinished_erasure(state):
        raise BadInput(cut_short)
    if not audit_ok:
        raise BadInput(f"The audit trail does not add up; the first bad entry is {first_bad}.")


def run_forget(args: argparse.Namespace) -> None:
    """`forget`: remove a document of the state, which the audit trail then says."""
    state = State.open(args.home)
    names = state.all(args.kind)
    if args.name not in names:
        known = f"those saved are {', '.join(names)}" if names else "none is saved"
        raise BadInput(f"There is no {KINDS[args.kind]} {args.name!r}; {known}.")
    state.delete(args.kind, args.name)
    if args.json:
        console.emit_json({"kind": args.kind, "forgotten": args.name})
    else:
        console.say(f"The {KINDS[args.kind]} {args.name!r} is forgotten.")


if __name__ == "__main__":
    sys.exit(main())
