"""LiteLLM's table pulled from PostgreSQL: each call once, also late ones; a table that lost a column is refused."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import count

import pytest

from data.loading.ingest import ingest
from data.sources import litellm_table
from data.sources.progress import gaps, progress_of
from data.sources.pull import Result, pull_due
from data.sources.source import SOURCES
from data.state import State
from tests.stores import new_ledger
from tests.team.servers import PASSWORD

NOW = datetime.fromisoformat("2026-11-11T05:00")
NUMBERS = count(1)
# As litellm's schema.prisma has it, what nobody reads left out but for what was said.
TABLE = """CREATE TABLE "LiteLLM_SpendLogs" (request_id text PRIMARY KEY, call_type text, api_key text DEFAULT '',
    spend double precision DEFAULT 0, total_tokens integer DEFAULT 0, prompt_tokens integer DEFAULT 0,
    completion_tokens integer DEFAULT 0, "startTime" timestamp(3) NOT NULL, "endTime" timestamp(3) NOT NULL,
    "completionStartTime" timestamp(3), model text DEFAULT '', model_group text DEFAULT '',
    custom_llm_provider text DEFAULT '', api_base text DEFAULT '', "user" text DEFAULT '',
    metadata jsonb DEFAULT '{}',
    cache_hit text DEFAULT '', request_tags jsonb DEFAULT '[]', team_id text, end_user text,
    messages jsonb DEFAULT '{}', response jsonb DEFAULT '{}', session_id text, status text)"""


class Gateway:
    """A LiteLLM database: its address, and calls put into it."""

    def __init__(self, postgres) -> None:
        self.postgres, self.name = postgres, f"litellm{next(NUMBERS)}"
        self.url = postgres.create(self.name)
        self.run(TABLE)
        self.run("CREATE ROLE reader LOGIN PASSWORD 'reads-only'" if self.name == "litellm1" else "SELECT 1")
        self.run('GRANT SELECT ON "LiteLLM_SpendLogs" TO reader')

    def run(self, sql: str, *values: object) -> None:
        with self.postgres.connected(self.name) as db:
            db.execute(sql, values or None)

    def call(self, number: int, at: datetime, spend: float = 0.01) -> None:
        self.run(
            """INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, spend, total_tokens, prompt_tokens,
                completion_tokens, "startTime", "endTime", model, custom_llm_provider, metadata, response, status)
            VALUES (%s, 'acompletion', %s, 110, 100, 10, %s, %s, 'gpt-5.2', 'openai', %s, '{"said": "secret"}',
                'success')""",
            *(f"call-{number:04}", spend, at, at + timedelta(seconds=2)),
            json.dumps({"user_api_key_team_alias": "search"}),
        )


@pytest.fixture
def gateway(postgres, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    return Gateway(postgres)


@pytest.fixture
def store(gateway, tmp_path):
    """(pull, usage): one pull at a time, and what the ledger has."""
    ledger, state = new_ledger(tmp_path / "home"), State.open(tmp_path / "home")
    SOURCES.save(state, "table", {"kind": "litellm_table", "base_url": gateway.url, "since": "2026-11-08"})

    def pull(now: datetime = NOW) -> Result:
        (one,) = pull_due(ledger, state, "table", now)
        return one

    def usage() -> tuple[int, float]:
        view = ledger.at(ledger.snapshot())
        row = view.sql(f"SELECT count(*) n, sum(cost_usd) usd FROM {view.name('usage')}").iloc[0]
        return int(row.n), round(float(row.usd), 6) if row.n else 0.0

    yield pull, usage, ledger, state
    ledger.close()


def test_calls_are_read_once_each_also_late_ones_and_days_with_nothing_are_told(gateway, store, tmp_path, monkeypatch):
    monkeypatch.setattr(litellm_table, "AT_ONCE", 7)
    pull, usage, ledger, state = store
    first = datetime.fromisoformat("2026-11-08T00:00")
    for n in range(30):  # several at one instant, more than are read at once
        gateway.call(n, first + timedelta(hours=n // 10))
    gateway.call(30, NOW - timedelta(minutes=1))
    assert pull() == Result("table", 31, 31, 0, NOW, "") and usage() == (31, 0.31)
    assert [day.day for day in gaps(state, "table", NOW)] == [9, 10]
    gateway.call(40, NOW - timedelta(minutes=90))  # it ran for an hour and a half
    gateway.call(41, NOW + timedelta(minutes=30))
    assert pull(NOW + timedelta(hours=1)).loaded == 2 and usage() == (33, 0.33)
    assert pull(NOW + timedelta(hours=1)).loaded == 0
    with gateway.postgres.connected(gateway.name) as db:
        rows = db.execute('SELECT row_to_json(t)::text FROM "LiteLLM_SpendLogs" t').fetchall()
    (tmp_path / "dump.jsonl").write_text("".join(text + "\n" for (text,) in rows))
    ingest(ledger, state, [tmp_path / "dump.jsonl"])
    assert usage() == (33, 0.33)


def test_what_was_said_is_not_read_and_no_password_is_written_anywhere(gateway, store):
    pull, _, ledger, _ = store
    gateway.call(1, NOW - timedelta(hours=1))
    assert pull().loaded == 1
    for path in ledger.home.rglob("*"):
        text = path.read_bytes() if path.is_file() else b""
        assert b"secret" not in text and PASSWORD.encode() not in text, path
    assert not list((ledger.home / "pulled").glob("*"))


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ('ALTER TABLE "LiteLLM_SpendLogs" DROP COLUMN prompt_tokens', "without the column prompt_tokens"),
        ('ALTER TABLE "LiteLLM_SpendLogs" DROP COLUMN session_id', "lost the column session_id"),
        ('ALTER TABLE "LiteLLM_SpendLogs" RENAME COLUMN spend TO cost', "without the column spend"),
        ('DROP TABLE "LiteLLM_SpendLogs"', "has no table"),
        ('ALTER TABLE "LiteLLM_SpendLogs" RENAME TO gone', "has no table"),
    ],
)
def test_a_table_that_lost_a_column_is_refused_by_name_and_the_ledger_stays(gateway, store, sql, said):
    pull, usage, _, state = store
    gateway.call(1, NOW - timedelta(hours=1))
    pull()
    gateway.call(2, NOW)
    gateway.run(sql)
    problem = pull(NOW + timedelta(hours=1)).problem
    assert said in problem and problem.startswith("The source table has") and problem.endswith(".")
    assert usage() == (1, 0.01) and progress_of(state, "table").watermark == NOW


def test_a_wrong_password_a_revoked_grant_and_a_dead_database_are_one_sentence_each(gateway, store, monkeypatch):
    pull, usage, _, state = store
    gateway.call(1, NOW - timedelta(hours=1))
    SOURCES.save(
        state,
        "table",
        {"kind": "litellm_table", "base_url": gateway.url.replace("baton@", "reader@"), "since": "2026-11-08"},
    )
    monkeypatch.setenv("PGPASSWORD", "wrong")
    assert "refused the password; set PGPASSWORD" in pull().problem
    monkeypatch.setenv("PGPASSWORD", "reads-only")
    assert pull().loaded == 1
    gateway.run('REVOKE SELECT ON "LiteLLM_SpendLogs" FROM reader')
    assert "does not let its user read that" in pull(NOW + timedelta(hours=1)).problem
    gateway.postgres.stop("immediate")
    try:
        problem = pull(NOW + timedelta(hours=1)).problem
    finally:
        gateway.postgres.start()
    assert "cannot be reached" in problem and str(gateway.postgres.port) not in problem
    assert usage() == (1, 0.01)
    gateway.run('GRANT SELECT ON "LiteLLM_SpendLogs" TO reader')
    assert pull(NOW + timedelta(hours=1)).problem == ""


def test_the_host_of_a_table_is_one_the_owner_allows(gateway, store, monkeypatch):
    pull, usage, _, _ = store
    gateway.call(1, NOW - timedelta(hours=1))
    monkeypatch.setenv("BATON_HOSTS", "db.example")
    assert "none of the hosts that may be called" in pull().problem and usage() == (0, 0.0)


def test_the_table_is_only_read(gateway, store):
    from data import postgres
    from data.errors import Refused
    from data.store import database_of

    with (
        pytest.raises(Refused, match="failed"),
        postgres.reading(database_of("base_url", gateway.url), "127.0.0.1") as db,
    ):
        db.execute('DELETE FROM "LiteLLM_SpendLogs"')
