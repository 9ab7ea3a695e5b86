"""Measured serving points of ../shared/data/selfhost in one shape, ready to fit and to grade."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.facts.architectures import find_architecture, precision_of
from data.facts.gpus import find_gpu
from simulations.hosting.layouts import Layout
from simulations.hosting.measured_curves import LOCAL_BATCH
from simulations.hosting.replica_memory import batch_limit
from simulations.hosting.roofline import Work, work_of

COLUMNS = [
    "model",
    "gpu",
    "engine",
    "count",
    "tp",
    "dp",
    "precision",
    "input_length",
    "output_length",
    "concurrency",
    "tpot_s",
    "ttft_s",
    "output_tokens_per_s",
    "group",
]


def inferencex(folder: Path) -> pd.DataFrame:
    """Aggregated-serving rows with a stated concurrency; throughput follows from Little's law."""
    raw = pd.read_csv(folder / "inferencex.csv")
    raw = raw[(raw["mode"] == "agg") & raw.n_gpu_fixed.notna() & (raw.silicon_ttft_ms > 0) & (raw.silicon_tpot_ms > 0)]
    in_id = raw.id.str.extract(r"_c(\d+)_")[0].astype(float)
    dp = raw.attention_dp_fixed.fillna(1).clip(lower=1).astype(int)
    raw, dp, in_id = (
        x[(dp > 1) | in_id.isna() | (in_id == raw.batch_size)] for x in (raw, dp, in_id)
    )  # else ambiguous
    precision = raw.precision.fillna(
        raw.gemm_quant_mode.map({"fp8_block": "fp8", "fp8": "fp8", "nvfp4": "fp4", "int4_wo": "int4"})
    ).fillna("bf16")
    points = pd.DataFrame(
        {
            "model": raw.model_path.map(lambda name: find_architecture(name).model),
            "gpu": raw.system.map(lambda name: find_gpu(name).gpu),
            "engine": raw.backend,
            "count": raw.n_gpu_fixed.astype(int),
            "tp": raw.tp_fixed.clip(lower=1).astype(int),
            "dp": dp,
            "precision": precision,
            "input_length": raw.isl,
            "output_length": raw.osl,
            "concurrency": in_id.where((dp > 1) & in_id.notna(), raw.batch_size),
            "tpot_s": raw.silicon_tpot_ms / 1e3,
            "ttft_s": raw.silicon_ttft_ms / 1e3,
            "group": raw.split_group,
        }
    )
    points["precision"] = [
        precision_of(p, find_architecture(m)) for p, m in zip(points.precision, points.model, strict=True)
    ]
    points["output_tokens_per_s"] = (
        points.concurrency * points.output_length / (points.ttft_s + points.tpot_s * (points.output_length - 1))
    )
    return points[COLUMNS].reset_index(drop=True)


def works(points: pd.DataFrame) -> Work:
    """The work of every point as one Work of arrays, the batch clipped to what memory holds."""
    rows = []
    for p in points.itertuples():
        model, gpu, layout = find_architecture(p.model), find_gpu(p.gpu), Layout(p.tp, p.dp)
        limit = batch_limit(model, gpu, layout, p.precision, p.input_length + p.output_length / 2)
        rows.append(
            work_of(
                model,
                gpu,
                layout,
                p.precision,
                p.input_length,
                p.output_length,
                max(1.0, min(p.concurrency, limit, LOCAL_BATCH * p.dp)),
            )
        )
    columns: list[Any] = [np.array(column, dtype=float) for column in zip(*rows, strict=True)]
    return Work(*columns)


def take(work: Work, mask: np.ndarray) -> Work:
    """The points of a Work of arrays that the mask keeps."""
    return Work(*(column[mask] for column in work))
