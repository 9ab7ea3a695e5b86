"""The sample company: what it declares is what comes out of the ordinary ingest path."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from data.errors import BadInput, Refused
from data.prices.book import PriceBook
from data.sample import sample
from data.sample.company import read_company
from tests.data.bad_logs import Store, lines, record, write

END = date(2026, 11, 21)
YEAR = "requested_at >= DATE '2026-11-21' - 365"


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    """A store with the sample company at 12,000 records."""
    store = Store(Path(tmp_path_factory.mktemp("sample")) / "home")
    sample.load(store.ledger, store.state, sample.wish(rows=12_000, end=END))
    return store


def ask(store: Store, measures: str, where: str = YEAR, **by: str):
    """Measures of the usage rows: one row, or a frame indexed by the expressions named in `by`."""
    keys = "".join(f"{expression} AS {name}, " for name, expression in by.items())
    frame = store.ledger.sql(
        f"SELECT {keys}{measures} FROM {store.ledger.name('usage')} WHERE {where}"
        f" {'GROUP BY ALL ORDER BY ALL' if by else ''}"
    )
    return frame.set_index(list(by)) if by else frame.iloc[0]


def test_a_year_costs_some_600_thousand_dollars_in_the_shares_of_the_brief(store):
    calls = ask(store, "count(DISTINCT call_id) FILTER (attempt = 1) AS calls", by_model="model")["calls"]
    dollars = ask(store, "sum(cost_usd)::DOUBLE AS usd", by_model="model")["usd"]
    assert (calls / calls.sum()).to_dict() == pytest.approx(
        {"gpt-5.2": 0.70, "minimax-m2": 0.20, "deepseek-v3.2": 0.10}, abs=0.01
    )
    assert dollars.to_dict() == pytest.approx(
        {"gpt-5.2": 400_000, "minimax-m2": 150_000, "deepseek-v3.2": 50_000}, rel=0.06
    )
    assert dollars.sum() == pytest.approx(600_000, rel=0.04)


def test_every_answer_is_priced_and_the_catalogue_agrees_with_the_logs(store):
    totals = ask(
        store,
        "sum(list_cost_usd) AS list, sum(reported_cost_usd) AS reported, count(*) FILTER (cost_usd IS NULL) AS"
        " unpriced",
    )
    assert totals["unpriced"] == 0
    assert float(totals["list"]) == pytest.approx(float(totals["reported"]), rel=1e-9)


def test_the_declared_rates_are_the_catalogues(store):
    book = PriceBook.load(store.state)
    for model, rate in read_company().models.items():
        listed = book.list_rows(book.match(rate.provider, None, None, model))
        now = [row for row in listed if row.service_tier == "standard"][-1]
        assert float(now.fresh_input) == rate.fresh and float(now.output) == rate.output
        assert float(now.cache_read if now.cache_read is not None else now.fresh_input) == rate.cached


def test_ten_teams_in_three_formats_with_what_a_log_needs_to_be_read(store):
    assert ask(store, "count(DISTINCT team) AS teams")["teams"] == 10
    assert list(ask(store, "count(*) AS n", source_="source").index) == ["helicone", "langfuse", "litellm"]
    known = ask(
        store,
        ", ".join(
            f"count({c})::DOUBLE / count(*) AS {c}"
            for c in ("team", "feature", "environment", "latency_ms", "quality_score")
        ),
    )
    assert known["team"] == pytest.approx(0.99, abs=0.01) and known["feature"] == known["environment"] == 1
    assert known["latency_ms"] == 1 and known["quality_score"] == pytest.approx(0.35, abs=0.03)
    assert (
        ask(
            store,
            "count(*) AS n",
            f"{YEAR} AND (task_type = 'unknown' OR criticality = 'unknown' OR data_class = 'unknown')",
        )["n"]
        == 0
    )


def test_two_fifths_of_the_dearest_models_requests_could_go_elsewhere(store):
    share = ask(
        store,
        "count(*) FILTER (criticality = 'low')::DOUBLE / count(*) AS low",
        f"{YEAR} AND model = 'gpt-5.2' AND attempt = 1",
    )["low"]
    assert share == pytest.approx(0.40, abs=0.02)
    quality = ask(
        store,
        "avg(quality_score) AS q",
        f"{YEAR} AND task_type IN ('classification', 'extraction', 'chat')",
        by_model="model",
        task="task_type",
    )["q"]
    for task in ("classification", "extraction", "chat"):
        assert quality["gpt-5.2", task] - quality["deepseek-v3.2", task] < 0.02


def test_quality_is_that_of_the_brief(store):
    quality = ask(store, "avg(quality_score) AS q", by_model="model")["q"]
    assert quality.to_dict() == pytest.approx({"gpt-5.2": 0.95, "minimax-m2": 0.88, "deepseek-v3.2": 0.92}, abs=0.015)


def test_minimax_fails_fifteen_percent_of_its_requests_since_a_date(store):
    failing = "avg((status = 'error')::INTEGER) AS rate"
    minimax = "model = 'minimax-m2' AND attempt = 1 AND requested_at"
    assert ask(store, failing, f"{minimax} >= DATE '2026-11-21' - 24")["rate"] == pytest.approx(0.15, abs=0.06)
    assert ask(store, failing, f"{minimax} < DATE '2026-11-21' - 24")["rate"] < 0.02
    kinds = ask(
        store, "count(*) AS n", f"{minimax} >= DATE '2026-11-21' - 24 AND status = 'error'", kind="error_class"
    )["n"]
    assert kinds.idxmax() == "rate_limit"
    names = store.ledger.name("usage")
    fallback = store.ledger.sql(
        f"SELECT count(*) AS n FROM {names} a JOIN {names} b USING (call_id) WHERE a.model = 'minimax-m2' AND a.status"
        " = 'error' AND b.model = 'gpt-5.2' AND b.attempt = 2"
    )
    assert fallback["n"][0] > 0


def test_weekdays_hours_growth_and_one_runaway_week(store):
    days = ask(store, "count(*) AS n", f"{YEAR} AND feature <> 'research-agent'", weekday_="isodow(requested_at)")[
        "n"
    ].to_list()
    assert max(days[5:]) < 0.6 * min(days[:5])
    hours = ask(store, "count(*) AS n", f"{YEAR} AND feature = 'code-review'", hour_="hour(requested_at)")["n"]
    assert hours.loc[9:17].sum() > 0.7 * hours.sum()
    nightly = ask(
        store, "avg((hour(requested_at) < 6)::INTEGER) AS share", f"{YEAR} AND feature = 'invoice-extraction'"
    )
    assert nightly["share"] > 0.95
    months = ask(store, "count(*) AS n", YEAR, month_="date_trunc('month', requested_at)")["n"].to_list()
    assert months[-2] > 1.1 * months[2]
    runaway = (
        "feature = 'research-agent' AND requested_at >= DATE '2026-11-21' - {}  AND requested_at < DATE '2026-11-21'"
        " - {}"
    )
    weeks = [ask(store, "count(*) AS n", runaway.format(ago, ago - 7))["n"] for ago in (40, 47, 33)]
    assert weeks[0] > 4 * max(weeks[1:])


def test_a_cache_that_broke_and_sessions_whose_context_grows(store):
    cached = "sum(cache_read_tokens)::DOUBLE / sum(fresh_input_tokens + cache_read_tokens) AS share"
    feature = "feature = 'help-assistant' AND status = 'success' AND requested_at"
    assert ask(store, cached, f"{feature} < DATE '2026-11-21' - 75")["share"] == pytest.approx(0.72, abs=0.01)
    assert ask(store, cached, f"{feature} >= DATE '2026-11-21' - 75")["share"] == pytest.approx(0.04, abs=0.01)
    names = store.ledger.name("usage")
    turns = store.ledger.sql(
        "SELECT turn, avg(tokens) AS tokens FROM (SELECT row_number() OVER (PARTITION BY session_id ORDER BY"
        f" requested_at) AS turn, fresh_input_tokens + cache_read_tokens AS tokens FROM {names} WHERE feature ="
        " 'bulk-coding' AND attempt = 1) GROUP BY turn ORDER BY turn"
    )["tokens"]
    assert turns[10] > 3 * turns[0]


def test_loading_it_again_adds_nothing_and_it_never_mixes_with_real_logs(store, tmp_path):
    before = store.contents()
    again = sample.load(store.ledger, store.state, sample.wish(rows=12_000, end=END))
    assert sum(r.loaded for r in again) == 0 and store.contents() == before
    assert sample.is_sample(store.ledger)
    with pytest.raises(Refused, match="another date, size or seed"):
        sample.load(store.ledger, store.state, sample.wish(rows=500, end=END))
    real = Store(tmp_path / "real")
    real.load(write(tmp_path / "real.jsonl", lines(record(1))))
    assert not sample.is_sample(real.ledger)
    with pytest.raises(Refused, match="real logs"):
        sample.load(real.ledger, real.state, sample.wish(rows=500, end=END))


def test_the_invoice_agrees_with_the_logs_but_for_one_day(store):
    billed = store.ledger.sql(
        f"SELECT day, sum(amount) AS usd FROM {store.ledger.name('billed')} GROUP BY day"
    ).set_index("day")["usd"]
    logged = store.ledger.sql(
        f"SELECT requested_at::DATE AS day, sum(cost_usd) AS usd FROM {store.ledger.name('usage')} WHERE provider ="
        " 'openai' GROUP BY 1"
    ).set_index("day")["usd"]
    assert billed.index.min().day == 1 and len(billed) == 365  # twelve whole months
    gaps = (billed.astype(float) - logged.reindex(billed.index).fillna(0).astype(float)).round(4)
    assert list(gaps[gaps.abs() > 0.001]) == [read_company().events.unlogged.usd]


def test_the_same_wish_writes_the_same_bytes_and_another_seed_others(store, tmp_path):
    texts = []
    for home, seed in (("a", 1), ("b", 1), ("c", 2)):
        other = Store(tmp_path / home)
        texts.append(
            [
                path.read_bytes()
                for path in sample.write(other.ledger, sample.wish(rows=400, days=30, end=END, seed=seed))
            ]
        )
    assert texts[0] == texts[1] != texts[2]
    year = sample.wish(rows=12_000, end=END)
    invoices = {sample.write(store.ledger, year)[-1].read_bytes() for _ in range(3)}
    assert len(invoices) == 1


@pytest.mark.parametrize(
    "options, word",
    [
        ({"rows": 0}, "--rows is 0"),
        ({"rows": 10**9}, "--rows"),
        ({"days": 0}, "--days"),
        ({"end": date(2030, 1, 1)}, "between 2020 and today"),
    ],
)
def test_impossible_wishes_are_one_sentence(options, word):
    with pytest.raises(BadInput, match=word):
        sample.wish(**options)
