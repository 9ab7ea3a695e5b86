"""Wrong versions of the data room's code that once passed every test: each case has its right value by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from data import caveats, rollups
from data.formats import RAW_COUNTS, Format
from data.loading import reprice, staging, token_readings
from data.prices import contracts
from data.prices.book import PriceBook
from data.prices.price_row import RATES, PriceRow, Span
from data.schema import TOKENS
from tests.data import small_ledger
from tests.simulations.ledgers import ledger_of

MORNING = datetime.fromisoformat("2026-11-03T10:00")


def form(**more) -> Format:
    return Format(name="x", label="x", recognise=lambda _: True, fields={}, columns={}, **more)


def record(model: str, times: int = 10, **values) -> list[dict]:
    """`times` equal records: 100 in, of which 40 may be cached, 10 out."""
    return [{"model_raw": model, "input_tokens": 100, "cache_read_tokens": 40, "output_tokens": 10, **values}] * times


def thought(model: str, times: int = 10, **values) -> list[dict]:
    """`times` equal records without a cache: 100 in, 60 out, 40 of reasoning."""
    return record(model, times, **{"cache_read_tokens": None, "output_tokens": 60, "reasoning_tokens": 40} | values)


EVIDENCE = [
    *record("cache above input", cache_read_tokens=150),
    *record("total of both", total_tokens=110),
    *record("total beside cache", total_tokens=150),
    *record("cost of both", reported_cost_usd=84.0),  # 60 fresh + 4 cached + 2 x 10 out
    *record("cost beside cache", reported_cost_usd=124.0),
    *record("a cent of a dollar off", reported_cost_usd=84.0 * 1.02),
    *record("nothing"),
    *record("nine of ten", 9, total_tokens=110),
    *record("nine of ten", 1, total_tokens=150),
    *record("eight of ten", 8, total_tokens=110),
    *record("eight of ten", 2, total_tokens=150),
    *record("a total against a cost", total_tokens=110, reported_cost_usd=124.0),
    *record("totals disagree, the cost decides", 8, total_tokens=110, reported_cost_usd=124.0),
    *record("totals disagree, the cost decides", 2, total_tokens=150, reported_cost_usd=124.0),
    *record("total of both and reasoning", total_tokens=117, reasoning_tokens=7),
    *record("total beside cache and reasoning", total_tokens=157, reasoning_tokens=7),
    *record("reasoning inside, mostly none", 9, total_tokens=110, reasoning_tokens=0),
    *thought("reasoning inside, mostly none", 1, total_tokens=160),
    *thought("reasoning above output", output_tokens=30),
    *thought("reasoning inside", total_tokens=160),
    *thought("reasoning outside", total_tokens=200),
    *thought("reasoning untold"),
]
INPUT_HAS_CACHE = {
    "cache above input": False,
    "total of both": True,
    "total beside cache": False,
    "cost of both": True,
    "cost beside cache": False,
    "nine of ten": True,
    "a total against a cost": True,
    "totals disagree, the cost decides": False,
    "total of both and reasoning": True,
    "total beside cache and reasoning": False,
    "reasoning inside, mostly none": True,
}
OUTPUT_HAS_REASONING = {
    "reasoning above output": False,
    "reasoning inside": True,
    "reasoning outside": False,
    "total of both and reasoning": False,
    "reasoning inside, mostly none": True,
}
EVIDENCE_TOLD = {
    "cache above input": "cache tokens exceed the input in 10 of 10 records",
    "nine of ten": "total = input + output in 9, = input + cache + output in 1 of 10 records",
    "cost of both": "logged cost reproduced in 10 (inclusive) and 0 (exclusive) of 10 records",
    "reasoning outside": "total has reasoning outside output in 10, inside in 0 of 10 records",
    "nothing": "no record decides; the source's documented default is used",
}
UNTOLD = {"nothing", "a cent of a dollar off", "eight of ten"}


@pytest.fixture(scope="module")
def readings(shared_ledger):
    """By default: what each model's records say of input and output."""
    cursor = shared_ledger.cursor()
    names = (*RAW_COUNTS, "total_tokens", "reported_cost_usd")
    columns = [f"{name} {'DOUBLE' if 'usd' in name else 'BIGINT'}" for name in names]
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE told (provider VARCHAR, model_raw VARCHAR, status VARCHAR,"
        f" input_has_cache BOOLEAN, output_has_reasoning BOOLEAN, {', '.join(columns)})"
    )
    for row in EVIDENCE:
        held = {"provider": "p", "status": "success", **row}
        marks = ", ".join("?" * len(held))
        cursor.execute(f"INSERT INTO told ({', '.join(held)}) VALUES ({marks})", list(held.values()))

    def priced(relation: str) -> str:
        list_price = "fresh_input_tokens + 0.1 * cache_read_tokens + 2 * output_tokens"
        return f"SELECT *, CAST({list_price} AS DOUBLE) AS list_cost_usd FROM {relation}"

    found = {}
    for default in (True, False):
        assumed = form(assume_input_has_cache=default, assume_output_has_reasoning=default)
        token_readings.decide(cursor, "told", assumed, priced)
        rows = cursor.execute(
            "SELECT model_raw, input_has_cache, output_has_reasoning, evidence, verdict FROM readings"
        ).fetchall()
        found[default] = {model: tuple(read) for model, *read in rows}
    return found


