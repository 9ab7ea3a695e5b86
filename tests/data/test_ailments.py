"""Whatever hurts a store is one sentence: each is provoked here, on a real store."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from data.__main__ import main
from data.errors import LedgerError
from data.ledger import Ledger
from data.loading.ingest import ingest
from data.state import State
from tests.data.bad_logs import lines, record, write

LOG = Path(__file__).parent.parent / "cases" / "litellm_spend_logs.jsonl"


@pytest.fixture
def hurt(home):
    """A loaded store that nobody has open."""
    ledger = Ledger.open(home)
    ingest(ledger, State.open(home), [LOG])
    ledger.close()
    return home


def usage_file(home: Path) -> Path:
    return next((home / "files" / "main" / "usage").rglob("*.parquet"))


def spoil(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    if how == "deleted":
        path.unlink()
    elif how == "emptied":
        path.write_bytes(b"")
    elif how == "truncated":
        path.write_bytes(bytes(data[: len(data) // 2]))
    elif how == "overwritten":
        data[4:-8] = b"\x00" * (len(data) - 12)
        path.write_bytes(bytes(data))
    else:
        data[40 : len(data) // 2] = bytes(byte ^ 0x55 for byte in data[40 : len(data) // 2])
        path.write_bytes(bytes(data))


@pytest.mark.parametrize("how", ["deleted", "emptied", "truncated", "overwritten", "flipped"])
@pytest.mark.parametrize("what", ["usage", "spend_by_day"])
def test_a_hurt_data_file_is_named(hurt, capsys, how, what):
    spoil(next((hurt / "files" / "main" / what).rglob("*.parquet")), how)
    ledger = Ledger.open(hurt)
    with pytest.raises(LedgerError, match="missing or damaged") as told:
        ledger.sql(f"SELECT sum(hash(t)) FROM lake.main.{what} t")
    assert "python -m data check" in str(told.value) and "\n" not in str(told.value)
    ledger.close()


def test_check_ends_in_a_sentence_on_a_deleted_file(hurt, capsys):
    usage_file(hurt).unlink()
    assert main(["check"]) == 1
    told = capsys.readouterr().err
    assert "is missing; its rows came from" in told and "Traceback" not in told


@pytest.mark.parametrize("state", ["missing", "empty"])
def test_a_lost_catalogue_beside_full_files_starts_nothing_anew(hurt, state):
    for name in ("catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"):
        (hurt / name).unlink(missing_ok=True)
    if state == "empty":
        (hurt / "catalog.sqlite").write_bytes(b"")
    with pytest.raises(LedgerError, match=f"is {state}, but .* holds data"):
        Ledger.open(hurt)
    assert usage_file(hurt).exists()


def test_a_catalogue_that_is_no_database_is_named(hurt):
    (hurt / "catalog.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(LedgerError, match="cannot be read by this Baton"):
        Ledger.open(hurt)


def test_a_newer_lake_is_refused_by_name(hurt):
    raw = sqlite3.connect(hurt / "catalog.sqlite")
    raw.execute("UPDATE ducklake_metadata SET value = '9.9' WHERE key = 'version'")
    raw.commit()
    raw.close()
    with pytest.raises(LedgerError, match="cannot be read by this Baton"):
        Ledger.open(hurt)


def test_after_a_hurt_file_other_days_still_load(hurt, tmp_path):
    spoil(usage_file(hurt), "truncated")
    ledger = Ledger.open(hurt)
    log = write(tmp_path / "log.jsonl", lines(record(1)))
    try:
        assert ingest(ledger, State.open(hurt), [log])[0].loaded == 1
    except LedgerError as error:
        assert "missing or damaged" in str(error)
    ledger.close()
