"""A vendor is down, or fails part of its requests: against small logs whose truth is counted by hand."""

from __future__ import annotations

import argparse
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.scope import Scope
from data.errors import BadInput, NoData
from data.facts.models import shipped_catalog
from data.prices.book import PriceBook
from data.yaml_text import validate
from routing.policies.in_force import shipped_constraints
from routing.policies.text import read_policy
from simulations import outage_commands
from simulations.mixes.problem_from_log import programme
from simulations.outages.concentration import concentration, keep_elsewhere
from simulations.outages.drill import drill
from simulations.outages.outage import Outage
from simulations.outages.queues import carry
from simulations.outages.rerouting import Rerouting, reroute
from simulations.replay.repricing import Market
from simulations.scenario import read_scenario
from tests.simulations.ledgers import START, ledger_of

MARKET = Market(PriceBook(), shipped_catalog(), datetime.fromisoformat("2026-10-20"))
CHINESE = {"model": "deepseek-v3.2", "provider": "deepseek", "data_class": "internal"}


def view_of(home, rows):
    ledger = ledger_of(home, rows)
    return ledger.at(ledger.snapshot())


def at(minute, **more):
    return {"requested_at": START + timedelta(minutes=minute), **more}


def out(**told):
    return Outage(kind="drill", name="t", **({"provider": "openai"} | told))


def rerouting(**told):
    return Rerouting(kind="rerouting", name="t", **({"model": "gpt-5.2", "to": "claude-opus-4-5"} | told))


@pytest.fixture
def day(home):
    """Two hours: 60 requests of OpenAI, of them 12 with customer data, and 30 of DeepSeek."""
    rows = [at(2 * n, data_class="customer" if n % 5 == 0 else "internal") for n in range(60)]
    return view_of(home, [*rows, *(at(4 * n, **CHINESE) for n in range(30))])


def asked(view, outage, **more):
    return drill(view, Scope.of(view), outage, MARKET, **more)


def test_without_a_fallback_every_request_of_the_hours_fails(day):
    found = asked(day, out(start=START, hours=1))
    assert (found.requests, found.touched, found.failed, found.taken) == (45, 30, 30, 0)
    assert found.extra_usd == 0


def test_a_fallback_takes_what_its_constraints_allow(day):
    found = asked(day, out(start=START, hours=1, fallback=("deepseek-v3.2",)), held=shipped_constraints())
    assert (found.touched, found.taken, found.unserved) == (30, 24, 6)  # customer data stays off it
    assert found.refusals["requests"].sum() == 6 and "CN" in found.refusals["reason"].iloc[0]
    wide = asked(
        day, out(start=START, hours=1, fallback=("deepseek-v3.2", "claude-opus-4-5")), held=shipped_constraints()
    )
    assert wide.failed == 0
    assert dict(wide.by_model[["answered_by", "requests"]].itertuples(index=False)) == {
        "deepseek-v3.2": 24,
        "claude-opus-4-5": 6,
    }


def test_a_breach_of_today_is_not_the_drills(home):
    view = view_of(
        home, [at(n, **{**CHINESE, "data_class": "customer"}) for n in range(30)] + [at(n) for n in range(30)]
    )
    found = asked(view, out(start=START, hours=1, fallback=("deepseek-v3.2",)), held=shipped_constraints())
    assert (found.touched, found.taken) == (30, 30)
    assert found.carried.queues[0].peak_own == 1  # what the rule forbids there stays where the log has it


def test_dollars_are_the_fallbacks_price_less_what_was_logged(day):
    found = asked(day, out(start=START, hours=1, fallback=("claude-opus-4-5",)))
    row = MARKET._rate("claude-opus-4-5", 1000.0, "standard")
    assert row is not None
    each = 1000 * row[0] + 200 * row[-2 if len(row) > 6 else -1]
    assert found.extra_usd == pytest.approx(30 * (each - 0.00455), rel=0.02)


def test_a_live_policy_decides_who_is_touched(day):
    policy = read_policy("name: p\nrules: [{split: {gpt-5.2: 0.25, deepseek-v3.2: 0.75}}]")
    found = asked(day, out(start=START, hours=1), live=policy)
    assert found.touched == pytest.approx(45 * 0.25) and found.failed == 0
    alone = read_policy("name: p\nrules: [{use: claude-opus-4-5}]")
    with pytest.raises(NoData, match="nothing asks openai"):
        asked(day, out(start=START, hours=1), live=alone)


