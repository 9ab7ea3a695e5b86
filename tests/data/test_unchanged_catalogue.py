"""What was asked of a catalogue is asked again after every commit, of this process and of another, and only then."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from data.ledger import Ledger
from data.unchanged_catalogue import SETTLED_NS, UnchangedCatalogue

ADD = "INSERT INTO lake.main.dimensions VALUES ('area', 'area')"
WRITER = f"""
import sys
from data.ledger import Ledger
with Ledger.open(sys.argv[1]).write() as cursor:
    cursor.execute("{ADD}")
"""


def settle(file: Path) -> None:
    """As if it had been written to long before."""
    os.utime(file, (time.time() - 2 * SETTLED_NS / 1e9,) * 2)


def test_the_newest_version_follows_every_commit(tmp_path):
    ledger = Ledger.open(tmp_path / "store")
    for _ in range(3):
        settle(ledger.home / "catalog.sqlite")
        before = ledger.snapshot()
        assert ledger.snapshot() == before
        with ledger.write() as cursor:
            cursor.execute(ADD)
            assert Ledger.open(ledger.home).snapshot() == before  # not committed yet
        assert ledger.snapshot() == before + 1


def test_another_process_commits(tmp_path):
    ledger = Ledger.open(tmp_path / "store")
    settle(ledger.home / "catalog.sqlite")
    before = ledger.snapshot()
    assert ledger.at(before).pinned == before
    subprocess.run([sys.executable, "-c", WRITER, str(ledger.home)], check=True, cwd=Path(__file__).parents[2])
    assert ledger.snapshot() == before + 1


class Catalogue:
    """A file that is written to by hand, and how often it was asked."""

    def __init__(self, folder: Path) -> None:
        self.file, self.asked = folder / "catalog.sqlite", 0
        self.file.write_text("one")
        self.kept = UnchangedCatalogue(self.file)

    def ask(self) -> int:
        def count() -> int:
            self.asked += 1
            return self.asked

        return self.kept.ask("question", count)


def test_a_settled_file_is_asked_once(tmp_path):
    catalogue = Catalogue(tmp_path)
    settle(catalogue.file)
    assert [catalogue.ask(), catalogue.ask()] == [1, 1]
    catalogue.file.write_text("two")
    assert [catalogue.ask(), catalogue.ask()] == [2, 3]  # written just now: it may be written to within the same tick
    settle(catalogue.file)
    assert [catalogue.ask(), catalogue.ask()] == [4, 4]


def test_what_is_in_the_log_beside_it_is_not_told_by_the_file(tmp_path):
    catalogue = Catalogue(tmp_path)
    settle(catalogue.file)
    log = Path(f"{catalogue.file}-wal")
    assert catalogue.ask() == 1
    log.write_text("frames")
    assert [catalogue.ask(), catalogue.ask()] == [2, 3]
    log.unlink()
    assert [catalogue.ask(), catalogue.ask()] == [4, 4]


def test_without_a_file_nothing_is_kept(tmp_path):
    catalogue = Catalogue(tmp_path)
    settle(catalogue.file)
    catalogue.file.unlink()
    assert [catalogue.ask(), catalogue.ask()] == [1, 2]
    catalogue.kept = UnchangedCatalogue(None)
    assert [catalogue.ask(), catalogue.ask()] == [3, 4]
