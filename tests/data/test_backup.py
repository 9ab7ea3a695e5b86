"""A backup taken while the store is in use is whole, and comes back whole in another place."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from data import backup, data_files, turns, upkeep
from data.__main__ import main
from data.errors import BadInput, LedgerError
from data.ledger import Ledger
from data.loading.ingest import ingest
from data.state import State
from tests.data.bad_logs import lines, record, write

LOG = Path(__file__).parent.parent / "cases" / "litellm_spend_logs.jsonl"


@pytest.fixture
def store(home, tmp_path):
    ledger, state = Ledger.open(home), State.open(home)
    ingest(ledger, state, [LOG])
    state.put("budget", "company", {"amount": "5"})
    yield ledger
    ledger.close()


def test_a_backup_restores_into_another_place(store, home, tmp_path, capsys):
    assert main(["backup", str(tmp_path / "copy")]) == 0
    assert "35 rows" in capsys.readouterr().out
    assert main(["restore", str(tmp_path / "copy"), "--home", str(tmp_path / "elsewhere"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["rows"] == 35 and told["audit_entries"] >= 1
    assert backup.contents(tmp_path / "elsewhere")[:4] == backup.contents(home)[:4]
    assert State.open(tmp_path / "elsewhere").get("budget", "company") == {"amount": "5"}


def test_a_restored_store_goes_on(store, tmp_path):
    backup.backup(store.home, tmp_path / "copy")
    backup.restore(tmp_path / "copy", tmp_path / "again")
    ledger = Ledger.open(tmp_path / "again")
    log = write(tmp_path / "more.jsonl", lines(record(1), record(2)))
    assert ingest(ledger, State.open(tmp_path / "again"), [log])[0].loaded == 2
    assert ledger.at(ledger.snapshot()).sql("SELECT count(*) AS n FROM lake.main.usage").iloc[0, 0] == 37
    ledger.close()


def test_a_backup_beside_loads_holds_whole_batches(store, home, tmp_path):
    log = write(tmp_path / "many.jsonl", lines(*(record(n) for n in range(400))))
    loading = subprocess.Popen([sys.executable, "-m", "data", "ingest", str(log), "--home", str(home), "--json"])
    found = backup.backup(home, tmp_path / "copy")
    assert loading.wait(timeout=120) == 0
    assert found.rows in (35, 435) and backup.contents(home).rows == 435


@pytest.mark.parametrize("inside", ["", "copies/today"])
def test_a_backup_onto_or_into_itself_is_refused(store, home, inside):
    with pytest.raises(BadInput, match="outside the store"):
        backup.backup(home, home / inside if inside else home)


def test_a_full_folder_is_refused(store, home, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    with pytest.raises(BadInput, match="is not empty"):
        backup.backup(home, tmp_path / "full")
    backup.backup(home, tmp_path / "copy")
    with pytest.raises(BadInput, match="is not empty"):
        backup.restore(tmp_path / "copy", tmp_path / "full")
    assert (tmp_path / "full" / "letter.txt").read_text() == "mine"


def test_what_is_no_backup_is_refused(tmp_path):
    (tmp_path / "nothing").mkdir()
    with pytest.raises(BadInput, match="no backup"):
        backup.restore(tmp_path / "nothing", tmp_path / "home2")


def test_a_damaged_backup_is_not_restored_as_whole(store, home, tmp_path):
    backup.backup(home, tmp_path / "copy")
    for file in (tmp_path / "copy" / "files").rglob("*.parquet"):
        file.unlink()
    with pytest.raises((LedgerError, BadInput)):
        backup.restore(tmp_path / "copy", tmp_path / "elsewhere")


def test_a_copy_that_was_cut_short_is_no_store_and_may_be_made_again(store, home, tmp_path, monkeypatch):
    """Killed after the files and before the databases: neither a backup nor a store, until it is done again."""
    with monkeypatch.context() as patch:
        patch.setattr(backup, "copy_database", lambda source, target: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            backup.backup(home, tmp_path / "copy")
    with pytest.raises(LedgerError, match="cut short"):
        Ledger.open(tmp_path / "copy")
    (tmp_path / "copy" / "catalog.sqlite").touch()
    with pytest.raises(BadInput, match="cut short"):
        backup.restore(tmp_path / "copy", tmp_path / "again")
    assert backup.backup(home, tmp_path / "copy").rows == 35
    with backup._marked(tmp_path / "copy"), pytest.raises(BadInput, match="under way"):
        backup.backup(home, tmp_path / "copy")


def test_what_a_writer_who_died_had_begun_is_removed_by_the_next_and_nothing_older(store, home):
    """A writer that dies leaves its turn marked and its data files behind; older strays may be somebody's rescue."""
    usage = home / "files" / "main" / "usage"
    old, begun = write(usage / "old.parquet", b"old"), write(usage / "begun.parquet", b"begun")
    os.utime(old, (1, 1))
    with store.write():
        pass
    assert old.exists() and begun.exists()
    (home / "writer.lock").write_bytes(b"\0")
    os.utime(home / "writer.lock", (begun.stat().st_mtime - 1,) * 2)
    left = (home / "writer.lock").stat()
    found = []

    def die(*_):
        found.append((home / "writer.lock").stat())
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:  # the next one dies too, before it has removed anything
        patch.setattr(data_files, "sweep", die)
        with pytest.raises(KeyboardInterrupt), store.write():
            pass
    for stood in (*found, (home / "writer.lock").stat()):
        assert (stood.st_size, stood.st_mtime) == (1, left.st_mtime)
    with store.write():
        pass
    assert old.exists() and not begun.exists() and not (home / "writer.lock").stat().st_size
    assert store.sql("SELECT count(*) AS n FROM lake.main.usage")["n"][0] == 35


def test_a_load_of_nothing_new_removes_what_a_writer_who_died_had_begun(store, home, state, tmp_path, monkeypatch):
    """A death in the upkeep after a load leaves nothing to load: the upkeep is gone on with all the same."""
    log = write(tmp_path / "log.jsonl", lines(record(1)))
    ingest(store, state, [log])
    begun = write(home / "files" / "main" / "usage" / "begun.parquet", b"begun")
    kept_up = []
    monkeypatch.setattr(upkeep, "after_load", lambda *_: kept_up.append(1))
    assert ingest(store, state, [log])[0].was_loaded and begun.exists() and not kept_up
    (home / "writer.lock").write_bytes(b"\0")
    os.utime(home / "writer.lock", (begun.stat().st_mtime - 1,) * 2)
    assert ingest(store, state, [log])[0].was_loaded and not begun.exists() and kept_up == [1]


@pytest.mark.parametrize("at_work", [True, False])
def test_a_writer_at_work_is_not_taken_for_a_dead_one(store, at_work):
    with store.write() if at_work else contextlib.nullcontext():
        assert not turns.is_left(store.store)
