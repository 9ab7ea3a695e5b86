"""Files unchanged since they were loaded are not opened; every way in which one may have changed is seen."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from data.erasure import kept_answers
from data.loading import named_files
from data.loading.ingest import ingest
from data.loading.known_files import FILE, FOLDER, KnownFiles, Stamp
from tests.data.bad_logs import record


def write(path: Path, numbers: range) -> Path:
    path.write_text("".join(json.dumps(record(i)) + "\n" for i in numbers))
    return path


@pytest.fixture
def opened(monkeypatch):
    """The names of the files whose content is read, in order."""
    seen: list[str] = []
    real = named_files.digest
    monkeypatch.setattr(named_files, "digest", lambda path: (seen.append(path.name), real(path))[1])
    return seen


@pytest.fixture
def settled(monkeypatch):
    """Every file counts as written long ago."""
    monkeypatch.setattr("data.loading.known_files.SETTLED_NS", -(10**18))


def rows(ledger) -> int:
    return ledger.rows("SELECT count(*) FROM lake.main.usage")[0][0]


def test_a_second_load_opens_nothing_and_says_the_same(ledger, state, tmp_path, opened, settled):
    files = [write(tmp_path / f"{i}.jsonl", range(i * 10, i * 10 + 10)) for i in range(3)]
    first = ingest(ledger, state, files)
    opened.clear()
    again = ingest(ledger, state, files)
    assert opened == []
    assert [(r.batch_id, r.read, r.duplicate, r.note) for r in again] == [
        (r.batch_id, r.read, r.loaded, "already loaded") for r in first
    ]
    assert rows(ledger) == 30


def test_a_file_of_this_moment_is_told_by_its_digest(ledger, state, tmp_path, opened):
    """A second write in the same tick of the clock would leave its stamp as it is."""
    log = write(tmp_path / "a.jsonl", range(10))
    ingest(ledger, state, [log])
    ingest(ledger, state, [log])
    assert opened == ["a.jsonl", "a.jsonl"]


def append(log: Path) -> None:
    with log.open("a") as out:
        out.write(json.dumps(record(99)) + "\n")


def rewrite_in_place_with_its_old_time(log: Path) -> None:
    seen, text = log.stat(), log.read_text()
    time.sleep(0.02)  # a tick of the file system's clock
    log.write_text(text.replace(record(9)["request_id"], "x" * len(record(9)["request_id"])))
    os.utime(log, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert log.stat().st_size == seen.st_size and log.stat().st_mtime_ns == seen.st_mtime_ns


def put_another_in_its_place(log: Path) -> None:
    seen = log.stat()
    other = write(log.with_name("other"), range(90, 100))
    os.utime(other, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    other.replace(log)


@pytest.mark.parametrize("change", [append, rewrite_in_place_with_its_old_time, put_another_in_its_place])
def test_every_change_is_seen(ledger, state, tmp_path, opened, settled, change):
    log = write(tmp_path / "a.jsonl", range(10))
    ingest(ledger, state, [log])
    before, _ = rows(ledger), opened.clear()
    change(log)
    ingest(ledger, state, [log])
    assert opened == ["a.jsonl"] and rows(ledger) > before


def test_what_the_ledger_has_not_any_more_is_loaded_again(ledger, state, tmp_path, opened, settled):
    log = write(tmp_path / "a.jsonl", range(10))
    ingest(ledger, state, [log])
    with ledger.write() as cursor:
        for table in ("usage", "batches", "identities"):
            cursor.execute(f"DELETE FROM lake.main.{table}")
    assert ingest(ledger, state, [log])[0].loaded == 10 and opened == ["a.jsonl"] * 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": "0", "files": {}}', '{"version": 1}'])
def test_a_memory_that_cannot_be_read_costs_a_look_at_the_files(ledger, state, tmp_path, opened, settled, text):
    log = write(tmp_path / "a.jsonl", range(10))
    ingest(ledger, state, [log])
    (ledger.home / FOLDER / FILE).write_text(text)
    assert ingest(ledger, state, [log])[0].was_loaded and len(opened) == 2


def test_names_of_files_go_with_what_is_forgotten(ledger, state, tmp_path, settled):
    ingest(ledger, state, [write(tmp_path / "a.jsonl", range(10))])
    assert (ledger.home / FOLDER / FILE).exists()
    kept_answers.forget(ledger.home)
    assert not (ledger.home / FOLDER / FILE).exists()


def test_a_file_that_grows_while_it_is_read_is_opened_again(ledger, state, tmp_path, settled):
    log = write(tmp_path / "a.jsonl", range(10))
    known = KnownFiles(ledger.home)
    known.find_unchanged([log])
    append(log)
    known.keep([(log, "d", "f")])
    assert KnownFiles(ledger.home).find_unchanged([log]) == {}


def test_a_file_that_is_gone_has_no_stamp(tmp_path):
    assert Stamp.of(tmp_path / "none") is None


def test_a_folder_of_one_kind_still_tells_a_stranger(ledger, state, tmp_path):
    """One whose few lines are like its neighbour's, and most are not, is none of them."""
    write(tmp_path / "a.jsonl", range(20))
    odd = tmp_path / "b.jsonl"
    strange = [json.dumps({"type": "note", "n": i}) for i in range(40)]
    odd.write_text("\n".join([json.dumps(record(100)), *strange]) + "\n")
    alone, beside = (ingest_error(ledger, state, paths) for paths in ([odd], [tmp_path / "a.jsonl", odd]))
    assert alone == beside and "no log format" in alone


def ingest_error(ledger, state, paths: list[Path]) -> str:
    try:
        return ingest(ledger, state, paths)[-1].error
    except Exception as error:
        return str(error)
