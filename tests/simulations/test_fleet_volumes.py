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