def test_limits_make_requests_wait_then_turn_them_away(day):
    wish = out(
        start=START, hours=1, fallback=("claude-opus-4-5",), limits={"claude-opus-4-5": 0.25}, patience_minutes=0
    )
    found = asked(day, wish)
    assert found.turned_away == pytest.approx(30 * 0.75) and found.taken == pytest.approx(30 * 0.25)
    freely = asked(day, wish.model_copy(update={"limits": {}}))
    assert found.extra_usd == pytest.approx(freely.extra_usd * 0.25)  # who is turned away pays nothing


@pytest.mark.parametrize("limit", [0.1, 0.25, 0.6, 2])
def test_who_answers_is_who_took_them_at_their_limits(day, limit):
    """24 of 30 may go to either, 6 (customer data) only to the second; one request every second minute."""
    wish = out(
        start=START,
        hours=1,
        fallback=("deepseek-v3.2", "claude-opus-4-5"),
        limits={"deepseek-v3.2": limit + 1},
        patience_minutes=0,
    )
    found = asked(day, wish, held=shipped_constraints())
    busy = [minute for minute in range(0, 60, 2) if minute % 10]  # of these, every fourth meets one of its own
    first = sum(min(1.0, limit + 1 - (minute % 4 == 0)) for minute in busy)
    told = dict(found.by_model[["answered_by", "requests"]].itertuples(index=False))
    assert told == pytest.approx({"deepseek-v3.2": first, "claude-opus-4-5": 30 - first})
    alone = asked(day, wish.model_copy(update={"fallback": ("deepseek-v3.2",)}), held=shipped_constraints())
    told = dict(alone.by_model[["answered_by", "requests"]].itertuples(index=False))
    assert told["nobody"] == pytest.approx(alone.failed) == pytest.approx(30 - first)
    assert sum(told.values()) == pytest.approx(alone.touched)


@given(
    st.lists(st.integers(0, 20), min_size=1, max_size=30),
    st.floats(0.5, 30),
    st.floats(0, 5),
)
def test_no_request_is_lost_between_queues(arrivals, limit, patience):
    moved = np.array(arrivals, float)
    own = {"a": np.ones(len(moved))}
    found = carry(own, {("a", "b"): moved}, {"a": limit, "b": limit}, patience)
    assert sum(queue.taken for queue in found.queues) + found.failed.sum() == pytest.approx(moved.sum())
    assert all(queue.longest_wait_minutes <= patience + 1e-9 for queue in found.queues)
    freely = carry(own, {("a",): moved}, {}, patience)
    assert freely.failed.sum() == 0 and freely.queues[0].peak == moved.max() + 1


def test_the_busiest_hours_are_chosen_where_none_are_typed(home):
    view = view_of(home, [at(600 * n) for n in range(10)] + [at(3960 + n) for n in range(40)])
    found = asked(view, out(hours=1))
    assert found.touched == 40 and found.hours.since == datetime.fromisoformat("2026-10-07T18:00")


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"hours": 0}, "above 0"),
        ({"hours": 1e6}, "at most 336"),
        ({"model": "gpt-5.2"}, "one of them"),
        ({"provider": None}, "one of them"),
        ({"limits": {"gpt-5.2": -1}}, "give more than 0"),
    ],
)
def test_an_outage_that_makes_no_sense_is_refused(told, words):
    body = {"kind": "drill", "name": "t", "provider": "openai", **told}
    with pytest.raises(BadInput, match=words):
        validate(Outage, body, None, "t")


@pytest.mark.parametrize(
    ("model", "kind", "option", "told"),
    [(Outage, "drill", "hours", {}), (Rerouting, "rerouting", "per_minute", {"to": "gpt-5.2"})],
)
def test_a_zero_that_is_typed_is_a_value(model, kind, option, told):
    """`--hours 0` ran the four hours of nobody who asks."""
    args = argparse.Namespace(file=None, provider="openai", model=None)
    with pytest.raises(BadInput, match=rf"{option}: give a number above 0 \(got 0.0\)"):
        outage_commands._scenario(args, model, kind, {option: 0.0} | told)


def test_a_drill_longer_than_the_log_or_outside_it_is_one_sentence(day):
    with pytest.raises(NoData, match="the log only"):
        asked(day, out(hours=30))
    with pytest.raises(BadInput, match="choose hours inside it"):
        asked(day, out(hours=1, start=START - timedelta(days=3)))
    with pytest.raises(NoData, match="never asked nobody"):
        asked(day, out(provider="nobody"))


