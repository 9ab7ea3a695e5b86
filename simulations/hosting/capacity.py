"""What a replica can serve: one public function with plain arguments, and the search for a good layout.

The answer comes from, in this order: the user's own measurement, the nearest measured curve, the
calibrated roofline. It says which, and how far off such an answer usually is (benchmark:
tests/benchmarks/selfhost_accuracy.py). Time to first token under load is a matter of queues:
the figure here is for a steady closed loop, `fleet` replays real arrivals.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from data.errors import BadInput
from data.facts.architectures import PRECISIONS, Architecture, find_architecture, precision_of
from data.facts.gpus import Gpu, find_gpu
from simulations.hosting import measured_curves
from simulations.hosting.layouts import Layout, candidate_layouts, read_layout, within
from simulations.hosting.measured_curves import CLOSE, ServingMeasurement, correction, roofline_speed, shipped_points
from simulations.hosting.replica_memory import GIB, batch_limit, cache_bytes, free_bytes, require_fit, weight_bytes
from simulations.hosting.roofline import (
    CONSTANTS,
    HOPPER,
    SATURATED_BATCH,
    Work,
    prefill_seconds,
    saturated_throughput,
    work_of,
)

Tier = Literal["user measurement", "measured curve", "calibrated roofline"]
# One standard deviation of log(measured / predicted): groups never fitted, see the benchmark.
SIGMA: dict[Tier, float] = {"user measurement": 0.08, "measured curve": 0.18, "calibrated roofline": 0.28}
SATURATED_SIGMA = 0.40
SEARCHED = ("tpnone", "none", "auto", "search", "nan")  # layouts that leave the choice to us


class ServingPoint(NamedTuple):
    """What `count` GPUs serve. Throughputs are of all of them together; `low` and `high` span P10 to P90."""

    model: str
    gpu: str
    count: int
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
    prefill_tokens_per_s: float
    weights_gib: float
    cache_kib_per_token: float
    tier: Tier
    sigma: float
    evidence: str


def predict(
    model: str,
    gpu: str,
    count: int,
    layout: str | Layout | None,
    precision: str,
    input_length: float,
    output_length: float,
    concurrency: float | None,
    *,
    engine: str = "",
    measurements: Sequence[ServingMeasurement] = (),
) -> ServingPoint:
    """Predict a serving point of an open model on `count` GPUs: predict("meta-llama/Llama-3.1-70B-Instruct", "H200", 2, "tp2", "fp8", 1024, 1024, 32).

    `model` and `gpu` answer to their usual names (Hugging Face paths, "NVIDIA H100 80GB HBM3"). `layout` such as
    "tp8" or "tp1dp8ep8" is of one replica, None (or "", "auto", "tpNone...") searches; further GPUs hold further
    replicas. `precision` "" is the checkpoint's own. Lengths are tokens a request; `concurrency` is requests in
    flight over all GPUs (what exceeds a batch waits), None (or "max") the saturated point of offline work.
    `measurements` are the user's own points.

    Returns a ServingPoint: `output_tokens_per_s` of all GPUs together with `low` and `high` (P10, P90), the same per
    GPU, `requests_per_s`, `tpot_ms` and `ttft_ms` of a mean request, `batch` at work a replica and `batch_limit` by
    memory, weights and cache bytes, and where it comes from: `tier`, `sigma` (of its logarithm), `evidence`.
    Raises BadInput for unknown names, impossible numbers, and a model that does not fit (by how much, and what would).
    """
    architecture, hardware = find_architecture(model), find_gpu(gpu)
    precision, flight, engine = precision_of(precision, architecture), _concurrency(concurrency), _engine(engine)
    whole = _number("GPU count", count)
    count, input_length, output_length = (
        int(whole),
        _number("input length", input_length),
        _number("output length", output_length),
    )
    if count != whole:
        raise BadInput(f"The GPU count is {whole:g}; give whole GPUs.")
    asked = "" if layout is None else str(layout).strip(" -").lower()
    if not asked or asked.startswith(SEARCHED):
        return best_layout(
            architecture.model,
            hardware.gpu,
            count,
            precision,
            input_length,
            output_length,
            flight,
            engine,
            tuple(measurements),
        )
    shape = within(read_layout(layout), count)
    require_fit(architecture, hardware, shape, precision, input_length + output_length)
    replicas = count // shape.gpus
    if flight is None:
        return _saturated(architecture, hardware, count, shape, precision, input_length, output_length, replicas)
    each = flight / replicas
    batch, speed = roofline_speed(architecture.model, hardware.gpu, shape, precision, input_length, output_length, each)
    like = ServingMeasurement(
        architecture.model,
        hardware.gpu,
        engine,
        shape.gpus,
        shape.tp,
        shape.dp,
        precision,
        input_length,
        output_length,
        each,
        0,
        0,
        "",
        "",
    )
    tier, ratio, sigma, evidence = _evidence(like, tuple(measurements))
    throughput = float(speed.output_tokens_per_s) * ratio
    tpot, ttft = float(speed.tpot_s) / ratio, float(speed.ttft_s) / ratio
    waiting = max(0.0, (each - batch) * output_length / throughput)  # Little's law for what does not fit
    return _point(
        architecture,
        hardware,
        count,
        shape,
        precision,
        input_length,
        output_length,
        flight,
        replicas,
        batch,
        throughput,
        tpot,
        ttft + waiting,
        tier,
        sigma,
        evidence,
    )


@lru_cache(maxsize=4096)
def best_layout(
    model: str,
    gpu: str,
    count: int,
    precision: str,
    input_length: float,
    output_length: float,
    concurrency: float | None,
    engine: str = "",
    measurements: tuple[ServingMeasurement, ...] = (),
) -> ServingPoint:
    """The layout with the highest throughput on `count` GPUs; some may stay unused, so more are never slower."""
    architecture, hardware = find_architecture(model), find_gpu(gpu)
    fitting = [
        shape
        for shape in candidate_layouts(count)
        if _fits(architecture, hardware, shape, precision, input_length + output_length)
    ]
    if not fitting:
        require_fit(architecture, hardware, candidate_layouts(count)[-1], precision, input_length + output_length)
        require_fit(
            architecture,
            hardware,
            Layout(max(s.tp for s in candidate_layouts(count))),
            precision,
            input_length + output_length,
        )
    points = [
        predict(
            model,
            gpu,
            used,
            shape,
            precision,
            input_length,
            output_length,
            concurrency,
            engine=engine,
            measurements=measurements,
        )
        for shape in fitting
        for used in range(shape.gpus, count + 1, shape.gpus)
        if concurrency is None or used == shape.gpus or used // shape.gpus <= concurrency
    ]
    best = max(points, key=lambda p: p.output_tokens_per_s)
    return best._replace(count=count, output_tokens_per_s_per_gpu=best.output_tokens_per_s / count)


def forget() -> None:
    """Search and compare anew, after a catalogue has changed."""
    best_layout.cache_clear()
    measured_curves.forget()


def choose_precision(model: str, gpu: str, count: int) -> str:
    """The widest precision, from the checkpoint's own downwards, whose weights fit on `count` GPUs."""
    architecture, hardware = find_architecture(model), find_gpu(gpu)
    own = PRECISIONS.index(architecture.native_precision)
    for precision in (architecture.native_precision, *PRECISIONS[own + 1 :]):
        unusual = precision == "mxfp4" != architecture.native_precision or (
            precision == "fp4" and not hardware.fp4_tflops
        )
        if not unusual and any(_fits(architecture, hardware, s, precision, 8192) for s in candidate_layouts(count)):
            return precision
    require_fit(architecture, hardware, Layout(count), "int4", 8192)
    return "int4"


