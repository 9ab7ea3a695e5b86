"""`python -m data`: load logs, list formats, make the sample company, look prices up, check the ledger."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from data import console
from data.errors import BatonError
from data.readings import Reading, Room

if TYPE_CHECKING:
    from data.ledger import Ledger
    from data.state import State

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
    top, subparsers = console.parser("data", "The ledger: what happened, as one table from any log.", COMMANDS, argv)
    top.set_defaults(before_load=_refuse_beside_the_sample, after_load=_tell_alerts)
    return Room(top, subparsers, READINGS)


def _refuse_beside_the_sample(ledger: Ledger, paths: Sequence[str]) -> None:
    """Refuse a real log where the invented company is: it stands above the loading of files, which does not know it."""
    from data.sample.sample import refuse_beside

    refuse_beside(ledger, paths)


def _tell_alerts(ledger: Ledger, state: State) -> None:
    """Judge the alert rules, where there are any; the load stands whatever becomes of that."""
    if not state.all("alert"):
        return
    from analytics.alerts.watch import after_load  # the room above, and only where somebody wants to be told

    try:
        after_load(ledger, state)
    except BatonError as error:
        print(f"The load stands; the alerts could not be judged: {error}", file=sys.stderr)


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    return console.run(commands(argv).top, argv)


if __name__ == "__main__":
    sys.exit(main())
