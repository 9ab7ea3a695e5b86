"""Fleets at other volumes are replayed by the same queue, not multiplied, and the money follows them."""

from __future__ import annotations

import numpy as np
import pytest

from simulations.hosting import arrivals, breakeven
from simulations.hosting.arrivals import Requests
from simulations.hosting.case import resolve
from simulations.hosting.fleet_plan import MULTIPLES, Plan
from simulations.hosting.study import from_volume

PLAN = Plan(model="minimax-m2", gpu="H200 SXM", gpus=8, api_usd=(0.30, 0.03, 1.20))


def test_ten_times_a_light_load_needs_no_ten_times_the_machines():
    """What-if 3: MiniMax M2 on eight H200s carries 1.5M and 15M requests a month on one replica."""
    study = from_volume(PLAN, 1_500_000, 3000, 0, 500, 3.0)
    loads = dict(study.scenario.replica.load_at)
    again = from_volume(PLAN, 15_000_000, 3000, 0, 500, 3.0)
    assert loads[1.0] == study.scenario.replica.load_replicas
    assert loads[10.0] == pytest.approx(again.scenario.replica.load_replicas, abs=1)
    assert loads[10.0] < 10 * loads[1.0]
    more = from_volume(PLAN, 45_000_000, 3000, 0, 500, 3.0).scenario.replica
    assert loads[30.0] == pytest.approx(more.load_replicas, abs=1) and loads[30.0] < 30 * loads[1.0]
    assert [busy for _, busy in study.scenario.replica.load_at] == sorted(loads.values())
    case = resolve(study.scenario, serving=study.point.of_one_replica())
    assert breakeven.volumes(case)[[0, -1]].tolist() == pytest.approx([MULTIPLES[0], MULTIPLES[-1]])
    assert breakeven.load_at(case, np.array([10.0]))[0] == loads[10.0]


@pytest.mark.parametrize("multiple", [0.3, 3.0, 10.0])
def test_an_hour_at_another_volume_keeps_its_work_and_its_minutes(multiple):
    rng = np.random.default_rng(5)
    at = np.sort(rng.uniform(0, 3600, 4000))
    hour = Requests(at - at[0], rng.uniform(1, 100, 4000), np.zeros(4000), rng.integers(1, 50, 4000).astype(float))
    more = arrivals.times(hour, multiple)
    assert len(more.at_s) == pytest.approx(4000 * multiple, rel=0.06)
    assert more.fresh_tokens.sum() == pytest.approx(hour.fresh_tokens.sum() * multiple, rel=0.08)
    assert more.at_s[-1] <= hour.at_s[-1] + 60 and (np.diff(more.at_s) >= 0).all()


def test_ten_billion_requests_a_month_are_sized_on_a_part_that_a_machine_can_hold():
    """61 s before, then minutes: every one of 34 million requests of the busiest hour was drawn, thirty times over."""
    large, huge = (from_volume(PLAN, n, 6000, 3000, 900, 2.5) for n in (1e9, 1e10))
    peak = arrivals.stated_demand(1e10, 6000, 3000, 900, 2.5)
    hour = arrivals.draw_requests(peak._replace(**{n: getattr(peak, n)[840:900] for n in peak._fields[1:]}))
    assert len(hour.at_s) == pytest.approx(arrivals.MOST_FOLLOWED, rel=0.02)
    assert hour.in_all == pytest.approx(peak.requests[840:900].sum(), rel=0.02)
    assert len(arrivals.times(hour, 30.0).at_s) == pytest.approx(arrivals.MOST_FOLLOWED, rel=0.02)
    assert huge.fleet.floor == pytest.approx(10 * large.fleet.floor, rel=0.03)
    assert huge.fleet.floor <= huge.fleet.replicas <= 1.5 * huge.fleet.floor
    assert any("busiest hours hold up to 34," in words for words in huge.warnings)
