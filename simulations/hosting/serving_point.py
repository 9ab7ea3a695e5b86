"""A serving point: what a deployment of known layout serves, and on what evidence.

The answer comes from, in this order: the user's own measurement, the nearest measured curve, the
calibrated roofline. It says which, and how far off such an answer usually is (benchmark:
tests/benchmarks/selfhost_accuracy.py). Time to first token under load is a matter of queues:
the figure here is for a steady closed loop, `fleet` replays real arrivals.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from data.calendar import Z90
from data.facts.gpus import find_gpu
from simulations.hosting.deployment import Deployment, RequestShape
from simulations.hosting.layouts import read_layout
from simulations.hosting.measured_curves import CLOSE, ServingMeasurement, correction, roofline_speed, shipped_points
from simulations.hosting.replica_memory import GIB, batch_limit, cache_bytes, require_fit, weight_bytes
from simulations.hosting.roofline import SATURATED_BATCH, Work, constants_of, prefill_seconds, saturated_throughput
from simulations.hosting.roofline import work_of as roofline_work

Tier = Literal["user measurement", "measured curve", "calibrated roofline"]
# Of log(measured / predicted), so that P10 to P90 hold four points in five: groups never fitted, see the benchmark.
SIGMA: dict[Tier, float] = {"user measurement": 0.08, "measured curve": 0.13, "calibrated roofline": 0.22}
SATURATED_SIGMA = 0.40
CROWDED, CROWDED_SIGMA = (128, 256), 1.3  # requests in flight a replica between which the sigma grows by this factor
TTFT_BAND = (0.34, 2.7)  # measured / predicted, P10 and P90: a queue decides it, so that it is no promise


class ServingPoint(NamedTuple):
    """What `count` GPUs serve. Throughputs are of all of them together; `low` and `high` span P10 to P90.

    So do `ttft_low_ms` and `ttft_high_ms`, far apart: time to first token is no promise.
    """

    model: str
    gpu: str
    count: int  # type: ignore[assignment]  # a column of its name, not tuple.count
    layout: str
    precision: str
    input_length: float
    output_length: float
    concurrency: float
    replicas: int
    batch: float
    batch_limit: float
    output_tokens_per_s: float
    low: float
    high: float
    output_tokens_per_s_per_gpu: float
    requests_per_s: float
    tpot_ms: float
    ttft_ms: float
    ttft_low_ms: float
    ttft_high_ms: float
    prefill_tokens_per_s: float
    weights_gib: float
    cache_kib_per_token: float
    tier: Tier
    sigma: float
    evidence: str

    @property
    def deployment(self) -> Deployment:
        """What runs where at this point."""
        return Deployment(self.model, self.gpu, self.count, read_layout(self.layout), self.precision)

    def of_one_replica(self) -> ServingPoint:
        """The same point of one replica on its own GPUs."""
        n, gpus = self.replicas, read_layout(self.layout).gpus
        return self._replace(
            count=gpus,
            replicas=1,
            concurrency=self.concurrency / n,
            output_tokens_per_s=self.output_tokens_per_s / n,
            low=self.low / n,
            high=self.high / n,
            output_tokens_per_s_per_gpu=self.output_tokens_per_s / n / gpus,
            requests_per_s=self.requests_per_s / n,
            prefill_tokens_per_s=self.prefill_tokens_per_s / n,
        )


class Served(NamedTuple):
    """How one replica fares: sequences at work at once, output tokens/s, seconds a token and to the first one."""

    batch: float
    output_tokens_per_s: float
    tpot_s: float
    ttft_s: float


class Evidence(NamedTuple):
    """Which tier answers, the factor on the roofline's throughput, its sigma, and the sentence that says so."""

    tier: Tier
    factor: float
    sigma: float
    words: str


def serving_point(
    deployment: Deployment,
    shape: RequestShape,
    concurrency: float | None,
    engine: str = "",
    measurements: tuple[ServingMeasurement, ...] = (),
) -> ServingPoint:
    """The point of a deployment whose layout is known; `concurrency` None is offline work, always saturated.

    Only fresh input is looked at: what is cached is not prefilled, and the memory it takes is the fleet's matter.
    Raises BadInput for a model that does not fit: by how much, and what would.
    """
    layout = deployment.shape
    require_fit(deployment.architecture, deployment.hardware, layout, deployment.precision, shape.fresh + shape.output)
    if concurrency is None:
        return _saturated(deployment, shape, engine)
    each = concurrency / deployment.replicas
    batch, speed = roofline_speed(deployment, shape, each, engine)
    known = _evidence(_like(deployment, shape, each, engine), measurements)
    throughput = float(speed.output_tokens_per_s) * known.factor
    waiting = max(0.0, (each - batch) * shape.output / throughput)  # Little's law for what does not fit
    served = Served(batch, throughput, float(speed.tpot_s) / known.factor, float(speed.ttft_s) / known.factor + waiting)
    return _point(deployment, shape, concurrency, served, known)


