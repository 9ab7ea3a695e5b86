"""A command that cannot write where it was told says so in a sentence and exits with 1, whatever it writes."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from data.loading.ingest import ingest
from data.state import State
from tests.conftest import TESTS
from tests.stores import new_ledger

LOG = TESTS / "cases" / "litellm_spend_logs.jsonl"
WRITING = {
    "routing export": "no_chinese_api --to yaml --out",
    "routing policy-reference": "--out",
    "routing audit": "export --out",
    "analytics measures": "--out",
    "analytics focus": "--month 2026-10 --out",
    "data formats": "--markdown --out",
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory) -> Path:
    """Some commands are only asked of a ledger that holds something."""
    ledger = new_ledger(tmp_path_factory.mktemp("loaded"))
    ingest(ledger, State.open(ledger.home), [LOG])
    ledger.close()
    return ledger.home


@pytest.mark.parametrize("place", ["no such folder/file.txt", "."])
@pytest.mark.parametrize("command", WRITING)
def test_a_place_that_takes_no_file_is_named(command, place, loaded, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("BATON_HOME", str(loaded))
    monkeypatch.chdir(tmp_path)
    room, name = command.split()
    assert importlib.import_module(f"{room}.__main__").main([name, *WRITING[command].split(), place]) == 1
    said = capsys.readouterr().err
    assert f"{place} cannot be written" in said and "Traceback" not in said
