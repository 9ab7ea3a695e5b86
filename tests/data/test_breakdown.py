"""A row's price in lines: they add up to the ledger's own amount, whatever the row holds."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.prices.book import ROW_MONEY, PriceBook
from data.prices.breakdown import PriceLine, breakdown
from data.schema import TOKENS
from tests.data.priced_rows import priced

instant = datetime.fromisoformat  # naive UTC, as in the ledger

MODELS = [
    ("openai", "gpt-5.4"),
    ("openai", "gpt-realtime-2"),
    ("anthropic", "claude-opus-4-6"),
    ("google", "gemini-2.5-pro"),
    ("google", "gemini-3-pro-image-preview"),
    ("aws", "openai.gpt-oss-120b-1:0"),
    ("perplexity", "sonar"),
    ("openai", "wonder-9"),
    (None, "text-embedding-3-small"),
]
OVERRIDES: dict[str, Any] = {
    "house": {"provider": "openai", "discount": "0.1", "fees": {"web_search": "0.004"}},
    "images": {
        "provider": "google",
        "model": "gemini-3-pro-image-preview",
        "service_tier": "offpeak",
        "prices": {"fresh_input": 1, "output": 6, "image_output": 60},
    },
    "capacity": {"provider": "aws", "prepaid": True, "start": "2026-06-01"},
}


def total(lines: tuple[PriceLine, ...]) -> Decimal | None:
    """The sum of lines as the ledger keeps it; None where a kind of tokens has no price. Tools without a fee add 0."""
    if any(line.usd is None and line.unit == "tokens" for line in lines):
        return None
    return sum((line.usd or Decimal(0) for line in lines), Decimal(0)).quantize(ROW_MONEY, ROUND_HALF_UP)


ROWS = st.fixed_dictionaries(
    {
        "who": st.sampled_from(MODELS),
        "requested_at": st.datetimes(instant("2025-01-01"), instant("2027-02-01")),
        "service_tier": st.sampled_from(
            ["standard", "batch", "flex", "priority", "fast", "provisioned", "offpeak", "x"]
        ),
        "tokens": st.lists(st.integers(0, 300_000) | st.none(), min_size=len(TOKENS), max_size=len(TOKENS)),
        "tools": st.none() | st.dictionaries(st.sampled_from(["web_search", "grounding", "moon"]), st.integers(1, 50)),
        "status": st.sampled_from(["success", "success", "cancelled", "error", "cached"]),
    }
)


def _row(drawn: dict) -> dict:
    provider, model = drawn["who"]
    row = {"provider": provider, "model_raw": model, "host": None, "region": None}
    row |= {key: drawn[key] for key in ("requested_at", "service_tier", "status")}
    row |= dict(zip(TOKENS, drawn["tokens"], strict=True))
    return row | {"server_tools": json.dumps(drawn["tools"]) if drawn["tools"] else None}


@pytest.mark.heavy
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROWS, min_size=20, max_size=40))
def test_the_lines_of_every_row_add_up_to_its_cost(ledger, drawn):
    rows, book = [_row(one) for one in drawn], PriceBook(overrides=OVERRIDES)
    frame = priced(ledger.cursor(), book, rows)
    for row, (listed, cost, basis) in zip(
        rows, frame[["list_cost_usd", "cost_usd", "cost_basis"]].values.tolist(), strict=True
    ):
        told = breakdown(book, row | {"cost_basis": basis, "cost_usd": cost})
        if basis in ("list", "contract", "prepaid") and row["status"] not in ("error", "cached"):
            assert total(told.paid) == cost, (row, told)
        if listed is not None and row["status"] not in ("error", "cached") and basis != "prepaid":
            assert total(told.listed) == listed, (row, told)
        if basis == "unpriced":  # a row without any tokens has no lines at all
            assert not told.listed or total(told.listed) is None, (row, told)


def test_every_line_says_where_its_rate_comes_from():
    row = {
        "provider": "google",
        "model_raw": "gemini-3.5-flash",
        "requested_at": instant("2026-11-03"),
        "service_tier": "priority",
        "fresh_input_tokens": 100_000,
        "output_tokens": 10_000,
        "server_tools": '{"grounding": 2, "moon": 1}',
        "status": "success",
        "cost_basis": "list",
        "cost_usd": Decimal("0.46"),
    }
    told = breakdown(PriceBook(), row)
    lines = {line.bucket: line for line in told.paid}
    assert (lines["fresh_input"].rate_usd, lines["fresh_input"].usd) == (Decimal("2.7"), Decimal("0.27"))
    assert (lines["output"].rate_usd, lines["output"].usd) == (Decimal("16.2"), Decimal("0.162"))
    assert "priority at 1.8 of the standard price" in lines["output"].rule
    assert (lines["grounding"].quantity, lines["grounding"].usd) == (2, Decimal("0.028"))
    assert (lines["moon"].usd, lines["moon"].rule) == (None, "no known fee")
    assert total(told.paid) == Decimal("0.46")


@pytest.mark.parametrize("server_tools", [None, "", "[3]", '{"web_search": "many"}', '{"web_search": 0}', "null"])
def test_what_is_no_count_of_calls_is_no_line(server_tools):
    row = {
        "provider": "openai",
        "model_raw": "gpt-5.4",
        "requested_at": instant("2026-11-03"),
        "server_tools": server_tools,
    }
    assert breakdown(PriceBook(), row | {"cost_basis": "list"}).paid == ()
