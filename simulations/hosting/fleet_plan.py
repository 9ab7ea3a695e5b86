"""How a fleet is run, and what that needs: fixed, autoscaled, base load with bursts to the API, or spot."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np

from data import wording
from data.calendar import HOURS_PER_MONTH
from data.errors import BadInput, NoData
from data.facts.gpus import typical_price
from data.facts.hosting import hosting_facts
from simulations.hosting import arrivals, fleet
from simulations.hosting.arrivals import Demand, Requests
from simulations.hosting.fleet import PROMISE, Fleet, Hybrid, Objective
from simulations.hosting.measured_curves import ServingMeasurement
from simulations.hosting.serving_queue import ServiceRates

MULTIPLES = (0.3, 1.0, 3.0, 10.0, 30.0)  # of today's volume, at which fleets are replayed
HIGHEST_LOAD = 0.75  # of a replica's fluid capacity, for splits and autoscaling


class Plan(NamedTuple):
    """What the user chose. `host_usd` and `api_usd` are USD per million tokens (input, cached input, output).

    Without `api_usd` the API's cost is the log's own bill; with it, the log's tokens at these prices. Without `ttft_ms`
    the promise is the usual one, or the next round one that leaves the time to read (`fleet.round_ttft_ms`).
    """

    model: str
    gpu: str
    gpus: int = 1
    precision: str = ""
    ttft_ms: float | None = None
    tpot_ms: float = 50
    run: str = "fixed"
    spare: int = 1
    months: int = 36
    growth_per_year: float = 0.0
    batchable_share: float = 0.0
    quality_gap: float = 0.0
    usd_per_failure: float = 0.0
    host_usd: tuple[float, float, float] | None = None
    api_usd: tuple[float, float, float] | None = None
    rent_kind: Literal["on_demand", "reserved", "spot"] = "reserved"
    assumptions: tuple[tuple[str, float], ...] = ()
    measurements: tuple[ServingMeasurement, ...] = ()

    @property
    def objective(self) -> Objective:
        """What every user is promised."""
        return Objective(PROMISE.ttft_ms if self.ttft_ms is None else self.ttft_ms, self.tpot_ms)


class FleetPlan(NamedTuple):
    """A fleet as it is run: `busy` replicas carry the work, `spare` stand by; shares are of hours and of the work."""

    sized: Fleet
    busy: int
    spare: int
    mean_replicas: float
    paid_hours_share: float | None
    burst_share: float
    splits: list[Hybrid]
    warnings: tuple[str, ...]


def plan_fleet(
    plan: Plan, demand: Demand, windows: list[Requests], rates: ServiceRates, api_usd_per_month: float
) -> FleetPlan:
    """The fleet that these busiest hours need, run as planned.

    Raises Refused for an objective out of reach.
    """
    interactive = [_thinned(requests, plan.batchable_share) for requests in windows]
    sized = fleet.size_fleet(interactive, demand, rates, plan.objective, spare=plan.spare)
    load = fleet.off_peak(sized.load, plan.batchable_share)
    sized = sized._replace(load=load)
    busy = max(sized.replicas, math.ceil(load.max() * 0.999)) if plan.batchable_share else sized.replicas
    splits = fleet.best_hybrid(
        load, _rent_per_replica(plan, rates.gpus), api_usd_per_month, highest_load=HIGHEST_LOAD, spare=plan.spare
    )
    whole = FleetPlan(sized, busy, plan.spare, float(load.mean()), None, 0.0, splits, _sampled(interactive))
    return _run(plan, whole)


def busy_by_volume(
    plan: Plan, demand: Demand, windows: list[Requests], rates: ServiceRates, api_usd_per_month: float
) -> tuple[tuple[float, float], ...]:
    """(multiple of the traffic, busy replicas) at every one of `MULTIPLES`, each replayed by the same queue.

    Of hours so full that a part of them is replayed at today's volume already, the same part stands for more of them.
    """
    found: list[tuple[float, float]] = []
    for multiple in MULTIPLES:
        if multiple > 1 and all(requests.in_all > fleet.MOST_REPLAYED for requests in windows):
            found.append((multiple, math.ceil(dict(found)[1.0] * multiple)))
            continue
        more = Demand(demand.start, *(series * multiple for series in demand[1:]))
        hours = windows if multiple == 1 else [arrivals.times(requests, multiple) for requests in windows]
        found.append((multiple, float(plan_fleet(plan, more, hours, rates, api_usd_per_month * multiple).busy)))
    most = np.maximum.accumulate([busy for _, busy in found])  # more work never needs fewer: what replays differ by
    return tuple(zip(MULTIPLES, most.tolist(), strict=True))


def _run(plan: Plan, whole: FleetPlan) -> FleetPlan:
    """The way it is run changes the fleet's size, the hours paid, or what stays on the API."""
    facts, load = hosting_facts(), whole.sized.load
    if plan.run == "autoscaled":
        minutes = int(facts["model_load_minutes"].value)
        paid = fleet.autoscaled_hours(load, plan.spare, minutes, HIGHEST_LOAD)
        always = (whole.busy + plan.spare) * len(load) / 60
        late = fleet.late_minutes(load, plan.spare, minutes, HIGHEST_LOAD)
        words = (
            f"Autoscaling is priced for a fleet that knows the load {minutes} minutes ahead, as from a timetable; one "
            f"that only reacts would have too few replicas in {wording.share(late / len(load))} of the minutes.",
        )
        return whole._replace(
            paid_hours_share=min(1.0, paid / always), warnings=(*whole.warnings, *words) if late else whole.warnings
        )
    if plan.run == "hybrid":
        split = next(s for s in whole.splits if s.replicas)  # none at all would be the API column
        words = ("The cheapest split keeps everything on the API; the one shown is the cheapest with own machines.",)
        return whole._replace(
            busy=split.replicas,
            mean_replicas=whole.mean_replicas * (1 - split.burst_share),
            burst_share=split.burst_share,
            warnings=whole.warnings if whole.splits[0].replicas else (*whole.warnings, *words),
        )
    if plan.run == "spot":
        evictions, load_minutes = facts["spot_evictions_per_day"].value, facts["model_load_minutes"].value
        held = fleet.with_evictions(whole.busy + plan.spare, evictions, load_minutes)
        return whole._replace(spare=held - whole.busy)
    return whole


