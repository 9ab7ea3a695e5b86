"""How well a serving point is predicted: textbook roofline against ours, on groups never fitted.

python -m tests.benchmarks.selfhost_accuracy            # grade (about a minute)
python -m tests.benchmarks.selfhost_accuracy --fit      # also print constants fitted on all points
"""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from data.errors import BadInput
from simulations.hosting import capacity, measured_curves, roofline, serving_point
from simulations.hosting.layouts import Layout
from simulations.hosting.roofline import Constants, Speed, Work, speed_of
from tests.benchmarks.ratios import row
from tests.benchmarks.selfhost_points import inferencex, take, works

START = Constants(0.86, 0.9, 0.65, 0.5, 0.36, 0.7, 0.25, 36, 40, 30, 60, 10, 9, 2, 0.4, 70, 0.08)
LOW = Constants(0.4, 0.3, 0.2, 0.2, 0.1, 0.3, 0.05, 2, 0, 0, 0, 0, 0, 0, 0.1, 0, 0)
HIGH = Constants(1, 1, 1, 0.9, 0.9, 1, 1, 90, 150, 90, 200, 90, 60, 20, 1.2, 300, 3)
SHARED = tuple(name for name in Constants._fields if name != "pace")
PER_GENERATION = ("memory_efficiency", "prefill_mfu", "layer_us", "moe_layer_us")
ENGINES = tuple(roofline.PACE)
PACE_PRIOR = 1.0  # of an engine's log pace, in the residuals' unit: held back towards none
TEXTBOOK = Constants(0.75, 0.75, 0.75, 0.5, 0.5, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0)


def folder() -> Path:
    """Where the measured points lie."""
    return Path(os.environ.get("BATON_SHARED_DATA", Path(__file__).parents[2].parent / "shared/data")) / "selfhost"


def unpack(z: np.ndarray, points: pd.DataFrame) -> Constants:
    """Parameters -> constants per point: shared ones, those that differ per generation, log pace per engine."""
    shared, own, paces = np.split(z, [len(SHARED), len(SHARED) + len(PER_GENERATION)])
    base = dict(zip(SHARED, shared, strict=True))
    blackwell = points.gpu.str.contains("b200|b300").to_numpy()
    for name, value in zip(PER_GENERATION, own, strict=True):
        base[name] = np.where(blackwell, value, base[name])
    pace = points.engine.map(dict(zip(ENGINES, np.exp(paces), strict=True))).to_numpy(dtype=float)
    return Constants(**base, pace=pace)


def fit(points: pd.DataFrame, work: Work) -> np.ndarray:
    """Constants that bring throughput, TPOT and (lightly) TTFT close in logarithms; big groups count less."""
    size = points.group.map(points.group.value_counts()).to_numpy(dtype=float)
    weight = np.sqrt(size**-0.35 / np.mean(size**-0.35))
    extra = [SHARED.index(name) for name in PER_GENERATION]
    scale, low, high = (
        np.concatenate([np.array(c)[: len(SHARED)], np.array(c)[extra], np.full(len(ENGINES), engine)])
        for c, engine in ((START, 1.0), (LOW, -1.0), (HIGH, 1.0))
    )
    targets = [np.log(points[c].to_numpy()) for c in ("output_tokens_per_s", "tpot_s", "ttft_s")]
    start = np.append(np.ones(len(scale) - len(ENGINES)), np.zeros(len(ENGINES)))
    held = np.append(np.full(len(scale) - len(ENGINES), 0.3), np.full(len(ENGINES), PACE_PRIOR))

    def residuals(z: np.ndarray) -> np.ndarray:
        speed = speed_of(work, unpack(z * scale, points))
        parts = (speed.output_tokens_per_s, speed.tpot_s, speed.ttft_s)
        errors = [share * weight * (np.log(p) - t) for share, p, t in zip((1, 0.5, 0.12), parts, targets, strict=True)]
        return np.concatenate([*errors, held * (z - start)])

    bounds = (low / scale, high / scale * 1.0001)
    return least_squares(residuals, start, bounds=bounds, loss="soft_l1", f_scale=0.3, max_nfev=60).x * scale


