"""What people decide, in PostgreSQL: the same documents, runs, reviews and audit trail as in a file."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import UTC, datetime

import psycopg
import pytest

from analytics.alerts import incident_book, outbox
from data import kept_files, run_texts, state_migrations
from data import postgres as sessions
from data.errors import BadInput, LedgerError
from data.facts.hosting import hosting_facts
from data.facts.tables import CATALOG, read_rows, rows_at, save_own, stamp
from data.prices import second_catalogue
from data.sources.progress import Pulled, keep_progress, progress_of
from data.state import State
from routing.runs import reviews, store
from routing.runs.journal import RunJournal
from tests.team.servers import PASSWORD


@pytest.fixture
def shared(team):
    yield State.open(team.host("a"))
    sessions.close_idle()


def test_documents_are_kept_listed_in_order_changed_and_forgotten(shared, team):
    for name in ("b-2", "B 1", "ä", "a_1", "a%'?"):
        shared.put("budget", name, {"usd": 1})
    shared.put("budget", "ä", {"usd": 2})
    other = State.open(team.host("b"))
    assert [*other.all("budget")] == ["B 1", "a%'?", "a_1", "b-2", "ä"] and other.get("budget", "ä") == {"usd": 2}
    other.delete("budget", "ä")
    assert shared.get("budget", "ä") is None
    with pytest.raises(BadInput, match="deleted elsewhere"):
        shared.change("budget", {"ä": {"usd": 3}}, (), {}, seen={"ä": {"usd": 2}})
    assert not (team.host("a") / "state.sqlite").exists()


def test_the_trail_is_one_chain_whoever_writes_at_the_same_time(shared, team):
    def decide(name: str) -> None:
        state = State.open(team.host(name))
        for number in range(10):
            state.append_audit("decided", {"by": name, "n": number})

    threads = [threading.Thread(target=decide, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shared.verify_audit() == (True, None) and [entry.seq for entry in shared.audit(2)] == [30, 29]


@pytest.mark.parametrize("change", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit", "TRUNCATE audit"])
def test_the_trail_refuses_a_change_and_a_dropped_guard_is_put_back_and_noted(shared, team, change):
    shared.append_audit("decided", {})
    with pytest.raises(psycopg.Error, match="append-only"), shared.transaction() as db:
        db.execute(change)
    with team.postgres.connected(team.database) as db:
        db.execute(f"DROP TRIGGER audit_no_{change.split()[0].lower()} ON baton_state.audit")
    assert State.open(team.host("a")).audit(1)[0].event == "audit guards put back"


def test_a_state_of_a_newer_baton_is_refused(shared, team):
    with team.postgres.connected(team.database) as db:
        db.execute("INSERT INTO baton_state.steps (number) VALUES (999)")
    with pytest.raises(LedgerError, match="newer Baton"):
        State.open(team.host("b"))


def test_two_hosts_that_find_it_new_make_it_once(team):
    made: list[State] = []
    threads = [threading.Thread(target=lambda name: made.append(State.open(team.host(name))), args=(n,)) for n in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with made[0].transaction() as db:
        steps = db.execute("SELECT count(*), max(number) FROM steps").fetchone()
    assert steps == (len(state_migrations.STATE_STEPS),) * 2
    sessions.close_idle()


def test_a_run_is_written_down_claimed_reviewed_and_forgotten(shared, monkeypatch):
    run = store.create_run(shared, "trial", {"policies": [{"name": "p"}], "max_usd": 1}, "ann")
    store.claim_run(shared, run)
    monkeypatch.setattr(store.time, "time", lambda: 1795827662.25)  # in four bytes it would be off by a minute
    assert store.beat(shared, run, "running", {"done": 1}) == "run"
    assert store.read_run(shared, run)["heartbeat_at"] == 1795827662.25

    async def write() -> None:
        journal = RunJournal(shared, run)
        for number in (2, 1, 2):
            await journal.result("p", f"t{number}", 0, "done", {"answer": "ann's words", "n": number}, {})
            journal.record("key", {"content": "x"})
        journal.note("noted", {})
        await journal.close()

    asyncio.run(write())
    assert [one["task_id"] for one in store.results(shared, run)] == ["t2", "t1"]
    assert store.count_recordings(shared, run) == 1 and store.attempts(shared, run) == []
    number = reviews.open_review(shared, run, "answer", "doubtful", {"task": "t1"})
    assert [item["review_id"] for item in reviews.reviews(shared, run, open_only=True)] == [number]
    reviews.decide(shared, number, "approved", "ann")
    assert reviews.reviews(shared, open_only=True) == []
    store.end_run(shared, run, "done", "all tasks", {})
    assert run_texts.forget(shared, r"(^|\W)(ann)($|\W)", None, "[forgotten]") > 0
    assert "ann" not in str(store.results(shared, run))
    assert shared.verify_audit() == (True, None)


def test_alerts_and_sources_are_kept(shared):
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    with shared.transaction() as db:
        for about, usd in (("small", 1.0), ("unknown", None), ("large", -9.0)):
            db.execute(
                "INSERT INTO alert_incidents (rule, about, text, usd, opened_at, tell_after) VALUES (?, ?, ?, ?, ?, ?)",
                ("r", about, about, usd, now.isoformat(), now.isoformat()),
            )
        db.execute(
            "INSERT INTO alert_outbox (channel, title, body, written_at, try_after) VALUES (?, ?, ?, ?, ?)",
            ("BATON_ALERT_SLACK", "t", "b", now.isoformat(), now.isoformat()),
        )
    assert [one.about for one in incident_book.open_incidents(shared)] == ["large", "small", "unknown"]
    sent: list[str] = []
    assert outbox.deliver(shared, now, lambda channel, title, body: sent.append(title))[0].sent_at and sent == ["t"]
    for loaded in (1, 2):
        keep_progress(shared, "logs", Pulled(now, now, now, "", loaded))
    assert progress_of(shared, "logs").loaded == 2


def test_a_state_goes_on_when_its_database_is_back(shared, team):
    shared.put("budget", "a", {"usd": 1})
    team.postgres.stop("immediate")
    with pytest.raises(LedgerError, match="cannot be reached") as told:
        shared.get("budget", "a")
    assert PASSWORD not in str(told.value)
    team.postgres.start()
    assert shared.get("budget", "a") == {"usd": 1}


def test_a_price_list_and_own_rows_of_one_host_are_those_of_all(shared, team, monkeypatch, tmp_path):
    monkeypatch.setattr(kept_files, "FRESH_S", 0.0)
    entry = {"litellm_provider": "openai", "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}
    for name in ("first", "second"):
        given = tmp_path / "given.json"
        given.write_text(json.dumps({f"{name}-ä": entry}), encoding="utf-8")
        second_catalogue.install(team.host("a"), given)
        there = second_catalogue.load(team.host("b"))
        assert there is not None and [*there.entries] == [f"{name}-ä"]
    row = {**read_rows(CATALOG / "hosting_facts.csv")[0], "source": "me", "as_of": "2026-10-01"}
    monkeypatch.setenv("BATON_HOME", str(team.host("a")))
    save_own("hosting_facts.csv", [row], hosting_facts)
    monkeypatch.setenv("BATON_HOME", str(team.host("b")))
    assert row in rows_at(stamp("hosting_facts.csv"))
