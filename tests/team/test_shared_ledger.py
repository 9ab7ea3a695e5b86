"""A ledger that hosts share says what a ledger of one folder says, whoever writes, reads, dies or is away."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path

import pytest

from analytics.__main__ import main as analytics_main
from data import ledger as ledger_module
from data import rollups, store
from data.__main__ import main
from data.errors import LedgerError
from data.ledger import Ledger
from data.loading import identity
from data.loading.ingest import ingest
from data.state import State
from data.turns import Turn
from tests.data.bad_logs import lines, record, write
from tests.team.servers import KEY, PASSWORD, Objects

ROOT = Path(__file__).resolve().parents[2]
LOG = ROOT / "tests/cases/litellm_spend_logs.jsonl"
COMMANDS = (
    ("data", "check"),
    ("analytics", "spend", "--by", "provider,model"),
    ("analytics", "spend", "--by", "key_alias,day"),
    ("analytics", "anomalies"),
    ("analytics", "review"),
)
# What differs between two stores of one content: versions count what was done to them.
OF_ITS_OWN = {"snapshot", "data_version", "made_at"}


def answers(home: Path, capsys) -> list[object]:
    """What the commands say of a store, as JSON."""
    found = []
    for room, *words in COMMANDS:
        run = main if room == "data" else analytics_main
        assert run([*words, "--json", "--home", str(home)]) == 0
        found.append(_of_content(json.loads(capsys.readouterr().out)))
    return found


def _of_content(value: object) -> object:
    if isinstance(value, dict):
        return {key: _of_content(one) for key, one in value.items() if key not in OF_ITS_OWN}
    return [_of_content(one) for one in value] if isinstance(value, list) else value


def total(home: Path) -> tuple[int, int, Decimal | None]:
    """Rows, different ids and dollars."""
    ledger = Ledger.open(home)
    text = "SELECT count(*) AS n, count(DISTINCT event_id) AS ids, sum(cost_usd) AS usd FROM lake.main.usage"
    row = ledger.sql(text).iloc[0]
    ledger.close()
    return int(row["n"]), int(row["ids"]), row["usd"]


@pytest.fixture(scope="module")
def of_a_folder(tmp_path_factory) -> Path:
    """The log in a store of one folder."""
    home = tmp_path_factory.mktemp("folder")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(store.CATALOG, raising=False)
        load(home, LOG)
    return home


def load(home: Path, *logs: Path) -> list:
    ledger = Ledger.open(home)
    try:
        return ingest(ledger, State.open(home), logs)
    finally:
        ledger.close()


@pytest.mark.parametrize("where", ["team", "in_objects"])
def test_every_answer_is_that_of_a_store_of_one_folder(where, request, of_a_folder, capsys, home, monkeypatch):
    expected = answers(of_a_folder, capsys)
    host = request.getfixturevalue(where).host
    assert load(host("a"), LOG)[0].loaded == 35
    assert answers(host("b"), capsys) == expected
    assert not [*host("a").rglob("*.parquet")] and not (host("b") / "catalog.sqlite").exists()


def test_two_processes_at_once_load_a_file_once_and_different_ones_both(team, tmp_path):
    other = write(tmp_path / "other.jsonl", lines(*map(record, range(40))))
    command = [sys.executable, "-m", "data", "ingest", str(LOG), str(other), "--json", "--home"]
    hosts = [subprocess.Popen([*command, team.host(name)], cwd=ROOT, stdout=subprocess.PIPE) for name in ("a", "b")]
    loaded = [sum(one["loaded"] for one in json.loads(host.communicate()[0])["files"]) for host in hosts]
    assert [host.returncode for host in hosts] == [0, 0]
    assert sum(loaded) == 75
    assert total(team.host("c"))[:2] == (75, 75)
    assert main(["check", "--home", str(team.host("c"))]) == 0


@pytest.mark.parametrize("locked", [True, False])
def test_the_same_rows_from_two_hosts_are_loaded_once_and_only_the_lock_makes_it_so(
    team, tmp_path, monkeypatch, locked
):
    """Without the lock both look the ids up before either has written: the engine does not call that a conflict."""
    rows = [record(number) for number in range(20)]
    logs = [write(tmp_path / name, lines(*rows) + "\n" * spaces) for spaces, name in enumerate(("a.jsonl", "b.jsonl"))]
    choose, both = identity.choose_rows, threading.Barrier(2, timeout=60)

    def together(*words):
        chosen = choose(*words)
        both.wait()
        return chosen

    if not locked:
        monkeypatch.setattr(ledger_module, "turn_to_write", lambda _: contextlib.nullcontext(Turn()))
        monkeypatch.setattr(identity, "choose_rows", together)
    threads = [threading.Thread(target=load, args=(team.host(log.stem), log)) for log in logs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total(team.host("c"))[:2] == ((20, 20) if locked else (40, 20))


KILLED = """
import os, signal, sys
from data import rollups
from tests.team.test_shared_ledger import load
rollups.add = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
load(sys.argv[1], sys.argv[2])
"""


def test_a_host_killed_in_mid_transaction_leaves_nothing_and_frees_the_lock(team):
    done = subprocess.run([sys.executable, "-c", KILLED, team.host("a"), LOG], cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    assert total(team.host("b"))[0] == 0
    assert load(team.host("b"), LOG)[0].loaded == 35
    assert main(["check", "--home", str(team.host("b"))]) == 0


def test_a_catalogue_that_dies_in_mid_transaction_and_comes_back(team, monkeypatch):
    ledger, state, add = Ledger.open(team.host("a")), State.open(team.host("a")), rollups.add

    def die(*words):
        add(*words)
        team.postgres.stop("immediate")

    monkeypatch.setattr(rollups, "add", die)
    with pytest.raises(LedgerError, match="cannot be reached|was lost") as told:
        ingest(ledger, state, [LOG])
    assert PASSWORD not in str(told.value)
    with pytest.raises(LedgerError, match="cannot be reached"):
        ledger.snapshot()
    with pytest.raises(LedgerError, match="cannot be reached"):
        Ledger.open(team.host("b"))
    team.postgres.start()
    monkeypatch.setattr(rollups, "add", add)
    assert ledger.sql("SELECT count(*) AS n FROM lake.main.usage")["n"][0] == 0
    assert ingest(ledger, state, [LOG])[0].loaded == 35
    ledger.close()


def test_a_reader_sees_the_version_before_or_after_never_between(team, monkeypatch):
    load(team.host("a"), write(team.folder / "first.jsonl", lines(*map(record, range(30)))))
    reader, add = Ledger.open(team.host("b")), rollups.add
    inside, seen = threading.Event(), threading.Event()

    def slowly(*words):
        add(*words)
        inside.set()
        assert seen.wait(60)

    monkeypatch.setattr(rollups, "add", slowly)
    writer = threading.Thread(target=load, args=(team.host("a"), LOG))
    writer.start()
    assert inside.wait(60)
    during = _rows_and_sums(reader)
    seen.set()
    writer.join()
    assert (during, _rows_and_sums(reader)) == ((30, 30), (65, 65))
    reader.close()


def _rows_and_sums(ledger: Ledger) -> tuple[int, int]:
    view = ledger.at(ledger.snapshot())
    rows = view.sql(f"SELECT count(*) AS n FROM {view.name('usage')}")["n"][0]
    sums = view.sql(f"SELECT sum(attempts) AS n FROM {view.name('spend_by_day')}")["n"][0]
    return int(rows), int(sums)


def test_a_writer_waits_no_longer_than_told_and_says_for_whom(team, monkeypatch):
    ledger, other = Ledger.open(team.host("a")), Ledger.open(team.host("b"))
    monkeypatch.setenv(store.WAIT, "0.2")
    with ledger.lock(), pytest.raises(LedgerError) as told, other.lock():
        pass
    said = str(told.value)
    assert f"process {os.getpid()} on" in said and "since 20" in said and "UTC" in said and PASSWORD not in said
    with other.lock():
        pass


def test_a_writer_whose_lock_was_lost_commits_nothing(team):
    ledger = Ledger.open(team.host("a"))
    with pytest.raises(LedgerError, match="was lost"), ledger.write() as cursor:
        cursor.execute("INSERT INTO lake.main.settings VALUES ('time_zone', 'Mars')")
        with team.postgres.connected(team.database) as db:
            db.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
    assert ledger.time_zone == "UTC"
    ledger.close()


def test_what_does_not_fit_is_one_sentence_and_changes_nothing(team, monkeypatch, capsys):
    host = str(team.host("a"))

    def refused(because: str) -> None:
        assert main(["check", "--home", host]) == 1
        told = capsys.readouterr().err
        assert because in told and told.count("\n") == 1 and PASSWORD not in told and "host=" not in told

    with monkeypatch.context() as patch:
        patch.setenv(store.DATA, "/srv/elsewhere")
        refused(f"are in {team.files}, and BATON_DATA here is /srv/elsewhere")
    with monkeypatch.context() as patch:
        patch.setenv("PGPASSWORD", "wrong")
        refused("without the right password")
    with monkeypatch.context() as patch:
        patch.setenv(store.CATALOG, f"postgresql://baton@127.0.0.1:{team.postgres.port}/nowhere")
        refused("is not there")
    held: list = []
    with contextlib.suppress(Exception):
        while True:
            held.append(team.postgres.connected(team.database))
    refused("no connection left")
    for one in held:
        one.close()
    with team.postgres.connected(team.database) as db:
        db.execute("UPDATE ducklake_metadata SET value = '9.9' WHERE key = 'version'")
    refused("cannot be read by this Baton")


def test_a_bucket_that_is_away_empty_or_gone_is_one_sentence(in_objects, objects, monkeypatch, capsys):
    home = in_objects.host("a")
    load(home, LOG)
    ledger = Ledger.open(home)
    with monkeypatch.context() as patch:
        patch.setenv(store.ENDPOINT, "http://127.0.0.1:9")
        far = Ledger.open(in_objects.host("b"))
        with pytest.raises(LedgerError, match="cannot be reached"):
            far.sql("SELECT sum(hash(u)) FROM lake.main.usage u")
        with pytest.raises(LedgerError, match="cannot be reached"):
            ingest(far, State.open(in_objects.host("b")), [write(home / "x.jsonl", lines(record(1)))])
        far.close()
    path = ledger.sql(f"SELECT file FROM glob('{in_objects.files}/main/usage/**')")["file"][0]
    objects.call("DELETE", "/" + path.removeprefix("s3://"))
    assert main(["check", "--home", str(in_objects.host("c"))]) == 1
    told = capsys.readouterr().err
    assert f"{Path(path).name} of usage" in told and "is missing" in told and LOG.name in told and KEY not in told
    ledger.close()


def test_upkeep_of_a_shared_store_changes_no_number(in_objects, capsys):
    for day in range(3):
        load(
            in_objects.host("a"),
            write(in_objects.folder / f"{day}.jsonl", lines(*(record(day * 700 + n) for n in range(700)))),
        )
    before = total(in_objects.host("b"))
    assert main(["maintain", "--json", "--home", str(in_objects.host("b"))]) == 0
    assert json.loads(capsys.readouterr().out)["files_merged"] > 0
    assert total(in_objects.host("c")) == before
    assert main(["check", "--home", str(in_objects.host("a"))]) == 0


def test_no_password_and_no_key_is_in_any_file_of_the_store(in_objects):
    load(in_objects.host("a"), LOG)
    main(["check", "--home", str(in_objects.host("a"))])
    for path in in_objects.folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert PASSWORD.encode() not in content and KEY.encode() not in content
    with in_objects.postgres.connected(in_objects.database) as db:
        texts = db.execute(
            "SELECT value FROM ducklake_metadata UNION ALL SELECT application_name FROM pg_stat_activity"
        )
        assert not [text for (text,) in texts if text and (PASSWORD in text or KEY in text)]
    assert Objects.BUCKET in in_objects.files
