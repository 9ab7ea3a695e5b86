"""A change is in the audit trail before it stands: no death in between leaves one that nobody wrote down."""

from __future__ import annotations

from pathlib import Path

import pytest

from data import backup, data_files, dimensions
from data.errors import LedgerError
from data.ledger import Ledger
from data.loading import reprice
from data.loading.attribution_rules import RULES
from data.loading.explain import explain
from data.prices import contracts, second_catalogue
from data.state import State
from tests.data import small_ledger

RULE = {"field": "model_raw", "op": "prefix", "pattern": "gpt", "set": "project", "value": "us"}


def load(ledger: Ledger, state: State, folder: Path) -> None:
    small_ledger.load(ledger, state, folder, 9)


def price(ledger: Ledger, state: State, folder: Path) -> None:
    contracts.OVERRIDES.save(state, "deal", {"provider": "openai", "discount": "0.5"})
    reprice.reprice(ledger, state)


def mean(ledger: Ledger, state: State, folder: Path) -> None:
    RULES.save(state, "ours", RULE)
    reprice.reapply_meaning(ledger, state)


def divide(ledger: Ledger, state: State, folder: Path) -> None:
    dimensions.add(ledger, state, "tier", "nested.tier")


CHANGES = {
    "logs loaded": load,
    "rows repriced": price,
    "mapping rules applied": mean,
    "dimension added": divide,
}


def die(*_: object) -> None:
    raise KeyboardInterrupt


def fail(*_: object) -> None:
    raise LedgerError("The trail cannot be written.")


@pytest.mark.parametrize("event", CHANGES)
def test_a_change_stands_with_its_entry_or_not_at_all(event, ledger, state, tmp_path, monkeypatch):
    small_ledger.load(ledger, state, tmp_path, 6)
    before = ledger.snapshot()
    with monkeypatch.context() as patch:
        patch.setattr(State, "append_audit", fail)
        with pytest.raises(LedgerError, match="trail"):
            CHANGES[event](ledger, state, tmp_path)
    assert ledger.snapshot() == before
    with monkeypatch.context() as patch:
        patch.setattr(data_files, "keep_checksums", die)  # the first thing that is done after the commit
        with pytest.raises(KeyboardInterrupt):
            CHANGES[event](ledger, state, tmp_path)
    entry = state.audit(1)[0]
    assert (entry.event, ledger.snapshot()) == (event, before + 1)
    assert entry.detail.get("snapshot", before + 1) == before + 1


def test_what_is_explained_is_not_loaded(ledger, state, tmp_path):
    small_ledger.load(ledger, state, tmp_path, 3)
    told = state.audit()
    assert [entry.event for entry in told] == ["logs loaded"] and told[0].detail["rows"] == 3
    explain(state, tmp_path / "log.jsonl")
    assert state.audit() == told


def test_a_backup_that_was_cut_short_is_known(ledger, state, home, tmp_path, monkeypatch):
    monkeypatch.setattr(backup, "copy_database", die)
    with pytest.raises(KeyboardInterrupt):
        backup.backup(home, tmp_path / "copy")
    entry = state.audit(1)[0]
    assert entry.event == backup.MADE and entry.detail["folder"] == str(tmp_path / "copy")


def test_a_price_file_that_is_not_written_down_is_not_used(state, home, tmp_path, monkeypatch):
    given = tmp_path / "prices.json"
    given.write_text('{"gpt-4o": {"litellm_provider": "openai", "input_cost_per_token": 1e-6, "mode": "chat"}}')
    monkeypatch.setattr(State, "append_audit", fail)
    with pytest.raises(LedgerError, match="trail"):
        second_catalogue.install(home, given)
    assert second_catalogue.load(home) is None
