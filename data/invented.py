"""Invented rows in a ledger: the sample company's, told by the folder their files were written to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from data.errors import Refused
from data.ledger import Ledger

FOLDER = "sample"
IS_SAMPLE = f"path LIKE '%/{FOLDER}/%-days-seed-%/%'"
OWN_FILE = re.compile(rf"/{FOLDER}/[^/]*-days-seed-[^/]*/")  # the same, for a path that is no row yet
IS_CONDENSED = f"path LIKE '%/{FOLDER}/%-rows-%-days-seed-%/%'"  # of earlier versions: a record summed some 200 calls


def loaded_batches(ledger: Ledger, condition: str) -> int:
    """How many batches brought rows, of those that meet an SQL condition on `batches`."""
    counted = f"SELECT count(*) AS batches FROM {ledger.name('batches')} WHERE loaded > 0 AND {condition}"
    return int(ledger.rows(counted)[0][0])


def is_sample(ledger: Ledger) -> bool:
    """True when the ledger holds rows of the sample company; every page then says so."""
    return bool(loaded_batches(ledger, IS_SAMPLE))


def is_condensed(ledger: Ledger) -> bool:
    """True for a sample company of an earlier version, whose records each stand for some 200 calls."""
    return bool(loaded_batches(ledger, IS_CONDENSED))


def is_mixed(ledger: Ledger) -> bool:
    """True when invented rows stand beside a real log: every number is then of both. The lab's own calls are no log."""
    return is_sample(ledger) and bool(loaded_batches(ledger, f"NOT {IS_SAMPLE} AND format <> 'live'"))


def refuse_beside(ledger: Ledger, paths: Iterable[str | Path] = ("",)) -> None:
    """Raise Refused for real logs where the ledger holds the sample company alone; its own files may be read again.

    Where somebody has said once that they want the mix, what comes by itself goes on.
    """
    own = all(OWN_FILE.search(f"{Path(path).absolute()}/") for path in paths)
    if is_sample(ledger) and not own and not is_mixed(ledger):
        raise Refused(
            f"The ledger in {ledger.home} holds the sample company, and a real log beside invented rows makes every"
            " number a mix of both. Take the sample out first (`python -m data sample --remove`, or the button on Data"
            " and prices), load into a store of its own (--home DIR), or say that you want the mix (`python -m data"
            " ingest FILE --beside-sample`)."
        )
