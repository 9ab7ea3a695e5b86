"""From arrivals to replicas: a fluid floor per minute, a replay of the worst hours, spares, and the ways to need fewer.

The floor is the work divided by what a replica can do at its best batch; the replay finds how many
replicas keep P95 of TTFT and TPOT within the objective, and never looks below the floor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from data.calendar import MINUTES_PER_DAY
from data.errors import BadInput, Refused
from simulations.hosting.arrivals import Demand, Requests
from simulations.hosting.deployment import Deployment, RequestShape
from simulations.hosting.measured_curves import ServingMeasurement
from simulations.hosting.operating_point import operating_point
from simulations.hosting.replica_memory import batch_limit
from simulations.hosting.roofline import constants_of, prefill_seconds, speed_of
from simulations.hosting.serving_point import ServingPoint, work_of
from simulations.hosting.serving_queue import Latencies, Limits, ServiceRates, replay, replay_within

API_OVERHEAD_S = 0.015  # BLIS alpha: network, HTTP, tokeniser
MOST_REPLICAS = 4096
ROUND_TTFT_MS = (2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5)  # what is promised where nobody states it; the first is usual
ROOM = 1.25  # of the time to read a request: with less than a quarter of it to wait, a fleet must stand idle
MOST_REPLAYED = 50_000  # requests of one hour; beyond, a part of them meets the same part of the fleet
SPLITS = 200  # between own machines and the API that are looked at first


class Objective(NamedTuple):
    """What every user is promised: 95th percentiles in ms."""

    ttft_ms: float = ROUND_TTFT_MS[0]
    tpot_ms: float = 50.0

    @property
    def limits(self) -> Limits:
        """What a replay must keep."""
        return Limits(self.ttft_ms, self.tpot_ms)


PROMISE = Objective()


class Fleet(NamedTuple):
    """A sized fleet: busy replicas at the worst hour, with spares what must be paid."""

    floor: int
    replicas: int
    paid_replicas: int
    gpus: int
    latencies: Latencies
    load: np.ndarray  # replicas busy per minute, fluid


def service_rates(
    deployment: Deployment,
    shape: RequestShape,
    objective: Objective = PROMISE,
    measurements: tuple[ServingMeasurement, ...] = (),
) -> tuple[ServiceRates, ServingPoint]:
    """How fast a replica serves requests of this mean shape, and the operating point behind it.

    The batch is capped where the calibrated TPOT still meets the objective, as an operator would set it.
    """
    fresh = max(1.0, shape.fresh)
    point = operating_point(deployment, RequestShape(fresh, 0, shape.output), objective.tpot_ms, measurements)
    placed = point.deployment
    constants, layout = constants_of(placed.hardware), placed.shape
    slots = max(1, int(point.concurrency / point.replicas))
    prefilled = RequestShape(fresh, 0, shape.output)
    alone = speed_of(work_of(placed, prefilled, point.batch), constants)
    ratio = point.tpot_ms / 1e3 / float(alone.tpot_s)
    steps = [float(speed_of(work_of(placed, shape, b), constants).step_s) * ratio for b in range(1, slots + 1)]
    prefill = float(prefill_seconds(work_of(placed, prefilled, 1), constants)) * ratio / fresh
    limit = batch_limit(placed.architecture, placed.hardware, layout, placed.precision, shape.tokens_in_memory)
    cache = limit * shape.tokens_in_memory
    return ServiceRates((math.inf, *steps), prefill, constants.interference, API_OVERHEAD_S, cache, layout.gpus), point


def alone_ttft_ms(windows: Sequence[Requests], rates: ServiceRates) -> float:
    """P95 of the time to first token of requests that have a replica to themselves, in the window of the longest."""
    longest = max(float(np.percentile(requests.fresh_tokens, 95)) for requests in windows)
    return (longest * rates.prefill_s_per_token + rates.overhead_s) * 1e3


def round_ttft_ms(alone_ms: float) -> float:
    """The least of `ROUND_TTFT_MS` that leaves `ROOM` to requests that take so long alone."""
    return next((ms for ms in ROUND_TTFT_MS if ms >= ROOM * alone_ms), ROUND_TTFT_MS[-1])


def fluid_load(demand: Demand, rates: ServiceRates) -> np.ndarray:
    """Replicas busy in each minute if work could be cut freely."""
    return np.asarray(rates.busy_seconds(demand.fresh_tokens, demand.output_tokens)) / 60.0


def worst_hours(load: np.ndarray, hours: int = 3) -> list[int]:
    """First minutes of the `hours` busiest hours that do not overlap (clock hours of the span)."""
    whole = len(load) // 60 * 60
    if not whole:
        return [0]
    sums = load[:whole].reshape(-1, 60).sum(axis=1)
    return [int(hour) * 60 for hour in np.argsort(-sums, kind="stable")[:hours]]


def size_fleet(
    windows: Sequence[Requests],
    demand: Demand,
    rates: ServiceRates,
    objective: Objective = PROMISE,
    *,
    spare: int = 1,
    seed: int = 0,
) -> Fleet:
    """The fewest replicas that keep the objective in every window, plus spares.

    An hour of more than MOST_REPLAYED requests is replayed on a random part of them and as large a part of the
    fleet, which errs on the safe side: a small fleet evens bursts out less well than a large one.
    Raises Refused where no number of replicas can (the objective is below what one request alone needs).
    """
    if not windows:
        raise BadInput("No busy hour is given to size the fleet by; widen the span.")
    load = fluid_load(demand, rates)
    floor = answer = 1
    for requests in windows:
        span = max(60.0, float(requests.at_s[-1]))
        work = float(rates.busy_seconds(requests.fresh_tokens.sum(), requests.output_tokens.sum()))
        floor = max(floor, math.ceil(work / requests.share / span - 1e-9))
        part = _part(requests, min(1.0, MOST_REPLAYED / len(requests.at_s)), seed)
        share = part.share
        low = max(math.ceil(floor * share - 1e-9), int(answer * share + 1e-9), 1)
        found, seen = _fewest(part, rates, objective, low, seed)
        answer = max(answer, math.ceil(found / share - 1e-9))
    return Fleet(floor, answer, answer + spare, (answer + spare) * rates.gpus, seen, load)


def _part(requests: Requests, share: float, seed: int) -> Requests:
    """A random share of the requests, still in order."""
    if share == 1:
        return requests
    chosen = np.random.default_rng(seed).random(len(requests.at_s)) < share
    return requests.only(chosen)._replace(share=requests.share * share)


def _fewest(
    requests: Requests, rates: ServiceRates, objective: Objective, low: int, seed: int
) -> tuple[int, Latencies]:
    def tried(replicas: int) -> Latencies | None:
        return replay_within(objective.limits, requests, rates, replicas, seed=seed)

    high, seen = low, tried(low)
    while seen is None:
        if high >= MOST_REPLICAS:
            raise Refused(_why_not(replay(requests, rates, high, seed=seed), objective))
        low, high = high + 1, min(MOST_REPLICAS, high * 2)
        seen = tried(high)
        if seen is None and high > 64 and (whole := replay(requests, rates, high, seed=seed)).busy_share < 0.01:
            raise Refused(_why_not(whole, objective))
    while low < high:
        middle = (low + high) // 2
        if (fewer := tried(middle)) is None:
            low = middle + 1
        else:
            high, seen = middle, fewer
    return high, seen


def _why_not(seen: Latencies, objective: Objective) -> str:
    p = seen.percentiles()
    return (
        f"No number of replicas keeps P95 TTFT within {objective.ttft_ms:g} ms and TPOT within {objective.tpot_ms:g} "
        "ms: "
        f"requests alone see {p['ttft_p95_ms']:,.0f} and {p['tpot_p95_ms']:,.1f} ms. "
        "Take more or faster GPUs a replica, or a slower objective."
    )


def autoscaled_hours(load: np.ndarray, spare: int = 1, load_minutes: int = 10, highest_load: float = 0.75) -> float:
    """Replica-hours of a fleet that follows a load it knows as far ahead as a replica takes to load its weights.

    Every minute pays for the highest need until a new replica could be up. What a fleet misses that only reacts:
    `late_minutes`.
    """
    need = _needed(load, highest_load) + spare
    padded = np.concatenate([need, np.full(load_minutes, need[-1])])
    ahead = np.lib.stride_tricks.sliding_window_view(padded, load_minutes + 1).max(axis=1)[: len(need)]
    return float(ahead.sum() / 60)


def late_minutes(load: np.ndarray, spare: int = 1, load_minutes: int = 10, highest_load: float = 0.75) -> int:
    """Minutes in which a fleet that orders replicas when the load asks for them has fewer than it needs.

    What was ordered `load_minutes` ago and not given back since is up; the spare ones help out.
    """
    need = _needed(load, highest_load)
    padded = np.concatenate([np.full(load_minutes, need[0]), need])
    up = np.lib.stride_tricks.sliding_window_view(padded, load_minutes + 1).min(axis=1)
    return int((need > up + spare).sum())


def _needed(load: np.ndarray, highest_load: float) -> np.ndarray:
    return np.ceil(load / highest_load - 1e-9)


def with_evictions(replicas: int, evictions_per_day: float, load_minutes: float) -> int:
    """Spot replicas to hold so that, with reloads, `replicas` are up on average; at least one more than needed."""
    down = min(0.9, evictions_per_day * load_minutes / MINUTES_PER_DAY)
    return max(replicas + (1 if evictions_per_day else 0), math.ceil(replicas / (1 - down) - 1e-9))


def off_peak(load: np.ndarray, batchable_share: float) -> np.ndarray:
    """The load with its batchable share poured into the valleys of each day (the total of a day is kept)."""
    moved = load * (1 - batchable_share)
    for start in range(0, len(load), MINUTES_PER_DAY):
        day = moved[start : start + MINUTES_PER_DAY]
        pool = float(load[start : start + MINUTES_PER_DAY].sum() * batchable_share)
        level = _water_level(day, pool)
        np.maximum(day, level, out=day)
    return moved


def _water_level(day: np.ndarray, pool: float) -> float:
    """Height to which `pool` fills the valleys of `day`."""
    heights = np.sort(day)
    filled = heights * np.arange(1, len(day) + 1) - np.cumsum(heights)  # needed to reach each height
    below = int(np.searchsorted(filled, pool, side="right"))
    return float((heights[:below].sum() + pool) / below) if below else float(heights[0])


class Hybrid(NamedTuple):
    """Base load on own replicas, the rest on the API: replicas, share of work that bursts, USD a month."""

    replicas: int
    burst_share: float
    usd_per_month: float


def best_hybrid(
    load: np.ndarray,
    replica_usd_per_month: float,
    api_usd_per_month: float,
    *,
    highest_load: float = 0.75,
    spare: int = 1,
) -> list[Hybrid]:
    """Splits from all-API to no bursts, cheapest first. Work above what own replicas may carry goes to the API.

    Every split where they are few; else some over the whole range, and every one around the cheapest: dollars fall to
    one valley and rise again, since each further replica carries less than the one before.
    """
    most = math.ceil(float(load.max()) / highest_load)
    minutes = np.sort(load)
    above = np.append(np.cumsum(minutes[::-1])[::-1], 0.0)  # work of the minutes from here on
    total = float(above[0])

    def split(replicas: int) -> Hybrid:
        carried = replicas * highest_load
        first = int(np.searchsorted(minutes, carried, side="right"))
        burst = max(0.0, float(above[first]) - carried * (len(minutes) - first)) / total if total else 0.0
        own = (replicas + spare) * replica_usd_per_month if replicas else 0.0
        return Hybrid(replicas, burst, own + burst * api_usd_per_month)

    tried = np.unique(np.linspace(0, most, min(most + 1, SPLITS)).round().astype(int))
    cheapest = min((split(int(one)) for one in tried if one), key=lambda one: one.usd_per_month, default=None)
    if cheapest is not None and len(tried) <= most:
        step = math.ceil(most / (SPLITS - 1))
        near = np.arange(max(1, cheapest.replicas - step), min(most, cheapest.replicas + step) + 1)
        tried = np.union1d(tried, near)
    return sorted((split(int(one)) for one in tried), key=lambda one: one.usd_per_month)
