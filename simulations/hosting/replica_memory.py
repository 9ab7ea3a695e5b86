"""What fits: bytes of weights, bytes of key-value cache, and the batch that the rest leaves room for.

Formulas: grouped-query attention keeps 2 x layers x kv_heads x head_dim values a token, multi-head
latent attention layers x (rank + rope); a window caps its layers, linear layers keep a fixed state.
"""

from __future__ import annotations

from typing import NamedTuple

from data.errors import BadInput
from data.facts.architectures import LINEAR_HEAD_DIM, PRECISIONS, Architecture
from data.facts.gpus import Gpu
from simulations.hosting.layouts import Layout

GIB = 2**30
BYTES = {"bf16": 2.0, "fp8": 1.0, "fp4": 0.5625, "mxfp4": 0.53125, "int4": 0.5625}  # with their block scales
MEMORY_SHARE = 0.92  # of a driver's memory; with the reserve it reproduces the batch limits of the measured runs
RESERVED_GIB = 3.0  # per GPU: activations, CUDA graphs, NCCL buffers (AIConfigurator: 3.5 GB and 0.4 GB)
STATE_BYTES = 4  # linear attention keeps its state in float32


class WeightBytes(NamedTuple):
    """Bytes of a whole model's weights by part; the embedding is stored but not read each step."""

    attention: float
    dense: float
    experts: float
    head: float
    embedding: float

    @property
    def total(self) -> float:
        """All bytes."""
        return sum(self)


def weight_bytes(model: Architecture, precision: str) -> WeightBytes:
    """Bytes of the weights: 4-bit checkpoints keep attention wider, every one keeps its head in bf16."""
    size = BYTES[precision]
    attention, dense = size, size
    if precision == "fp4":
        attention = BYTES["fp8"]
    elif precision in ("mxfp4", "int4") and model.experts:
        attention = dense = BYTES["bf16"]
    head = 2.0 * model.head_params
    return WeightBytes(
        attention * model.attention_params,
        dense * model.dense_ffn_params,
        size * model.expert_params,
        head,
        0.0 if model.tied else head,
    )


def cache_bytes(model: Architecture, tokens: float, tp: int = 1) -> float:
    """Key-value bytes (bf16, the engines' default) of one sequence of `tokens` on one GPU.

    Latent caches are not split by tensor parallelism.
    """
    windowed = model.window_layers
    layer_tokens = (model.attention_layers - windowed) * tokens + windowed * min(tokens, model.window or tokens)
    if model.kv_rank:
        width, shards = model.kv_rank + model.rope_dim, 1
    else:
        width, shards = 2 * model.kv_heads * model.head_dim, min(tp, model.kv_heads)
    return layer_tokens * width * BYTES["bf16"] / shards + state_bytes(model) / tp


def state_bytes(model: Architecture) -> float:
    """Fixed state of one sequence in the linear-attention layers."""
    return model.linear_layers * model.linear_value_heads * LINEAR_HEAD_DIM**2 * STATE_BYTES


def free_bytes(model: Architecture, gpu: Gpu, layout: Layout, precision: str) -> float:
    """Bytes per GPU left for the cache after weights and reserve; negative when the model does not fit."""
    weights = weight_bytes(model, precision)
    replicated = (weights.attention + weights.dense + weights.head + weights.embedding) / (layout.tp * layout.pp)
    return gpu.memory_gib * GIB * MEMORY_SHARE - RESERVED_GIB * GIB - replicated - weights.experts / layout.gpus


def batch_limit(model: Architecture, gpu: Gpu, layout: Layout, precision: str, tokens: float) -> float:
    """Sequences of mean length `tokens` that one replica can hold at once (all data-parallel ranks)."""
    each = cache_bytes(model, tokens, layout.tp) / layout.pp
    return max(0.0, free_bytes(model, gpu, layout, precision) / each) * layout.dp


def require_fit(model: Architecture, gpu: Gpu, layout: Layout, precision: str, tokens: float) -> None:
    """Refuse a model that does not fit: BadInput says by how much, and what would."""
    if tokens > model.context:
        raise BadInput(
            f"{model.model} takes {model.context:,} tokens; the request has {tokens:,.0f}. Shorten it or choose a "
            "model with a longer context."
        )
    missing = cache_bytes(model, tokens, layout.tp) / layout.pp - free_bytes(model, gpu, layout, precision)
    if missing > 0:
        raise BadInput(
            f"{model.model} in {precision} does not fit on {layout.gpus} x {gpu.name} ({layout}): "
            f"{missing / GIB:,.1f} GiB per GPU are missing; {_what_fits(model, gpu, tokens)}."
        )


def _what_fits(model: Architecture, gpu: Gpu, tokens: float) -> str:
    for precision in [model.native_precision, *(p for p in PRECISIONS if BYTES[p] < BYTES[model.native_precision])]:
        for count in (1, 2, 4, 8, 16):
            if free_bytes(model, gpu, Layout(count), precision) >= cache_bytes(model, tokens, count):
                return f"{count} x {gpu.name} in {precision} would hold it"
    return "no node of up to 16 of them would; choose a larger GPU or a smaller model"
