"""Laws of the breaker, the limiter, the spend cap and the counters under hypothesis, as state machines."""

from __future__ import annotations

import asyncio
import random
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from data.errors import BadInput, Refused
from routing.calling.backoff import jitter_s, retry_after_s
from routing.calling.breaker import CONSECUTIVE, Breaker
from routing.calling.calls import Price, Tokens
from routing.calling.limiter import AdaptiveRate, Bucket, InFlight
from routing.calling.spend_cap import SpendCap

SECONDS = st.floats(0.0, 400.0)
USD = st.decimals("0", "3", places=4)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class BreakerLaws(RuleBasedStateMachine):
    """Never more than one probe; an open circuit lets nothing through; deadlines never move forward."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.breaker = Breaker(self.clock)
        self.out = []

    @rule()
    def take(self):
        state, probing = self.breaker.state, self.breaker.probing
        permit = self.breaker.permit()
        assert (permit is None) == (state == "open" or (state == "half_open" and probing))
        if permit:
            self.out.append(permit)

    @precondition(lambda self: self.out)
    @rule(
        data=st.data(), succeeded=st.sampled_from([True, False, False, None]), blocked=st.sampled_from([0.0, 0.0, 50.0])
    )
    def give_back(self, data, succeeded, blocked):
        permit = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        until = self.breaker.open_until
        permit.close(succeeded, self.clock.now + blocked if blocked else 0.0)
        if until is not None and self.breaker.open_until is not None:
            assert self.breaker.open_until >= until
        permit.close(False)

    @rule(seconds=SECONDS)
    def wait(self, seconds):
        self.clock.now += seconds

    @invariant()
    def one_probe_at_most(self):
        assert sum(permit.probe and self.breaker._probing is permit for permit in self.out) <= 1
        assert self.breaker.wait_s() >= 0 and (self.breaker.state == "open") == (self.breaker.wait_s() > 0)

    def teardown(self):
        # Whatever happened, a breaker whose permits came back lets a call through in the end.
        for permit in self.out:
            permit.close(None)
        self.clock.now += 10_000
        assert self.breaker.permit() is not None


class CapLaws(RuleBasedStateMachine):
    """Spent, held and reserved together never exceed the cap, whatever order calls end in."""

    def __init__(self) -> None:
        super().__init__()
        self.cap = SpendCap(Decimal("10"))
        self.open = []

    @rule(worst=USD)
    def reserve(self, worst):
        reservation = self.cap.try_reserve(worst)
        if reservation:
            self.open.append(reservation)
        else:
            assert worst > self.cap.left_usd

    @precondition(lambda self: self.open)
    @rule(data=st.data(), share=st.sampled_from(["0", "0.3", "1", None]))
    def settle(self, data, share):
        reservation = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
        reservation.settle(None if share is None else reservation.usd * Decimal(share))
        before = (self.cap.spent_usd, self.cap.held_usd, self.cap.reserved_usd)
        reservation.settle(Decimal(99))
        assert before == (self.cap.spent_usd, self.cap.held_usd, self.cap.reserved_usd)

    @invariant()
    def never_exceeded(self):
        assert 0 <= self.cap.reserved_usd == sum((r.usd for r in self.open), Decimal(0))
        assert self.cap.spent_usd + self.cap.held_usd + self.cap.reserved_usd <= self.cap.limit_usd
        assert self.cap.left_usd >= 0


class LimiterLaws(RuleBasedStateMachine):
    """The rate stays above zero and under the declared limit, and rests end."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.rate = AdaptiveRate(self.clock, 1500)

    @rule(overloaded=st.booleans(), times=st.integers(1, 40))
    def outcomes(self, overloaded, times):
        for _ in range(times):
            before = self.rate.per_s
            self.rate.take()
            self.rate.record(overloaded)
            assert self.rate.per_s >= before if not overloaded else self.rate.per_s <= 25.0

    @rule(seconds=SECONDS)
    def wait(self, seconds):
        self.clock.now += seconds

    @invariant()
    def bounded(self):
        assert 0 < self.rate.per_s <= 25.0 + 1e-9
        assert 0 <= self.rate.resting_s() <= 5.0
        assert self.rate.wait_s() >= 0 and 0 <= self.rate.failure_share <= 1


for machine in (BreakerLaws, CapLaws, LimiterLaws):
    machine.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestBreaker, TestCap, TestLimiter = BreakerLaws.TestCase, CapLaws.TestCase, LimiterLaws.TestCase