@pytest.fixture
def failing(home):
    """100 calls a minute apart: ten fail with a rate limit, of which five succeed on a second try."""
    rows = []
    for n in range(100):
        failed = n % 10 == 0
        error = {"status": "error", "error_class": "rate_limit", "cost_usd": Decimal(0), "output_tokens": 0}
        rows.append(at(n, call_id=f"c{n}", **(error if failed else {})))
        if failed and n % 20 == 0:
            rows.append(at(n + 0.5, call_id=f"c{n}", attempt=2))
    return view_of(home, rows)


def test_failures_go_elsewhere_and_are_counted_by_call(failing):
    found = reroute(failing, Scope.of(failing), rerouting(limiter=False), shipped_constraints(), MARKET)
    assert (found.requests, found.failed, found.never) == (100, 10, 5)
    assert (found.after_failure, found.held_back, found.answered) == (10, 0, 5)
    assert found.causes == {"rate_limit": 10} and found.still_failing is None
    assert found.usd_now == pytest.approx(5 * 0.00455)
    assert found.usd_then == pytest.approx(found.usd_then_cold) and found.usd_then > 10 * 0.00455


def test_the_limiter_holds_back_a_burst_that_is_refused(home):
    error = {"status": "error", "error_class": "rate_limit", "cost_usd": Decimal(0)}
    rows = [at(n / 60, call_id=f"c{n}", **(error if n % 2 and n > 100 else {})) for n in range(400)]
    view = view_of(home, rows)
    found = reroute(view, Scope.of(view), rerouting(per_minute=1500), shipped_constraints(), MARKET)
    plain = reroute(view, Scope.of(view), rerouting(limiter=False), shipped_constraints(), MARKET)
    assert found.rests > 0 and found.held_back > 0 and found.learned_per_minute < 60
    assert found.after_failure < plain.after_failure == 150
    assert (
        found.after_failure + found.held_back > plain.after_failure
    )  # it also moves calls that would have been answered


def test_what_the_policy_forbids_is_not_rerouted(failing):
    wish = rerouting(to="deepseek-v3.2", limiter=False)
    rule = read_policy(
        "name: r\nconstraints: [{when: {data_class: internal}, forbid: {origin: CN}}]\nrules: [{use: current}]"
    )
    found = reroute(failing, Scope.of(failing), wish, rule, MARKET)
    assert (found.after_failure, found.forbidden, found.answered) == (0, 10, 0)


def test_failures_to_itself_and_of_nobody_are_refused(failing):
    with pytest.raises(BadInput, match="cannot go to"):
        validate(Rerouting, {"kind": "rerouting", "name": "t", "model": "gpt-5.2", "to": "gpt-5.2"}, None, "t")
    with pytest.raises(NoData, match="first asked minimax-m2"):
        reroute(failing, Scope.of(failing), rerouting(model="minimax-m2"), shipped_constraints(), MARKET)


def test_shares_by_vendor_and_what_a_share_elsewhere_costs(home):
    view = view_of(home, [{}] * 80 + [CHINESE | {"cost_usd": Decimal("0.0004")}] * 20)
    table = concentration(view, Scope.of(view), MARKET).set_index(["kind", "name"])
    assert table.loc[("provider", "openai"), "requests_share"] == pytest.approx(0.8)
    assert table.loc[("origin", "CN"), "requests_share"] == pytest.approx(0.2)
    made = programme(view, Scope.of(view), MARKET, ("claude-opus-4-5",), policy=shipped_constraints())
    vendor = made.problem.vendors[made.problem.models.index("gpt-5.2")]
    assert keep_elsewhere(view, made, MARKET, vendor, 0.1).usd == 0
    step = keep_elsewhere(view, made, MARKET, vendor, 0.3)
    assert sum(step.moved.values()) == pytest.approx(step.today - 0.7, abs=1e-6)
    assert step.usd is not None and step.usd < 0  # a cheaper model may take this work, and does


@pytest.mark.parametrize(
    ("name", "model", "kind"), [("vendor_down", Outage, "drill"), ("failures_elsewhere", Rerouting, "rerouting")]
)
def test_shipped_scenarios_read(name, model, kind):
    assert read_scenario(name, model, kind).name