@pytest.mark.parametrize("default", [True, False])
def test_each_rule_decides_where_it_alone_can(readings, default):
    """Mutants, semantics: cost as the only evidence, the share of 90 %, and the documented default were in no test."""
    read = readings[default]
    assert {model: read[model][0] for model in INPUT_HAS_CACHE} == INPUT_HAS_CACHE
    assert {model: read[model][1] for model in OUTPUT_HAS_REASONING} == OUTPUT_HAS_REASONING
    assert {read[model][0] for model in UNTOLD} == {default} == {read["reasoning untold"][1]}
    assert {model: read[model][2] for model in EVIDENCE_TOLD} == EVIDENCE_TOLD
    told = {model for model, (*_, verdict) in read.items() if verdict == "assumed"}
    assert told == {"nothing", "a cent of a dollar off", "reasoning untold"}


@pytest.mark.parametrize(
    ("has_cache", "has_reasoning", "writes", "right"),
    [
        (True, True, (20, None, None), (50, 30, 20, None, 30, 20)),
        (False, False, (20, None, None), (100, 30, 20, None, 50, 20)),
        (True, True, (20, 12, 8), (50, 30, 12, 8, 30, 20)),  # the sum of writes counts once beside its parts
        (True, False, (None, None, 8), (62, 30, None, 8, 50, 20)),
        (True, True, (None, None, None), (70, 30, None, None, 30, 20)),
    ],
)
def test_the_logs_totals_become_disjoint_buckets(shared_ledger, has_cache, has_reasoning, writes, right):
    counts = dict.fromkeys(RAW_COUNTS) | {
        "input_tokens": 100,
        "cache_read_tokens": 30,
        "output_tokens": 50,
        "reasoning_tokens": 20,
    }
    counts |= dict(zip(("cache_write_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens"), writes, strict=True))
    given = ", ".join(f"CAST({'NULL' if v is None else v} AS BIGINT) AS {name}" for name, v in counts.items())
    buckets = token_readings.disjoint(str(has_cache), str(has_reasoning))
    [row] = shared_ledger.sql(f"SELECT {buckets} FROM (SELECT {given})").astype(object).to_dict("records")
    found = tuple(None if row[name] != row[name] else row[name] for name in TOKENS[:6])
    assert found == right


@pytest.mark.parametrize(
    ("at", "tokens", "holds"),
    [
        ("2026-03-01T01:00:00", 200_001, True),
        ("2026-02-28T01:00:00", 200_001, False),
        ("2026-03-02T00:59:59", 200_001, False),
        ("2026-03-02T01:59:59", 200_001, True),
        ("2026-03-02T02:00:00", 200_001, False),
        ("2026-04-01T01:00:00", 200_001, False),
        ("2026-03-01T01:00:00", 200_000, False),
        ("2026-03-01T01:00:00", 999_999, True),
        ("2026-03-01T01:00:00", 1_000_000, False),
    ],
)
def test_a_price_holds_from_its_first_edge_to_before_its_last(at, tokens, holds):
    first, last = (datetime.fromisoformat(f"2026-0{month}-01T01:00") for month in (3, 4))
    span = Span(first, last, second_from=3600, second_to=7200, tokens_from=200_001, tokens_to=1_000_000)
    row = PriceRow.of(("p", "m", "standard"), span, dict.fromkeys(RATES, Decimal(1)), ("test", ""))
    assert row.holds(datetime.fromisoformat(at), tokens) is holds


