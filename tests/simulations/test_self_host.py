"""The whole question, from a ledger's rows and from a typed volume to the answer."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from analytics.scope import Scope
from data.errors import BadInput, NoData, Refused
from data.facts import models
from data.prices.book import PriceBook
from simulations.hosting import arrivals, fleet_plan, quotes
from simulations.hosting.fleet_plan import Plan
from simulations.hosting.study import from_log, from_volume
from tests.simulations.ledgers import START, ledger_of

PLAN = Plan("qwen3-14b", "h100", 1, "fp8", host_usd=(0.1, 0.05, 0.3))


@pytest.fixture
def busy(home):
    """Two days, a request every minute at noon and every half hour else; customer data by the hour."""
    rows = []
    for day in range(2):
        for hour in range(24):
            for i in range(60 if hour == 12 else 2):
                at = START + timedelta(days=day, hours=hour, seconds=i * (60 if hour == 12 else 1800))
                rows.append(
                    {
                        "requested_at": at,
                        "data_class": "customer" if hour % 2 else "internal",
                        "cost_usd": Decimal("0.05"),
                        "cache_read_tokens": 500,
                    }
                )
    return ledger_of(home, rows)


def test_a_log_becomes_an_answer(busy):
    study = from_log(busy, Scope(), PLAN)
    count = 2 * (60 + 23 * 2)
    assert study.result["options"].keys() == {"api", "host", "rented", "bought"}
    assert study.scenario.api.usd_per_month.value == pytest.approx(0.05 * count / study.demand.days * 730 / 24)
    assert study.scenario.traffic.from_log and study.scenario.traffic.cached_tokens == pytest.approx(500)
    assert study.fleet.floor <= study.fleet.replicas
    assert 0 < study.result["options"]["rented"]["utilisation"] < 1
    assert any("no weekend" in w for w in study.warnings)


def test_the_scope_is_what_would_move(busy):
    all_of_it, some = (from_log(busy, scope, PLAN) for scope in (Scope(), Scope.of(busy, data_class="customer")))
    assert some.scenario.traffic.requests_per_month < all_of_it.scenario.traffic.requests_per_month
    with pytest.raises(NoData, match="widen"):
        from_log(busy, Scope.of(busy, data_class="regulated"), PLAN)


def test_the_ways_to_run_it(busy):
    fixed, scaled, hybrid, spot = (
        from_log(busy, Scope(), PLAN._replace(run=run)) for run in ("fixed", "autoscaled", "hybrid", "spot")
    )
    assert scaled.result["options"]["rented"]["total_usd"] <= fixed.result["options"]["rented"]["total_usd"]
    assert hybrid.scenario.replica.load_replicas >= 1
    assert hybrid.splits[0].replicas == 0 and any("keeps everything on the API" in w for w in hybrid.warnings)
    assert spot.scenario.rented.kind == "spot" and spot.scenario.replica.spare > fixed.scenario.replica.spare
    batched = from_log(busy, Scope(), PLAN._replace(batchable_share=0.5))
    assert batched.fleet.replicas <= fixed.fleet.replicas
    assert batched.fleet.load.max() < fixed.fleet.load.max()


def test_legals_case_compares_with_the_api_it_would_go_to(busy):
    gpt = quotes.api_quote(PriceBook.load(None), "openai", "gpt-5.2")
    study = from_log(busy, Scope(), PLAN._replace(api_usd=gpt))
    count = study.scenario.traffic.requests_per_month
    assert study.result["options"]["api"]["first_year_usd"] > 0
    assert study.scenario.api.monthly("api_usd_per_month", study.scenario.traffic).value == pytest.approx(
        count * (1000 * gpt[0] + 500 * gpt[1] + 200 * gpt[2]) / 1e6
    )


def test_too_little_log_is_refused_until_accepted(home):
    hour = ledger_of(home, [{"requested_at": START + timedelta(minutes=i)} for i in range(50)])
    with pytest.raises(Refused, match="50 minutes"):
        from_log(hour, Scope(), PLAN)
    assert from_log(hour, Scope(), PLAN, accept_short=True).result["answer"]


def test_unpriced_and_overlong_requests_are_said(home):
    rows = [
        {
            "requested_at": START + timedelta(minutes=30 * i),
            "cost_usd": None if i % 4 == 0 else Decimal("0.01"),
            "fresh_input_tokens": 300_000 if i % 50 == 7 else 900,
        }
        for i in range(100)
    ]
    study = from_log(ledger_of(home, rows), Scope(), PLAN)
    assert any("75.0% of these requests have a price" in w for w in study.warnings)
    assert study.scenario.assumptions["burst_share"].value >= 0
    with pytest.raises(NoData, match="no API bill"):
        from_log(
            ledger_of(
                home / "two", [{"requested_at": START + timedelta(hours=i), "cost_usd": None} for i in range(30)]
            ),
            Scope(),
            PLAN,
        )


def test_where_reading_alone_outlasts_the_usual_objective_the_next_round_one_is_said_and_a_stated_one_refused(home):
    rows = [{"requested_at": START + timedelta(minutes=10 * i), "fresh_input_tokens": 38_000} for i in range(200)]
    log = ledger_of(home, rows)
    study = from_log(log, Scope(), PLAN)
    assert 2000 / 1.25 < study.fleet.latencies.percentiles()["ttft_p95_ms"] <= 5000
    assert any("sized for 5,000 ms instead of the usual 2,000 ms" in w for w in study.warnings), study.warnings
    patient = from_log(log, Scope(), PLAN._replace(ttft_ms=5000))
    assert not any("usual" in w for w in patient.warnings) and patient.result == study.result
    with pytest.raises(Refused, match="within 2000 ms"):
        from_log(log, Scope(), PLAN._replace(ttft_ms=2000))


def test_a_typed_volume_needs_prices_and_warns():
    with pytest.raises(BadInput, match="needs the API's prices"):
        from_volume(PLAN, 1e6, 2000, 0, 300, 2.5)
    study = from_volume(PLAN._replace(api_usd=(1.75, 0.175, 14.0)), 1e6, 2000, 500, 300, 2.5)
    assert any("typed" in w for w in study.warnings)
    assert study.scenario.api.monthly("api_usd_per_month", study.scenario.traffic).value == pytest.approx(
        1500 * 1.75 + 500 * 0.175 + 300 * 14
    )


def test_more_traffic_needs_more_replicas():
    replicas = [
        from_volume(PLAN._replace(api_usd=(1, 0.1, 5)), r, 2000, 0, 300, 2.5).fleet.replicas for r in (1e5, 3e6, 2e7)
    ]
    assert replicas == sorted(replicas) and replicas[-1] > replicas[0]


def test_requests_too_long_for_any_replica_are_refused():
    with pytest.raises(BadInput, match="longer|takes 40,960"):
        from_volume(PLAN._replace(api_usd=(1, 0.1, 5)), 1e6, 90_000, 0, 300, 2.5)


def test_suggestions_start_with_what_is_in_the_log():
    catalog = models.shipped_catalog()
    found = quotes.suggestions(["gpt-5.2", "qwen3-32b", "minimax-m2"], catalog)
    assert found[:2] == ["qwen3-32b", "minimax-m2"]
    closed = quotes.suggestions(["gpt-5.2"], catalog)
    assert closed and "gpt-5.2" not in closed and len(set(closed)) == len(closed)


def test_a_host_is_quoted_where_the_price_book_knows_one():
    host, prices = quotes.host_quote(PriceBook.load(None), "minimax-m2.5")
    assert host in quotes.HOSTS and prices[2] > prices[0] >= prices[1]
    assert quotes.host_quote(PriceBook.load(None), "no-such-model") is None


def test_the_thinned_part_keeps_its_share():
    requests = arrivals.requests_in_order(np.arange(1000.0), *[np.ones(1000)] * 3)
    assert len(fleet_plan._thinned(requests, 0.3).at_s) == 700
    assert fleet_plan._thinned(requests, 0) is requests
