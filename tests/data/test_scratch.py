"""Nothing of a log is left lying about: copies go with the work, and are swept after a death; bombs are refused."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from data import scratch
from data.errors import BatonError, Unreadable
from data.loading import explain, mappings, named_files
from data.loading.ingest import ingest
from tests.data.bad_logs import lines, record, write

BROKEN = b'{"note": "caf\xe9"}\n'  # not UTF-8: read by way of a copy


def left(home: Path) -> list[str]:
    return [str(path.relative_to(home)) for path in home.rglob("*") if path.is_file() and "scratch" in path.parts]


def dead_process() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


@pytest.mark.parametrize("content", [lines(record(1)).encode() + BROKEN, BROKEN * 3], ids=["loaded", "refused"])
def test_a_copy_is_gone_whatever_becomes_of_its_file(ledger, state, home, tmp_path, content):
    path = write(tmp_path / "log.jsonl", content)
    for work in (
        lambda: ingest(ledger, state, [path]),
        lambda: explain.explain(state, path),
        lambda: mappings.sample_of(ledger, path),
    ):
        with contextlib.suppress(BatonError):
            work()
        assert not left(home)


def test_what_the_dead_left_is_swept_and_the_living_keep_theirs(ledger, state, home, tmp_path):
    gone, alive = dead_process(), os.getpid()
    for name in (
        f"scratch/spill-{gone}-ab/x.clean",
        f"scratch/spill-{alive}-ab/x",
        "scratch/old.clean",
        f"uploads/{gone}-ab/0/log",
        f"uploads/{alive}-ab/0/log",
        "uploads/tmp123/0/log",
    ):
        write(home / name, b"a prompt")
    ingest(ledger, state, [write(tmp_path / "log.jsonl", lines(record(1)))])
    assert sorted(
        str(p.relative_to(home)) for folder in ("scratch", "uploads") for p in (home / folder).rglob("*") if p.is_file()
    ) == [f"scratch/spill-{alive}-ab/x", f"uploads/{alive}-ab/0/log"]
    scratch.sweep(home / "nowhere")


def test_a_bomb_is_refused_in_one_sentence_and_a_monotonous_log_is_not(ledger, state, home, tmp_path, monkeypatch):
    monkeypatch.setattr(named_files, "UNWATCHED", 2**22)
    bomb = tmp_path / "bomb.jsonl.gz"
    with gzip.open(bomb, "wb") as out:
        for _ in range(64):
            out.write(b" " * 2**20)
    with pytest.raises(Unreadable, match="300 times its size") as told:
        ingest(ledger, state, [bomb])
    assert "\n" not in str(told.value) and not left(home)
    honest = tmp_path / "honest.jsonl.gz"
    with gzip.open(honest, "wb") as out:
        out.write(lines(*map(record, range(20_000))).encode())
    assert honest.stat().st_size * 100 > len(gzip.decompress(honest.read_bytes()))
    assert ingest(ledger, state, [honest])[0].loaded == 20_000
    monkeypatch.setattr(named_files, "MOST_UNPACKED", 2**20)
    with pytest.raises(Unreadable, match="split it"):
        ingest(ledger, state, [write(tmp_path / "long.gz", gzip.compress(json.dumps(list(range(300_000))).encode()))])