def replica_work(point: ServingPoint, batch: float) -> Work:
    """The work of one replica of a point at another batch: what the fleet replay steps through."""
    return work_of(
        find_architecture(point.model),
        find_gpu(point.gpu),
        read_layout(point.layout),
        point.precision,
        point.input_length,
        point.output_length,
        batch,
    )


def _concurrency(value: float | str | None) -> float | None:
    if value is None or str(value).strip().lower() in ("max", "inf", "saturated", "offline", "nan", "none", "-", ""):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise BadInput(f"Concurrency {value} is not a number; give requests in flight, or max.") from None
    if number <= 0:
        raise BadInput(f"Concurrency is {number:g}; give at least one request in flight, or max.")
    return number


def _engine(name: str | None) -> str:
    """`vLLM 0.12.0`, `TensorRT-LLM` as the measured points name them; another is kept as it is."""
    text = (name or "").lower().replace("tensorrt", "trt").replace("-", "")
    return next((known for known in ("vllm", "sglang", "trtllm") if text.startswith(known)), text)


def _number(name: str, value: float | str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 1 <= number < math.inf:
        raise BadInput(f"The {name} is {value}; give at least 1.")
    return number


def _fits(model: Architecture, gpu: Gpu, layout: Layout, precision: str, tokens: float) -> bool:
    return free_bytes(model, gpu, layout, precision) >= cache_bytes(model, tokens, layout.tp) / layout.pp and (
        layout.dp == 1 or bool(model.experts)
    )


def _evidence(asked: ServingMeasurement, own: tuple[ServingMeasurement, ...]) -> tuple[Tier, float, float, str]:
    """Which tier answers, the factor on the roofline's throughput, its sigma, and the sentence that says so.

    Own points of this model on this GPU always answer, less sure the farther the asked point is; shipped ones only when close.
    """
    mine = correction(asked, tuple(point for point in own if point.gpu == asked.gpu), own=True)
    if mine.nearest:
        sigma = math.hypot(SIGMA["user measurement"], SIGMA["calibrated roofline"] * (1 - mine.nearness))
        return "user measurement", math.exp(mine.log_ratio), sigma, _named(mine.nearest)
    near = correction(asked, shipped_points())
    factor = math.exp(near.log_ratio)
    if near.nearest and near.nearest.gpu == asked.gpu and near.nearness >= CLOSE:
        return "measured curve", factor, SIGMA["measured curve"], _named(near.nearest)
    return (
        "calibrated roofline",
        factor,
        SIGMA["calibrated roofline"],
        "roofline with overheads fitted on 2,067 measured points; no close measurement of this model on this GPU",
    )


def _named(point: ServingMeasurement) -> str:
    return (
        f"{point.source}, {point.as_of}: {point.count} x {find_gpu(point.gpu).name}, {point.engine or 'engine not named'}, "
        f"{point.input_length:,.0f} in, {point.output_length:,.0f} out, {point.concurrency:,.0f} in flight"
    )


def _saturated(
    model: Architecture,
    gpu: Gpu,
    count: int,
    layout: Layout,
    precision: str,
    input_length: float,
    output_length: float,
    replicas: int,
) -> ServingPoint:
    limit = batch_limit(model, gpu, layout, precision, input_length + output_length / 2)
    batch = max(1.0, min(limit, SATURATED_BATCH * layout.dp))
    work = work_of(model, gpu, layout, precision, input_length, output_length, batch)
    throughput = saturated_throughput(work, CONSTANTS.get(gpu.generation, HOPPER), layout)
    tpot = batch / throughput
    return _point(
        model,
        gpu,
        count,
        layout,
        precision,
        input_length,
        output_length,
        batch * replicas,
        replicas,
        batch,
        throughput,
        tpot,
        tpot * output_length,
        "calibrated roofline",
        SATURATED_SIGMA,
        "saturated: roofline with large-batch factors fitted on 17 published offline results",
    )


def _point(
    model: Architecture,
    gpu: Gpu,
    count: int,
    layout: Layout,
    precision: str,
    input_length: float,
    output_length: float,
    concurrency: float,
    replicas: int,
    batch: float,
    throughput: float,
    tpot_s: float,
    ttft_s: float,
    tier: Tier,
    sigma: float,
    evidence: str,
) -> ServingPoint:
    total, spread = throughput * replicas, math.exp(1.2816 * sigma)
    work = work_of(model, gpu, layout, precision, input_length, output_length, batch)
    prefill = float(prefill_seconds(work, CONSTANTS.get(gpu.generation, HOPPER)))
    return ServingPoint(
        model.model,
        gpu.gpu,
        count,
        str(layout),
        precision,
        input_length,
        output_length,
        concurrency,
        replicas,
        batch,
        batch_limit(model, gpu, layout, precision, input_length + output_length / 2),
        total,
        total / spread,
        total * spread,
        total / count,
        total / output_length,
        tpot_s * 1e3,
        ttft_s * 1e3,
        replicas * input_length / prefill,
        weight_bytes(model, precision).total / GIB,
        (cache_bytes(model, 2) - cache_bytes(model, 1)) / 1024,
        tier,
        sigma,
        evidence,
    )
