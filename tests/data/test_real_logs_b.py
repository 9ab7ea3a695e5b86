"""Real session files, a trace and FOCUS bills from the shared data folder: nothing of ours is in them."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from data.loading.ingest import ingest

CCUSAGE = "logs/ccusage/fixtures__{}.jsonl"
# File -> loaded, and the sums of fresh input, cache reads, cache writes, output with reasoning, counted by hand.
SESSIONS = {
    "claude__projects__project-alpha__session-alpha__chat": ("claude_code", 3, 600, 70, 75, 250),
    "claude__projects__project-beta__session-beta__chat": ("claude_code", 2, 130, 40, 15, 60),
    "codex__sessions__project-alpha__session-alpha": ("codex", 2, 2750, 750, 0, 425),
}
# File -> rows and their billed total.
BILLS = {"a1": (1, 200_000), "a2": (3, 0), "b1": (1, 100_000), "b2": (3, 0), "b3": (3, 0), "c": (2, 53_000)}


def sums(ledger) -> tuple:
    frame = ledger.sql(
        "SELECT count(*) AS n, sum(fresh_input_tokens) AS i, sum(coalesce(cache_read_tokens, 0)) AS r, "
        "sum(coalesce(cache_write_5m_tokens, 0)) AS w, sum(output_tokens + coalesce(reasoning_tokens, 0)) AS o "
        f"FROM {ledger.name('usage')}"
    )
    return tuple(int(value) for value in frame.iloc[0])


@pytest.mark.parametrize("name", SESSIONS)
def test_a_session_file_counts_each_call_once(name, ledger, state, shared_data):
    form, *expected = SESSIONS[name]
    report = ingest(ledger, state, [shared_data / CCUSAGE.format(name)])[0]
    assert (report.format, report.loaded, report.rejected) == (form, expected[0], 0)
    assert sums(ledger) == tuple(expected)


def test_the_logged_cost_of_an_old_session_is_kept_beside_the_list_price(ledger, state, shared_data):
    ingest(ledger, state, [shared_data / CCUSAGE.format("claude__projects__project-alpha__session-alpha__chat")])
    row = ledger.sql(
        f"SELECT * FROM {ledger.name('usage')} WHERE model_raw = 'claude-sonnet-4-20250514' ORDER BY requested_at"
    ).iloc[0]
    assert (row["reported_cost_usd"], row["list_cost_usd"]) == (Decimal("0.12"), Decimal("0.00114675"))


def test_a_codex_session_costs_its_deltas(ledger, state, shared_data):
    ingest(ledger, state, [shared_data / CCUSAGE.format("codex__sessions__project-alpha__session-alpha")])
    rows = ledger.sql(f"SELECT model_raw, list_cost_usd FROM {ledger.name('usage')} ORDER BY requested_at")
    assert rows["model_raw"].tolist() == ["gpt-5.2-codex", "gpt-5.3-codex"]
    assert rows["list_cost_usd"].iloc[0] == Decimal("0.00310625")


def test_a_transcript_without_times_is_put_aside_and_says_so(ledger, state, shared_data):
    report = ingest(ledger, state, [shared_data / "logs/ccusage/test-transcript.jsonl"])[0]
    assert (report.format, report.read, report.loaded, report.rejected, report.skipped) == ("claude_code", 2, 0, 2, 2)
    assert "the time of the request" in next(iter(report.reasons))


def test_a_trace_without_model_calls_loads_nothing(ledger, state, shared_data):
    report = ingest(ledger, state, [shared_data / "logs/otlp/trace.json"])[0]
    assert (report.format, report.read, report.skipped, report.rejected) == ("otlp", 0, 1, 0)


@pytest.mark.parametrize("name", BILLS)
def test_a_focus_bill_adds_up_to_what_was_billed(name, ledger, state, shared_data):
    rows, total = BILLS[name]
    report = ingest(ledger, state, [shared_data / f"logs/focus/virtual_currency_pricing_model_{name}.csv"])[0]
    assert (report.format, report.loaded, report.rejected) == ("focus_bill", rows, 0)
    billed = ledger.sql(
        "SELECT sum(amount) AS total, min(day) AS first, count(DISTINCT currency) AS currencies FROM"
        f" {ledger.name('billed')}"
    ).iloc[0]
    assert (billed["total"], billed["first"].year, billed["currencies"]) == (total, 2025, 1)


def assistant(moment: str, session: str, request: str, message: str, output: int, sidechain: bool = False) -> dict:
    usage = {
        "input_tokens": 100,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": output,
    }
    body = {"id": message, "role": "assistant", "model": "claude-haiku-4-5-20251001", "usage": usage}
    return {
        "type": "assistant",
        "timestamp": moment,
        "sessionId": session,
        "requestId": request,
        "isSidechain": sidechain,
        "message": body,
    }


def test_resumed_and_growing_session_files_never_count_a_message_twice(ledger, state, tmp_path):
    """Resume copies history into a new file; a later ingest sees the same file grown, its last message larger."""
    first = [
        assistant("2026-03-02T10:00:00Z", "s-1", "r-1", "m-1", 10),
        assistant("2026-03-02T10:01:00Z", "s-1", "r-2", "m-2", 1),
    ]
    resumed = [*first, assistant("2026-03-02T11:00:00Z", "s-2", "r-3", "m-3", 30)]
    for name, records in (("one", first), ("two", resumed)):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, records)))
    reports = ingest(ledger, state, [tmp_path])
    assert (sum(r.loaded for r in reports), sum(r.duplicate for r in reports)) == (3, 2)
    (tmp_path / "one.jsonl").write_text(
        "\n".join(map(json.dumps, [*first, assistant("2026-03-02T10:01:05Z", "s-1", "r-2", "m-2", 20)]))
    )
    ingest(ledger, state, [tmp_path / "one.jsonl"])
    assert sums(ledger)[::4] == (3, 60)


@pytest.mark.parametrize("sidechain_first", [True, False])
def test_a_sidechain_replay_gives_way_to_the_main_message_of_another_ingest(sidechain_first, ledger, state, tmp_path):
    main, replay = tmp_path / "session.jsonl", tmp_path / "agent-1.jsonl"
    opening = {"type": "user", "timestamp": "2026-03-02T10:00:00Z", "sessionId": "s-1", "message": {"role": "user"}}
    for path, record in (
        (main, assistant("2026-03-02T10:00:05Z", "s-1", "r-1", "m-1", 10)),
        (replay, assistant("2026-03-02T10:00:05Z", "s-1", "r-9", "m-1", 10, True)),
    ):
        path.write_text("\n".join(map(json.dumps, [opening, record])))
    for path in (replay, main) if sidechain_first else (main, replay):
        ingest(ledger, state, [path])
    assert ledger.sql(f"SELECT event_id FROM {ledger.name('usage')}")["event_id"].tolist() == ["claude_code:m-1:r-1"]
    assert ledger.sql(f"SELECT sum(attempts)::INTEGER AS n FROM {ledger.name('spend_by_day')}")["n"].iloc[0] == 1
