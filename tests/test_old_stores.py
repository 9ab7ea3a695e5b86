"""A store written by Baton 1.0 opens, its numbers are equal and none of its documents is lost."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from analytics.__main__ import main as analytics
from data.state import State
from routing.__main__ import main as routing

STORES = Path(__file__).parent / "cases" / "ledgers"
THEN = json.loads((STORES / "before_the_house.json").read_text())
ADDED = {"without_caveat_share"}


@pytest.fixture
def old_store(home):
    home.mkdir()
    with tarfile.open(STORES / "before_the_house.tar.gz") as archive:
        archive.extractall(home, filter="data")
    return home


def asked(capsys, *words: str) -> dict:
    assert analytics([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("key", ["by_provider_model", "by_team_task_type"])
def test_spend_of_an_old_ledger_is_what_it_was(old_store, capsys, key):
    by = {"by_provider_model": "provider,model", "by_team_task_type": "team,task_type"}[key]
    now, then = asked(capsys, "spend", "--by", by), THEN[key]
    assert now["priced_share"] == then["priced_share"]
    assert {k: now["total"][k] for k in then["total"]} == then["total"]
    assert [{k: row[k] for k in old} for row, old in zip(now["rows"], then["rows"], strict=True)] == then["rows"]


def test_the_bridge_of_an_old_ledger_ends_where_it_did(old_store, capsys):
    now = asked(capsys, "bridge", "--from", "2026-09-11", "--to", "2026-09-20")
    assert (now["start_usd"], now["end_usd"]) == (THEN["bridge"]["start_usd"], THEN["bridge"]["end_usd"])


def test_every_document_of_an_old_state_is_there_and_the_audit_trail_holds(old_store, capsys):
    state = State.open(old_store)
    assert [[kind, name] for kind, name in THEN["documents"] if state.get(kind, name) is None] == []
    assert routing(["audit", "verify"]) == 0


@pytest.mark.parametrize("command", [["budgets"], ["inventory"], ["savings"], ["forecast"]], ids=" ".join)
def test_old_documents_are_read_by_the_commands(old_store, capsys, command):
    assert asked(capsys, *command)
