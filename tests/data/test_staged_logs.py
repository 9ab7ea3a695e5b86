"""A log is staged alike whether its texts are kept or not, and from one file or several."""

from __future__ import annotations

import json

import pytest

from data.loading.ingest import ingest


def record(name: str, model: str, total: int) -> str:
    """A Helicone record: 100 in, 40 of them from a cache by one reading, 10 out."""
    return json.dumps(
        {
            "request_id": name,
            "response_id": name,
            "request_created_at": "2026-03-01T08:00:00Z",
            "response_status": 200,
            "provider": "ANTHROPIC",
            "model": model,
            "prompt_tokens": 100,
            "prompt_cache_read_tokens": 40,
            "completion_tokens": 10,
            "total_tokens": total,
            "request_body": {"messages": [{"role": "user", "content": f"ask {name}"}]},
            "response_body": {"choices": [{"message": {"content": f"answer {name}"}}]},
        }
    )


@pytest.mark.heavy
@pytest.mark.parametrize("keep_text", [False, True])
def test_records_keep_their_place_their_reading_and_their_text(emptied_ledger, state, tmp_path, keep_text):
    """Mutants, staging: lines that are no records, numbers in several files, texts, two readings of one provider."""
    first = [record(f"a{n}", "claude-opus-4-6", 110) for n in range(5)]
    second = [record(f"b{n}", "claude-sonnet-4-5", 150) for n in range(5)]
    (tmp_path / "a.jsonl").write_text(
        "\n".join([*first[:2], "{broken", *first[2:], record("c", "claude-opus-4-6", 999)]) + "\n"
    )
    (tmp_path / "b.jsonl").write_text("\n".join(second) + "\n")
    reports = ingest(emptied_ledger, state, [tmp_path / "a.jsonl", tmp_path / "b.jsonl"], keep_text=keep_text)
    assert [(one.read, one.loaded, one.rejected) for one in reports] == [(7, 6, 1), (5, 5, 0)]
    name = emptied_ledger.name
    rows = emptied_ledger.sql(
        f"""SELECT model, record_no, fresh_input_tokens AS fresh, token_semantics AS told,
        list_contains(coalesce(caveats, []), 'total_above_parts') AS odd
        FROM {name("usage")} ORDER BY model, record_no"""
    )
    assert rows[["model", "fresh", "told"]].value_counts().to_dict() == {
        ("claude-opus-4-6", 60, "inferred"): 6,
        ("claude-sonnet-4-5", 100, "inferred"): 5,
    }
    assert rows["record_no"].tolist() == [1, 2, 4, 5, 6, 7, 1, 2, 3, 4, 5]
    assert rows["odd"].tolist() == [False] * 5 + [True] + [False] * 5
    rejected = emptied_ledger.sql(f"SELECT record_no, reason FROM {name('rejected')}")
    assert rejected["record_no"].tolist() == [3] and "JSON" in rejected["reason"][0]
    texts = emptied_ledger.sql(f"SELECT completion FROM {name('texts')} ORDER BY 1")["completion"].tolist()
    assert [f"answer {n}" in text for n, text in zip(["a0", "a1"], texts, strict=False)] == [True] * 2 * keep_text
    assert len(texts) == 11 * keep_text
