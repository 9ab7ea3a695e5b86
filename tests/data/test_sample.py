"""The sample company: what it declares is what comes out of the ordinary ingest path."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from data import invented
from data.__main__ import main as data_main
from data.errors import BadInput, Refused
from data.facts.models import shipped_catalog
from data.ledger import Ledger
from data.prices.book import PriceBook
from data.sample import sample
from data.sample.company import read_company
from tests.data.bad_logs import Store, lines, record, write

ROWS = 24_000
END = date(2026, 11, 21)
QUARTER = "requested_at >= DATE '2026-11-21' - 92"
YEAR = "requested_at >= DATE '2026-11-21' - 365"
TASK = "coalesce(session_id, call_id)"
INPUT = "(fresh_input_tokens + coalesce(cache_read_tokens, 0))"


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    """A store with a small sample company: its dollars are the fraction `ROWS` over the declared rows."""
    store = Store(Path(tmp_path_factory.mktemp("sample")) / "home")
    sample.load(store.ledger, store.state, sample.wish(rows=ROWS, end=END))
    return store


def ask(store: Store, measures: str, where: str = YEAR, **by: str):
    """Measures of the usage rows: one row, or a frame indexed by the expressions named in `by`."""
    keys = "".join(f"{expression} AS {name}, " for name, expression in by.items())
    frame = store.ledger.sql(
        f"SELECT {keys}{measures} FROM {store.ledger.name('usage')} WHERE {where}"
        f" {'GROUP BY ALL ORDER BY ALL' if by else ''}"
    )
    return frame.set_index(list(by)) if by else frame.iloc[0]


def test_rows_and_dollars_scale_together_and_the_last_quarter_is_at_sixty_thousand_a_year(store):
    found = ask(store, "sum(cost_usd)::DOUBLE AS usd", QUARTER)
    rows = ask(store, "count(*) AS n", "true")["n"]
    company = read_company()
    assert rows == pytest.approx(ROWS, rel=0.05) and company.rows < 1_000_000
    yearly = found["usd"] / 92 * 365 * company.rows / rows
    assert yearly == pytest.approx(60_000, rel=0.15)
    assert yearly * company.full_rows / company.rows == pytest.approx(600_000, rel=0.15)


def test_tasks_are_shared_out_as_in_the_brief(store):
    tasks = ask(store, f"count(DISTINCT {TASK}) AS tasks", f"{QUARTER} AND attempt = 1", by_model="model")["tasks"]
    assert (tasks / tasks.sum()).to_dict() == pytest.approx(
        {"gpt-5.2": 0.70, "minimax-m2": 0.20, "deepseek-v3.2": 0.10}, abs=0.02
    )
    shares: dict[str, float] = {}
    for workload in read_company().workloads:
        shares[workload.model] = shares.get(workload.model, 0) + workload.share
    assert shares == pytest.approx({"gpt-5.2": 0.70, "minimax-m2": 0.20, "deepseek-v3.2": 0.10})


def test_a_request_is_of_real_size_and_price(store):
    sizes = ask(
        store,
        f"quantile_cont(cost_usd::DOUBLE, 0.5) AS p50, max(cost_usd)::DOUBLE AS dearest, max({INPUT}) AS input,"
        " max(output_tokens + coalesce(reasoning_tokens, 0)) AS output",
        "status = 'success'",
        by_model="model",
    )
    assert (sizes["p50"] < 0.10).all() and (sizes["dearest"] < 2).all()
    for model, found in sizes.iterrows():
        assert found["input"] + found["output"] < shipped_catalog()[str(model)].context_window
    assert ask(store, "quantile_cont(cost_usd::DOUBLE, 0.5) AS p50", "true")["p50"] < 0.10


def test_coding_agents_take_many_more_turns_than_chat(store):
    turns = ask(
        store,
        f"count(DISTINCT call_id)::DOUBLE / count(DISTINCT {TASK}) AS turns",
        f"{YEAR} AND attempt = 1",
        f="feature",
    )["turns"]
    assert turns["bulk-coding"] > 5 * turns["help-assistant"] > 15
    assert turns["research-agent"] > 15 and turns["ticket-triage"] < 1.02


def test_every_answer_is_priced_and_the_catalogue_agrees_with_the_logs(store):
    totals = ask(
        store,
        "sum(list_cost_usd) AS list, sum(reported_cost_usd) AS reported, count(*) FILTER (cost_usd IS NULL) AS"
        " unpriced",
    )
    assert totals["unpriced"] == 0
    assert float(totals["list"]) == pytest.approx(float(totals["reported"]), rel=1e-6)


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
    unknown = f"{YEAR} AND (task_type = 'unknown' OR criticality = 'unknown' OR data_class = 'unknown')"
    assert ask(store, "count(*) AS n", unknown)["n"] == 0


def test_two_fifths_of_the_dearest_models_tasks_could_go_elsewhere(store):
    low = f"count(DISTINCT {TASK}) FILTER (criticality = 'low')::DOUBLE / count(DISTINCT {TASK}) AS low"
    share = ask(store, low, f"{YEAR} AND model = 'gpt-5.2' AND attempt = 1")["low"]
    assert share == pytest.approx(0.40, abs=0.02)
    quality = ask(
        store,
        "avg(quality_score) AS q",
        f"{YEAR} AND task_type IN ('classification', 'extraction', 'chat')",
        by_model="model",
        task="task_type",
    )["q"]
    for task in ("classification", "extraction", "chat"):
        assert quality["gpt-5.2", task] - quality["deepseek-v3.2", task] < 0.025


def test_legals_case_is_planted(store):
    customer = "data_class IN ('customer', 'regulated')"
    chinese = f"count(DISTINCT {TASK}) FILTER ({customer})::DOUBLE / count(DISTINCT {TASK}) AS share"
    assert ask(store, chinese, f"{YEAR} AND model = 'minimax-m2' AND attempt = 1")["share"] > 0.6


def test_quality_is_near_that_of_the_brief(store):
    quality = ask(store, "avg(quality_score) AS q", by_model="model")["q"]
    assert quality.to_dict() == pytest.approx({"gpt-5.2": 0.95, "minimax-m2": 0.88, "deepseek-v3.2": 0.92}, abs=0.02)


def test_minimax_fails_fifteen_percent_of_its_requests_since_a_date(store):
    failing = "avg((status = 'error')::INTEGER) AS rate"
    minimax = "model = 'minimax-m2' AND attempt = 1 AND requested_at"
    assert ask(store, failing, f"{minimax} >= DATE '2026-11-21' - 23")["rate"] == pytest.approx(0.15, abs=0.03)
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
    days = ask(
        store, f"count(DISTINCT {TASK}) AS n", f"{YEAR} AND feature <> 'research-agent'", d="isodow(requested_at)"
    )["n"].to_list()
    assert max(days[5:]) < 0.75 * min(days[:5])  # nightly work goes on
    hours = ask(store, "count(*) AS n", f"{YEAR} AND feature = 'code-review'", hour_="hour(requested_at)")["n"]
    assert hours.loc[9:18].sum() > 0.7 * hours.sum()
    nightly = ask(
        store, "avg((hour(requested_at) < 6)::INTEGER) AS share", f"{YEAR} AND feature = 'invoice-extraction'"
    )
    assert nightly["share"] > 0.95
    months = ask(store, "count(*) AS n", YEAR, month_="date_trunc('month', requested_at)")["n"].to_list()
    assert months[-2] > 1.2 * months[2]
    runaway = (
        "feature = 'research-agent' AND requested_at >= DATE '2026-11-21' - {} AND requested_at <"
        " DATE '2026-11-21' - {}"
    )
    weeks = [ask(store, "count(*) AS n", runaway.format(ago, ago - 7))["n"] for ago in (40, 47, 33)]
    assert weeks[0] > 1.8 * max(weeks[1:])


def test_caches_behave_sessions_grow_and_one_cache_broke(store):
    names = store.ledger.name("usage")
    cached = "sum(cache_read_tokens)::DOUBLE / sum(fresh_input_tokens + cache_read_tokens) AS share"
    feature = "feature = 'help-assistant' AND status = 'success' AND requested_at"
    assert ask(store, cached, f"{feature} < DATE '2026-11-21' - 75")["share"] > 0.7
    assert ask(store, cached, f"{feature} >= DATE '2026-11-21' - 74")["share"] < 0.1
    turns = store.ledger.sql(
        f"""SELECT turn, avg(tokens) AS tokens, avg(read) AS read FROM (SELECT {INPUT} AS tokens,
            cache_read_tokens AS read, row_number() OVER (PARTITION BY session_id ORDER BY requested_at) AS turn
        FROM {names} WHERE feature = 'bulk-coding' AND status = 'success') GROUP BY turn ORDER BY turn"""
    ).set_index("turn")
    assert turns["tokens"][11] > 1.5 * turns["tokens"][1]
    # No call reads more than the one before it in its conversation sent, and none after the cache has gone.
    read = store.ledger.sql(
        f"""SELECT count(*) FILTER (read > before) AS more, avg(read / tokens) FILTER (gap > 300) AS late,
            avg(read / tokens) FILTER (gap <= 300) AS soon FROM (
            SELECT cache_read_tokens AS read, {INPUT} AS tokens, lag({INPUT}) OVER said AS before,
                epoch(requested_at) - epoch(lag(requested_at) OVER said) AS gap
            FROM {names} WHERE feature = 'code-review' AND attempt = 1
            WINDOW said AS (PARTITION BY session_id ORDER BY requested_at)) WHERE before IS NOT NULL"""
    ).iloc[0]
    assert read["more"] == 0 and read["late"] < 0.2 < 0.6 < read["soon"]


def test_a_provider_changed_and_a_source_fell_silent(store):
    claims = ask(store, "min(requested_at)::DATE AS first", "feature = 'claim-assessment'", p="provider")["first"]
    assert set(claims.index) == {"openai", "azure"}
    assert (END - claims["azure"]).days == pytest.approx(150, abs=3)
    last = ask(store, "max(requested_at) AS last", s="source")["last"]
    assert (END - last["helicone"].date()).days >= 4
    assert (END - last["litellm"].date()).days == 1


def test_loading_it_again_adds_nothing_and_it_never_mixes_with_real_logs(store, tmp_path):
    before = store.contents()
    again = sample.load(store.ledger, store.state, sample.wish(rows=ROWS, end=END))
    assert sum(r.loaded for r in again) == 0 and store.contents() == before
    assert invented.is_sample(store.ledger) and not invented.is_condensed(store.ledger)
    with pytest.raises(Refused, match="another date, size or seed"):
        sample.load(store.ledger, store.state, sample.wish(rows=500, end=END))
    real = Store(tmp_path / "real")
    real.load(write(tmp_path / "real.jsonl", lines(record(1))))
    assert not invented.is_sample(real.ledger)
    with pytest.raises(Refused, match="real logs"):
        sample.load(real.ledger, real.state, sample.wish(rows=500, end=END))


def test_a_real_log_asks_before_it_joins_the_sample_which_can_be_taken_out_again(tmp_path, capsys):
    """A newcomer looks around, then loads a log of his own into the same store."""
    home = tmp_path / "home"
    mine = write(tmp_path / "mine.jsonl", lines(record(1), record(2)))
    words = ["--home", str(home)]
    assert data_main(["sample", "--rows", "300", "--days", "40", *words]) == 0
    own = next((home / "sample").glob("*/*.jsonl"))
    assert data_main(["ingest", str(own), *words]) == 0  # its own files may be read again
    capsys.readouterr()
    for command in ("ingest", "billed"):
        assert data_main([command, str(mine), str(own), *words]) == 1
        said = capsys.readouterr().err
        assert "holds the sample company" in said and "sample --remove" in said and "--beside-sample" in said
    assert data_main(["pull", "mine", "--add", "folder", "--path", str(mine), *words]) == 0
    for by_itself in (["pull", "mine"], ["receive", "--port", "0"]):
        assert data_main([*by_itself, *words]) == 1 and "holds the sample company" in capsys.readouterr().err
    assert data_main(["ingest", "--beside-sample", str(mine), *words]) == 0
    assert data_main(["pull", "mine", *words]) == 0  # the mix is wanted
    with closing(Ledger.open(home)) as ledger:
        assert invented.is_sample(ledger) and invented.is_mixed(ledger)
    assert data_main(["sample", "--remove", *words]) == 0
    with closing(Ledger.open(home)) as ledger:
        assert not invented.is_sample(ledger)
        left = [len(ledger.sql(f"FROM {ledger.name(table)}")) for table in ("usage", "billed", "batches")]
        assert left == [2, 0, 1] and not list(home.glob("sample/**/*"))
    assert data_main(["check", *words]) == 0
    assert data_main(["ingest", str(mine), *words]) == 0
    assert data_main(["sample", "--remove", *words]) == 1
    assert "holds no sample company" in capsys.readouterr().err


def test_a_sample_of_an_earlier_version_is_known_for_what_it_is(ledger):
    with ledger.write() as cursor:
        cursor.execute(
            "INSERT INTO lake.main.batches (batch_id, path, format, loaded) VALUES ('b1', "
            "'/x/sample/2026-11-21-10-rows-400-days-seed-7/a.jsonl', 'litellm', 1)"
        )
    assert invented.is_sample(ledger) and invented.is_condensed(ledger)


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
    year = sample.wish(rows=ROWS, end=END)
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
