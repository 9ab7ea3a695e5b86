"""Contract prices: who they are for, from when to when, and what they win over."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import BadInput
from data.prices import contracts
from data.prices.book import PriceBook
from tests.data.priced_rows import priced

instant = datetime.fromisoformat  # naive UTC, as in the ledger

AT = instant("2026-07-01")
USED: dict[str, Any] = {"fresh_input": 1_000_000, "output": 100_000}  # gpt-4o at list: 2.50 + 1.00


def _paid(overrides: dict, at: datetime = AT, model: str = "gpt-4o", provider: str = "openai", **options) -> Decimal:
    return PriceBook(overrides=overrides).quote(provider, model, at, **USED, **options).cost_usd


def test_a_discount_holds_from_its_first_day_to_the_day_before_its_end():
    deal = {"deal": {"provider": "openai", "discount": "0.2", "start": "2026-07-01", "end": "2026-08-01"}}
    days = [
        instant("2026-06-30T23:59:59"),
        instant("2026-07-01"),
        instant("2026-07-31T23:59:59"),
        instant("2026-08-01"),
    ]
    assert [_paid(deal, day) for day in days] == [Decimal("3.5"), Decimal("2.8"), Decimal("2.8"), Decimal("3.5")]


def test_a_discount_follows_list_price_changes_tiers_and_batch():
    deal = {"deal": {"provider": "openai", "discount": "0.5"}}
    book = PriceBook(overrides=deal)
    cases: list[tuple[datetime, dict[str, Any], str]] = [
        (instant("2025-05-01"), {"fresh_input": 10}, "standard"),
        (AT, {"fresh_input": 10}, "batch"),
    ]
    for at, tokens, tier in cases:
        paid, listed = (
            book.quote("openai", "o3", at, service_tier=tier, book=kind, **tokens).cost_usd for kind in ("paid", "list")
        )
        assert paid * 2 == listed
    paid, listed = (
        book.quote("openai", "gpt-5.4", AT, fresh_input=300_000, book=kind).cost_usd for kind in ("paid", "list")
    )
    assert (paid, listed) == (Decimal("0.75"), Decimal("1.5"))


def test_the_model_s_line_wins_over_the_provider_s_and_the_later_over_the_earlier():
    lines = {
        "house": {"provider": "openai", "discount": "0.1"},
        "first": {"provider": "openai", "model": "gpt-4o", "discount": "0.2", "start": "2026-01-01"},
        "second": {"provider": "openai", "model": "gpt-4o", "discount": "0.4", "start": "2026-06-01"},
    }
    got = [_paid(lines, instant(day)) for day in ("2025-12-01", "2026-02-01", "2026-07-01")]
    assert got == [Decimal("3.15"), Decimal("2.8"), Decimal("2.1")]
    assert _paid(lines, model="gpt-4o-mini") == Decimal("0.189")


def test_prices_of_one_s_own_are_for_every_length_and_the_standard_tier():
    own = {
        "own": {
            "provider": "google",
            "model": "gemini-2.5-pro",
            "prices": {"fresh_input": 1, "output": 4, "cache_read": 0},
        }
    }
    book = PriceBook(overrides=own)
    assert (
        book.quote("google", "gemini-2.5-pro", AT, fresh_input=1_000_000, cache_read=500, output=1_000_000).cost_usd
        == 5
    )
    batch = book.price_usd_per_mtok("google", "gemini-2.5-pro", AT, service_tier="batch")
    assert (batch["fresh_input"], batch["output"], batch["reasoning"]) == (Decimal("0.5"), Decimal("2"), Decimal("2"))
    only_flex = {"own": own["own"] | {"service_tier": "flex"}}
    assert PriceBook(overrides=only_flex).row("google", "gemini-2.5-pro", AT).source == "genai-prices"
    assert PriceBook(overrides=only_flex).row("google", "gemini-2.5-pro", AT, service_tier="flex").source == "contract"


def test_a_contract_names_models_as_logs_do_and_prices_what_no_list_knows():
    named = {"a": {"provider": "bedrock", "model": "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "discount": "0.1"}}
    book = PriceBook(overrides=named)
    assert book.row("aws", "anthropic.claude-sonnet-4-5-20250929-v1:0", AT).fresh_input == Decimal("2.97")
    ours = {"b": {"provider": "vllm", "model": "Qwen/Qwen3-32B", "prices": {"fresh_input": "0.05", "output": "0.2"}}}
    assert PriceBook(overrides=ours).quote("vllm", "Qwen/Qwen3-32B", AT, fresh_input=1_000_000).cost_usd == Decimal(
        "0.05"
    )


DAYS = st.one_of(st.none(), st.dates(date(2025, 1, 1), date(2025, 12, 31)))
LINES = st.builds(
    lambda start, end, model, tier, own: {
        "provider": "openai",
        "start": str(start) if start else None,
        "end": str(end) if end else None,
        "service_tier": tier,
    }
    | ({"model": "o3", "prices": {"fresh_input": 1, "output": 2}} if own else {"model": model, "discount": 0.5}),
    DAYS,
    DAYS,
    st.sampled_from([None, "o3"]),
    st.sampled_from([None, None, "batch"]),
    st.booleans(),
).filter(lambda line: not (line["start"] and line["end"] and line["end"] <= line["start"]))


@settings(max_examples=60, deadline=None)
@given(st.lists(LINES, max_size=5), st.datetimes(instant("2024-12-01"), instant("2026-02-01")))
def test_overlapping_lines_never_give_a_request_two_prices(lines, at):
    book = PriceBook(overrides={f"line {n}": line for n, line in enumerate(lines)})
    rows = book.contract_rows(book.match("openai", None, None, "o3"))
    for tier in ("standard", "batch"):
        holding = [row for row in rows if row.service_tier == tier and row.valid_from <= at < row.valid_to]
        applying = [
            n
            for n, line in enumerate(lines)
            if line["service_tier"] in (None, tier)
            and contracts.OVERRIDES.read("x", line).span[0] <= at < contracts.OVERRIDES.read("x", line).span[1]
        ]
        assert len(holding) == bool(applying)


def test_in_the_ledger_a_contract_wins_over_report_and_list_and_both_stay_beside_it(ledger):
    book = PriceBook(overrides={"deal": {"provider": "openai", "discount": "0.2"}})
    rows = [
        {
            "provider": "openai",
            "model_raw": "gpt-4o",
            "fresh_input_tokens": 1_000_000,
            "output_tokens": 0,
            "reported_cost_usd": "2.6",
        },
        {
            "provider": "anthropic",
            "model_raw": "claude-opus-4-6",
            "fresh_input_tokens": 1_000_000,
            "output_tokens": 0,
            "reported_cost_usd": "5.1",
        },
        {"provider": "openai", "model_raw": "gpt-4o", "status": "error", "fresh_input_tokens": 1_000_000},
    ]
    frame = priced(ledger.cursor(), book, rows)
    assert frame["cost_basis"].tolist() == ["contract", "reported", "list"]
    assert frame["cost_usd"].tolist() == [Decimal("2"), Decimal("5.1"), Decimal(0)]
    assert frame["list_cost_usd"].tolist() == [Decimal("2.5"), Decimal("5"), Decimal(0)]
    assert frame["reported_cost_usd"].tolist() == [Decimal("2.6"), Decimal("5.1"), None]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"provider": "openai"}, "give either a discount"),
        ({"provider": "openai", "discount": 0.1, "prices": {"fresh_input": 1, "output": 1}}, "give either a discount"),
        ({"provider": "openai", "discount": 1.5}, "discount: give a number of at most 1"),
        ({"provider": "openai", "discount": "NaN"}, "discount: "),
        ({"provider": "openai", "prices": {"fresh_input": 1, "output": 1}}, "prices belong to one model"),
        ({"provider": "openai", "model": "gpt-4o", "prices": {"fresh_input": -1, "output": 1}}, "prices.fresh_input: "),
        (
            {"provider": "openai", "model": "gpt-4o", "prices": {"fresh_input": "1e9", "output": 1}},
            "prices.fresh_input: ",
        ),
        ({"provider": "openai", "discount": 0.1, "start": "2026-02-30"}, "start: "),
        (
            {"provider": "openai", "discount": 0.1, "start": "2026-02-01", "end": "2026-02-01"},
            "the end must come after the start",
        ),
        ({"provider": " ", "discount": 0.1}, "provider: "),
    ],
)
def test_a_wrong_line_is_refused_and_nothing_is_kept(state, body, reason):
    with pytest.raises(BadInput, match=f"^Price override deal: {reason}"):
        contracts.OVERRIDES.save(state, "deal", body)
    assert state.all("price_override") == {}


def _one(book: PriceBook, cursor, **row) -> dict:
    """One row of 1,000,000 tokens in and 100,000 out as the book prices it."""
    usual = {"fresh_input_tokens": 1_000_000, "output_tokens": 100_000}
    return priced(cursor, book, [usual | row]).to_dict("records")[0]


def test_a_contract_states_a_tier_that_nobody_else_knows(ledger):
    deal = {
        "provider": "openai",
        "model": "gpt-4o",
        "service_tier": "offpeak",
        "prices": {"fresh_input": 1, "output": 4},
    }
    book = PriceBook(overrides={"night": deal})
    got = [
        _one(book, ledger.cursor(), provider="openai", model_raw="gpt-4o", service_tier=tier)
        for tier in ("offpeak", "standard", "elsewhere")
    ]
    assert [(row["cost_usd"], row["cost_basis"]) for row in got] == [
        (Decimal("1.4"), "contract"),
        (Decimal("3.5"), "list"),
        (Decimal("3.5"), "list"),
    ]
    assert got[0]["caveats"] is None and "tier_price_assumed" in got[2]["caveats"]
    other = _one(book, ledger.cursor(), provider="openai", model_raw="gpt-4o-mini", service_tier="offpeak")
    assert "tier_price_assumed" in other["caveats"]


def test_contract_prices_hold_in_other_tiers_by_the_known_factor_or_are_assumed(ledger):
    prices = {"fresh_input": 1, "output": 4}
    book = PriceBook(
        overrides={
            "g": {"provider": "google", "model": "gemini-3.5-flash", "prices": prices},
            "m": {"provider": "minimax", "model": "MiniMax-M2", "prices": prices},
        }
    )
    known = _one(book, ledger.cursor(), provider="google", model_raw="gemini-3.5-flash", service_tier="priority")
    assert (known["cost_usd"], known["caveats"]) == (Decimal("2.52"), None)
    unknown = _one(book, ledger.cursor(), provider="minimax", model_raw="MiniMax-M2", service_tier="priority")
    assert unknown["cost_usd"] == Decimal("1.4") and "tier_price_assumed" in unknown["caveats"]


def test_a_contract_states_prepaid_capacity_and_the_price_of_what_spills_over(ledger):
    book = PriceBook(
        overrides={
            "ptu": {"provider": "azure", "model": "our-ptu", "prepaid": True},
            "spill": {
                "provider": "google",
                "model": "gemini-3.5-flash",
                "service_tier": "provisioned",
                "prices": {"fresh_input": 2, "output": 10},
            },
        }
    )
    ahead = _one(book, ledger.cursor(), provider="azure", model_raw="our-ptu", reported_cost_usd="5")
    assert (ahead["cost_usd"], ahead["cost_basis"]) == (Decimal(0), "prepaid")
    spilt = _one(book, ledger.cursor(), provider="google", model_raw="gemini-3.5-flash", service_tier="provisioned")
    assert (spilt["cost_usd"], spilt["list_cost_usd"], spilt["cost_basis"]) == (Decimal("3"), Decimal(0), "contract")
    discount = PriceBook(overrides={"d": {"provider": "anthropic", "discount": "0.5"}})
    tier = _one(discount, ledger.cursor(), provider="anthropic", model_raw="claude-sonnet-4-6", service_tier="priority")
    assert tier["cost_basis"] == "prepaid"  # a discount on list prices says nothing about capacity


def test_a_contract_states_fees_and_media_prices(ledger):
    book = PriceBook(
        overrides={
            "fees": {"provider": "openai", "fees": {"web_search": "0.004", "moon": 1}, "start": "2026-11-01"},
            "voice": {
                "provider": "google",
                "model": "gemini-2.5-flash",
                "prices": {"fresh_input": 1, "output": 2, "audio_input": 5},
            },
        }
    )
    calls = {"provider": "openai", "model_raw": "gpt-4o", "server_tools": '{"web_search": 10, "moon": 1}'}
    now = _one(book, ledger.cursor(), **calls)
    assert (now["cost_usd"], now["list_cost_usd"], now["cost_basis"]) == (Decimal("4.54"), Decimal("3.6"), "contract")
    assert (now["tool_fees_usd"], now["caveats"]) == (Decimal("1.04"), None)
    before = _one(book, ledger.cursor(), **calls, requested_at="2026-10-31 23:59:59")
    assert (before["cost_usd"], before["cost_basis"]) == (Decimal("3.6"), "list") and "fee_unpriced" in before[
        "caveats"
    ]
    plain = _one(book, ledger.cursor(), provider="openai", model_raw="gpt-4o", reported_cost_usd="3.4")
    assert plain["cost_basis"] == "reported"  # fees alone leave a row without tools as it is
    voice = _one(book, ledger.cursor(), provider="google", model_raw="gemini-2.5-flash", audio_input_tokens=1_000_000)
    assert (voice["cost_usd"], voice["caveats"]) == (Decimal("6.2"), None)
    sung = _one(book, ledger.cursor(), provider="google", model_raw="gemini-2.5-flash", audio_output_tokens=1_000_000)
    assert sung["cost_usd"] == Decimal("3.2") and "media_as_text" in sung["caveats"]
