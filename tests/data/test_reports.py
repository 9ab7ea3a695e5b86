"""Logs behind public bug reports (../shared/data/reports), each against what it really cost: `expected.json` there."""

from __future__ import annotations

import json
import os
import re
from decimal import Decimal
from pathlib import Path

import pytest

from data.errors import UnknownFormat
from data.loading.ingest import ingest

FOLDER = Path(os.environ.get("BATON_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data")) / "reports"
EXPECTED = json.loads((FOLDER / "expected.json").read_text()) if FOLDER.is_dir() else {}
FILES = sorted(p.name for p in FOLDER.glob("*") if p.suffix in (".jsonl", ".json", ".csv", ".log"))
FILES = [name for name in FILES if name != "expected.json"]
# Reports that become bills, and what their amounts and counts add up to.
BILLED: dict[str, dict] = {
    "anthropic_console_cost.csv": {"cost": 4.0},
    "anthropic_console_tokens.csv": {"tokens": 367_000, "requests": 15},
    "openrouter_activity_daily.csv": {"cost": 935.94, "requests": 8369},
    "litellm_daily_activity_api.json": {"cost": 0.00001095, "tokens": 46, "requests": 1},
    "claude_code_otel_metrics.json": {"cost": 0.0875},
}
SUMS = {
    "input": "fresh_input_tokens + coalesce(cache_read_tokens, 0) + coalesce(cache_write_5m_tokens, 0) "
    "+ coalesce(cache_write_1h_tokens, 0)",
    "output": "coalesce(output_tokens, 0) + coalesce(reasoning_tokens, 0)",
    "cache_write": "coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0)",
    "cache_write_5m": "cache_write_5m_tokens",
    "usd_list": "list_cost_usd",
}


def same(actual: object, expected: float) -> bool:
    return abs(Decimal(str(actual)) - Decimal(str(expected))) < Decimal("1e-7")  # some are given to seven places


@pytest.mark.parametrize("name", FILES or [pytest.param("", marks=pytest.mark.skip(reason="no shared reports folder"))])
@pytest.mark.heavy
def test_a_reported_log_costs_what_it_really_cost(name, emptied_ledger, state):
    ledger = emptied_ledger
    expected = EXPECTED.get(name, {})
    if "refusal" in expected:
        with pytest.raises(UnknownFormat, match="array"):
            ingest(ledger, state, [FOLDER / name])
        return
    report = ingest(ledger, state, [FOLDER / name])[0]
    assert report.rejected == 0, report.reasons
    usage = ledger.name("usage")
    rows = ledger.sql(f"SELECT * FROM {usage} ORDER BY record_no").to_dict("records")
    if name in BILLED or expected.get("rows") == 0:
        assert not rows
        check_bill(ledger, BILLED.get(name, {}))
        return
    assert report.loaded == len(rows) == expected.get("rows", len(rows)) > 0
    for key in SUMS.keys() & expected.keys():
        assert same(ledger.sql(f"SELECT sum({SUMS[key]}) AS n FROM {usage}")["n"][0], expected[key]), key
    check_dollars(rows, expected.get("usd"))
    for agent, dollars in expected.get("usd_by_agent", {}).items():
        assert same(sum(row["cost_usd"] for row in rows if row["feature"] == agent), dollars), agent
    if "caveat" in expected:
        assert any(expected["caveat"].replace(" ", "_") in row["caveats"] for row in rows)


def check_dollars(rows: list[dict], expected: object) -> None:
    if isinstance(expected, int | float):
        assert same(sum(row["cost_usd"] for row in rows), expected)
    elif isinstance(expected, dict):
        for model, dollars in expected.items():
            assert same(sum(row["cost_usd"] for row in rows if row["model_raw"].startswith(model)), dollars), model
    elif isinstance(expected, list):
        assert len(rows) == len(expected)
        for row, wanted in zip(rows, expected, strict=True):
            check_row(row, wanted)
    elif expected:  # one call logged twice: one row, or a word on both
        assert same(sum(row["cost_usd"] for row in rows), 0.018) or all(
            "logged_twice" in row["caveats"] for row in rows
        )


def check_row(row: dict, wanted: float | str) -> None:
    if isinstance(wanted, str):
        basis = re.match(r"\w+", wanted)[0]
        assert row["cost_basis"] == basis and not row["list_cost_usd"], wanted
        model = re.search(r"model (\S+)", wanted)
        assert not model or row["model_raw"] == model[1]
    else:
        assert same(row["cost_usd"], wanted)


def check_bill(ledger, expected: dict) -> None:
    found = ledger.sql(
        "SELECT sum(amount) AS cost, sum(quantity) FILTER (unit = 'tokens') AS tokens, "
        f"sum(quantity) FILTER (unit = 'requests') AS requests, count(*) AS lines FROM {ledger.name('billed')}"
    ).iloc[0]
    for key, value in expected.items():
        assert same(found[key], value), key
    assert bool(expected) == (found["lines"] > 0)
