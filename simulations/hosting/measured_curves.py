"""Measured serving points, and what they say about a point nobody measured.

Every measured point is compared with the roofline; the logarithm of measured / predicted varies
slowly with batch, lengths and GPU count, so the correction of a new point is the distance-weighted
mean of its neighbours' corrections, held back where neighbours are few or far. Points of the user
come first and outweigh everything; shipped points (`data/facts/catalog/serving_points.csv`) come next.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

from data.facts.tables import Stamp, number, rows_at, stamp
from simulations.hosting.deployment import Deployment, RequestShape
from simulations.hosting.layouts import Layout
from simulations.hosting.replica_memory import batch_limit
from simulations.hosting.roofline import Speed, constants_of, saturated_throughput, speed_of, work_of

CROWD, CROWD_OCTAVES = 128, 3
LOCAL_BATCH = 256  # vLLM's max_num_seqs: more wait in the queue
WIDTHS = {"concurrency": 1.5, "input_length": 1.5, "output_length": 2.0, "count": 1.0, "dp": 1.0}  # octaves
OTHER_PRECISION, OTHER_GPU, OTHER_ENGINE = 0.35, 0.4, 0.4
CLOSE = 0.6  # a neighbour this similar makes the answer "measured" rather than "calibrated"
HOLD_BACK, HOLD_BACK_FAR = 0.25, 1.0
FAMILIES = {
    "deepseek-r1": "deepseek-v3",
    "minimax-m2": "minimax-m2.5",
    "minimax-m2.7": "minimax-m2.5",
    "glm-5.1": "glm-5",
    "kimi-k2": "kimi-k2.5",
}


class ServingMeasurement(NamedTuple):
    """One measured point: `count` GPUs, `concurrency` requests in flight, times in ms."""

    model: str
    gpu: str
    engine: str
    count: int  # type: ignore[assignment]  # a column of its name, not tuple.count
    tp: int
    dp: int
    precision: str
    input_length: float
    output_length: float
    concurrency: float
    tpot_ms: float
    ttft_ms: float
    source: str
    as_of: str

    @property
    def layout(self) -> Layout:
        """The layout the point was measured on."""
        return Layout(self.tp, self.dp)

    @property
    def output_tokens_per_s(self) -> float:
        """Throughput by Little's law: requests in flight over the time each spends."""
        return self.concurrency * self.output_length / ((self.ttft_ms + self.tpot_ms * (self.output_length - 1)) / 1e3)


class Correction(NamedTuple):
    """log(measured / roofline) to apply, how similar the nearest neighbour is (0..1), and which it is."""

    log_ratio: float
    nearness: float
    nearest: ServingMeasurement | None


def shipped_points() -> tuple[ServingMeasurement, ...]:
    """The measured points that ship as facts, and those the operator keeps beside them."""
    return _points(stamp("serving_points.csv"))


@lru_cache(maxsize=4)
def _points(at: Stamp) -> tuple[ServingMeasurement, ...]:
    whole = ("count", "tp", "dp")
    figures = ("input_length", "output_length", "concurrency", "tpot_ms", "ttft_ms")
    points = []
    for row in rows_at(at):
        counts: dict[str, Any] = {f: int(number(row, f)) for f in whole}
        points.append(ServingMeasurement(**{**row, **counts, **{f: number(row, f) for f in figures}}))
    return tuple(points)


def roofline_speed(
    deployment: Deployment, shape: RequestShape, concurrency: float, engine: str = ""
) -> tuple[float, Speed]:
    """The batch that one replica runs at once, and its calibrated speed; what exceeds memory or 256 a rank waits.

    Where many are in flight prompts no longer hide behind decoding: from `CROWD` a rank on, the speed bends towards
    the saturated one and reaches it after `CROWD_OCTAVES` doublings.
    """
    model, hardware, layout = deployment.architecture, deployment.hardware, deployment.shape
    limit = batch_limit(model, hardware, layout, deployment.precision, shape.fresh + shape.output / 2)
    batch = max(1.0, min(concurrency, limit, LOCAL_BATCH * layout.dp))
    work = work_of(model, hardware, layout, deployment.precision, shape.fresh, shape.output, batch)
    constants = constants_of(hardware, engine)
    speed = speed_of(work, constants)
    crowd = min(1.0, max(0.0, math.log2(max(concurrency, batch) / layout.dp / CROWD) / CROWD_OCTAVES))
    kept = min(1.0, saturated_throughput(work, constants, layout) / float(speed.output_tokens_per_s)) ** crowd
    slower = (speed.step_s / kept, speed.tpot_s / kept, speed.ttft_s / kept)
    return batch, Speed(*slower, speed.output_tokens_per_s * kept)


def log_ratio(point: ServingMeasurement, engine: str) -> float:
    """log(measured / roofline at the pace of `engine`) of a measured point's throughput."""
    deployment = Deployment(point.model, point.gpu, point.count, point.layout, point.precision)
    shape = RequestShape(point.input_length, 0, point.output_length)
    speed = roofline_speed(deployment, shape, point.concurrency, engine)[1]
    return math.log(point.output_tokens_per_s / float(speed.output_tokens_per_s))


def correction(asked: ServingMeasurement, points: Sequence[ServingMeasurement], *, own: bool = False) -> Correction:
    """The correction for `asked` (its times are ignored) from measured points of the same model family.

    A user's `own` points, on this very hardware, are believed in full; others are held back. A point of another engine
    tells how far that engine is from its own pace; where no engine is asked for, and of `own` points, the speed itself
    is taken over.
    """
    family, as_is = FAMILIES.get(asked.model, asked.model), own or not asked.engine
    engines: dict[tuple[str, str], list[tuple[float, ServingMeasurement]]] = {}
    for point in points:
        if FAMILIES.get(point.model, point.model) == family:
            engines.setdefault((point.engine, point.gpu), []).append((_similarity(asked, point), point))
    total, weight, best, nearest = 0.0, 0.0, 0.0, None
    for neighbours in engines.values():
        close, closest = max(neighbours, key=lambda n: n[0])
        mean = sum(s * _ratio(p, asked.engine if as_is else p.engine) for s, p in neighbours) / max(
            sum(s for s, _ in neighbours), 1e-300
        )
        total, weight = total + close * mean, weight + close
        if close > best:
            best, nearest = close, closest
    held = 0.0 if own else HOLD_BACK if nearest and nearest.gpu == asked.gpu else HOLD_BACK_FAR
    return Correction(total / max(weight + held, 1e-300), best, nearest)


def forget() -> None:
    """Compare measured points with the roofline anew, after a catalogue has changed."""
    _ratio.cache_clear()


@cache
def _ratio(point: ServingMeasurement, engine: str) -> float:
    return log_ratio(point, engine)


def _similarity(asked: ServingMeasurement, point: ServingMeasurement) -> float:
    octaves = sum((math.log2(getattr(asked, f) / getattr(point, f)) / width) ** 2 for f, width in WIDTHS.items())
    likeness = (1.0 if asked.precision == point.precision else OTHER_PRECISION) * (
        1.0 if asked.gpu == point.gpu else OTHER_GPU
    )
    if asked.engine and asked.engine != point.engine:
        likeness *= OTHER_ENGINE
    return likeness * math.exp(-octaves / 2)
