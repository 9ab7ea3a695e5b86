"""A store moved into the other tier and back says the same, to the last digit and the last decision."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from data import move as moving
from data import postgres as sessions
from data import state_migrations, store
from data.__main__ import main
from data.errors import NoData
from data.ledger import Ledger
from data.loading.ingest import ingest
from data.state import State
from routing.runs import reviews
from tests.data.bad_logs import lines, record, write
from tests.stores import blank_store
from tests.team.servers import PASSWORD

LOG = Path(__file__).resolve().parents[2] / "tests/cases/litellm_spend_logs.jsonl"


@pytest.fixture
def old(home, tmp_path) -> Path:
    """A store of one folder with rows, rejects, a time zone, decisions and a file of the operator's own."""
    shutil.copytree(blank_store(), home)
    ledger, state = Ledger.open(home), State.open(home)
    ingest(ledger, state, [LOG, write(tmp_path / "more.jsonl", lines(*map(record, range(30)), "no record"))])
    for number in range(3):
        state.put("budget", f"b{number}", {"usd": number})
    state.delete("budget", "b1")
    reviews.open_review(state, "r", "answer", "doubtful", {})
    (home / "catalog").mkdir()
    (home / "catalog/hosting_facts.csv").write_text("name,source,as_of\n")
    ledger.close()
    return home


def told(home: Path, capsys) -> tuple[dict[str, Any], list, object]:
    """What a store says: its check, its trail, its documents."""
    capsys.readouterr()
    assert main(["check", "--json", "--home", str(home)]) == 0
    state = State.open(home)
    return json.loads(capsys.readouterr().out), state.audit(), state.all("budget")


def test_there_and_back_nothing_is_lost_and_no_version_means_two_things(old, postgres, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    address, files, back = postgres.create("moved"), str(tmp_path / "files"), tmp_path / "back"
    before = told(old, capsys)
    there = ["move", "--to", address, "--files", files, "--home", str(old)]
    with monkeypatch.context() as patch:
        patch.setattr(State, "take_over", _die)
        assert main(there) == 1  # the ledger is there by then, the decisions are not
    assert main(there) == 0
    assert f"{before[0]['attempts']} rows and $" in capsys.readouterr().out
    with monkeypatch.context() as patch:
        patch.setenv(store.CATALOG, address)
        patch.setenv(store.DATA, files)
        host = tmp_path / "host"
        with pytest.raises(NoData):
            Ledger.open(host).at(before[0]["snapshot"] - 1)
        assert reviews.open_review(State.open(host), "r", "answer", "another", {}) == 2
        shared = told(host, capsys)
        assert main(["move", "--to", str(back), "--home", str(host)]) == 0
        assert (back / "catalog/hosting_facts.csv").read_text() == "name,source,as_of\n"
    returned = told(back, capsys)
    for earlier, later in ((before, shared), (shared, returned)):
        assert later[0]["snapshot"] > earlier[0]["snapshot"]
        assert {**later[0], "snapshot": 0} == {**earlier[0], "snapshot": 0} and later[2] == earlier[2]
        assert later[1][-len(earlier[1]) :] == earlier[1] and moving.MOVED in {entry.event for entry in later[1]}
    assert main(there) == 1  # decisions were taken there since
    assert "nothing is moved over them" in capsys.readouterr().err
    sessions.close_idle()


def _die(*_: object) -> None:
    raise KeyboardInterrupt


def test_every_table_of_the_state_is_taken_over(state):
    with state.transaction() as db:
        there = db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'").fetchall()
    assert {name for (name,) in there} == set(state_migrations.TABLES)


@pytest.mark.parametrize(
    "to", ["", "  ", "u:CANARY@localhost:1/db", "postgres:/u:CANARY@h/db", "host=localhost password=CANARY", "INSIDE"]
)
def test_a_place_that_is_none_is_refused_without_its_password(old, capsys, to):
    to = str(old / "sub") if to == "INSIDE" else to
    assert main(["move", "--to", to]) == 1
    out, err = capsys.readouterr()
    assert "CANARY" not in out + err and "--to" in err or "outside of it" in err
    assert not (old / "sub").exists()
