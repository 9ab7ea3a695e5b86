"""The worked examples of the correctness traps: right to the last digit, in SQL, in Python, through ingest."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from data.loading.ingest import ingest
from data.prices.book import PriceBook
from data.schema import INPUT_TOKENS, OUTPUT_TOKENS, TOKENS
from tests.data.fixed_prices import FixedBook
from tests.data.priced_rows import priced

instant = datetime.fromisoformat  # naive UTC, as in the ledger

TABLE = yaml.safe_load((Path(__file__).parent.parent / "cases" / "prices_worked_examples.yaml").read_text())
EXAMPLES = TABLE["examples"]
NAMES = [example["name"] for example in EXAMPLES]
LATEST = "2026-06-01T12:00"


def _books():
    return {"fixed rates": FixedBook(TABLE["rates"]), "catalogue": PriceBook.load()}


def _instant(example) -> datetime:
    return datetime.fromisoformat(example.get("at", LATEST))


@pytest.mark.parametrize("example", EXAMPLES, ids=NAMES)
@pytest.mark.parametrize("book", ["fixed rates", "catalogue"])
def test_quote_gives_the_worked_example_exactly(book, example):
    provider = TABLE["rates"][example["model"]]["provider"]
    options = {key: example[key] for key in ("service_tier", "region") if key in example}
    quote = _books()[book].quote(provider, example["model"], _instant(example), **example["tokens"], **options)
    assert quote.cost_usd == Decimal(example["usd"])
    assert str(quote.cost_usd) not in example.get("wrong", [])
    assert sum(quote.lines.values()) == quote.cost_usd


@pytest.mark.parametrize("book", ["fixed rates", "catalogue"])
def test_engine_gives_the_worked_examples_exactly(book, ledger):
    rows = [
        {f"{kind}_tokens": count for kind, count in example["tokens"].items()}
        | {
            "model_raw": example["model"],
            "provider": TABLE["rates"][example["model"]]["provider"],
            "requested_at": _instant(example),
        }
        | {key: example[key] for key in ("service_tier", "region") if key in example}
        | {"output_tokens": example["tokens"].get("output", 0)}
        for example in EXAMPLES
    ]
    frame = priced(ledger.cursor(), _books()[book], rows)
    got = dict(zip(NAMES, frame["cost_usd"], strict=True))
    assert got == {example["name"]: Decimal(example["usd"]).quantize(Decimal("1e-12")) for example in EXAMPLES}
    assert set(frame["cost_basis"]) == {"list"}


def test_the_threshold_looks_at_all_input_and_at_nothing_else():
    assert set(INPUT_TOKENS) | set(OUTPUT_TOKENS) == set(TOKENS)
    assert {name for name in TOKENS if "output" in name or "reasoning" in name} == set(OUTPUT_TOKENS)


def _load(ledger, state, tmp_path, name: str, *records: dict) -> list[dict]:
    path = tmp_path / name
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    ingest(ledger, state, [path])
    return ledger.sql(f"SELECT * FROM {ledger.name('usage')} ORDER BY requested_at, call_id").to_dict("records")


def test_trap_7_claude_code_counts_the_last_snapshot_of_a_message(ledger, state, tmp_path):
    def line(output: int) -> dict:
        usage = {
            "input_tokens": 100,
            "cache_creation_input_tokens": 25,
            "cache_read_input_tokens": 10,
            "output_tokens": output,
        }
        message = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-4-20250514",
            "usage": usage,
        }
        when = {"timestamp": "2026-01-05T10:00:00.000Z", "version": "2.0.0", "cwd": "/work/app"}
        return {
            "type": "assistant",
            "sessionId": "s1",
            "requestId": "req_1",
            "uuid": f"u{output}",
            "message": message,
            **when,
        }

    rows = _load(ledger, state, tmp_path, "session.jsonl", line(1), line(50))
    assert [row["cost_usd"] for row in rows] == [Decimal("0.00114675")]


def test_trap_7_litellm_cache_hit_is_a_row_of_its_own_at_no_cost(ledger, state, tmp_path):
    def row(request_id: str, hit: str, spend: float) -> dict:
        when = {"startTime": "2025-01-24 09:20:46.847371", "endTime": "2025-01-24 09:20:48.000000"}
        tokens = {"total_tokens": 30, "prompt_tokens": 10, "completion_tokens": 20}
        names = {
            "model": "gpt-4o",
            "custom_llm_provider": "openai",
            "call_type": "acompletion",
            "api_key": "88dc28",
            "metadata": "{}",
        }
        return {
            "request_id": request_id,
            "cache_hit": hit,
            "spend": spend,
            "request_tags": "[]",
            **when,
            **tokens,
            **names,
        }

    rows = _load(
        ledger, state, tmp_path, "spend.jsonl", row("abc", "False", 0.000225), row("abc_cache_hit1737", "True", 0.0)
    )
    assert sorted((row["status"], row["cost_usd"]) for row in rows) == [
        ("cached", Decimal(0)),
        ("success", Decimal("0.000225")),
    ]
    assert {row["requested_at"] for row in rows} == {instant("2025-01-24T09:20:46.847371")}  # naive is UTC


def test_trap_9_a_late_evening_belongs_to_the_reporting_zone_s_day(ledger, state, tmp_path):
    from data import rollups

    body = {"request_id": "a", "response_id": "a", "response_status": 200, "provider": "OPENAI", "model": "gpt-4o"}
    _load(
        ledger,
        state,
        tmp_path,
        "late.jsonl",
        body | {"request_created_at": "2025-01-01T23:30:00Z", "prompt_tokens": 10, "completion_tokens": 1},
    )
    days = f"SELECT day FROM {ledger.name('spend_by_day')}"
    assert ledger.sql(days).iloc[0, 0] == date(2025, 1, 1)
    with ledger.write() as cursor:
        rollups.set_time_zone(cursor, "Asia/Shanghai")
    assert ledger.sql(days).iloc[0, 0] == date(2025, 1, 2)
