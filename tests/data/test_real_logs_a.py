"""Real files of gateways and trace stores, read from the shared data folder: nothing of ours is in them."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from data.loading.ingest import ingest

# Per file: generations that count, fresh input, output with reasoning. Counted by hand: agent and wrapping
# spans repeat what is below them, and agno's outer generations hold running sums of the inner ones.
TRACES = {
    "agno-2025-06-11.json": (2, 826, 245),
    "autogen-2025-06-06.json": (1, 41, 3),
    "beeai-2025-08-01.json": (5, 5542, 0),
    "google-adk-2025-08-28.json": (2, 67, 9),
    "google-gemini-2025-08-01.json": (1, 6, 2055),
    "google-vertex-tools-langchain-2025-09-19.json": (1, 1200, 15),
    "koog-2025-08-26.json": (2, 215, 125),
    "langgraph-2025-08-22.json": (2, 168, 66),
    "llamaindex-2025-06-05.json": (1, 13, 81),
    "microsoft-agent-2025-10-14.json": (2, 656, 105),
    "openai-agents-2025-09-30.json": (2, 140, 44),
    "openai-assistants-2024-05-29.json": (1, 49, 40),
    "pydantic-ai-tools-2025-12-04.json": (4, 1315, 209),
}


def sums(ledger):
    frame = ledger.sql(
        "SELECT count(*) AS requests, sum(fresh_input_tokens + coalesce(cache_read_tokens, 0)) AS input, "
        "sum(coalesce(output_tokens, 0) + coalesce(reasoning_tokens, 0)) AS output, sum(reported_cost_usd) AS reported "
        f"FROM {ledger.name('usage')}"
    )
    return frame.iloc[0]


def test_one_spend_log_row_of_litellm_costs_what_litellm_says(ledger, state, shared_data):
    report = ingest(ledger, state, [shared_data / "logs/litellm/spend_log_row.json"])[0]
    assert (report.format, report.loaded, report.rejected) == ("litellm", 1, 0)
    row = ledger.sql(f"SELECT * FROM {ledger.name('usage')}").iloc[0]
    assert (row["fresh_input_tokens"], row["output_tokens"]) == (10, 20)
    assert row["reported_cost_usd"] == row["list_cost_usd"] == row["cost_usd"] == Decimal("0.000225")


@pytest.mark.parametrize("name", TRACES)
def test_a_langfuse_trace_counts_each_call_once(name, ledger, state, shared_data):
    report = ingest(ledger, state, [shared_data / "logs/langfuse_traces" / name])[0]
    assert (report.format, report.rejected) == ("langfuse_trace", 0)
    requests, tokens_in, tokens_out = TRACES[name]
    found = sums(ledger)
    assert (found["requests"], found["input"], found["output"]) == (requests, tokens_in, tokens_out)


def test_the_agent_span_and_its_child_count_once(ledger, state, shared_data):
    ingest(ledger, state, [shared_data / "logs/langfuse_traces/microsoft-agent-2025-10-14.json"])
    rows = ledger.sql(f"SELECT fresh_input_tokens AS i, output_tokens AS o FROM {ledger.name('usage')}")
    assert [(r.i, r.o) for r in rows.itertuples()].count((631, 35)) == 1


def test_the_whole_folder_loads_once_however_often_it_is_given(ledger, state, shared_data):
    folder = shared_data / "logs/langfuse_traces"
    first, again = ingest(ledger, state, [folder]), ingest(ledger, state, [folder])
    loaded = [r for r in first if r.format == "langfuse_trace"]
    assert len(loaded) == len(TRACES) and sum(r.loaded for r in loaded) == sum(n for n, _, _ in TRACES.values())
    assert sum(r.loaded for r in again) == 0
    assert sums(ledger)["requests"] == sum(n for n, _, _ in TRACES.values())


def test_what_langfuse_says_it_cost_is_kept_to_the_last_digit(ledger, state, shared_data):
    ingest(ledger, state, [shared_data / "logs/langfuse_traces/google-gemini-2025-08-01.json"])
    assert sums(ledger)["reported"] == Decimal("0.005139299999")


def test_an_observation_exported_twice_is_one_row(ledger, state, shared_data, tmp_path):
    trace = shared_data / "logs/langfuse_traces/pydantic-ai-tools-2025-12-04.json"
    rows = json.loads(trace.read_text())["observations"]
    (tmp_path / "export.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    ingest(ledger, state, [trace])
    again = ingest(ledger, state, [tmp_path / "export.jsonl"])[0]
    assert (again.format, again.loaded, again.duplicate) == ("langfuse", 0, 4)


def test_no_prompt_or_answer_is_stored_unless_asked_for(ledger, state, shared_data):
    trace = shared_data / "logs/langfuse_traces/microsoft-agent-2025-10-14.json"
    assert "Portland" in trace.read_text()
    ingest(ledger, state, [trace])
    assert not any(
        "Portland" in str(value) for value in ledger.sql(f"SELECT * FROM {ledger.name('usage')}").to_numpy().ravel()
    )


def test_texts_are_kept_when_asked_for(ledger, state, shared_data):
    ingest(ledger, state, [shared_data / "logs/langfuse_traces/microsoft-agent-2025-10-14.json"], keep_text=True)
    texts = ledger.sql("SELECT prompt FROM lake.main.texts")["prompt"]
    assert len(texts) == 2 and all("Portland" in text for text in texts)
