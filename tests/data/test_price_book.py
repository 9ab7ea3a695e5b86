"""The price book: why a row costs what it costs, and that SQL, Python and the catalogue agree."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from genai_prices import Usage, calc_price

from data.errors import BadInput, NoData
from data.prices import catalogue as price_catalogue
from data.prices import catalogue_rows, contracts
from data.prices.book import PriceBook
from data.prices.price_row import RATES, TEXT_RATES, second_of_day
from data.prices.service_tiers import CONTEXTS, SERVICE_TIERS
from data.schema import TOKENS
from tests.data.priced_rows import priced

instant = datetime.fromisoformat  # naive UTC, as in the ledger

BASIS = yaml.safe_load((Path(__file__).parent.parent / "cases" / "prices_basis.yaml").read_text())
# Every kind of price the catalogue has: flat, tiered, dated, by the hour, with and without cache prices, free.
MODELS = [
    ("openai", "gpt-5.4"),
    ("openai", "o3"),
    ("openai", "gpt-5.2"),
    ("openai", "text-embedding-3-small"),
    ("anthropic", "claude-opus-4-6"),
    ("anthropic", "claude-sonnet-4-5"),
    ("google", "gemini-2.5-pro"),
    ("google", "gemini-1.5-flash"),
    ("deepseek", "deepseek-chat"),
    ("x-ai", "grok-4.20"),
    ("aws", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    ("azure", "gpt-4o"),
    ("minimax", "MiniMax-M2"),
    ("openrouter", "anthropic/claude-sonnet-4.5"),
    ("perplexity", "sonar"),
    ("mistral", "mistral-large-latest"),
    ("groq", "llama-3.3-70b-versatile"),
]


def quoted(
    prices: PriceBook, provider: str, model: str, at: datetime, counts: Iterable[tuple[str, int]], **how: Any
) -> Decimal:
    tokens: dict[str, Any] = dict(counts)
    return prices.quote(provider, model, at, **how, **tokens).cost_usd


def _money(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text).quantize(Decimal("1e-12"))


def test_cost_and_its_basis(ledger):
    rows = [{"provider": "openai", "model_raw": "gpt-4o"} | case["row"] for case in BASIS]
    frame = priced(ledger.cursor(), PriceBook.load(), rows)
    columns = ["list_cost_usd", "cost_usd", "cost_basis", "tool_fees_usd", "caveats"]
    for case, (listed, cost, basis, fees, caveats) in zip(BASIS, frame[columns].values.tolist(), strict=True):
        assert (listed, cost, basis) == (_money(case["list"]), _money(case["cost"]), case["basis"]), case["name"]
        marked = [] if caveats is None else sorted(code for code in caveats if code)
        assert marked == case.get("caveats", []), case["name"]
        if "fees" in case:
            assert fees == _money(case["fees"]), case["name"]


def _requests(count: int, seed: int) -> list[tuple[str, str, datetime, str, list[int]]]:
    pick = random.Random(seed)
    sizes = (0, 1, 127, 4_000, 100_000, 199_999, 200_000, 200_001, 272_001, 600_000)
    start = instant("2025-01-01")
    return [
        (
            *pick.choice(MODELS),
            start + timedelta(seconds=pick.randrange(2 * 365 * 86_400)),
            pick.choice(SERVICE_TIERS),
            [pick.choice(sizes) if pick.random() < 0.3 else pick.randrange(5_000) for _ in TOKENS],
        )
        for _ in range(count)
    ]


def test_sql_and_quote_agree_on_thousands_of_random_requests(ledger):
    requests = _requests(3_000, seed=7)
    book = PriceBook(
        overrides={
            "o3 deal": {
                "provider": "openai",
                "model": "o3",
                "discount": "0.125",
                "start": "2025-03-01",
                "end": "2026-02-01",
            },
            "google": {"provider": "google", "discount": "0.07"},
            "haul": {
                "provider": "anthropic",
                "model": "claude-opus-4-6",
                "prices": {"fresh_input": "4.1", "output": "20.3"},
                "start": "2025-06-01",
            },
        }
    )
    rows = [
        dict(zip(TOKENS, tokens, strict=True))
        | {"provider": provider, "model_raw": model, "requested_at": at, "service_tier": tier}
        for provider, model, at, tier, tokens in requests
    ]
    frame = priced(ledger.cursor(), book, rows)
    for kind, column in (("list", "list_cost_usd"), ("paid", "cost_usd")):
        expected = [
            quoted(book, provider, model, at, zip(RATES, tokens, strict=True), service_tier=tier, book=kind)
            for provider, model, at, tier, tokens in requests
        ]
        assert frame[column].tolist() == expected
    assert set(frame["cost_basis"]) == {"list", "contract", "prepaid"}


def test_list_prices_agree_with_the_catalogue_s_own_calculation():
    book = PriceBook.load()
    for provider, model, at, _tier, tokens in _requests(1_500, seed=11):
        fresh, read, write_5m, write_1h, output, reasoning = tokens[:6]
        usage = Usage(
            input_tokens=fresh + read + write_5m + write_1h,
            cache_read_tokens=read,
            cache_write_tokens=write_5m + write_1h,
            cache_write_1h_tokens=write_1h,
            output_tokens=output + reasoning,
            output_reasoning_tokens=reasoning,
        )
        theirs = calc_price(
            usage, model_ref=model, provider_id=provider, genai_request_timestamp=at.replace(tzinfo=UTC)
        ).total_price
        ours = quoted(book, provider, model, at, zip(TEXT_RATES, tokens[:6], strict=True))
        assert abs(ours - theirs) <= Decimal("1e-6"), (provider, model, at, tokens)


@pytest.mark.parametrize(
    ("model", "day", "tier"),
    [
        ("o3", instant("2026-10-20"), "batch"),
        ("gpt-5.4", instant("2026-10-20"), "flex"),
        ("gpt-5.4", instant("2026-10-20"), "priority"),
    ],
)
def test_service_tiers_agree_with_the_catalogue_once_it_knows_them(model, day, tier):
    usage = Usage(input_tokens=50_000, cache_read_tokens=10_000, output_tokens=700)
    context = CONTEXTS[tier]
    theirs = calc_price(
        usage,
        model_ref=model,
        provider_id="openai",
        genai_request_timestamp=day.replace(tzinfo=UTC),
        price_context=context,
    )
    ours = PriceBook.load().quote(
        "openai", model, day, fresh_input=40_000, cache_read=10_000, output=700, service_tier=tier
    )
    assert ours.cost_usd == theirs.total_price


def test_every_model_has_exactly_one_price_at_every_instant():
    corners = [
        instant("2024-05-05T00:00"),
        instant("2025-09-09T03:03"),
        instant("2026-08-17"),
        instant("2026-10-14T16:30"),
        instant("2027-02-01T23:59:59"),
    ]
    for pair in price_catalogue.models():
        rows = catalogue_rows.rows(*pair)
        for at in corners if rows else ():
            second = second_of_day(at)
            for size in (0, 100_001, 10_000_000):
                holding = [
                    r.service_tier
                    for r in rows
                    if r.valid_from <= at < r.valid_to
                    and r.second_from <= second < r.second_to
                    and r.tokens_from <= size < r.tokens_to
                ]
                assert sorted(holding) == sorted(SERVICE_TIERS), (pair, at, size)


def test_daily_windows_do_not_reach_back_before_the_price_they_belong_to():
    book = PriceBook.load()
    peak_2025, peak_2026 = (
        book.price_usd_per_mtok("deepseek", "deepseek-v4-pro", instant(f"{year}-10-01T02:00")) for year in (2025, 2026)
    )
    assert (peak_2025["fresh_input"], peak_2026["fresh_input"]) == (Decimal("0.435"), Decimal("1.32"))


def test_batch_without_a_batch_price_follows_the_provider_s_rule():
    book = PriceBook.load()
    at = instant("2025-07-01")
    claude = [
        book.price_usd_per_mtok("anthropic", "claude-3-haiku", at, service_tier=tier) for tier in ("standard", "batch")
    ]
    assert claude[1] == {kind: price / 2 for kind, price in claude[0].items()}
    azure = book.row("azure", "gpt-4o", at, service_tier="batch")
    assert azure.fresh_input == Decimal("1.25")
    nobody = book.row("minimax", "MiniMax-M2", at, service_tier="batch")
    assert nobody.tier_assumed and "assumed" in nobody.rule


def test_a_model_without_a_price_is_refused_in_one_sentence():
    book = PriceBook.load()
    with pytest.raises(
        NoData, match=r"gpt-5\.22 is in no price list \(did you mean gpt-5\.2.*add an alias or a price override"
    ):
        book.quote("minimax", "gpt-5.22", instant("2026-01-01"))
    with pytest.raises(NoData, match="whisper-1 is not sold by the token; add a price override"):
        book.quote("openai", "whisper-1", instant("2026-01-01"))
    with pytest.raises(BadInput, match="cannot be negative"):
        book.quote("openai", "gpt-4o", instant("2026-01-01"), output=-1)


def test_the_book_is_kept_until_an_alias_or_a_contract_changes(state):
    first = PriceBook.load(state)
    assert PriceBook.load(state) is first
    contracts.OVERRIDES.save(state, "deal", {"provider": "openai", "discount": 0.1})
    assert PriceBook.load(state) is not first


@pytest.mark.heavy
def test_ten_thousand_unknown_names_are_looked_up_in_seconds():
    frame = PriceBook().resolve([("openai", None, None, f"deployment-{n}") for n in range(10_000)])
    assert len(frame) == 10_000 and not frame["found"].any()
