"""A data file that was deleted, cut, overwritten or flipped in one bit is named, set aside and loaded again."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from data import checks, data_files
from data.__main__ import main
from data.errors import LedgerError
from data.ledger import Ledger
from data.loading.ingest import ingest
from data.state import State

LOG = Path(__file__).resolve().parents[1] / "cases/litellm_spend_logs.jsonl"


def flipped(path: Path, at: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int(len(content) * at)] ^= 1
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "is missing": Path.unlink,
    "bytes where the catalogue says": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "has other bytes than were written": flipped,
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory) -> Path:
    home = tmp_path_factory.mktemp("loaded")
    ledger = Ledger.open(home)
    ingest(ledger, State.open(home), [LOG])
    ledger.close()
    return home


@pytest.fixture
def store(home, loaded) -> Path:
    shutil.copytree(loaded, home, dirs_exist_ok=True)
    return home


def files(home: Path, table: str) -> list[Path]:
    return sorted((home / "files/main" / table).rglob("*.parquet"))


def total(home: Path) -> tuple[int, Decimal]:
    ledger = Ledger.open(home)
    row = ledger.sql(f"SELECT count(*) AS n, sum(cost_usd) AS usd FROM {ledger.name('usage')}").iloc[0]
    ledger.close()
    return int(row["n"]), row["usd"]


def test_a_whole_store_has_a_checksum_for_every_file_and_no_fault(store, capsys):
    assert set(data_files.checksums(store)) == {path.name for path in (store / "files").rglob("*.parquet")}
    assert main(["check", "--home", str(store)]) == 0
    assert "hurt" not in capsys.readouterr().out


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("table", ["usage", "spend_by_day", "identities"])
def test_damage_is_named_set_aside_and_loaded_again(store, capsys, damage, table):
    whole = total(store)
    hurt = files(store, table)[0]
    DAMAGES[damage](hurt)
    assert main(["check", "--home", str(store)]) != 0
    told = capsys.readouterr().err
    assert hurt.name in told and damage in told and "Traceback" not in told
    assert table != "usage" or LOG.name in told
    assert main(["check", "--repair", "--home", str(store)]) == 0
    assert not hurt.exists()
    assert (store / data_files.DAMAGED / hurt.name).exists() == (damage != "is missing")
    assert main(["check", "--home", str(store)]) == 0
    assert main(["ingest", str(LOG), "--home", str(store)]) == 0
    assert main(["check", "--home", str(store)]) == 0
    assert total(store) == whole


def test_a_catalogue_that_lost_its_newest_version_is_refused_and_not_repaired(store, capsys):
    with sqlite3.connect(store / "catalog.sqlite") as db:
        db.execute(
            "UPDATE ducklake_data_file SET begin_snapshot = begin_snapshot + 1000"
            " WHERE data_file_id = (SELECT max(data_file_id) FROM ducklake_data_file)"
        )
    db.close()
    for more in ([], ["--repair"]):
        assert main(["check", *more, "--home", str(store)]) == 1
        assert "lists 1 data files of versions that it does not have" in capsys.readouterr().err


def test_every_bit_counts(store):
    ledger = Ledger.open(store)
    path = files(store, "usage")[0]
    content = path.read_bytes()
    for part in range(1, 40):
        flipped(path, part / 40)
        assert [fault.path for fault in data_files.faults(ledger.cursor(), store)] == [path]
        path.write_bytes(content)
    assert not checks.damaged_files(ledger)
    ledger.close()


def test_a_store_of_before_checksums_gets_them_with_its_next_load_and_is_read_until_then(store):
    (store / data_files.CHECKSUMS).unlink()
    ledger = Ledger.open(store)
    assert not data_files.faults(ledger.cursor(), store)
    garbage = files(store, "usage")[0]
    content = garbage.read_bytes()
    garbage.write_bytes(content[:200] + bytes(200) + content[400:])
    assert "cannot be read" in checks.damaged_files(ledger)[0].told
    garbage.write_bytes(content)
    with ledger.write() as cursor:
        cursor.execute("DELETE FROM lake.main.settings WHERE name = 'nothing'")
    assert len(data_files.checksums(store)) == len(list((store / "files").rglob("*.parquet")))
    ledger.close()


def test_a_cut_line_of_checksums_is_written_anew(store):
    kept = store / data_files.CHECKSUMS
    kept.write_text(kept.read_text()[:-40])
    before = len(data_files.checksums(store))
    ledger = Ledger.open(store)
    data_files.keep_checksums(ledger.cursor(), store)
    assert len(data_files.checksums(store)) >= before
    assert not checks.damaged_files(ledger)
    ledger.close()


def test_a_read_of_a_hurt_store_says_how_to_find_out(store):
    hurt = files(store, "usage")[0]
    content = hurt.read_bytes()
    # One bit may fall where no reader looks; half the pages of the file are in every reader's way.
    hurt.write_bytes(content[:4] + bytes(len(content) // 2) + content[4 + len(content) // 2 :])
    ledger = Ledger.open(store)
    with pytest.raises(LedgerError, match="data check"):
        ledger.sql(f"SELECT sum(hash(u)) FROM {ledger.name('usage')} u")
    ledger.close()
