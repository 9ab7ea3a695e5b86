"""`python -m data erase`: forget names and texts, prove that they are gone, and say what still holds them."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, date, datetime, timedelta

from data import console, erasure
from data.backup import MADE
from data.erasure_proof import look_through, texts_left
from data.errors import LedgerError
from data.ledger import Ledger
from data.state import State


def register(commands: console.Commands) -> None:
    """`python -m data erase`."""
    erase = commands.add("erase", _command, needs_store=True)
    erase.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="NAME",
        help="a user or a customer, as the log has it; repeatable",
    )
    age = "a day (2026-01-31) or an age (90d)"
    erase.add_argument(
        "--texts-older-than", type=_day, metavar="WHEN", help=f"prompts, answers and rejected records; {age}"
    )
    erase.add_argument(
        "--names-older-than",
        type=_day,
        metavar="WHEN",
        help=f"all users and customers, and the tags of their rows; {age}",
    )


def _command(args: argparse.Namespace) -> None:
    wish = erasure.Wish(tuple(dict.fromkeys(args.name)), args.texts_older_than, args.names_older_than)
    ledger, state = Ledger.open(args.home), State.open(args.home)
    changed = erasure.erase(ledger, state, wish)
    proof, left = look_through(ledger, wish.names), texts_left(ledger, wish)
    backups = list(dict.fromkeys(entry.detail["folder"] for entry in state.audit() if entry.event == MADE))
    if args.json:
        found = {one.place: one.times for one in proof.found}
        console.emit_json(
            {
                **changed,
                "searched_files": proof.files,
                "searched_bytes": proof.size_bytes,
                "found": found,
                "left": left,
                "backups": backups,
                "snapshot": ledger.snapshot(),
            }
        )
    else:
        files = f"{proof.files:,} files{' and every table of the database' if ledger.store.shared else ''}"
        console.say(
            f"Changed {changed['rows']:,} rows, {changed['texts']:,} texts, {changed['records']:,} records and "
            f"{changed['run_entries']:,} entries of live runs; the sums are as they were, in data version "
            f"{ledger.snapshot()}. Versions before it are gone, and so are links to them."
        )
        if wish.names and not any(changed.values()):
            console.say("Nothing in the newest data version had such a name; is it spelled as the log has it?")
        console.say(
            f"Searched {files}, {proof.size_bytes:,} bytes: "
            + ("nothing found." if not proof.found else "still there:")
        )
        for one in proof.found:
            console.say(f"- {one.sentence}")
        if backups:
            console.say(
                f"Backups are not touched and still hold it; delete them or make them anew: {', '.join(backups)}."
            )
        if ledger.store.shared:
            console.say(
                "Beyond Baton: PostgreSQL's write-ahead log and dumps, older versions of objects that the bucket keeps,"
                " uploads that wait on other hosts, and their caches until they next look (docs/retention.md)."
            )
        console.say("A dashboard that is running keeps what it has shown in memory until it is started again.")
    if left:
        raise LedgerError(f"{left:,} rows or texts were loaded meanwhile and are still there; run it again.")


def _day(text: str) -> date:
    """An ISO day, or an age in days counted back from today (UTC); argparse turns the ValueError into a usage error."""
    if age := re.fullmatch(r"(\d{1,5})d", text):
        return datetime.now(UTC).date() - timedelta(days=int(age[1]))
    return date.fromisoformat(text)
