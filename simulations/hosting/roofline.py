"""A calibrated roofline of one replica: bytes and FLOPs of a step, and the overheads textbooks leave out.

A decode step takes the slower of memory and compute, plus communication, plus a fixed time per
layer, per expert layer and per sequence; prefill of arriving requests interrupts it. All functions
work on floats and on numpy arrays alike, so that the constants can be fitted on thousands of points.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from data.facts.architectures import Architecture
from data.facts.gpus import Gpu
from simulations.hosting.layouts import Layout
from simulations.hosting.replica_memory import cache_bytes, state_bytes, weight_bytes

INDEX_BYTES = 128  # per cached token and layer: the fp8 key of a sparse-attention indexer
SHARPNESS = 3  # how abruptly a step turns from memory-bound to compute-bound


class Work(NamedTuple):
    """What one replica has to do at one serving point, per GPU where a GPU does it."""

    batch: float
    local_batch: float
    input_tokens: float
    output_tokens: float
    fixed_bytes: float  # weights read every step
    expert_bytes: float  # routed weights that this batch touches
    cache_bytes: float
    dense_flops: float  # decode step
    expert_flops: float
    prefill_flops: float  # one request
    prefill_expert_flops: float
    reduce_bytes: float  # all-reduce traffic of a decode step
    prefill_reduce_bytes: float
    bandwidth: float  # bytes/s
    compute: float  # FLOP/s
    link: float  # bytes/s
    layers: float
    moe_layers: float
    latent_layers: float
    sparse_layers: float
    linear_layers: float
    parallel: float  # 1 when GPUs must talk to each other


class Constants(NamedTuple):
    """Efficiencies and overheads; fitted by tests/benchmarks/selfhost_accuracy.py, see there for the error."""

    memory_efficiency: float
    cache_efficiency: float
    latent_efficiency: float
    decode_mfu: float
    prefill_mfu: float
    expert_efficiency: float
    link_efficiency: float
    layer_us: float
    moe_layer_us: float
    latent_layer_us: float
    sparse_layer_us: float
    linear_layer_us: float
    reduce_us: float
    sequence_us: float
    interference: float  # share of arriving prefill that decoding sequences feel
    first_token_ms: float
    queue_share: float  # of one prefill, per concurrent sequence
    pace: float = 1.0  # of the engine: every time is divided by it


HOPPER = Constants(
    0.714, 1.0, 0.625, 0.588, 0.327, 0.856, 0.152, 44.0, 40.7, 34.2, 94.5, 10.0, 8.67, 2.03, 0.388, 79.9, 0.074
)
BLACKWELL = HOPPER._replace(memory_efficiency=0.791, prefill_mfu=0.235, layer_us=56.4, moe_layer_us=8.14)
CONSTANTS = {"hopper": HOPPER, "blackwell": BLACKWELL}  # other generations borrow Hopper's
PACE = {"sglang": 1.082, "trtllm": 1.224, "vllm": 1.065}  # fitted together with the constants


def constants_of(gpu: Gpu, engine: str = "") -> Constants:
    """The constants fitted for a GPU's generation at the pace of an engine; one unnamed or unknown has the mean."""
    mean = math.exp(sum(map(math.log, PACE.values())) / len(PACE))
    return CONSTANTS.get(gpu.generation, HOPPER)._replace(pace=PACE.get(engine, mean))


# Offline points ("infinite rate"): tuned engines, large batches, prefill no longer hidden behind memory.
# Fitted on 17 published offline results: TensorRT-LLM perf-overview, MLPerf Inference 5.1, AMD, GPUStack lab.
SATURATED_BATCH = 192  # per data-parallel rank
SATURATED_PREFILL = 0.86
SATURATED_DENSE, SATURATED_MOE, SATURATED_DP = 1.25, 0.78, 0.58


class Speed(NamedTuple):
    """Seconds of a decode step alone, between tokens under load, to the first token; output tokens/s."""

    step_s: float
    tpot_s: float
    ttft_s: float
    output_tokens_per_s: float


def work_of(
    model: Architecture,
    gpu: Gpu,
    layout: Layout,
    precision: str,
    input_tokens: float,
    output_tokens: float,
    batch: float,
) -> Work:
    """Bytes, FLOPs and message sizes of one replica that decodes `batch` sequences at once.

    Pipeline stages work on a share of the batch each, one after the other for every token: a step
    reads what all stages hold, for batch / pp sequences.
    """
    weights, n, group = weight_bytes(model, precision), layout.tp * layout.dp, batch / layout.pp
    shards, local = layout.tp, group / layout.dp
    context = input_tokens + output_tokens / 2
    coverage = 1 - (1 - model.top_k / model.experts) ** group if model.experts else 0.0
    read = min(context, model.sparse_top) if model.sparse_top else context
    attention = local * _attention_flops(model, context, read) / shards
    linear = model.attention_params + model.dense_ffn_params + model.head_params
    hidden_bytes = 2 * model.layers * model.hidden * 2 * 2
    return Work(
        batch,
        local,
        input_tokens,
        output_tokens,
        fixed_bytes=(weights.attention + weights.dense + weights.head) / shards,
        expert_bytes=weights.experts * coverage / n,
        cache_bytes=local * _cache_read_bytes(model, layout, context, read),
        dense_flops=2 * linear * group / n + attention,
        expert_flops=2 * model.routed_params * group / n,
        prefill_flops=(2 * linear * input_tokens + _prefill_attention_flops(model, input_tokens)) / layout.gpus,
        prefill_expert_flops=2 * model.routed_params * input_tokens / layout.gpus,
        reduce_bytes=hidden_bytes * local * (layout.tp - 1) / layout.tp,
        prefill_reduce_bytes=hidden_bytes * input_tokens / layout.dp if layout.tp > 1 else 0.0,
        bandwidth=gpu.bandwidth_tb_s * 1e12,
        compute=gpu.compute_flops(precision),
        link=gpu.link_gb_s * 1e9,
        layers=model.layers,
        moe_layers=model.moe_layers,
        latent_layers=model.layers if model.kv_rank else 0,
        sparse_layers=model.layers if model.sparse_top else 0,
        linear_layers=model.linear_layers,
        parallel=1.0 if layout.gpus > 1 else 0.0,
    )


