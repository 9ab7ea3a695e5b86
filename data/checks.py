"""Whether what the pages read equals what the rows say, and how to make it so again."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from data import caveats, data_files, lost_rows, people, rollups, shared_files
from data.data_files import Fault
from data.errors import LedgerError
from data.lake import CATALOGUE
from data.ledger import Ledger
from data.schema import id_hash, identities


def check(view: Ledger) -> dict[str, Any]:
    """Rows against roll-ups, ids against each other and against their index, of one data version."""
    rows = _sums(view, "usage", "count(*)")
    days = _sums(view, "spend_by_day", "sum(attempts)")
    usage = view.name("usage")
    twice = view.sql(f"SELECT count(*) - count(DISTINCT event_id) AS n FROM {usage}")["n"][0]
    unindexed = view.sql(
        f"""SELECT count(*) AS n FROM {usage} WHERE event_id IS NOT NULL
            AND {id_hash("event_id")} NOT IN (SELECT id_hash FROM {view.name("identities")})"""
    )["n"][0]
    return {
        "attempts": rows[0],
        "cost_usd": rows[1],
        "rollup_attempts": days[0],
        "rollup_cost_usd": days[1],
        "doubled": int(twice),
        "unindexed": int(unindexed),
        "snapshot": view.snapshot(),
        **caveats.summary(view),
    }


def adds_up(found: dict[str, Any]) -> bool:
    """Whether a `check` found nothing wrong."""
    rows, days = ((found[f"{prefix}attempts"], found[f"{prefix}cost_usd"]) for prefix in ("", "rollup_"))
    return rows == days and not found["doubled"] and not found["unindexed"]


AHEAD = f"""SELECT count(*) FROM {CATALOGUE}.ducklake_data_file
    WHERE begin_snapshot > (SELECT max(snapshot_id) FROM {CATALOGUE}.ducklake_snapshot)"""


def damaged_files(ledger: Ledger) -> list[Fault]:
    """The data files that are not what was written: every one is read in full.

    LedgerError for a catalogue that lists files of versions it does not have: no repair finds their rows.
    """
    with ledger.explain_ailments():
        ahead = ledger.cursor().execute(AHEAD).fetchall()[0][0]
        if ahead:
            raise LedgerError(
                f"The {ledger.store.catalogue} lists {ahead:,} data files of versions that it does not have, so their"
                " rows show nowhere: it was changed from outside, or is a mix of two. Bring a backup back with"
                " `python -m data restore`; nothing was changed."
            )
        if ledger.store.shared:
            return shared_files.faults(ledger.cursor(), ledger.store)
        return data_files.faults(ledger.cursor(), ledger.home)


def sentence_of(ledger: Ledger, fault: Fault) -> str:
    """A sentence for a hurt data file, with the logs to load again."""
    cursor = ledger.cursor()
    text = f"The data file {fault.path.name} of {fault.table} ({fault.rows:,} rows) {fault.told}"
    paths = [log.path for log in data_files.logs_of(cursor, fault)]
    return f"{text}; its rows came from {lost_rows.paths_in_words(paths)}." if paths else f"{text}."


def repair(ledger: Ledger, lost: Sequence[Fault] = ()) -> dict[str, Any]:
    """Set the files `lost` (of `damaged_files`) aside, and build roll-ups and the index of ids anew from the rows.

    Returns what changed. Other rows are not touched: ids that are there twice stay, since only their logs can tell
    which of the two is right. What is lost with a file is written down first (`data.lost_rows`), so that no number
    takes it for nothing; its logs may be loaded again. Cut short at any moment, it is finished by running it again.
    """
    people.require("maintenance")
    before = check(ledger.at(ledger.snapshot())) if not lost else {}
    only_there = [fault for fault in lost if fault.table in lost_rows.KINDS]
    _set_aside(ledger, [fault for fault in lost if fault not in only_there])
    if only_there:
        with ledger.write() as cursor:
            lost_rows.announce(cursor, only_there)
        _set_aside(ledger, only_there)
    with ledger.write() as cursor:
        lost_rows.tell_apart(cursor)
        rollups.rebuild(cursor)
        cursor.execute("DELETE FROM lake.main.identities")
        cursor.execute(f"INSERT INTO lake.main.identities {identities('lake.main.usage')}")
    after = check(ledger.at(ledger.snapshot()))
    if lost:
        gone = sum(fault.rows for fault in lost if fault.table == "usage")
        return {"files_set_aside": len(lost), "rows_lost": gone, "snapshot": after["snapshot"]}
    return {
        "rollup_attempts_changed": after["rollup_attempts"] - before["rollup_attempts"],
        "rollup_cost_usd_changed": after["rollup_cost_usd"] - before["rollup_cost_usd"],
        "ids_indexed": before["unindexed"],
        "snapshot": after["snapshot"],
    }


def _set_aside(ledger: Ledger, faults: Sequence[Fault]) -> None:
    with ledger.lock():
        data_files.set_aside(ledger.cursor(), ledger.home, faults)


def _sums(view: Ledger, table: str, attempts: str) -> tuple[int, Decimal]:
    found = view.sql(
        f"SELECT coalesce({attempts}, 0)::BIGINT AS n, coalesce(sum(cost_usd), 0) AS usd FROM {view.name(table)}"
    )
    return int(found["n"][0]), found["usd"][0]