def predicted(points: pd.DataFrame, work: Work, z: np.ndarray) -> Speed:
    """Speed of every point under fitted parameters."""
    return speed_of(work, unpack(z, points))


def hold_out(points: pd.DataFrame, work: Work) -> np.ndarray:
    """log(predicted / measured) of every point from constants that never saw its model x GPU x engine group."""
    errors = np.zeros(len(points))
    for group in points.group.unique():
        inside = (points.group == group).to_numpy()
        z = fit(points[~inside], take(work, ~inside))
        errors[inside] = np.log(
            predicted(points[inside], take(work, inside), z).output_tokens_per_s / points.output_tokens_per_s[inside]
        )
    return errors


def graded_predictions(points: pd.DataFrame, work: Work) -> pd.DataFrame:
    """As `hold_out`, through the public `predict` with its measured curves: the held-out group's points removed.

    One row per point: log(predicted / measured) of throughput (`error`) and time to first token (`ttft`), the `tier`,
    and whether P10 to P90 hold the throughput; NaN where the model cannot fit (a wrong GPU count in the source).
    """
    found: dict[Any, tuple[float, float, str, float]] = {}
    shipped = measured_curves.shipped_points()
    constants, paces = dict(roofline.CONSTANTS), dict(roofline.PACE)
    for group in points.group.unique():
        inside = points[points.group == group]
        z = fit(points.drop(inside.index), take(work, (points.group != group).to_numpy()))
        _believe(z)
        hidden = set(zip(inside.model, inside.gpu, inside.engine, strict=True))
        serving_point.shipped_points = lambda hidden=hidden: tuple(
            p for p in shipped if (p.model, p.gpu, p.engine) not in hidden
        )
        measured_curves._ratio.cache_clear()
        found |= {p.Index: _graded(p) for p in inside.itertuples()}
    roofline.CONSTANTS.update(constants)
    roofline.PACE.update(paces)
    serving_point.shipped_points = measured_curves.shipped_points
    measured_curves._ratio.cache_clear()
    return pd.DataFrame.from_dict(found, orient="index", columns=["error", "ttft", "tier", "held"]).loc[points.index]


def _believe(z: np.ndarray) -> None:
    """Let the product predict with these parameters."""
    shared, own, paces = np.split(z, [len(SHARED), len(SHARED) + len(PER_GENERATION)])
    hopper = Constants(*shared)
    roofline.CONSTANTS.update(hopper=hopper, blackwell=hopper._replace(**dict(zip(PER_GENERATION, own, strict=True))))
    roofline.PACE.update(zip(ENGINES, np.exp(paces), strict=True))


def _graded(p: Any) -> tuple[float, float, str, float]:
    """What `graded_predictions` says of one point."""
    layout = Layout(p.tp, p.dp)
    sizes = (p.input_length, p.output_length, p.concurrency)
    try:
        point = capacity.predict(p.model, p.gpu, p.count, layout, p.precision, *sizes, engine=p.engine)
    except BadInput:
        return np.nan, np.nan, "", np.nan
    return (
        np.log(point.output_tokens_per_s / p.output_tokens_per_s),
        np.log(point.ttft_ms / 1e3 / p.ttft_s),
        point.tier,
        float(point.low <= p.output_tokens_per_s <= point.high),
    )


