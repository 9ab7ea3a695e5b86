"""The replay against its slow twin on real traces, Little's law, the floor, and the ways to need fewer replicas."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import BadInput, Refused
from simulations.hosting import fleet, serving_queue
from simulations.hosting.arrivals import Requests, requests_in_order, stated_demand
from simulations.hosting.deployment import Deployment, RequestShape
from simulations.hosting.fleet import Objective, best_hybrid, off_peak, service_rates, size_fleet
from simulations.hosting.serving_queue import Limits, ServiceRates, replay, replay_within, router_draws
from tests.benchmarks.fleet_speed import day
from tests.simulations.slow_queue import slow_replay


@pytest.fixture(scope="module")
def rates() -> ServiceRates:
    return service_rates(
        Deployment.from_names("llama-3.1-70b", "h100", 4, "tp4", "fp8"), RequestShape(2048, 0, 100), Objective(3000, 60)
    )[0]


def azure(shared_data, seconds: float) -> Requests:
    raw = pd.read_csv(shared_data / "azure/AzureLLMInferenceTrace_code.csv")
    at = pd.to_datetime(raw.TIMESTAMP)
    at = (at - at.iloc[0]).dt.total_seconds().to_numpy()
    kept = at < seconds
    return requests_in_order(at[kept], raw.ContextTokens[kept], np.zeros(kept.sum()), raw.GeneratedTokens[kept])


def mooncake(shared_data, seconds: float) -> Requests:
    lines = (shared_data / "mooncake/conversation_trace.jsonl").read_text().splitlines()
    rows = [row for row in map(json.loads, lines) if row["timestamp"] < seconds * 1e3]
    seen: set[int] = set()
    cached = []
    for row in rows:  # 512-token blocks seen before are cache hits
        cached.append(512 * sum(block in seen for block in row["hash_ids"]))
        seen.update(row["hash_ids"])
    size, hit = (
        np.array([row["input_length"] for row in rows]),
        np.minimum(cached, [row["input_length"] for row in rows]),
    )
    return requests_in_order(
        np.array([row["timestamp"] / 1e3 for row in rows]),
        size - hit,
        hit,
        np.array([row["output_length"] for row in rows]),
    )


@pytest.mark.parametrize(("trace", "seconds", "replicas", "tick"), [(azure, 600, 4, 0.001), (mooncake, 200, 6, 0.002)])
def test_the_replay_agrees_with_its_slow_twin(trace, seconds, replicas, tick, rates, shared_data):
    requests = trace(shared_data, seconds)
    fast = replay(requests, rates, replicas, seed=5)
    ttft, tpot = slow_replay(requests, rates, router_draws(len(requests.at_s), replicas, 5), replicas, tick)
    for q in (50, 95, 99):
        assert np.percentile(fast.ttft_s, q) == pytest.approx(np.percentile(ttft, q), rel=0.05, abs=0.02)
        assert np.percentile(fast.tpot_s, q) == pytest.approx(np.percentile(tpot, q), rel=0.05, abs=0.002)


@pytest.mark.parametrize("replicas", [2, 5, 12])
def test_littles_law_and_the_floor_on_a_real_trace(replicas, rates, shared_data):
    requests = azure(shared_data, 3600)
    seen = replay(requests, rates, replicas)
    end = (requests.at_s + seen.sojourn_s).max()
    assert seen.mean_in_flight == pytest.approx(len(requests.at_s) / end * seen.sojourn_s.mean(), rel=1e-9)
    assert rates.busy_seconds(requests.fresh_tokens.sum(), requests.output_tokens.sum()) <= replicas * end


def test_one_request_alone_by_hand(rates):
    seen = replay(Requests(np.zeros(1), np.array([1000.0]), np.zeros(1), np.array([11.0])), rates, 3)
    assert seen.ttft_s[0] == pytest.approx(1000 * rates.prefill_s_per_token + rates.overhead_s)
    assert seen.tpot_s[0] == pytest.approx(rates.step_s[1])
    assert seen.sojourn_s[0] == pytest.approx(1000 * rates.prefill_s_per_token + 10 * rates.step_s[1])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 30), st.integers(0, 5000), st.integers(1, 300)), min_size=1, max_size=40),
    st.integers(1, 5),
)
def test_every_request_is_answered_and_more_replicas_are_not_slower(rows, replicas):
    rates = ServiceRates((np.inf, 0.01, 0.011, 0.012), 1e-4, 0.4, 0.01, 20_000, 1)
    requests = requests_in_order(
        *(np.array(c, dtype=float) for c in zip(*[(a, s, 0, o) for a, s, o in rows], strict=True))
    )
    seen = replay(requests, rates, replicas)
    assert np.all(seen.ttft_s >= requests.fresh_tokens * rates.prefill_s_per_token)
    assert np.all(seen.sojourn_s >= (requests.output_tokens - 1) * rates.step_s[1] - 1e-9)
    assert replay(requests, rates, replicas, seed=0).sojourn_s.tolist() == seen.sojourn_s.tolist()


FACTORS = st.sampled_from([0.0, 0.2, 0.9, 1 - 1e-13, 1.0, 1 + 1e-13, 1.1, 5.0, np.inf])


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 30), st.integers(0, 5000), st.integers(1, 300)), min_size=1, max_size=120),
    st.integers(1, 5),
    FACTORS,
    FACTORS,
)
def test_a_replay_that_is_left_early_breaks_its_limits_and_one_that_is_not_is_the_whole(rows, replicas, first, each):
    """Limits around what the whole replay gives, to its last digits."""
    rates = ServiceRates((np.inf, 0.01, 0.011, 0.012), 1e-4, 0.4, 0.01, 20_000, 1)
    requests = requests_in_order(
        *(np.array(c, dtype=float) for c in zip(*[(a, s, 0, o) for a, s, o in rows], strict=True))
    )
    whole = replay(requests, rates, replicas)
    p95 = whole.percentiles()
    limits = Limits(p95["ttft_p95_ms"] * first, p95["tpot_p95_ms"] * each)
    seen = replay_within(limits, requests, rates, replicas)
    assert (seen is not None) == limits.hold_for(whole)
    if seen is not None:
        assert [np.asarray(part).tolist() for part in seen] == [np.asarray(part).tolist() for part in whole]


def test_a_fleet_far_too_small_is_left_long_before_its_queue_is_empty(rates, monkeypatch):
    requests, steps = day(20_000, hours=1), []
    advance = serving_queue._advance
    monkeypatch.setattr(serving_queue, "_advance", lambda *state: (steps.append(1), advance(*state)))
    assert replay_within(Limits(3000, 60), requests, rates, 1) is None
    assert 0 < len(steps) < len(requests.at_s) / 2


def test_more_replicas_are_never_slower_on_a_real_trace(rates, shared_data):
    requests = azure(shared_data, 1200)
    means = [replay(requests, rates, n).sojourn_s.mean() for n in (1, 2, 4, 8, 16, 32)]
    assert means == sorted(means, reverse=True)


@pytest.mark.heavy
def test_every_request_of_a_day_gets_its_first_token(rates):
    """A tenth of a million of them; the whole day and its time are in tests/benchmarks/fleet_speed.py."""
    seen = replay(day(100_000), rates, 2)
    assert len(seen.ttft_s) == 100_000 and np.isfinite(seen.ttft_s).all()


def test_the_sized_fleet_keeps_its_promise_and_is_the_smallest(rates, shared_data):
    requests = azure(shared_data, 1200)
    per_minute = np.bincount((requests.at_s // 60).astype(int)).astype(float)
    demand = stated_demand(1e6, 2048, 0, 28, 2)._replace(
        requests=per_minute, fresh_tokens=per_minute * 2048, cached_tokens=per_minute * 0, output_tokens=per_minute * 28
    )
    objective = Objective(2000, 60)
    sized = size_fleet([requests], demand, rates, objective)
    assert sized.floor <= sized.replicas == sized.paid_replicas - 1
    assert sized.gpus == sized.paid_replicas * 4
    assert objective.limits.hold_for(sized.latencies)
    assert not objective.limits.hold_for(replay(requests, rates, sized.replicas - 1))


@pytest.mark.heavy
def test_a_crowded_hour_is_sized_on_a_part_of_it_and_never_too_small(rates, monkeypatch):
    requests = day(400_000, hours=1)
    per_minute = np.full(60, 400_000 / 60)
    demand = stated_demand(1e6, 2048, 0, 28, 2)._replace(
        requests=per_minute,
        fresh_tokens=np.full(60, requests.fresh_tokens.sum() / 60),
        cached_tokens=per_minute * 0,
        output_tokens=np.full(60, requests.output_tokens.sum() / 60),
    )
    monkeypatch.setattr(fleet, "MOST_REPLAYED", 400_000)
    whole = size_fleet([requests], demand, rates)
    monkeypatch.setattr(fleet, "MOST_REPLAYED", 50_000)
    part = size_fleet([requests], demand, rates)
    assert whole.replicas <= part.replicas <= 1.15 * whole.replicas + 8  # at most one replica of the eighth more
    assert part.floor == whole.floor <= part.replicas


def test_an_objective_nobody_can_keep_is_refused(rates, shared_data):
    with pytest.raises(Refused, match="No number of replicas"):
        size_fleet([azure(shared_data, 300)], stated_demand(1e5, 10, 0, 10, 2), rates, Objective(0.01, 60))
    with pytest.raises(Refused, match="One request alone"):
        service_rates(
            Deployment.from_names("llama-3.1-405b", "a100", 16, "tp16", "bf16"),
            RequestShape(2048, 0, 100),
            Objective(3000, 1),
        )


@pytest.mark.parametrize(("replicas", "tokens"), [(0, 10), (2, 10_000_000)])
def test_impossible_replays_are_refused(replicas, tokens, rates):
    with pytest.raises(BadInput):
        replay(Requests(np.zeros(1), np.array([float(tokens)]), np.zeros(1), np.array([5.0])), rates, replicas)


def test_autoscaling_pays_between_the_load_and_the_fixed_fleet():
    load = 3 + 2 * np.sin(np.arange(2880) / 1440 * 2 * np.pi)
    paid = fleet.autoscaled_hours(load, spare=1, load_minutes=10, highest_load=0.75)
    assert load.sum() / 60 < paid < (np.ceil(load.max() / 0.75) + 1) * 48
    assert fleet.autoscaled_hours(load, load_minutes=30) >= fleet.autoscaled_hours(load, load_minutes=5)


def test_a_fleet_that_only_reacts_is_late_by_hand():
    """Methods 11: a step from 3 to 30 busy replicas was paid for before it came. It is short for the ten minutes that
    replicas take to load; a step that one spare replica carries (3 to 3.75: from four to five) is not."""
    step = np.concatenate([np.full(60, 3.0), np.full(60, 30.0)])
    assert fleet.late_minutes(step, spare=1, load_minutes=10, highest_load=0.75) == 10
    assert fleet.late_minutes(step[::-1], spare=1, load_minutes=10, highest_load=0.75) == 0
    assert fleet.autoscaled_hours(step, spare=1, load_minutes=10, highest_load=0.75) == (50 * 5 + 70 * 41) / 60
    small = np.concatenate([np.full(60, 3.0), np.full(60, 3.75)])
    assert fleet.late_minutes(small, spare=1, load_minutes=10, highest_load=0.75) == 0
    assert fleet.late_minutes(small, spare=0, load_minutes=10, highest_load=0.75) == 10


def test_spot_needs_more_machines():
    assert fleet.with_evictions(10, 0, 10) == 10
    assert fleet.with_evictions(10, 1, 10) == 11
    assert fleet.with_evictions(100, 24, 12) == 125


def test_batchable_work_fills_the_valleys():
    load = np.tile(np.concatenate([np.full(720, 4.0), np.full(720, 1.0)]), 2)
    moved = off_peak(load, 0.3)
    assert moved.sum() == pytest.approx(load.sum())
    assert moved.max() == pytest.approx(2.8) and moved.min() == pytest.approx(2.2)
    assert off_peak(load, 0).tolist() == load.tolist()


def test_the_hybrid_search_finds_the_cheapest_split():
    load = np.concatenate([np.full(1400, 1.5), np.full(40, 12.0)])
    splits = best_hybrid(load, 1000, 20_000)
    assert splits[0].usd_per_month == min(s.usd_per_month for s in splits)
    assert 0 < splits[0].replicas < 16 and 0 < splits[0].burst_share < 0.2
    assert best_hybrid(load, 1e9, 20_000)[0].replicas == 0
    assert best_hybrid(np.zeros(60), 1000, 0)[0].replicas == 0


def test_worst_hours_are_the_busiest():
    load = np.ones(600)
    load[120:180] = 9
    assert fleet.worst_hours(load, 1) == [120]
    assert fleet.worst_hours(np.ones(20)) == [0]


@given(
    st.lists(st.floats(0, 60), min_size=1, max_size=40),
    st.floats(10, 5000),
    st.floats(0, 500_000),
    st.integers(0, 3),
)
@settings(max_examples=60, deadline=None)
def test_among_many_splits_the_cheapest_of_all_is_found(load, replica_usd, api_usd, spare):
    """All of them are looked at where they are few; else those around the cheapest, which is the only valley."""
    minutes = np.array(load)
    with pytest.MonkeyPatch.context() as few:
        few.setattr(fleet, "SPLITS", 6)
        found = best_hybrid(minutes, replica_usd, api_usd, spare=spare)
    every = [
        (
            (n + spare) * replica_usd * bool(n)
            + (np.maximum(minutes - 0.75 * n, 0).sum() / minutes.sum() if minutes.sum() else 0.0) * api_usd
        )
        for n in range(int(np.ceil(minutes.max() / 0.75)) + 1)
    ]
    assert found[0].usd_per_month == pytest.approx(min(every), rel=1e-9, abs=1e-6)
    assert found[0].usd_per_month == min(one.usd_per_month for one in found)
    assert all(0 <= one.burst_share <= 1 for one in found)
