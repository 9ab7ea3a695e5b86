"""The buying desk: ways to buy against work whose minutes are counted by hand, laws, and offers that make no sense."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.scope import Scope
from data import rollups
from data.calendar import DAYS_PER_MONTH
from data.errors import BadInput, NoData
from data.facts.models import shipped_catalog
from data.facts.prepaid import Offer, prepaid_offers
from data.prices.book import PriceBook
from data.yaml_text import validate
from routing.policies.in_force import shipped_constraints
from routing.policies.text import read_policy
from simulations.buying import ways
from simulations.buying.desk import compare_offers, desk
from simulations.buying.ways import Purchase
from simulations.buying.work import Work, work_of
from simulations.replay.repricing import Market
from tests.simulations.ledgers import START, ledger_of

MARKET = Market(PriceBook(), shipped_catalog(), datetime.fromisoformat("2026-10-20"))
OFFER = Offer("o", "azure", "gpt-5.2", "PTU", 2, 1, 1000.0, "a test", "2026-01-01")
ALL_ALLOWED = dict.fromkeys(("tokens", "batch", "commitment", "prepaid", "seats", "own"), "")


def purchase(**told):
    return Purchase(kind="purchase", name="t", **({"model": "gpt-5.2", "volume": (1.0, 1.0)} | told))


def steady(days=28, tokens=1000.0, usd=0.01, users=10):
    """Every minute of every day alike."""
    minutes = days * 1440
    one = np.ones(minutes)
    return Work(
        "gpt-5.2",
        np.arange(minutes) // 1440,
        tokens * one,
        0 * one,
        usd * one,
        days,
        users,
        (("openai", "public", 1.0),),
    )


def way(found, kind):
    return next(w for w in found.ways if w.kind == kind)


def test_capacity_that_is_always_full_pays_up_to_what_tokens_cost():
    """1,440 minutes of $0.01 make $0.60 an hour for two units of 1,000 tokens a minute, filled to a half."""
    found = compare_offers(steady(), purchase(output_weight=1, usd_per_unit_hour=0.2), OFFER, None, ALL_ALLOWED)
    assert found.pays_below_usd == pytest.approx(0.3) and found.units == 2
    ahead = way(found, "prepaid")
    assert ahead.usd_per_month == pytest.approx(2 * 0.2 * 24 * DAYS_PER_MONTH)
    assert ahead.utilisation["p50"] == pytest.approx(0.5) and found.ways[0] is ahead
    assert way(found, "tokens").regret["p50"] == pytest.approx((0.6 - 0.4) * 24 * DAYS_PER_MONTH)


def test_what_exceeds_the_capacity_is_bought_by_the_token():
    work = steady(tokens=4000.0)
    assert ways.spill(work, work.load(1), 1000.0).sum() == pytest.approx(work.usd.sum() * 0.75)
    assert ways.best_units(work, work.load(1), 1000.0, 1, 1, 0.14) == 4  # 0.15 an hour is what a unit's tokens cost
    assert ways.best_units(work, work.load(1), 1000.0, 1, 1, 0.16) == 0


@given(st.floats(0, 5000), st.floats(0.25, 3))
def test_spill_is_between_nothing_and_everything(capacity, multiple):
    work = steady(days=1, tokens=2000.0)
    spilt = ways.spill(work, work.load(1), capacity, multiple).sum()
    assert -1e-9 <= spilt <= work.usd.sum() * multiple + 1e-9
    assert spilt >= ways.spill(work, work.load(1), capacity + 100, multiple).sum() - 1e-9


def test_a_commitment_is_paid_whether_used_or_not():
    month = steady().usd_per_month
    dear = way(
        compare_offers(steady(), purchase(commitment_usd=2 * month, discount=0.5), None, None, ALL_ALLOWED),
        "commitment",
    )
    assert dear.usd_per_month == pytest.approx(2 * month) and dear.utilisation["p50"] == pytest.approx(0.25)
    fair = way(
        compare_offers(steady(), purchase(commitment_usd=0, discount=0.1), None, None, ALL_ALLOWED), "commitment"
    )
    assert fair.usd_per_month == pytest.approx(0.9 * month) and fair.utilisation is None


def test_seats_count_users_and_what_a_plan_does_not_cover():
    month = steady().usd_per_month
    flat = way(compare_offers(steady(), purchase(usd_per_seat=5), None, None, ALL_ALLOWED), "seats")
    assert flat.usd_per_month == pytest.approx(50)
    capped = way(
        compare_offers(steady(), purchase(usd_per_seat=5, usd_per_seat_covered=10), None, None, ALL_ALLOWED), "seats"
    )
    assert capped.usd_per_month == pytest.approx(50 + month - 100)
    assert (
        way(
            compare_offers(steady(users=None), purchase(usd_per_seat=5), None, None, ALL_ALLOWED), "seats"
        ).usd_per_month
        is None
    )


def test_a_price_nobody_typed_is_asked_for_and_is_never_free():
    found = compare_offers(steady(), purchase(), OFFER, None, ALL_ALLOWED)
    assert [w.kind for w in found.ways if w.usd_per_month is not None] == ["tokens"]
    assert all(w.asks for w in found.ways if w.kind != "tokens")
    told = compare_offers(steady(), purchase(output_weight=1), OFFER, None, ALL_ALLOWED)
    assert "pays below $0.3000" in way(told, "prepaid").asks


def test_what_is_forbidden_is_no_yardstick_of_regret():
    found = compare_offers(steady(), purchase(own_usd_per_mtok=0), None, None, ALL_ALLOWED | {"own": "Legal says so"})
    assert found.ways[-1].kind == "own" and found.ways[-1].regret is None
    assert way(found, "tokens").regret["p90"] == 0


@pytest.mark.heavy
def test_the_desk_reads_the_log_and_keeps_to_the_policy(home):
    rows = [
        {"requested_at": START + timedelta(hours=3 * n), "cost_usd": Decimal("0.5"), "user_id": f"u{n % 4}"}
        for n in range(14 * 8)
    ]
    ledger = ledger_of(home, rows)
    view = ledger.at(ledger.snapshot())
    told = purchase(can_wait=0.5, own_usd_per_mtok=1.0)
    own = way(desk(view, Scope.of(view), told, MARKET, shipped_constraints()), "own")
    assert "weights are closed" in own.forbidden and not own.asks
    opened = shipped_catalog().with_edits({"gpt-5.2": {"open_weights": True}})
    market = Market(PriceBook(), opened, datetime.fromisoformat("2026-10-20"))
    found = desk(view, Scope.of(view), told, MARKET, shipped_constraints())
    assert found.work.users == 4 and found.work.usd_per_month == pytest.approx(4 * DAYS_PER_MONTH, rel=0.05)
    assert way(found, "batch").usd_per_month == pytest.approx(0.75 * found.work.usd_per_month)
    no_own = read_policy(
        "name: p\nconstraints: [{forbid: {hosting: self}, because: no machines}]\nrules: [{use: current}]"
    )
    assert "no machines" in way(desk(view, Scope.of(view), told, market, no_own), "own").forbidden
    with pytest.raises(NoData, match="No answered request of minimax-m2"):
        desk(view, Scope.of(view), purchase(model="minimax-m2"), MARKET, shipped_constraints())
    week = Scope.of(view, START.date(), START.date() + timedelta(days=3))
    with pytest.raises(NoData, match="7 are needed"):
        desk(view, week, told, MARKET, shipped_constraints())


@pytest.mark.heavy
def test_a_week_in_another_zone_has_seven_days(home):
    """Seven local days lie on eight UTC ones; a dollar an hour is a dollar an hour in every zone."""
    first = START + timedelta(hours=4)  # midnight in New York
    ledger = ledger_of(
        home, [{"requested_at": first + timedelta(hours=n), "cost_usd": Decimal(1)} for n in range(7 * 24)]
    )
    with ledger.write() as cursor:
        rollups.set_time_zone(cursor, "America/New_York")
    view = ledger.at(ledger.snapshot())
    found = work_of(view, Scope.of(view), "gpt-5.2")
    assert found.usd_per_day.tolist() == [24.0] * 7
    assert found.usd_per_month == pytest.approx(24 * DAYS_PER_MONTH)


@pytest.mark.parametrize("multiple", [0.1, 1.0, 2.5, 8.0])
def test_capacity_is_charged_at_the_volume_of_the_month(multiple):
    """Two units carry 2,000 tokens a minute; at eight times 1,000 three quarters of the dollars are spilt."""
    told = purchase(output_weight=1, usd_per_unit_hour=0.2, volume=(multiple, multiple))
    ahead = way(compare_offers(steady(), told, OFFER, None, ALL_ALLOWED), "prepaid")
    spilt = max(0.0, multiple * 0.6 - 1.2)
    assert ahead.cost["p50"] == pytest.approx((0.4 + spilt) * 24 * DAYS_PER_MONTH)
    assert ahead.utilisation["p50"] == pytest.approx(min(1.0, multiple / 2))


@pytest.mark.heavy
def test_what_is_batched_already_saves_nothing_more(home):
    rows = [{"requested_at": START + timedelta(hours=3 * n), "service_tier": "batch"} for n in range(14 * 8)]
    ledger = ledger_of(home, rows)
    view = ledger.at(ledger.snapshot())
    found = desk(view, Scope.of(view), purchase(can_wait=0.5), MARKET, shipped_constraints())
    assert way(found, "batch").usd_per_month is None and "no lower" in way(found, "batch").basis


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"commitment_usd": -1}, "at least 0"),
        ({"discount": 1.0}, "below 1"),
        ({"can_wait": 2}, "at most 1"),
        ({"volume": (2.0, 1.0)}, "must be above 0 and rise"),
        ({"model": ""}, "give a text"),
    ],
)
def test_offers_that_make_no_sense_are_refused(told, words):
    with pytest.raises(BadInput, match=words):
        validate(Purchase, {"kind": "purchase", "name": "t", "model": "m", **told}, None, "t")


def test_shipped_capacity_has_source_and_date():
    (offer,) = prepaid_offers("gpt-5.2")
    assert offer.least_units == 15 and offer.input_tokens_per_minute == 3400 and offer.source and offer.as_of
    assert prepaid_offers("nobody") == ()
