"""`python -m data`: load logs, list formats, make the sample company, look prices up, check the ledger."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from data import console
from data.readings import Reading, Room

COMMANDS = {
    "ingest": "data.loading.ingest_command",
    "billed": "data.loading.ingest_command",
    "formats": "data.formats.sources_page",
    "check": "data.store_commands",
    "forget": "data.store_commands",
    "explain": "data.loading.explain",
    "dimensions": "data.dimension_commands",
    "prices": "data.prices.report",
    "sample": "data.sample.command",
    "backup": "data.backup",
    "restore": "data.backup",
    "erase": "data.erase_command",
    "pull": "data.sources.pull_command",
    "receive": "data.sources.receive_command",
}
READINGS = (
    Reading("prices", ("model", "provider", "at", "region"), of_log=False),
    Reading("explain", ("path", "record", "format"), {"path": None}, of_log=False),
    Reading("formats", of_log=False),
)


def commands(argv: Sequence[str] = ()) -> Room:
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