def test_a_price_says_no_rule_where_none_changed_it():
    """Mutants 14: every price could be "1 for the region"."""
    book, noon = PriceBook.load(), MORNING
    assert "region" not in book.quote("openai", "gpt-4o", noon, fresh_input=1000).rule
    regional = book.quote(
        "aws", "anthropic.claude-sonnet-4-5-20250929-v1:0", noon, region="eu-central-1", fresh_input=1
    )
    plain = book.quote("aws", "anthropic.claude-sonnet-4-5-20250929-v1:0", noon, fresh_input=1)
    assert ("for the region" in regional.rule) is (regional.cost_usd != plain.cost_usd)


def test_a_host_that_sells_by_itself_stands_in_for_a_provider_that_is_not_named():
    book = PriceBook.load()
    assert book.match(None, "openrouter", None, "gpt-4o").price_provider == "openrouter"
    assert book.match(None, "our-proxy", None, "gpt-4o").price_provider == "openai"


@pytest.mark.parametrize(
    ("has_cache", "audio", "cached_audio", "right"),
    [
        (True, 30, 10, (50, 20)),  # 100 in, 30 of them cached; 20 of the rest are sound
        (False, 30, 10, (70, 30)),  # what is cached stands beside the input
        (True, 900, 10, (0, 70)),  # never more than there is
    ],
)
def test_sound_is_taken_out_of_the_text(shared_ledger, has_cache, audio, cached_audio, right):
    counts = dict.fromkeys(RAW_COUNTS) | {"input_tokens": 100, "cache_read_tokens": 30}
    counts |= {"audio_input_tokens": audio, "audio_cache_read_tokens": cached_audio}
    given = ", ".join(f"CAST({'NULL' if v is None else v} AS BIGINT) AS {name}" for name, v in counts.items())
    buckets = token_readings.disjoint(str(has_cache), "TRUE")
    [row] = shared_ledger.sql(f"SELECT {buckets} FROM (SELECT {given})").astype(object).to_dict("records")
    assert (row["fresh_input_tokens"], row["audio_input_tokens"]) == right


def test_the_attempts_of_a_call_go_on_over_two_loads(emptied_ledger):
    """Mutants, staging: one call's first attempt in one batch, its retry in the next."""
    held = [
        ("e1", "c1", MORNING, "error"),
        ("e2", "c1", MORNING + timedelta(minutes=1), "success"),
        ("e3", "c2", MORNING - timedelta(hours=3), "success"),  # long before the batch: another call of that name
        ("e4", "c3", MORNING, "success"),  # the batch brings this very record again
        ("e5", "c9", MORNING, "success"),  # not in the batch
    ]
    batch = [("e6", "c1", MORNING + timedelta(minutes=5)), ("e7", "c2", MORNING), ("e4", "c3", MORNING)]
    with emptied_ledger.write() as cursor:
        for event, call, at, status in held:
            cursor.execute(
                "INSERT INTO lake.main.usage (event_id, call_id, requested_at, status) VALUES (?, ?, ?, ?)",
                [event, call, at, status],
            )
        cursor.execute(
            "CREATE OR REPLACE TEMP TABLE log_rows (event_id VARCHAR, call_id VARCHAR, requested_at TIMESTAMP,"
            " skip VARCHAR, reject VARCHAR)"
        )
        for row in batch:
            cursor.execute("INSERT INTO log_rows VALUES (?, ?, ?, NULL, NULL)", list(row))
        staging.earlier_calls(cursor, form_of_calls(call_id="d.trace", event_key="d.id"))
        assert cursor.execute("FROM earlier_calls").fetchall() == [("c1", 2, 1)]
        staging.earlier_calls(cursor, form_of_calls(call_id="d.id", event_key="d.id"))
        assert cursor.execute("FROM earlier_calls").fetchall() == []
        cursor.execute("DROP TABLE log_rows")


def form_of_calls(**columns) -> Format:
    return Format(name="x", label="x", recognise=lambda _: True, fields={}, columns=columns)


ROWS: list[dict[str, Any]] = [
    {"cost_usd": Decimal(1), "list_cost_usd": Decimal(2), "reported_cost_usd": Decimal(3), "latency_ms": 100.0},
    {
        "attempt": 2,
        "call_id": "c0",
        "cost_usd": Decimal(4),
        "list_cost_usd": Decimal(4),
        "latency_ms": 50.0,
        "tool_fees_usd": Decimal(2),
    },
    {"status": "error", "cost_usd": Decimal(8), "list_cost_usd": Decimal(8), "latency_ms": None},
    {"attempt": 3, "status": "error", "cost_usd": Decimal(16), "list_cost_usd": None, "latency_ms": 7.0},
    {
        "cost_usd": None,
        "list_cost_usd": None,
        "reported_cost_usd": Decimal(7),
        "caveats": ["unread_usage"],
        "latency_ms": 1.0,
    },
    {"cost_usd": Decimal(32), "caveats": ["unread_usage"], "list_cost_usd": None, "tool_fees_usd": Decimal(5)},
]
SUMS = {
    "attempts": 6,
    "calls": 4,
    "priced_attempts": 5,
    "cost_usd": 61,
    "caveat_cost_usd": 32,
    "list_cost_usd": 14,
    "reported_cost_usd": 10,
    "tool_fees_usd": 7,
    "retries": 2,
    "failed": 2,
    "failed_cost_usd": 24,
    "retry_cost_usd": 20,
    "latency_ms_sum": 1058,
    "latency_count": 5,
    "fresh_input_tokens": 6000,
    "output_tokens": 1200,
}


