"""What is forgotten in a store that hosts share is in no file, no table and no page of its database any more."""

from __future__ import annotations

import json

import pytest

from data import checks, erasure, shared_tables
from data.__main__ import main
from data.errors import LedgerError
from data.ledger import Ledger
from data.loading.ingest import ingest
from data.state import State
from tests.data.test_erasure import ACME, JSONISH, PROMPT, ZOE, record

BROKEN = "canary-in-a-broken-line"


@pytest.fixture(params=["team", "in_objects"])
def filled(request):
    """A shared store with names and texts: in files, in rows that wait in the catalogue, in rejects and live runs."""
    team = request.getfixturevalue(request.param)
    log, few = team.folder / "log.jsonl", team.folder / "few.jsonl"
    team.folder.mkdir()
    broken = {**record(91), "prompt_tokens": -4, "user": ZOE, "request_tags": [BROKEN]}
    log.write_text("\n".join(json.dumps(one) for one in (*map(record, range(90)), broken)), encoding="utf-8")
    few.write_text("\n".join(json.dumps(record(number)) for number in range(100, 108)), encoding="utf-8")
    ledger, state = Ledger.open(team.host("a")), State.open(team.host("a"))
    ingest(ledger, state, [log], keep_text=True)
    ingest(ledger, state, [few], keep_text=True)
    with state.transaction() as db:
        db.execute(
            "INSERT INTO live_runs (run_id, created_at, name, spec, status)"
            " VALUES ('r', '2026-03-01T00:00', 'n', ?, 'done')",
            (json.dumps({"tasks": [{"prompt": PROMPT}], "note": ZOE}),),
        )
    ledger.close()
    return team


def everything(team) -> bytes:
    """All bytes of the store, by other means than the product's own search: files row by row, pages of the database."""
    ledger = Ledger.open(team.host("d"))  # for its engine, which reaches object storage
    execute = ledger.cursor().execute
    paths = execute(f"SELECT file FROM glob('{team.files}/**')").fetchall()
    assert paths
    rows = [execute(f"SELECT t::VARCHAR FROM read_parquet('{path}') t").fetchall() for (path,) in paths]
    ledger.close()
    return repr(rows).encode() + team.postgres.bytes_of(team.database)


def sums(team) -> list:
    ledger = Ledger.open(team.host("c"))
    view = ledger.at(ledger.snapshot())
    assert checks.adds_up(checks.check(view))
    found = view.sql(
        f"SELECT team, sum(attempts)::BIGINT AS n, sum(cost_usd) AS usd FROM {view.name('spend_by_day')} GROUP BY 1"
    )
    ledger.close()
    return found.values.tolist()


def test_a_name_is_gone_from_every_file_and_page_and_every_sum_is_as_it_was(filled, capsys):
    needles = (ZOE.encode(), ACME.encode(), b"Neil", BROKEN.encode())
    before, there = sums(filled), everything(filled)
    assert not [needle for needle in (*needles, PROMPT.encode()) if needle not in there]
    words = [word for name in (ZOE, ACME, JSONISH) for word in ("--name", name)]
    assert main(["erase", *words, "--home", str(filled.host("b"))]) == 0
    said = capsys.readouterr().out
    assert "every table of the database" in said and "nothing found" in said and "Beyond Baton" in said
    left = everything(filled)
    assert not [needle for needle in needles if needle in left]
    assert PROMPT.encode() in left  # what nobody asked to be forgotten is there
    assert sums(filled) == before
    assert main(["check", "--home", str(filled.host("a"))]) == 0


def test_one_that_dies_before_the_end_or_meets_a_reader_is_finished_by_running_it_again(team, monkeypatch, capsys):
    ledger, state = Ledger.open(team.host("a")), State.open(team.host("a"))
    team.folder.mkdir(exist_ok=True)
    log = team.folder / "log.jsonl"
    log.write_text("\n".join(json.dumps(record(number)) for number in range(90)), encoding="utf-8")
    ingest(ledger, state, [log])
    before = sums(team)
    with monkeypatch.context() as patch:
        patch.setattr(shared_tables, "write_anew", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            erasure.erase(ledger, state, erasure.Wish((ZOE,)))
    ledger.close()
    assert "did not come to its end" in erasure.unfinished_erasure(state)
    command = ["erase", "--name", ZOE, "--home", str(team.host("b"))]
    monkeypatch.setattr(shared_tables, "WAIT_S", 0.2)
    with team.postgres.connected(team.database) as reader, reader.transaction():
        reader.execute("SELECT count(*) FROM baton_state.documents")
        assert main(command) == 1
        told = capsys.readouterr().err
        assert "documents of the catalogue" in told and "is being read" in told and told.count("\n") == 1
    assert main(command) == 0
    assert "nothing found" in capsys.readouterr().out
    assert ZOE.encode() not in everything(team)
    assert sums(team) == before


def test_who_does_not_own_the_database_is_told(team, monkeypatch):
    """His tables can be rewritten, the statistics of the database cannot."""
    with team.postgres.connected(team.database) as db:
        db.execute("CREATE ROLE lodger LOGIN PASSWORD 'lodgers-word'")
        for schema, table in shared_tables._tables(db):
            db.execute(f'ALTER TABLE "{schema}"."{table}" OWNER TO lodger')
        db.execute("GRANT ALL ON SCHEMA public TO lodger")
    monkeypatch.setenv("PGPASSWORD", "lodgers-word")
    monkeypatch.setenv("BATON_CATALOG", f"postgresql://lodger@127.0.0.1:{team.postgres.port}/{team.database}")
    ledger = Ledger.open(team.host("a"))
    with pytest.raises(LedgerError, match="pg_statistic.*make its user the owner") as told:
        shared_tables.write_anew(ledger.store)
    assert "lodgers-word" not in str(told.value)
    ledger.close()
