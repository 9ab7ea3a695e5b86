"""Names and texts that are forgotten are in no version and no byte of the store, and every sum is as it was."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from data import checks, erasure, erasure_proof, people
from data.__main__ import main
from data.errors import BadInput, Refused
from data.ledger import Ledger
from data.loading.ingest import ingest
from data.people import Person
from data.state import State

ZOE, ACME, JSONISH = "zoe.canary@example.org", "ACME-canary", 'Zoë "canary" O\\Neil'
PROMPT, ANSWER = "canary-prompt-of-march", "canary-answer-of-march"
CANARIES = (ZOE, ACME, PROMPT, ANSWER, "canary-in-a-broken-line")


def record(number: int) -> dict:
    user = ZOE if number % 7 == 0 else JSONISH if number % 11 == 0 else f"user{number % 5}"
    return {
        "request_id": f"r{number}",
        "call_type": "acompletion",
        "api_key": "h",
        "spend": 0.01 + number / 1000,
        "total_tokens": 1100 + number,
        "prompt_tokens": 1000 + number,
        "completion_tokens": 100,
        "startTime": f"2026-0{1 + number % 9}-0{1 + number % 7}T0{number % 10}:00:00Z",
        "endTime": f"2026-0{1 + number % 9}-0{1 + number % 7}T0{number % 10}:00:02Z",
        "model": "gpt-4o",
        "custom_llm_provider": "openai",
        "user": user,
        "end_user": ACME if number % 5 == 0 else "other",
        "metadata": {"owner": user, "user_api_key_team_alias": "search"},
        "messages": [{"role": "user", "content": PROMPT if number % 9 == 2 else f"{user} asks {number}"}],
        "response": {"choices": [{"message": {"content": ANSWER if number % 9 == 2 else f"dear {user}"}}]},
    }


@pytest.fixture(scope="module")
def loaded(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("to-forget")
    home, log = folder / "home", folder / "log.jsonl"
    lines = [json.dumps(record(number)) for number in range(90)]
    broken = json.dumps({**record(91), "prompt_tokens": -4, "user": ZOE, "request_tags": ["canary-in-a-broken-line"]})
    log.write_text("\n".join([*lines[:40], broken, *lines[40:]]) + "\n", encoding="utf-8")
    ledger, state = Ledger.open(home), State.open(home)
    ingest(ledger, state, [log], keep_text=True)
    with state.transaction() as db:
        spec = {"tasks": {"tasks": [{"id": "t", "prompt": PROMPT}]}, "note": ZOE}
        db.execute(
            "INSERT INTO live_runs (run_id, created_at, name, spec, status)"
            " VALUES ('r', '2026-03-01T00:00', 'n', ?, 'done')",
            (json.dumps(spec),),
        )
        db.execute(
            "INSERT INTO live_results VALUES ('r', 'p', 't', 1, 'done', ?)",
            (json.dumps({"answer": ANSWER, "cost_usd": 0.5, "verdict": f"{ZOE} said so"}),),
        )
        db.execute("INSERT INTO live_recordings VALUES ('r', 'k', ?)", (json.dumps({"answer": {"text": ANSWER}}),))
    (home / "uploads/x").mkdir(parents=True)
    (home / "uploads/x/waiting.csv").write_text(f"who,what\n{ZOE},{PROMPT}\n")
    ledger.close()
    return home


@pytest.fixture
def store(home, loaded) -> Path:
    shutil.copytree(loaded, home, dirs_exist_ok=True)
    return home


def sums(home: Path) -> list:
    ledger = Ledger.open(home)
    try:
        view = ledger.at(ledger.snapshot())
        assert checks.adds_up(checks.check(view)) and not checks.damaged_files(ledger)
        by_team = (
            f"SELECT team, sum(attempts)::BIGINT AS n, sum(cost_usd) AS usd FROM {view.name('spend_by_day')} GROUP BY 1"
        )
        return view.sql(by_team).values.tolist()
    finally:
        ledger.close()


def holding(home: Path, *needles: str) -> list[str]:
    """Every place under a home where a text stands, looked for by other means than the product's own search."""
    import duckdb

    found = []
    for path in home.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            if path.suffix == ".parquet":
                content += str(duckdb.sql(f"SELECT t::VARCHAR FROM read_parquet('{path}') t").fetchall()).encode()
            found += [f"{needle} in {path.relative_to(home)}" for needle in needles if needle.encode() in content]
    return found


def test_the_store_holds_what_is_to_be_forgotten(store):
    for canary in CANARIES:
        assert holding(store, canary)


def test_a_name_is_gone_from_every_byte_and_every_sum_is_as_it_was(store, capsys):
    before = sums(store)
    assert main(["erase", "--name", ZOE, "--name", ACME, "--name", JSONISH, "--home", str(store)]) == 0
    said = capsys.readouterr().out
    assert "nothing found" in said and ZOE not in said
    assert not holding(store, ZOE, ACME, json.dumps(JSONISH)[1:-1], "canary-in-a-broken-line")
    assert sums(store) == before
    ledger = Ledger.open(store)
    users = ledger.sql(f"SELECT user_id, count(*) AS n FROM {ledger.name('usage')} GROUP BY 1")
    assert int(users[users["user_id"].isna()]["n"].sum()) == sum(record(n)["user"] in (ZOE, JSONISH) for n in range(90))
    texts = ledger.sql(f"SELECT count(*) AS n FROM {ledger.name('texts')}")["n"][0]
    gone = sum(record(n)["user"] in (ZOE, JSONISH) or record(n)["end_user"] == ACME for n in range(90))
    assert texts == 90 - gone
    ledger.close()
    assert holding(store, PROMPT)  # what nobody asked to be forgotten is there