def speed_of(work: Work, c: Constants) -> Speed:
    """Steady-state speed of continuous batching at a serving point (floats or arrays)."""
    cache_efficiency = np.where(np.asarray(work.latent_layers) > 0, c.latent_efficiency, c.cache_efficiency)
    memory = work.fixed_bytes / (work.bandwidth * c.memory_efficiency)
    memory = memory + work.expert_bytes / (work.bandwidth * c.memory_efficiency * np.sqrt(c.expert_efficiency))
    memory = memory + work.cache_bytes / (work.bandwidth * cache_efficiency)
    compute = (work.dense_flops + work.expert_flops / c.expert_efficiency) / (work.compute * c.decode_mfu)
    talk = work.parallel * (2 * work.layers * c.reduce_us * 1e-6 + work.reduce_bytes / (work.link * c.link_efficiency))
    layers = work.layers * c.layer_us + work.moe_layers * c.moe_layer_us + work.latent_layers * c.latent_layer_us
    layers = (
        layers
        + work.sparse_layers * c.sparse_layer_us
        + work.linear_layers * c.linear_layer_us
        + work.local_batch * c.sequence_us
    )
    step = ((memory**SHARPNESS + compute**SHARPNESS) ** (1 / SHARPNESS) + talk + layers * 1e-6) / c.pace
    prefill = prefill_seconds(work, c)
    tpot = step + c.interference * work.batch * prefill / work.output_tokens
    ttft = c.first_token_ms * 1e-3 / c.pace + step + prefill * (1 + c.queue_share * work.batch)
    return Speed(step, tpot, ttft, work.batch * work.output_tokens / (ttft + tpot * (work.output_tokens - 1)))


def saturated_throughput(work: Work, c: Constants, layout: Layout) -> float:
    """Output tokens/s of a replica that always has more to do, at the batch that `work` describes."""
    seconds = work.output_tokens * speed_of(work, c).step_s + SATURATED_PREFILL * work.batch * prefill_seconds(work, c)
    derate = SATURATED_DENSE * (SATURATED_MOE if work.moe_layers else 1.0) * (SATURATED_DP if layout.dp > 1 else 1.0)
    return float(derate * work.batch * work.output_tokens / seconds)


def prefill_seconds(work: Work, c: Constants) -> float:
    """Seconds one request's prompt takes on an otherwise idle replica."""
    flops = work.prefill_flops + work.prefill_expert_flops / c.expert_efficiency
    seconds = flops / (work.compute * c.prefill_mfu) + work.prefill_reduce_bytes / (work.link * c.link_efficiency)
    return seconds / c.pace


def _cache_read_bytes(model: Architecture, layout: Layout, context: float, read: float) -> float:
    """What a decode step reads of one sequence's cache; a state is read and written."""
    cached = cache_bytes(model, read, layout.tp) + state_bytes(model) / layout.tp
    return cached + (model.attention_layers * context * INDEX_BYTES if model.sparse_top else 0.0)


def _attention_flops(model: Architecture, context: float, read: float) -> float:
    """Of one sequence's decode step: full layers look at what is read, windowed ones at their window."""
    whole = (model.attention_layers - model.window_layers) * read
    return (whole + model.window_layers * min(context, model.window or 0)) * _decode_flops_per_token(model)


def _decode_flops_per_token(model: Architecture) -> float:
    """FLOPs of one layer's attention over one cached token; latent attention works in the compressed space."""
    if model.kv_rank:
        return 2 * model.heads * (2 * model.kv_rank + model.rope_dim)
    return 4 * model.heads * model.head_dim


def _prefill_attention_flops(model: Architecture, tokens: float) -> float:
    """Causal attention over a whole prompt; a window or a sparse choice makes the far part linear."""
    width = (model.nope_dim + model.rope_dim + model.value_dim) / 2 if model.kv_rank else model.head_dim
    full = (model.attention_layers - model.window_layers) * tokens**2
    near = model.window_layers * tokens * min(tokens, model.window or 0)
    return 2 * model.heads * width * (full + near)
