"""GPUs and what they cost: `catalog/gpus.csv` and `catalog/gpu_prices.csv`.

TFLOPs are dense (no sparsity), link speed is one way, memory is what a driver reports. Figures of
hyperscalers and secondary pages are marked unverified; rents can be asked of gpuhunt.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from statistics import median
from typing import NamedTuple

from data.errors import BadInput, NoData
from data.facts.tables import Stamp, by_name, find, number, rows_at, squeeze, stamp

PRICE_KINDS = ("on_demand", "reserved", "spot", "purchase", "own_hyperscaler", "own_neocloud")
GPUHUNT_NAMES = {
    "A100": "a100_sxm",
    "H100": "h100_sxm",
    "H200": "h200_sxm",
    "B200": "b200_sxm",
    "L40S": "l40s",
    "L4": "l4",
    "MI300X": "mi300x",
}


class Gpu(NamedTuple):
    """One GPU. A zero TFLOPs figure means the precision has no hardware support."""

    gpu: str
    name: str
    aliases: tuple[str, ...]
    generation: str
    memory_gib: float
    bandwidth_tb_s: float
    bf16_tflops: float
    fp8_tflops: float
    fp4_tflops: float
    tdp_w: float
    link_gb_s: float
    provisioned_kw: float
    source: str
    as_of: str
    unverified: tuple[str, ...]

    def compute_flops(self, precision: str) -> float:
        """Peak dense FLOP/s for weights of `precision`; weight-only formats compute in bf16."""
        bf16 = self.bf16_tflops
        tflops = {"fp8": self.fp8_tflops or bf16, "fp4": self.fp4_tflops or self.fp8_tflops or bf16}.get(
            precision, bf16
        )
        return tflops * 1e12


class GpuPrice(NamedTuple):
    """One quoted price of a GPU: USD per GPU-hour, or per GPU for `purchase`."""

    gpu: str
    kind: str
    provider: str
    usd: float
    as_of: str
    source: str
    verified: bool
    note: str


def gpus() -> tuple[Gpu, ...]:
    """Every GPU of the catalogue."""
    return _gpus(stamp("gpus.csv"))


@lru_cache(maxsize=8)
def _gpus(at: Stamp) -> tuple[Gpu, ...]:
    figures = (
        "memory_gib",
        "bandwidth_tb_s",
        "bf16_tflops",
        "fp8_tflops",
        "fp4_tflops",
        "tdp_w",
        "link_gb_s",
        "provisioned_kw",
    )
    return tuple(
        Gpu(
            gpu=row["gpu"],
            name=row["name"],
            aliases=_words(row["aliases"]),
            generation=row["generation"],
            source=row["source"],
            as_of=row["as_of"],
            unverified=_words(row["unverified"]),
            **{figure: number(row, figure) for figure in figures},
        )
        for row in rows_at(at)
    )


def find_gpu(name: str) -> Gpu:
    """The GPU of that name or alias; raises BadInput naming the nearest ones."""
    return find("GPU", name, _gpus_by_name(stamp("gpus.csv")), _names, _reduce)


@lru_cache(maxsize=8)
def _gpus_by_name(at: Stamp) -> dict[str, Gpu]:
    return by_name(_gpus(at), _names, _reduce)


def _names(gpu: Gpu) -> tuple[str, ...]:
    return gpu.gpu, gpu.name, *gpu.aliases


def gpu_prices() -> tuple[GpuPrice, ...]:
    """Every quoted price; raises BadInput for an undated, unknown or non-positive one."""
    return _prices(stamp("gpu_prices.csv"))


@lru_cache(maxsize=8)
def _prices(at: Stamp) -> tuple[GpuPrice, ...]:
    prices = []
    for row in rows_at(at):
        price = GpuPrice(
            find_gpu(row["gpu"]).gpu,
            row["kind"],
            row["provider"],
            number(row, "usd"),
            row["as_of"],
            row["source"],
            row["verified"] == "yes",
            row["note"],
        )
        if price.kind not in PRICE_KINDS:
            raise BadInput(f"{price.kind} is not a kind of price; use one of {', '.join(PRICE_KINDS)}.")
        if price.usd <= 0:
            raise BadInput(f"The {price.kind} price of {price.gpu} is {price.usd:g}; give a positive number of USD.")
        prices.append(price)
    return tuple(prices)


def typical_price(gpu: str, kind: str) -> GpuPrice:
    """The median quote of a kind, verified quotes first; raises NoData when nobody quotes one."""
    wanted = find_gpu(gpu).gpu
    quotes = [p for p in gpu_prices() if p.gpu == wanted and p.kind == kind]
    if not quotes:
        raise NoData(f"No {kind} price of {gpu} is in the catalogue; type one, with its date.")
    quotes = [p for p in quotes if p.verified] or quotes
    middle = median(p.usd for p in quotes)
    return min(quotes, key=lambda p: abs(p.usd - middle))


def live_rents(today: date) -> tuple[GpuPrice, ...]:
    """Today's cheapest rent per GPU, kind and provider, asked of the optional package gpuhunt.

    Nothing is fetched unless this is called; raises NoData when gpuhunt is not installed. Keep them
    with `tables.save_own`.
    """
    try:
        import gpuhunt
    except ImportError:
        raise NoData(
            "Refreshing rents needs the optional package gpuhunt; install it with pip install gpuhunt."
        ) from None
    live: dict[tuple[str, str, str], float] = {}
    for item in gpuhunt.query():
        gpu, count = GPUHUNT_NAMES.get(item.gpu_name), item.gpu_count or 0
        if gpu and count and item.price:
            key = (gpu, "spot" if item.spot else "on_demand", item.provider)
            live[key] = min(live.get(key, float("inf")), item.price / count)
    return tuple(
        GpuPrice(*key, round(usd, 4), today.isoformat(), "gpuhunt", True, "") for key, usd in sorted(live.items())
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(";") if word.strip())


@lru_cache(maxsize=1024)
def _reduce(name: str) -> str:
    """`8 × NVIDIA H200 SXM GPUs on a single node.` and `H100-SXM5-80GB` come down to the GPU; a memory size that is
    not its own stays."""
    bare = re.sub(r"^\s*(a single|\d+\s*[x×*])\s*|\s*gpus?\b.*$|[x×*]\s*\d{1,2}\s*$", "", name.lower().strip())
    bare = re.sub(
        r"nvidia|amd|instinct|hbm3?e?|(?<!\d)(24|48|80|96|141|18[06]|192|256|2[78]\d)\s*gi?b?(?![a-z])",
        "",
        bare.replace("_", " "),
    )
    return squeeze(re.sub(r"(?<=sxm)[456]", "", bare))