def test_a_name_that_nobody_has_is_told(store, capsys):
    assert main(["erase", "--name", ZOE.upper(), "--home", str(store)]) == 0
    assert "is it spelled as the log has it?" in capsys.readouterr().out
    assert holding(store, ZOE)
    assert main(["erase", "--name", ZOE, "--home", str(store)]) == 0
    assert "spelled" not in capsys.readouterr().out


def test_texts_older_than_a_day_are_gone_and_younger_ones_stay(store, capsys):
    before = sums(store)
    assert main(["erase", "--texts-older-than", "2026-04-01", "--home", str(store), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["left"] == 0 and told["texts"] == sum(number % 9 < 3 for number in range(90))
    assert told["run_entries"] == 3
    assert not holding(store, PROMPT, ANSWER)
    assert sums(store) == before
    assert holding(store, ZOE)
    state = State.open(store)
    with state.transaction() as db:
        body = json.loads(db.execute("SELECT body FROM live_results").fetchone()[0])
    assert body["cost_usd"] == 0.5 and body["answer"] == erasure.FORGOTTEN


def test_names_older_than_a_day_are_gone_with_their_tags(store, capsys):
    before = sums(store)
    assert main(["erase", "--names-older-than", "2026-09-10", "--home", str(store)]) == 0
    ledger = Ledger.open(store)
    left = ledger.sql(f"SELECT count(user_id) + count(customer_id) + count(tags) AS n FROM {ledger.name('usage')}")
    assert left["n"][0] == 0
    ledger.close()
    assert sums(store) == before


def test_it_takes_an_admin_a_wish_and_a_name(store):
    ledger, state = Ledger.open(store), State.open(store)
    with people.acting_as(Person("olga", "operator")), pytest.raises(Refused, match="admin"):
        erasure.erase(ledger, state, erasure.Wish((ZOE,)))
    with pytest.raises(BadInput, match="Nothing is named"):
        erasure.erase(ledger, state, erasure.Wish())
    with pytest.raises(BadInput, match="too short"):
        erasure.erase(ledger, state, erasure.Wish(("z",)))
    assert not erasure.unfinished_erasure(state)
    ledger.close()


def test_what_stays_is_told_with_its_reason(store, tmp_path, capsys):
    State.open(store).put("budget", "theirs", {"note": ZOE})
    assert main(["backup", str(tmp_path / "copy"), "--home", str(store)]) == 0
    capsys.readouterr()
    assert main(["erase", "--name", ZOE, "--home", str(store)]) == 0
    said = capsys.readouterr().out
    assert "the audit trail: 1 time" in said and "saved documents: 1 time" in said and str(tmp_path / "copy") in said
    trail = json.dumps([entry.detail for entry in State.open(store).audit() if "erasure" in entry.event])
    assert ZOE not in trail and "names_sha256" in trail


@pytest.mark.parametrize("step", ["_drop_loose_files", "write_anew", "data_files.narrow_bounds", "rewrite_database"])
def test_one_that_dies_is_told_and_finished_by_running_it_again(store, monkeypatch, capsys, step):
    before = sums(store)
    ledger, state = Ledger.open(store), State.open(store)
    with monkeypatch.context() as patch:
        patch.setattr(f"data.erasure.{step}", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            erasure.erase(ledger, state, erasure.Wish((ZOE,)))
    ledger.close()
    assert "did not come to its end" in erasure.unfinished_erasure(state)
    assert main(["check", "--home", str(store)]) == 1
    assert "run the same command again" in capsys.readouterr().err
    assert main(["erase", "--name", ZOE, "--home", str(store)]) == 0
    assert not holding(store, ZOE)
    assert sums(store) == before


@pytest.mark.kill
@pytest.mark.parametrize("share", [0.35, 0.6, 0.8, 0.95])
def test_a_killed_one_loses_nothing_and_is_finished_by_running_it_again(store, share):
    before = sums(store)
    command = [sys.executable, "-m", "data", "erase", "--name", ZOE, "--home", str(store)]
    whole = store.parent / "whole"
    shutil.copytree(store, whole)
    started = time.monotonic()
    subprocess.run([*command[:-1], str(whole)], check=True, capture_output=True)
    length = time.monotonic() - started
    child = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(length * share)
    os.killpg(child.pid, signal.SIGKILL) if child.poll() is None else None
    child.wait()
    assert sums(store) == before
    subprocess.run(command, check=True, capture_output=True)
    assert not holding(store, ZOE)
    assert sums(store) == before


def test_the_search_itself_finds_what_is_there(store):
    ledger = Ledger.open(store)
    found = {one.place: one.times for one in erasure_proof.look_through(ledger, [ZOE]).found}
    assert found["the ledger"] and found["the state's live_runs"]
    assert found["uploads/x/waiting.csv"] == 1
    assert not erasure_proof.look_through(ledger, ["nobody.at.all@example.org"]).found
    ledger.close()


def test_a_name_is_a_word_of_its_own_in_any_spelling():
    import re

    find = re.compile(erasure.name_pattern(["Ann", 'O\\N"e'], r"\w"))
    assert find.search("dear Ann,") and find.search('{"u":"Ann"}') and find.search(json.dumps({"u": 'O\\N"e'}))
    assert not find.search("Annual") and not find.search("Joann")
