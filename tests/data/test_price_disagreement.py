"""A LiteLLM price file beside the catalogue: what it adds, where they differ, what is refused."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal

import pytest

from data.errors import BadInput, Unreadable
from data.prices import report as price_report
from data.prices import second_catalogue
from data.prices.book import PriceBook
from tests.data import small_ledger
from tests.data.priced_rows import priced

instant = datetime.fromisoformat  # naive UTC, as in the ledger

AT = instant("2026-06-01")
FILE = {
    "sample_spec": {"input_cost_per_token": 0, "note": "no provider: not a model"},
    "gpt-4o": {
        "litellm_provider": "openai",
        "input_cost_per_token": 2.5e-06,
        "output_cost_per_token": 1e-05,
        "cache_read_input_token_cost": 1.25e-06,
    },
    "claude-sonnet-4-5": {
        "litellm_provider": "anthropic",
        "input_cost_per_token": 3e-06,
        "output_cost_per_token": 1.5e-05,
        "cache_read_input_token_cost": 3e-07,
        "cache_creation_input_token_cost": 3.75e-06,
        "cache_creation_input_token_cost_above_1hr": 6e-06,
    },
    "deepseek/deepseek-chat": {
        "litellm_provider": "deepseek",
        "input_cost_per_token": 2.8e-07,
        "output_cost_per_token": 4.2e-07,
        "cache_read_input_token_cost": 2.8e-08,
    },
    "dashscope/qwen3-max": {
        "litellm_provider": "dashscope",
        "input_cost_per_token": 1.2e-06,
        "input_cost_per_token_above_32k_tokens": 2.4e-06,
        "output_cost_per_token": 6e-06,
        "output_cost_per_token_above_32k_tokens": 1.2e-05,
        "input_cost_per_token_batches": 6e-07,
    },
    "broken": {"litellm_provider": "openai", "input_cost_per_token": -1},
    "image": {"litellm_provider": "openai", "output_cost_per_image": 0.04},
}


@pytest.fixture
def price_file(tmp_path):
    path = tmp_path / "prices.json"
    path.write_text(json.dumps(FILE))
    return path


def test_where_the_catalogues_differ_and_by_how_much(price_file):
    frame = price_report.disagreements(PriceBook.load(), second_catalogue.read(price_file), AT)
    got = {(r.model, r.what): (r.catalogue_usd, r.litellm_usd, round(r.ratio, 3)) for r in frame.itertuples()}
    assert ("gpt-4o", "fresh_input") not in got
    assert got["claude-sonnet-4-5", "fresh_input, long context"] == (6, 3, 2.0)
    assert got["claude-sonnet-4-5", "output, long context"] == (Decimal("22.5"), 15, 1.5)
    assert {what for model, what in got if model == "claude-sonnet-4-5"} == {
        f"{rate}, long context" for rate in ("fresh_input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
    }
    assert got["deepseek-chat", "fresh_input"][:2] == (Decimal("0.135"), Decimal("0.28"))
    assert frame["ratio"].is_monotonic_decreasing


def test_a_model_only_the_file_knows_is_priced_by_it_in_the_ledger(ledger, price_file):
    book = PriceBook(imported=second_catalogue.read(price_file))
    rows: list[dict] = [
        {"provider": "dashscope", "model_raw": "qwen3-max", "fresh_input_tokens": 32_000, "output_tokens": 1000},
        {"provider": "dashscope", "model_raw": "qwen3-max", "fresh_input_tokens": 32_001, "output_tokens": 1000},
        {
            "provider": None,
            "model_raw": "dashscope/qwen3-max",
            "fresh_input_tokens": 1_000_000,
            "output_tokens": 0,
            "service_tier": "batch",
        },
        {"provider": "openai", "model_raw": "gpt-4o", "fresh_input_tokens": 1_000_000, "output_tokens": 0},
        {"provider": "openai", "model_raw": "nobody-knows", "fresh_input_tokens": 1, "output_tokens": 0},
    ]
    frame = priced(ledger.cursor(), book, rows)
    assert frame["cost_usd"].tolist() == [Decimal("0.0444"), Decimal("0.0888024"), Decimal("1.2"), Decimal("2.5"), None]
    assert frame["model"].tolist() == ["qwen3-max", "qwen3-max", "qwen3-max", "gpt-4o", "nobody-knows"]
    assert book.match("openai", None, None, "gpt-4o").price_provider == "openai"  # the catalogue comes first
    for host in ("elsewhere", "vllm"):  # nobody gets another host's price
        assert not book.match(host, None, None, "dashscope/qwen3-max").found


def test_installing_a_file_takes_effect_at_once_and_survives(state, price_file, home):
    assert not PriceBook.load(state).match("dashscope", None, None, "qwen3-max").found
    second_catalogue.install(home, price_file)
    price_file.unlink()
    assert PriceBook.load(state).match("dashscope", None, None, "qwen3-max").found


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is not JSON"),
        ("[1, 2]", "names no model with `input_cost_per_token`"),
        ('{"gpt-4o": {"max_tokens": 5}}', "names no model"),
        ('{"m": {"litellm_provider": "x", "input_cost_per_token": NaN}}', "names no model"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_a_file_that_is_no_price_file_is_refused_and_not_kept(home, tmp_path, content, reason):
    path = tmp_path / "bad.json"
    path.write_text(content)
    with pytest.raises(BadInput, match=reason):
        second_catalogue.install(home, path)
    assert second_catalogue.version(home) == ""


def test_a_missing_file_is_said_to_be_missing(home):
    with pytest.raises(Unreadable, match="cannot be read"):
        second_catalogue.install(home, home / "nothing.json")


def test_the_data_page_s_frames(ledger, state, tmp_path):
    small_ledger.load(ledger, state, tmp_path)
    gaps = price_report.unpriced_models(ledger)
    assert gaps[["provider", "model_raw", "attempts"]].values.tolist() == [["openai", "prod-chat", 30]]
    names = price_report.names(ledger, PriceBook.load(state))
    assert dict(zip(names["model_raw"], names["found"], strict=True)) == {
        "gpt-5.2": True,
        "prod-chat": False,
        "gpt-4o": True,
    }
    assert names["attempts"].sum() == 90

    history = price_report.timeline(
        PriceBook(overrides={"d": {"provider": "openai", "discount": 0.5, "start": "2026-01-01"}}), "openai", "o3"
    )
    standard = history[(history["book"] == "list") & (history["service_tier"] == "standard")]
    assert standard[["valid_from", "valid_to", "fresh_input"]].values.tolist() == [
        [None, instant("2025-06-10"), Decimal(10)],
        [instant("2025-06-10"), None, Decimal(2)],
    ]
    contract = history[history["book"] == "contract"].iloc[0]
    assert (contract["valid_from"], contract["fresh_input"], contract["source_version"]) == (
        instant("2026-01-01"),
        1,
        "d",
    )


def test_the_prices_command(capsys):
    from data.__main__ import main

    assert main(["prices", "o3", "--at", "2025-05-01", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["provider"], printed["model"]) == ("openai", "o3")
    assert {p["service_tier"]: p["fresh_input"] for p in printed["prices"]}["standard"] == 10
    assert main(["prices", "deepseek-chat"]) == 0
    assert "16:30" in capsys.readouterr().out
    assert main(["prices", "gpt-99"]) == 1
    assert "gpt-99 is in no price list" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["prices", "o3", "--at", "soon"])