def work_of(deployment: Deployment, shape: RequestShape, batch: float) -> Work:
    """The work of one replica at a batch: what the fleet replay steps through.

    Every input token is read and prefilled.
    """
    return roofline_work(
        deployment.architecture,
        deployment.hardware,
        deployment.shape,
        deployment.precision,
        shape.input,
        shape.output,
        batch,
    )


def _like(deployment: Deployment, shape: RequestShape, each: float, engine: str) -> ServingMeasurement:
    """What was asked, as a measured point would have it, for comparison with those."""
    layout = deployment.shape
    return ServingMeasurement(
        deployment.model,
        deployment.gpu,
        engine,
        layout.gpus,
        layout.tp,
        layout.dp,
        deployment.precision,
        shape.fresh,
        shape.output,
        each,
        tpot_ms=0,
        ttft_ms=0,
        source="",
        as_of="",
    )


def _evidence(asked: ServingMeasurement, own: tuple[ServingMeasurement, ...]) -> Evidence:
    """Own points of this model on this GPU always answer, less sure the farther off; shipped ones only when close."""
    mine = correction(asked, tuple(point for point in own if point.gpu == asked.gpu), own=True)
    if mine.nearest:
        sigma = math.hypot(SIGMA["user measurement"], SIGMA["calibrated roofline"] * (1 - mine.nearness))
        return Evidence("user measurement", math.exp(mine.log_ratio), sigma, _named(mine.nearest))
    near = correction(asked, shipped_points())
    factor, wider = math.exp(near.log_ratio), _crowded(asked.concurrency)
    if near.nearest and near.nearest.gpu == asked.gpu and near.nearness >= CLOSE:
        return Evidence("measured curve", factor, SIGMA["measured curve"] * wider, _named(near.nearest))
    return Evidence(
        "calibrated roofline",
        factor,
        SIGMA["calibrated roofline"] * wider,
        "roofline with overheads fitted on 2,067 measured points; no close measurement of this model on this GPU",
    )


def _crowded(in_flight: float) -> float:
    """How much wider the band is where many requests are in flight: engines differ most in how they batch them."""
    start, end = map(math.log, CROWDED)
    return 1 + (CROWDED_SIGMA - 1) * min(1.0, max(0.0, (math.log(max(in_flight, 1.0)) - start) / (end - start)))


def _named(point: ServingMeasurement) -> str:
    return (
        f"{point.source}, {point.as_of}: {point.count} x {find_gpu(point.gpu).name}, "
        f"{point.engine or 'engine not named'}, {point.input_length:,.0f} in, {point.output_length:,.0f} out, "
        f"{point.concurrency:,.0f} in flight"
    )


def _saturated(deployment: Deployment, shape: RequestShape, engine: str) -> ServingPoint:
    layout = deployment.shape
    batch = max(1.0, min(_batch_limit(deployment, shape), SATURATED_BATCH * layout.dp))
    work = work_of(deployment, RequestShape(shape.fresh, 0, shape.output), batch)
    throughput = saturated_throughput(work, constants_of(deployment.hardware, engine), layout)
    tpot = batch / throughput
    known = Evidence(
        "calibrated roofline",
        1.0,
        SATURATED_SIGMA,
        "saturated: roofline with large-batch factors fitted on 17 published offline results",
    )
    served = Served(batch, throughput, tpot, tpot * shape.output)
    return _point(deployment, shape, batch * deployment.replicas, served, known)


def _batch_limit(deployment: Deployment, shape: RequestShape) -> float:
    tokens = shape.fresh + shape.output / 2
    return batch_limit(deployment.architecture, deployment.hardware, deployment.shape, deployment.precision, tokens)


def _point(
    deployment: Deployment, shape: RequestShape, concurrency: float, served: Served, known: Evidence
) -> ServingPoint:
    model, replicas = deployment.architecture, deployment.replicas
    total, spread = served.output_tokens_per_s * replicas, math.exp(Z90 * known.sigma)
    work = work_of(deployment, RequestShape(shape.fresh, 0, shape.output), served.batch)
    prefill = float(prefill_seconds(work, constants_of(deployment.hardware)))
    return ServingPoint(
        model=deployment.model,
        gpu=deployment.gpu,
        count=deployment.count,
        layout=str(deployment.shape),
        precision=deployment.precision,
        input_length=shape.fresh,
        output_length=shape.output,
        concurrency=concurrency,
        replicas=replicas,
        batch=served.batch,
        batch_limit=_batch_limit(deployment, shape),
        output_tokens_per_s=total,
        low=total / spread,
        high=total * spread,
        output_tokens_per_s_per_gpu=total / deployment.count,
        requests_per_s=total / shape.output,
        tpot_ms=served.tpot_s * 1e3,
        ttft_ms=served.ttft_s * 1e3,
        ttft_low_ms=served.ttft_s * 1e3 * TTFT_BAND[0],
        ttft_high_ms=served.ttft_s * 1e3 * TTFT_BAND[1],
        prefill_tokens_per_s=replicas * shape.fresh / prefill,
        weights_gib=weight_bytes(model, deployment.precision).total / GIB,
        cache_kib_per_token=(cache_bytes(model, 2) - cache_bytes(model, 1)) / 1024,
        tier=known.tier,
        sigma=known.sigma,
        evidence=known.words,
    )
