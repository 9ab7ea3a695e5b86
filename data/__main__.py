"""`python -m data`: load logs, list formats, make the sample company, look prices up, check the ledger."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from data import console
from data.readings import Reading, Room

COMMANDS = {
    "ingest": ("data.loading.ingest_command", "load log files, folders or globs into the ledger"),
    "billed": ("data.loading.ingest_command", "load provider invoices and usage reports, for reconciliation"),
    "formats": ("data.formats.sources_page", "list the log formats Baton reads"),
    "check": ("data.store_commands", "check the ledger: roll-ups and ids against the rows"),
    "forget": ("data.store_commands", "forget a saved document, such as one that cannot be read"),
    "explain": ("data.loading.explain", "how one record of a file is read: columns, price lines, caveats"),
    "dimensions": ("data.dimension_commands", "keys of the log's tags as dimensions: list, add, remove"),
    "prices": ("data.prices.report", "what a model costs, when, and where that is known from"),
    "price-book": ("data.sources.price_book_command", "refresh the list prices, the difference in dollars first"),
    "sample": ("data.sample.command", "load the sample company: ten teams, three models, some $50K in 400 days"),
    "backup": ("data.backup", "copy the store whole, while it is in use, and check the copy"),
    "restore": ("data.backup", "bring a backup back into an empty store, and check it"),
    "move": ("data.move", "move the store into PostgreSQL and object storage, or back into a folder"),
    "erase": (
        "data.erase_command",
        "forget users, customers and texts in every data version and file, dollars kept, and prove it",
    ),
    "maintain": (
        "data.maintain_command",
        "fold roll-ups, merge small files, give old data versions up and remove what nobody needs",
    ),
    "pull": ("data.sources.pull_command", "load what is new of every saved source that is due, or of one"),
    "receive": ("data.sources.receive_command", "receive OpenTelemetry over HTTP and load it"),
}
READINGS = (
    Reading("prices", ("model", "provider", "at", "region"), of_log=False),
    Reading("explain", ("path", "record", "format"), {"path": None}, of_log=False),
    Reading("formats", of_log=False),
)


def commands(argv: Sequence[str] | None = None) -> Room:
    """The parser of this room, or of the one command that is asked for."""
    return Room(
        *console.parser("data", "The ledger: what happened, as one table from any log.", COMMANDS, argv), READINGS
    )


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    return console.run(commands(argv).top, argv)


if __name__ == "__main__":
    sys.exit(main())