def test_every_column_of_the_roll_up_is_the_sum_it_is_named_for(tmp_path):
    """Mutants 5: retries could be all attempts; no test compared that column."""
    ledger = ledger_of(tmp_path / "home", [{"requested_at": MORNING, **row} for row in ROWS])
    assert set(SUMS) | set(TOKENS) == set(rollups.SUMS)
    sums = ", ".join(f"sum({name}) AS {name}" for name in SUMS)
    [found] = ledger.sql(f"SELECT {sums} FROM {ledger.name('spend_by_day')}").to_dict("records")
    assert {name: float(value) for name, value in found.items()} == SUMS
    odd = ledger.sql(f"SELECT caveat, attempts, cost_usd::INT AS usd FROM {ledger.name('caveats_by_day')}")
    assert odd.groupby("caveat").sum().to_dict("index") == {"unread_usage": {"attempts": 2, "usd": 32}}
    ledger.close()


@pytest.mark.heavy
def test_repricing_under_a_zone_of_its_own_counts_every_row_once(ledger, state, tmp_path):
    """Mutants 2: west of UTC the roll-up held 98 rows of 90 after a new price."""
    small_ledger.load(ledger, state, tmp_path)
    with ledger.write() as cursor:
        rollups.set_time_zone(cursor, "America/Los_Angeles")
    contracts.OVERRIDES.save(
        state, "deal", {"provider": "openai", "model": "gpt-4o", "prices": {"fresh_input": 1, "output": 2}}
    )
    assert reprice.reprice(ledger, state).rows == 30
    assert small_ledger.adds_up(ledger)
    days = ledger.sql(
        f"SELECT day::VARCHAR AS day, sum(attempts)::INT AS n FROM {ledger.name('spend_by_day')} GROUP BY 1"
    )
    assert dict(zip(days["day"], days["n"], strict=True)) == _days_west(8)


def _days_west(hours: int) -> dict[str, int]:
    """Records of `small_ledger` by day at UTC minus so many hours, one less in summer."""
    found: dict[str, int] = {}
    for number in range(90):
        month = 1 + number % 9
        at = datetime.fromisoformat(f"2026-{month:02}-01T{number % 10:02}:00") - timedelta(
            hours=hours - (4 <= month <= 10)
        )
        found[f"{at:%Y-%m-%d}"] = found.get(f"{at:%Y-%m-%d}", 0) + 1
    return found


def test_every_figure_of_what_is_told_of_caveats(tmp_path):
    """Mutants, caveats: sums of days could be their largest day. Two marked rows of 8 and 32 on two days, 21 plain."""
    rows = [{"cost_usd": Decimal(usd)} for usd in (1, 4, 16)]
    rows += [{"cost_usd": Decimal(usd), "caveats": ["unread_usage"]} for usd in (8, 32)]
    ledger = ledger_of(tmp_path / "home", rows)
    with ledger.write() as cursor:
        for number, marks in enumerate((["split_assumed"], ["split_assumed"], None)):
            cursor.execute(
                "INSERT INTO lake.main.billed (bill_id, source, caveats) VALUES (?, 'bill', ?)", [f"b{number}", marks]
            )
    told = caveats.summary(ledger)
    assert told["without_caveat_share"] == pytest.approx(21 / 61)
    assert [(c["caveat"], c["rows"], float(c["cost_usd"])) for c in told["caveats"]] == [("unread_usage", 2, 40.0)]
    assert told["bill_lines"] == [{"caveat": "split_assumed", "format": "bill", "lines": 2}]
    ledger.close()
    bare = ledger_of(tmp_path / "bare", [{"cost_usd": None}])
    assert caveats.summary(bare) == {"bill_lines": [], "without_caveat_share": None, "caveats": []}
    bare.close()
