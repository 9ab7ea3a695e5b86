"""A log that LiteLLM itself wrote, against LiteLLM's own totals.

`tests/cases/litellm_spend_logs.jsonl` is ours: LiteLLM 1.106.2 called a local stand-in for OpenAI, Anthropic, Gemini,
DeepSeek and xAI with scripted usage; `get_logging_payload`, the function the proxy writes its spend table with,
made the
rows; they went into PostgreSQL 15 under LiteLLM's own migrations and came out by `row_to_json`. Left out are keys that
are null, the key hash and, of the price map, all but the basic prices. (The proxy process itself needs Prisma's engine,
which is downloaded from outside any package registry.)
"""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from data.loading.ingest import ingest

LOG = Path(__file__).parent.parent / "cases" / "litellm_spend_logs.jsonl"
RECORDS = [json.loads(line) for line in LOG.read_text().splitlines()]
TOTAL = Decimal("0.99654098")  # SELECT sum(spend) FROM "LiteLLM_SpendLogs"


def as_jsonl(path: Path) -> Path:
    path.with_suffix(".jsonl").write_text(LOG.read_text())
    return path.with_suffix(".jsonl")


def as_json(path: Path) -> Path:
    path.with_suffix(".json").write_text(json.dumps(RECORDS))
    return path.with_suffix(".json")


def as_csv(path: Path) -> Path:
    with open(path.with_suffix(".csv"), "w", newline="") as stream:
        writer = csv.DictWriter(stream, RECORDS[0])
        writer.writeheader()
        writer.writerows(
            {k: json.dumps(v) if isinstance(v, (dict, list)) else v for k, v in r.items()} for r in RECORDS
        )
    return path.with_suffix(".csv")


def as_parquet(path: Path) -> Path:
    text = [{k: json.dumps(v) if isinstance(v, (dict, list)) else v for k, v in r.items()} for r in RECORDS]
    frame = pd.DataFrame(text)
    for column in ("startTime", "endTime", "completionStartTime"):
        frame[column] = pd.to_datetime(frame[column], format="ISO8601")
    frame.to_parquet(path.with_suffix(".parquet"))
    return path.with_suffix(".parquet")


def usage(ledger):
    return ledger.sql(f"SELECT * FROM {ledger.name('usage')} ORDER BY record_no")


@pytest.mark.parametrize("dump", [as_jsonl, as_json, as_csv, as_parquet])
def test_the_total_is_litellms_own_from_every_kind_of_dump(dump, ledger, state, tmp_path):
    report = ingest(ledger, state, [dump(tmp_path / "dump")])[0]
    assert (report.format, report.loaded, report.rejected) == ("litellm", len(RECORDS), 0)
    rows = usage(ledger)
    assert rows["reported_cost_usd"].dropna().sum() == TOTAL
    assert str(rows["requested_at"].min()) == RECORDS[0]["startTime"].replace("T", " ") + "000"
    assert rows["fresh_input_tokens"].sum() + rows["cache_read_tokens"].sum() + rows[
        ["cache_write_5m_tokens", "cache_write_1h_tokens"]
    ].sum().sum() == sum(r["prompt_tokens"] for r in RECORDS)
    assert rows["output_tokens"].sum() + rows["reasoning_tokens"].sum() == sum(r["completion_tokens"] for r in RECORDS)


def test_our_list_price_is_litellms_price_call_by_call(ledger, state):
    """Cached input, cache writes of both lives, reasoning, the whole-request long-context tier, embeddings."""
    ingest(ledger, state, [LOG])
    rows = usage(ledger)
    both = rows[rows["reported_cost_usd"].notna() & (rows["status"] == "success")]
    differ = both[both["list_cost_usd"] != both["reported_cost_usd"]]
    assert len(both) == 26
    # The two price catalogues disagree on this model; LiteLLM 1.106.2 has 0.28 / 0.42 USD a million.
    assert set(differ["model"]) <= {"deepseek-chat"}


def test_a_model_litellm_has_no_price_for_is_not_free(ledger, state):
    ingest(ledger, state, [LOG])
    rows = usage(ledger).set_index("model_raw")
    assert (
        rows.loc["openai/house-model-7b", "cost_basis"] == "unpriced"
        and rows.loc["openai/house-model-7b", "cost_usd"] is None
    )
    grok = rows.loc["xai/grok-4"]  # spend 0 in the log; the catalogue knows it: 1000 x 3 + 600 x 15 a million
    assert grok["list_cost_usd"].min() == Decimal("0.012") and set(grok["cost_basis"]) == {"list"}


def test_cache_hits_failures_and_retries_cost_nothing(ledger, state):
    ingest(ledger, state, [LOG])
    rows = usage(ledger)
    hits, failures = rows[rows["status"] == "cached"], rows[rows["status"] == "error"]
    assert len(hits) == 2 and set(hits["cost_usd"]) == {0}
    assert len(failures) == 4 and set(failures["cost_usd"]) == {0} and failures["fresh_input_tokens"].isna().all()
    assert sorted(failures["error_class"]) == ["bad_request", "rate_limit", "rate_limit", "rate_limit"]
    assert sorted(rows.loc[rows["attempt"] == 2, "status"]) == ["error", "success"]


def test_attribution_comes_from_the_key_and_the_callers_metadata(ledger, state):
    ingest(ledger, state, [LOG])
    rows = usage(ledger)
    assert rows.groupby("team").size().to_dict() == {"platform": 8, "research": 12, "support": 15}
    assert set(rows.loc[rows["team"] == "platform", "task_type"]) == {"coding"}
    assert set(rows.loc[rows["team"] == "support", "environment"]) == {"production"}


def test_a_callback_payload_of_a_call_in_the_table_adds_nothing(ledger, state, tmp_path):
    ingest(ledger, state, [LOG])
    row = next(r for r in RECORDS if r["status"] == "success")
    payload = {
        k: row[k]
        for k in (
            "call_type",
            "model",
            "model_group",
            "total_tokens",
            "prompt_tokens",
            "completion_tokens",
            "status",
            "metadata",
        )
    }
    payload |= {
        "id": row["request_id"],
        "response_cost": row["spend"],
        "startTime": 1795233809.366,
        "endTime": 1795233810.628,
    }
    (tmp_path / "callback.jsonl").write_text(json.dumps(payload))
    report = ingest(ledger, state, [tmp_path / "callback.jsonl"])[0]
    assert (report.format, report.loaded, report.duplicate) == ("litellm_payload", 0, 1)
