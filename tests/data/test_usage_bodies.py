"""Every real response body yields the expected tokens; where we read one differently, the reason is on record."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from data.loading.ingest import ingest
from data.schema import INPUT_TOKENS, OUTPUT_TOKENS, TOKENS
from tests.data.usage_bodies import bodies, expected_usage, write_logs

DIFFERENCES = Path(__file__).parent.parent / "cases" / "usage_body_differences.yaml"


def counts(row: dict) -> dict[str, int]:
    """A ledger row in the corpus' words, where cache is part of input and reasoning part of output."""
    known = {
        name: int(value) if value == value and value is not None else 0
        for name, value in row.items()
        if name.endswith("_tokens")
    }
    written = known["cache_write_5m_tokens"] + known["cache_write_1h_tokens"]
    read = sum(count for name, count in known.items() if name.endswith("cache_read_tokens"))
    return {
        "input_tokens": sum(known[name] for name in INPUT_TOKENS),
        "cache_read_tokens": read,
        "cache_write_tokens": written,
        "output_tokens": sum(known[name] for name in OUTPUT_TOKENS),
        "output_reasoning_tokens": known["reasoning_tokens"],
    }


@pytest.fixture
def readings(shared_data, ledger, state, tmp_path) -> dict[int, tuple[dict, dict]]:
    """Per body: our counts and the expected ones."""
    corpus = bodies(shared_data)
    reports = ingest(ledger, state, write_logs(corpus, tmp_path).values())
    # Runs of a compaction or an advisor are rows of their own, in no other count.
    runs = sum(
        run["type"] not in ("message", "fallback_message")
        for entry in corpus
        for run in (entry["body"].get("usage") or {}).get("iterations") or []
    )
    assert sum(report.loaded for report in reports) == len(corpus) + runs, [report.reasons for report in reports]
    rows = ledger.sql(f"SELECT event_id, source, {', '.join(TOKENS)} FROM {ledger.name('usage')}").to_dict("records")
    numbered = {int(row["event_id"].rpartition("-")[2]): row for row in rows if "/" not in row["event_id"]}
    return {number: (counts(row), expected_usage(corpus[number], row["source"])) for number, row in numbered.items()}


def test_every_body_is_read_as_expected_or_the_reason_is_listed(readings):
    differences = {}
    for number, (ours, expected) in readings.items():
        wrong = {name: (value, expected.get(name, 0)) for name, value in ours.items() if value != expected.get(name, 0)}
        if wrong:
            differences[number] = wrong
    listed = yaml.safe_load(DIFFERENCES.read_text())
    assert differences == {
        entry["body"]: {name: tuple(pair) for name, pair in entry["ours_expected"].items()} for entry in listed
    }
    assert all(entry["reason"] for entry in listed)