def saturated(path: Path) -> pd.DataFrame:
    """The curated offline points that state a layout: measured and predicted tokens/s (factors were fitted on
    these)."""
    rows = pd.read_csv(path / "validation_points.csv")
    rows = rows[(rows.concurrency == "max") & ~rows.layout.str.contains("None")]
    found = []
    for r in rows.itertuples():
        tp, dp = (int(part) for part in re.match(r"tp(\d+)dp(\d+)", r.layout).groups())
        layout = Layout(max(1, min(tp, r.n_gpu // dp)), dp)
        point = capacity.predict(
            r.model, r.gpu, r.n_gpu, layout, r.weight_precision, float(r.input_len), float(r.output_len), None
        )
        found.append((r.id, r.model, r.gpu, r.out_tok_s_total, point.output_tokens_per_s))
    return pd.DataFrame(found, columns=["id", "model", "gpu", "measured", "predicted"])


def report(name: str, errors: np.ndarray) -> None:
    """One line: median and P90 of the absolute error, and the bias (median ratio - 1)."""
    absolute = np.abs(np.expm1(errors))
    print(
        f"{name:46} n {len(errors):5}  median {np.median(absolute):6.1%}  P90 {np.quantile(absolute, 0.9):6.1%}  bias"
        f" {np.expm1(np.median(errors)):+6.1%}"
    )


def breakdown(points: pd.DataFrame) -> None:
    """Bias, spread and how often P10 to P90 hold, by engine, GPU, requests in flight and tier."""
    crowd = pd.cut(points.concurrency, [0, 16, 64, 255, np.inf], labels=["to 16", "to 64", "to 255", "256 and more"])
    print(f"P10 to P90 hold {points.held.mean():.0%}")
    for name, key in (("engine", points.engine), ("gpu", points.gpu), ("in flight", crowd), ("tier", points.tier)):
        table = points.groupby(key, observed=True).agg(n=("error", "size"), bias=("error", "median"))
        table["bias"] = np.expm1(table.bias).round(3)
        table["sigma"] = points.groupby(key, observed=True).error.std().round(2)
        table["held"] = points.groupby(key, observed=True).held.mean().round(2)
        print(table.rename_axis(name).to_string())


def main() -> None:
    """Grade on the shared points."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--fit", action="store_true")
    points = inferencex(folder())
    work = works(points)
    textbook = np.log(speed_of(work, TEXTBOOK).output_tokens_per_s / points.output_tokens_per_s).to_numpy()
    report("textbook roofline", textbook)
    if arguments.parse_args().fit:
        z = fit(points, work)
        print([(name, round(float(v), 3)) for name, v in zip((*SHARED, *PER_GENERATION, *ENGINES), z, strict=True)])
        points["error"] = np.log(predicted(points, work, z).output_tokens_per_s / points.output_tokens_per_s)
        report("ours, in sample", points.error.to_numpy())
        print(points.groupby("group").error.agg(["count", "median", "std"]).round(2).to_string())
    report("roofline alone, groups never fitted", hold_out(points, work))
    graded = graded_predictions(points, work)
    points = points.drop(columns="error", errors="ignore").join(graded)[graded.error.notna()]
    report("predict(), groups never fitted nor shipped", points.error.to_numpy())
    report("... time to first token", points.ttft.to_numpy())
    ours, theirs = (float(np.median(np.abs(np.expm1(errors)))) for errors in (points.error.to_numpy(), textbook))
    question = f"Output tokens a second of {len(points):,} measured serving points never fitted (median error)"
    print(row(question, f"{ours:.1%}", f"textbook roofline: {theirs:.1%}", ours / theirs))
    medians = points.assign(e=np.abs(np.expm1(points.error))).groupby("group").e.median()
    print(
        f"median of the {len(medians)} groups' medians {medians.median():.1%}, worst {medians.idxmax()}"
        f" {medians.max():.1%}; {graded.error.isna().sum()} points refused"
    )
    breakdown(points)
    offline = saturated(folder())
    ratio = offline.predicted / offline.measured
    print(offline.assign(ratio=ratio.round(2)).to_string(index=False))
    print(
        f"saturated: {np.mean(np.abs(np.log(ratio)) <= np.log(1.5)):.0%} of {len(ratio)} within a factor of 1.5, median"
        f" ratio {ratio.median():.2f}"
    )


if __name__ == "__main__":
    main()
