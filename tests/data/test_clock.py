"""The clock of a machine may go backward: what was written in its future is newest by number, and can be forgotten."""

from __future__ import annotations

import sqlite3

import pytest

from data import backup, checks, erasure
from data.erasure_proof import look_through
from data.ledger import Ledger
from data.loading.ingest import ingest
from data.state import State
from tests.data.bad_logs import lines, record, write
from tests.stores import new_ledger

NAME = "somebody of tomorrow"


@pytest.fixture
def from_the_future(home, tmp_path) -> Ledger:
    """A store whose versions, batches and trail were written by a clock that ran fifty years ahead."""
    ledger, state = new_ledger(home), State.open(home)
    rows = [record(n, properties={"team": "support", "contact": NAME}) for n in range(20)]
    ingest(ledger, state, [write(tmp_path / "first.jsonl", lines(*rows))])
    ledger.close()
    db = sqlite3.connect(home / "catalog.sqlite")
    db.execute("UPDATE ducklake_snapshot SET snapshot_time = replace(snapshot_time, '2026-', '2076-')")
    assert db.total_changes
    db.commit()
    db.close()
    return Ledger.open(home)


def test_loads_and_versions_go_on(from_the_future, tmp_path):
    ledger, state = from_the_future, State.open(from_the_future.home)
    before = ledger.snapshot()
    more = write(tmp_path / "more.jsonl", lines(*map(record, range(15, 40))))
    [report] = ingest(ledger, state, [more])
    assert (report.loaded, report.duplicate) == (20, 5) and ledger.snapshot() > before
    found = checks.check(ledger.at(ledger.snapshot()))
    assert checks.adds_up(found) and found["attempts"] == 40
    assert checks.check(ledger.at(before))["attempts"] == 20
    assert state.audit_standing().first_bad is None
    [again] = ingest(ledger, state, [more])
    assert again.loaded == 0


def test_what_is_to_be_forgotten_is_forgotten_in_versions_of_the_future_too(from_the_future, tmp_path):
    ledger = from_the_future
    assert look_through(ledger, [NAME]).found
    erasure.erase(ledger, State.open(ledger.home), erasure.Wish((NAME,)))
    assert not look_through(ledger, [NAME]).found
    kept = ledger.sql("SELECT count(*) AS n FROM ducklake_snapshots('lake')")["n"][0]
    assert kept == 1 and checks.check(ledger.at(ledger.snapshot()))["attempts"] == 20


def test_a_backup_of_such_a_store_is_whole(from_the_future, tmp_path):
    backup.backup(from_the_future.home, tmp_path / "copy")
    copy = Ledger.open(tmp_path / "copy")
    assert checks.check(copy.at(copy.snapshot()))["attempts"] == 20
    copy.close()
