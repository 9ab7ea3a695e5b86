"""Two sources that tell the same calls: both count, both are marked, whichever is loaded first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.formats import Format
from data.loading import load
from data.loading.ingest import ingest

GATEWAY = {
    "request_id": "chatcmpl-a1b2c3d4",
    "call_type": "acompletion",
    "api_key": "h",
    "spend": 0.0035,
    "total_tokens": 1200,
    "prompt_tokens": 1000,
    "completion_tokens": 200,
    "startTime": "2026-11-03 11:00:00.250",
    "endTime": "2026-11-03 11:00:09.500",
    "model": "gpt-5.1",
    "custom_llm_provider": "openai",
    "metadata": {},
    "status": "success",
    "cache_hit": "False",
}
OBSERVED = {
    "id": "o1",
    "type": "GENERATION",
    "traceId": "t1",
    "projectId": "p",
    "startTime": "2026-11-03T11:00:01Z",
    "endTime": "2026-11-03T11:00:09Z",
    "model": "gpt-5.1-2025-11-13",
    "usageDetails": {"input": 1000, "output": 200, "total": 1200},
    "costDetails": {},
}
BODY = {
    "timestamp": "2026-11-03T11:01:30Z",
    "response": {
        "id": "chatcmpl-a1b2c3d4",
        "object": "chat.completion",
        "model": "gpt-5.1",
        "usage": {"prompt_tokens": 40, "completion_tokens": 2, "total_tokens": 42},
    },
}


def loaded(ledger, state, folder: Path, *records: dict) -> list[list[str] | None]:
    """The caveats of all rows, by id, after each record was loaded as a file of its own."""
    for number, record in enumerate(records):
        path = folder / f"{number}.jsonl"
        path.write_text(json.dumps(record))
        assert ingest(ledger, state, [path])[0].loaded == 1
    rows = ledger.sql(f"SELECT caveats FROM {ledger.name('usage')} ORDER BY event_id")["caveats"]
    return [None if caveats is None else list(caveats) for caveats in rows]


@pytest.mark.parametrize("few", [load.FEW, 0], ids=["few rows", "many rows"])
def test_both_records_of_one_call_are_marked_and_their_dollars_named(few, ledger, state, tmp_path, monkeypatch):
    monkeypatch.setattr(load, "FEW", few)
    for records in ((GATEWAY, OBSERVED), (OBSERVED, GATEWAY)):
        with ledger.write() as cursor:
            for table in ("usage", "batches", "identities", "spend_by_day", "caveats_by_day"):
                cursor.execute(f"DELETE FROM lake.main.{table}")
        assert loaded(ledger, state, tmp_path, *records) == [["logged_twice"]] * 2
        days = ledger.sql(f"SELECT sum(attempts) AS n, sum(cost_usd) AS usd FROM {ledger.name('caveats_by_day')}")
        spend = ledger.sql(
            f"SELECT sum(cost_usd) AS usd, sum(caveat_cost_usd) AS marked, sum(attempts) AS n FROM "
            f"{ledger.name('spend_by_day')}"
        )
        assert int(days["n"][0]) == int(spend["n"][0]) == 2
        assert days["usd"][0] == spend["usd"][0] == spend["marked"][0] > 0


def test_the_same_id_of_the_answer_is_one_call_whatever_the_counts(ledger, state, tmp_path):
    assert loaded(ledger, state, tmp_path, GATEWAY, BODY) == [["logged_twice"]] * 2


@pytest.mark.parametrize(
    "change",
    [
        {"usageDetails": {"input": 1000, "output": 201}},
        {"model": "gpt-5.2"},
        {"startTime": "2026-11-03T11:05:00Z", "endTime": "2026-11-03T11:05:01Z"},
        {"level": "ERROR"},
    ],
    ids=["other tokens", "other model", "minutes later", "a failure"],
)
def test_calls_that_differ_are_left_alone(change, ledger, state, tmp_path):
    marks = loaded(ledger, state, tmp_path, GATEWAY, OBSERVED | change)
    assert len(marks) == 2 and not [mark for mark in marks if "logged_twice" in (mark or [])]


def test_few_tokens_are_alike_by_chance(ledger, state, tmp_path):
    few = GATEWAY | {"prompt_tokens": 90, "completion_tokens": 5, "total_tokens": 95}
    seen = OBSERVED | {"usageDetails": {"input": 90, "output": 5}}
    assert loaded(ledger, state, tmp_path, few, seen) == [None, None]


def test_calls_of_a_mapped_file_are_not_taken_for_one_another(ledger, state, tmp_path):
    form = Format(
        name="mapping:odd",
        label="made up, as the operator's mapping is",
        recognise=lambda sample: True,
        fields=dict.fromkeys(("at", "llm", "asked", "said"), "VARCHAR"),
        columns={
            "requested_at": "utc(d.at)",
            "model_raw": "d.llm",
            "input_tokens": "d.asked",
            "output_tokens": "d.said",
        },
    )
    rows = [{"at": f"2026-11-{day:02} 08:00", "llm": "gpt-5.2", "asked": 1000, "said": 100} for day in range(1, 6)]
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert ingest(ledger, state, [path], form=form)[0].loaded == 5
    assert ledger.sql(f"SELECT count(caveats) AS n FROM {ledger.name('usage')}")["n"][0] == 0


RESULT = {
    "type": "result",
    "subtype": "success",
    "session_id": "s-run",
    "uuid": "u-run",
    "num_turns": 2,
    "total_cost_usd": 0.021,
    "timestamp": "2026-11-03T11:10:05Z",
    "usage": {"input_tokens": 2000, "output_tokens": 1000},
    "modelUsage": {"claude-sonnet-4-5": {"inputTokens": 2000, "outputTokens": 1000, "costUSD": 0.021}},
}


def said(minute: int, session: str = "s-run") -> dict:
    """A message of a Claude Code session, which costs as much as half of `RESULT`."""
    usage = {"input_tokens": 1000, "output_tokens": 500, "cache_creation_input_tokens": 0}
    message = {"id": f"msg_{session}{minute}", "model": "claude-sonnet-4-5", "stop_reason": "end_turn", "usage": usage}
    time = f"2026-11-03T11:{minute:02}:00Z"
    return {"type": "assistant", "sessionId": session, "requestId": f"r{minute}", "timestamp": time, "message": message}


def test_a_run_and_the_messages_of_its_session_until_then_are_marked(ledger, state, tmp_path):
    before, last, later, other = said(0), said(9), said(30), said(5, "s-else")
    for records in ((RESULT, before, last, later, other), (before, last, later, other, RESULT)):
        with ledger.write() as cursor:
            for table in ("usage", "batches", "identities", "spend_by_day", "caveats_by_day"):
                cursor.execute(f"DELETE FROM lake.main.{table}")
        loaded(ledger, state, tmp_path, *records)
        rows = ledger.sql(f"SELECT * FROM {ledger.name('usage')} WHERE list_contains(caveats, 'logged_twice')")
        assert sorted(rows["requested_at"].dt.minute) == [0, 9, 10]
        days = ledger.sql(f"SELECT sum(attempts) AS n FROM {ledger.name('caveats_by_day')}")
        assert int(days["n"][0]) == 3
