"""The ledger: versions, one writer at a time, readers that are never blocked, migrations."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import time

import ibis
import pytest

from data import migrations, rollups
from data.errors import LedgerError, NoData
from data.lake import CATALOGUE, TABLES
from data.ledger import Ledger

ROW = (
    "INSERT INTO lake.main.usage (event_id, requested_at, attempt, status, cost_usd, model) SELECT '{tag}' || i,"
    " TIMESTAMP '2026-10-01' + INTERVAL (i) HOUR, 1, 'success', 0.1, 'm' FROM range({n}) t(i)"
)


def add(ledger: Ledger, tag: str, n: int) -> None:
    with ledger.write() as cursor:
        cursor.execute(ROW.format(tag=tag, n=n))


def count(view: Ledger) -> int:
    return int(view.frame(view.usage.count().name("n").as_table())["n"][0])


def test_every_write_is_a_version_that_can_be_read_again(ledger):
    add(ledger, "a", 10)
    first = ledger.snapshot()
    add(ledger, "b", 5)
    assert count(ledger) == 15
    assert count(ledger.at(first)) == 10
    assert ledger.at(first).snapshot() == first


def test_a_version_that_is_not_there_is_named(ledger):
    with pytest.raises(NoData, match="Data version 9999 is not in this ledger"):
        ledger.at(9999)


def test_a_pinned_version_is_read_only(ledger):
    with pytest.raises(LedgerError, match="read-only"), ledger.at(ledger.snapshot()).write():
        pass


def test_a_failed_write_leaves_nothing(ledger):
    before = ledger.snapshot()
    with pytest.raises(ZeroDivisionError), ledger.write() as cursor:
        cursor.execute(ROW.format(tag="x", n=3))
        raise ZeroDivisionError
    assert (count(ledger), ledger.snapshot()) == (0, before)


def test_money_stays_exact(ledger):
    add(ledger, "a", 30)
    total = ledger.frame(ledger.usage.aggregate(s=ledger.usage.cost_usd.sum()))["s"][0]
    assert str(total) == "3.000000000000"


def test_memtables_join_in(ledger):
    add(ledger, "a", 5)
    wanted = ibis.memtable({"event_id": ["a1", "a3", "zz"]})
    assert len(ledger.frame(ledger.usage.semi_join(wanted, "event_id").select("event_id"))) == 2


def test_roll_up_mirror_equals_the_stored_one(ledger):
    with ledger.write() as cursor:
        cursor.execute(ROW.format(tag="a", n=40))
        rollups.add(cursor)
    view = ledger.at(ledger.snapshot())
    mirrored = view.frame(view.spend_by_day.aggregate(s=view.spend_by_day.attempts.sum()))["s"][0]
    assert mirrored == 40 == ledger.frame(ledger.spend_by_day.aggregate(s=ledger.spend_by_day.attempts.sum()))["s"][0]


def test_the_reporting_zone_moves_the_day(ledger):
    with ledger.write() as cursor:
        cursor.execute(
            "INSERT INTO lake.main.usage (event_id, requested_at, attempt, status, cost_usd) VALUES ('a', TIMESTAMP"
            " '2025-01-01 23:30:00', 1, 'success', 1)"
        )
        rollups.set_time_zone(cursor, "Asia/Shanghai")
    assert ledger.time_zone == "Asia/Shanghai"
    assert str(ledger.sql(f"SELECT day::VARCHAR AS d FROM {ledger.name('spend_by_day')}")["d"][0]) == "2025-01-02"


def _write_many(home: str, tag: str, times: int) -> None:
    ledger = Ledger.open(home)
    for i in range(times):
        add(ledger, f"{tag}{i}-", 20)


@pytest.mark.heavy
def test_two_writers_both_finish_while_a_reader_reads(home, ledger):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(str(home), tag, 4)) for tag in "ab"]
    for writer in writers:
        writer.start()
    seen = []
    while any(w.is_alive() for w in writers):
        seen.append(count(ledger.at(ledger.snapshot())))
        time.sleep(0.05)
    assert [w.exitcode for w in writers] == [0, 0]
    assert count(ledger) == 160
    assert seen == sorted(seen) and all(n % 20 == 0 for n in seen), "a reader saw half a batch"


def test_a_ledger_from_a_newer_baton_is_refused(ledger, home):
    with ledger.write() as cursor:
        cursor.execute("INSERT INTO lake.main.migrations VALUES (999, 'm999_from_the_future', now()::TIMESTAMP)")
    ledger.close()
    with pytest.raises(LedgerError, match="newer Baton"):
        Ledger.open(home)


def test_an_older_ledger_is_migrated(ledger, home, monkeypatch):
    def m_next(cursor):
        cursor.execute("ALTER TABLE lake.main.batches ADD COLUMN operator VARCHAR")

    add(ledger, "a", 3)
    ledger.close()
    monkeypatch.setattr(migrations, "STEPS", [*migrations.STEPS, m_next])
    reopened = Ledger.open(home)
    assert "operator" in reopened.batches.columns
    assert count(reopened) == 3
    reopened.close()


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="cannot be"):
        Ledger.open(tmp_path / "file" / "home")


def test_a_catalogue_that_is_no_database_is_one_sentence(tmp_path):
    (tmp_path / "catalog.sqlite").write_bytes(b"this is not a database" * 100)
    with pytest.raises(LedgerError, match="catalog.sqlite"):
        Ledger.open(tmp_path)


def test_it_opens_from_another_folder_after_a_move(ledger, home, tmp_path):
    add(ledger, "a", 4)
    ledger.close()
    home.rename(tmp_path / "moved")
    assert count(Ledger.open(tmp_path / "moved")) == 4


@pytest.mark.heavy
def test_nothing_is_downloaded_to_open_it(home):
    """The extensions come from their wheels: opening works with no network and no extension cache."""
    code = (
        "import os; os.environ['XDG_CACHE_HOME'] = os.environ['BATON_HOME'] + '/cache'; from data.ledger import Ledger;"
        " print(Ledger.open().snapshot())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_a_version_older_than_a_migration_reads_as_unknown_what_it_has_not_got(ledger):
    with ledger.write() as cursor:
        for column in ("caveats", "provider_raw"):
            cursor.execute(f"ALTER TABLE lake.main.usage DROP COLUMN {column}")
        cursor.execute("ALTER TABLE lake.main.spend_by_day DROP COLUMN caveat_cost_usd")
        for table in ("identities", "caveats_by_day", "page_heads"):
            cursor.execute(f"DROP TABLE lake.main.{table}")
        cursor.execute("DELETE FROM lake.main.migrations WHERE number > 1")
    add(ledger, "a", 3)
    old = ledger.snapshot()
    ledger.close()
    migrated = Ledger.open(ledger.home)
    assert migrated.snapshot() > old
    view = migrated.at(old)
    seen = view.frame(view.usage.select("event_id", "caveats", "provider_raw").order_by("event_id"))
    assert seen["event_id"].tolist() == ["a0", "a1", "a2"]
    assert seen[["caveats", "provider_raw"]].isna().all(axis=None)
    assert view.sql(f"SELECT count(caveats) AS n FROM {view.name('usage')}")["n"][0] == 0
    assert view.frame(view.caveats_by_day.count().as_table()).iloc[0, 0] == 0
    assert view.frame(view.spend_by_day.caveat_cost_usd.sum().as_table()).isna().iloc[0, 0]


def _open(home, barrier, failures) -> None:
    barrier.wait()
    try:
        Ledger.open(home).close()
    except Exception as error:
        failures.put(str(error))


@pytest.mark.heavy
def test_two_processes_that_open_a_new_store_at_once_both_succeed(tmp_path):
    start, failures = multiprocessing.get_context("spawn"), multiprocessing.get_context("spawn").SimpleQueue()
    for number in range(3):
        barrier = start.Barrier(2)
        openers = [start.Process(target=_open, args=(tmp_path / str(number), barrier, failures)) for _ in range(2)]
        for opener in openers:
            opener.start()
        for opener in openers:
            opener.join()
        assert failures.empty() or failures.get() == ""
        assert migrations.applied_steps(Ledger.open(tmp_path / str(number)).cursor()) == list(
            range(1, 1 + len(migrations.STEPS))
        )


def test_every_table_has_statistics_before_its_first_row(ledger):
    """Without them each query on an empty table reads the whole catalogue anew: most of what a small load cost."""
    with ledger.cursor() as cursor:
        known = cursor.execute(
            f"""SELECT table_name FROM {CATALOGUE}.ducklake_table t JOIN {CATALOGUE}.ducklake_table_stats s
            ON s.table_id = t.table_id WHERE t.end_snapshot IS NULL"""
        ).fetchall()
        assert {name for (name,) in known} >= set(TABLES)
        assert not any(cursor.execute(f"SELECT count(*) FROM lake.main.{table}").fetchone()[0] for table in TABLES)
