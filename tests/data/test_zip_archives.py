"""A zip of logs: its files are read like any others, and an archive that is made to do harm is refused whole."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from data.errors import BatonError
from data.loading import named_files, zip_archives
from data.loading.ingest import ingest


def body(number: int) -> str:
    usage = {"prompt_tokens": 1000, "completion_tokens": number, "total_tokens": 1000 + number}
    answer = {"id": f"c-{number}", "object": "chat.completion", "model": "gpt-4o-mini", "usage": usage}
    return json.dumps({"timestamp": "2026-01-05T08:00:00Z", "response": answer})


def packed(path: Path, members: Mapping[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def test_the_files_of_an_archive_are_loaded_once_under_their_own_names(ledger, state, tmp_path):
    members = {"logs/a.jsonl": body(1) + "\n" + body(2), "b.jsonl": body(3), "notes.txt": "dear diary\nnothing"}
    path = packed(tmp_path / "logs.zip", members | {"__MACOSX/a": "x", ".hidden": "x", "logs/": ""})
    reports = {report.path.removeprefix(f"{path}/"): report for report in ingest(ledger, state, [path])}
    assert {name: report.loaded for name, report in reports.items()} == {
        "logs/a.jsonl": 2,
        "b.jsonl": 1,
        "notes.txt": 0,
    }
    assert reports["notes.txt"].error.startswith("notes.txt is no log format") and not reports["notes.txt"].unknown
    paths = ledger.sql("SELECT path FROM lake.main.batches ORDER BY path")["path"]
    assert list(paths) == [f"{path}/b.jsonl", f"{path}/logs/a.jsonl"]
    again = [report for report in ingest(ledger, state, [path]) if not report.error]
    assert [(report.loaded, report.duplicate) for report in again] == [(0, 2), (0, 1)]
    assert not list((ledger.home / "scratch").glob("spill-*-*"))


@pytest.mark.parametrize("name", ["../evil.jsonl", "/etc/evil.jsonl", "a/../../evil.jsonl", "..\\evil.jsonl", "C:\\e"])
def test_an_archive_that_names_a_place_outside_of_itself_is_refused_whole(ledger, state, tmp_path, name):
    path = packed(tmp_path / "evil.zip", {"good.jsonl": body(1), name: body(2)})
    with pytest.raises(BatonError, match="outside of itself"):
        ingest(ledger, state, [path])
    assert [p.name for p in tmp_path.rglob("*.jsonl")] == []


def test_an_archive_that_grows_as_no_log_does_is_refused(ledger, state, tmp_path, monkeypatch):
    monkeypatch.setattr(named_files, "UNWATCHED", 2**18)
    path = packed(tmp_path / "bomb.zip", {"zeros.jsonl": bytes(2**23)})
    with pytest.raises(BatonError, match="times its size, as no log does"):
        ingest(ledger, state, [path])
    monkeypatch.setattr(zip_archives, "MOST_MEMBERS", 2)
    path = packed(tmp_path / "many.zip", {f"{n}.jsonl": body(n) for n in range(3)})
    with pytest.raises(BatonError, match="holds more than 2 files"):
        ingest(ledger, state, [path])


def test_a_locked_a_cut_an_empty_archive_and_a_workbook_are_told_apart(ledger, state, tmp_path):
    good = packed(tmp_path / "good.zip", {"a.jsonl": body(1)}).read_bytes()
    locked = bytearray(good)
    locked[6] |= 1
    locked[good.index(b"PK\x01\x02") + 8] |= 1
    broken = bytearray(good)
    broken[45] ^= 0xFF
    told = {
        "locked.zip": (bytes(locked), "cannot be unpacked .*(password|encrypted)"),
        "broken.zip": (bytes(broken), "is a zip archive that is damaged"),
        "cut.zip": (good[:60], "another zip archive"),
    }
    for name, (content, words) in told.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BatonError, match=words):
            ingest(ledger, state, [tmp_path / name])
    with pytest.raises(BatonError, match="without a file"):
        ingest(ledger, state, [packed(tmp_path / "folders.zip", {"a/": ""})])
    with pytest.raises(BatonError, match="an Excel workbook"):
        ingest(ledger, state, [packed(tmp_path / "book.xlsx", {"[Content_Types].xml": "<a/>"})])


def test_an_archive_that_is_refused_does_not_keep_the_others_out(ledger, state, tmp_path):
    evil = packed(tmp_path / "evil.zip", {"../x": body(1)})
    good = packed(tmp_path / "good.zip", {"a.jsonl": body(2)})
    first, second = ingest(ledger, state, [evil, good])
    assert "outside of itself" in first.error and second.loaded == 1