def that_fit(windows: list[Requests], longest: float) -> tuple[list[Requests], float]:
    """Requests that fit, and the share of tokens in those that do not."""
    kept, total, dropped = [], 0.0, 0.0
    for requests in windows:
        size = requests.fresh_tokens + requests.cached_tokens + requests.output_tokens
        fits = size <= longest
        total, dropped = total + float(size.sum()), dropped + float(size[~fits].sum())
        if fits.any():
            kept.append(requests.only(fits).from_zero())
    if not kept:
        raise BadInput(
            f"Every request of the busiest hours is longer than the {longest:,.0f} tokens that a replica holds; "
            "take a longer context or more GPUs a replica."
        )
    return kept, dropped / total


def _thinned(requests: Requests, batchable_share: float) -> Requests:
    """The interactive part: every request but a regular share of them."""
    if not batchable_share:
        return requests
    place = np.arange(len(requests.at_s))
    stays = np.floor((place + 1) * (1 - batchable_share)) > np.floor(place * (1 - batchable_share))
    return requests.only(stays).from_zero() if stays.any() else requests


def _sampled(windows: list[Requests]) -> tuple[str, ...]:
    most = max(requests.in_all for requests in windows)
    if most <= fleet.MOST_REPLAYED:
        return ()
    return (
        (
            f"The busiest hours hold up to {most:,} requests; a random {wording.share(fleet.MOST_REPLAYED / most)} of"
            " them was replayed on as large a part of the fleet."
        ),
    )


def _rent_per_replica(plan: Plan, gpus: int) -> float:
    """USD a month of one replica at the best known hourly price, for the search of the split."""
    for kind in (plan.rent_kind, "reserved", "on_demand", "own_neocloud"):
        try:
            return typical_price(plan.gpu, kind).usd * gpus * HOURS_PER_MONTH
        except NoData:
            continue
    return math.inf
