"""What a replica can serve: one public function with plain arguments, and the search for a good layout."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from data.errors import BadInput
from data.facts.architectures import PRECISIONS, find_architecture
from data.facts.gpus import find_gpu
from simulations.hosting import measured_curves
from simulations.hosting.deployment import Deployment, RequestShape, at_least_one
from simulations.hosting.layouts import Layout, candidate_layouts
from simulations.hosting.measured_curves import ServingMeasurement
from simulations.hosting.replica_memory import cache_bytes, free_bytes, require_fit
from simulations.hosting.serving_point import ServingPoint, serving_point


def predict(
    model: str,
    gpu: str,
    count: int,
    layout: str | Layout | None,
    precision: str,
    input_length: float,
    output_length: float,
    concurrency: float | str | None,
    *,
    engine: str = "",
    measurements: Sequence[ServingMeasurement] = (),
) -> ServingPoint:
    """Predict a serving point of an open model on `count` GPUs.

        predict("meta-llama/Llama-3.1-70B-Instruct", "H200", 2, "tp2", "fp8", 1024, 1024, 32)

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
    deployment = Deployment.from_names(model, gpu, count, layout, precision)
    shape = RequestShape(at_least_one("input length", input_length), 0, at_least_one("output length", output_length))
    return capacity(deployment, shape, _concurrency(concurrency), _engine(engine), tuple(measurements))


def capacity(
    deployment: Deployment,
    shape: RequestShape,
    concurrency: float | None,
    engine: str = "",
    measurements: tuple[ServingMeasurement, ...] = (),
) -> ServingPoint:
    """`predict` on objects: the deployment's own layout, or the best one where it leaves the choice."""
    ask = best_layout if deployment.layout is None else serving_point
    return ask(deployment, shape, concurrency, engine, measurements)


@lru_cache(maxsize=4096)
def best_layout(
    deployment: Deployment,
    shape: RequestShape,
    concurrency: float | None,
    engine: str = "",
    measurements: tuple[ServingMeasurement, ...] = (),
) -> ServingPoint:
    """The layout with the highest throughput on the GPUs; some may stay unused, so more are never slower."""
    candidates, tokens = candidate_layouts(deployment.count), shape.fresh + shape.output
    fitting = [layout for layout in candidates if _fits(deployment.on(layout), tokens)]
    if not fitting:
        for layout in (candidates[-1], Layout(max(c.tp for c in candidates))):
            require_fit(deployment.architecture, deployment.hardware, layout, deployment.precision, tokens)
    points = [
        serving_point(deployment.on(layout, used), shape, concurrency, engine, measurements)
        for layout in fitting
        for used in range(layout.gpus, deployment.count + 1, layout.gpus)
        if concurrency is None or used == layout.gpus or used // layout.gpus <= concurrency
    ]
    best = max(points, key=lambda p: p.output_tokens_per_s)
    return best._replace(
        count=deployment.count, output_tokens_per_s_per_gpu=best.output_tokens_per_s / deployment.count
    )


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
        tried = Deployment(architecture.model, hardware.gpu, count, None, precision)
        if not unusual and any(_fits(tried.on(layout), 8192) for layout in candidate_layouts(count)):
            return precision
    require_fit(architecture, hardware, Layout(count), "int4", 8192)
    return "int4"


def _fits(deployment: Deployment, tokens: float) -> bool:
    model, layout = deployment.architecture, deployment.shape
    free = free_bytes(model, deployment.hardware, layout, deployment.precision)
    enough = free >= cache_bytes(model, tokens, layout.tp) / layout.pp
    return enough and (layout.dp == 1 or bool(model.experts))


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