def test_five_failures_in_a_row_open_the_circuit_for_thirty_seconds_doubling():
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(CONSECUTIVE):
        breaker.permit().close(False)
    assert breaker.state == "open" and breaker.wait_s() == 30.0
    for expected in (60.0, 120.0, 240.0, 300.0, 300.0):
        clock.now = breaker.open_until
        probe = breaker.permit()
        assert probe.probe and breaker.permit() is None
        probe.close(False)
        assert breaker.wait_s() == expected
    clock.now = breaker.open_until
    breaker.permit().close(True)
    assert breaker.state == "closed"


def test_a_second_failure_while_open_keeps_the_longer_deadline():
    """LiteLLM 40130."""
    clock = Clock()
    breaker = Breaker(clock)
    one, two = breaker.permit(), breaker.permit()
    one.close(False, clock.now + 500)
    two.close(False, clock.now + 5)
    assert breaker.wait_s() == 500


@given(st.lists(st.booleans(), max_size=60))
def test_in_flight_never_goes_below_zero(leaves):
    counter, out = InFlight(), []
    for leave in leaves:
        if leave and out:
            done = out[-1]
            done()
            done()
            out.pop()
        else:
            out.append(counter.enter())
        assert counter.count == len(out)


@given(st.integers(0, 50), st.integers(0, 10**6))
def test_full_jitter_stays_within_its_bounds(retry, seed):
    assert 0 <= jitter_s(retry, random.Random(seed)) <= min(8.0, 0.5 * 2**retry)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "0", "retry-after": "3"}, 3.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:00 GMT"}, 60.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "Wed, 21 Oct 1960 07:28:00 GMT"}, None),
    ],
)
def test_retry_after_in_every_form(headers, seconds):
    assert retry_after_s(headers, 0.0) == seconds


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 50)), max_size=40))
def test_a_bucket_never_gives_more_than_flowed_in(steps):
    clock = Clock()
    bucket, taken, start = Bucket(clock, 600.0, burst_s=2), 0.0, 100.0
    for units, seconds in steps:
        if bucket.wait_s(units) == 0:
            bucket.take(units)
            taken += units
        clock.now += seconds
    assert taken <= 20 + 10 * (clock.now - start) + 100


def test_waiting_for_a_reservation_ends_when_a_call_settles_and_is_refused_when_it_cannot():
    async def scenario():
        cap = SpendCap(Decimal(1))
        first = await cap.reserve(Decimal("0.8"))
        waiting = asyncio.create_task(cap.reserve(Decimal("0.5")))
        await asyncio.sleep(0)
        assert not waiting.done()
        first.settle(Decimal("0.1"))
        second = await waiting
        second.settle(None)
        assert (cap.spent_usd, cap.held_usd) == (Decimal("0.1"), Decimal("0.5"))
        with pytest.raises(Refused, match="spend cap"):
            await cap.reserve(Decimal("0.5"))

    asyncio.run(scenario())
    with pytest.raises(BadInput):
        SpendCap(Decimal("-1"))


RATE = st.none() | st.decimals("0", "90", places=3)
COUNT = st.none() | st.integers(0, 60)


@given(
    st.builds(Price, RATE, RATE, RATE, RATE, RATE),
    st.builds(Tokens, COUNT, COUNT, COUNT, COUNT, COUNT, COUNT),
    st.integers(0, 240),
    st.integers(0, 120),
)
def test_a_bill_never_exceeds_its_reservation_whatever_kind_the_tokens_are(price, tokens, input_bound, output_bound):
    cost, worst = price.cost_usd(tokens), price.worst_usd(input_bound, output_bound)
    if cost is None or not tokens.within(input_bound, output_bound):
        return
    assert worst is not None and 0 <= cost <= worst


def test_an_hour_long_cache_write_is_reserved_at_its_own_price():
    """Spent reached 1.84 of a cap of 1.00 when writes were billed at twice the rate they were reserved at."""
    price = Price(Decimal(10), Decimal(1))
    assert price.cost_usd(Tokens(0, 0, 0, 4000, 16)) == price.worst_usd(4000, 16) == Decimal("0.080016")
    assert not Price(Decimal(0), Decimal(0), cache_write_1h=Decimal(3)).free and Price(Decimal(0), Decimal(0)).free
