"""Mixes taken from the log: today's, and any other shares of the same work, priced on the same tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from data.errors import BadInput
from simulations.mixes.mix import TOLERANCE, Entry, Mix, MixScenario
from simulations.mixes.problem_from_log import Programme
from simulations.ranges import Assumptions
from simulations.replay.reliability import Known
from simulations.replay.repricing import Market


def mix_of(
    made: Programme,
    shares: np.ndarray,
    lost_usd: Mapping[str, float] | None = None,
    output_shares: Mapping[str, float] | None = None,
) -> Mix:
    """A mix given as shares per segment, as one line per model.

    Share of requests, USD a year, quality, mean latency in the log. `lost_usd` is what each model's lost prompt
    caches add (`caches.mix_caches`), `output_shares` what part of each model's cost is output.
    """
    task, slow = made.problem, latencies(made)
    requests = shares * task.weights[:, None]
    spent = np.nan_to_num(task.cost_usd) * shares
    unknown = np.isnan(task.cost_usd) & (shares > 0)
    entries = []
    for i in np.argsort(-spent.sum(0)):
        part = requests[:, i]
        if shares[:, i].max() <= 1e-9:
            continue
        known = np.isfinite(task.quality[:, i]) | (part <= 0)
        quality = (
            float((np.nan_to_num(task.quality[:, i]) * part).sum() / part.sum()) if known.all() and part.sum() else None
        )
        lost = (lost_usd or {}).get(task.models[i], 0.0)
        cost = None if unknown[:, i].any() else float(spent[:, i].sum()) + lost
        entries.append(
            Entry(
                model=task.models[i],
                share=min(1.0, float(part.sum() / task.weights.sum())),
                annual_cost_usd=cost,
                quality=quality,
                latency_ms=slow.get(task.models[i]),
                output_share=(output_shares or {}).get(task.models[i]),
            )
        )
    return Mix(models=tuple(entries))


def latencies(made: Programme) -> dict[str, float]:
    """Mean ms a request of every model this log has seen at work; another's is unknown."""
    rows = made.segments
    total, count = (
        np.bincount(made.problem.current, rows[name].fillna(0).to_numpy(float), len(made.problem.models))
        for name in ("latency_ms_sum", "latency_count")
    )
    return {name: float(ms / n) for name, ms, n in zip(made.problem.models, total, count, strict=True) if n and ms}


def service_records(
    made: Programme,
    known: Known,
    *,
    p50_ms: float | None = None,
    p95_ms: float | None = None,
    failures: float | None = None,
) -> dict[str, Any]:
    """The fields of `Demands` for these limits, with the record of every model that this log has seen at work.

    Where the policy whose constraints hold states a limit, the lower of the two counts.
    """
    held = made.policy.limits
    p50_ms, p95_ms = _lower(p50_ms, held.max_p50_ms), _lower(p95_ms, held.max_p95_ms)
    failures = _lower(failures, held.max_failure_share)
    seen = [made.problem.models[i] for i in sorted(set(made.problem.current)) if i >= 0]
    records = {name: known[name.partition("@")[0]] for name in seen if name.partition("@")[0] in known}
    fields: dict[str, Any] = {}
    for limit, ms in (("p50", p50_ms), ("p95", p95_ms)):
        if ms is not None:
            later = {name: record.later_than(ms) for name, record in records.items() if record.waits}
            fields |= {f"max_{limit}_ms": ms, f"later_than_{limit}": later}
    if failures is not None:
        failed = {name: record.failure_share for name, record in records.items()}
        fields |= {"max_failure_share": failures, "failure_share": failed}
    return fields


def _lower(*limits: float | None) -> float | None:
    return min((limit for limit in limits if limit is not None), default=None)


def with_shares(
    made: Programme, wanted: Mapping[str, float], by_task: Mapping[str, Mapping[str, float]] | None = None
) -> np.ndarray:
    """Shares per segment when every segment gets `wanted` (or its task type's own shares), where it may.

    A model that is not allowed or has no price on a segment gives its share to the others there; where
    none is left the segment stays as it is. Raises BadInput unless the shares sum to one.
    """
    task, by_task = made.problem, by_task or {}
    wishes = {name: _row(made, shares) for name, shares in {"": wanted, **by_task}.items()}
    wish = np.array([wishes[t if t in by_task else ""] for t in made.segments["task_type"]])
    open_ = task.allowed & np.isfinite(task.cost_usd)
    shares = np.where(open_, wish, 0.0)
    left = shares.sum(1)
    stuck = left <= TOLERANCE
    shares[stuck] = made.current_shares[stuck]
    return shares / shares.sum(1, keepdims=True)


def _row(made: Programme, shares: Mapping[str, float]) -> np.ndarray:
    unknown = [name for name in shares if name not in made.problem.models]
    if unknown:
        raise BadInput(
            f"`{unknown[0]}` is not in this simulation; add it to the models to consider: "
            f"{', '.join(made.problem.models)}."
        )
    if any(share < 0 for share in shares.values()):
        raise BadInput(f"Shares cannot be negative: {dict(shares)}.")
    total = sum(shares.values())
    if abs(total - 1) > 1e-4:
        raise BadInput(f"The shares sum to {total:.4g}, not to 1; correct them, or press Normalise.")
    return np.array([shares.get(name, 0.0) for name in made.problem.models]) / total


def current_mix(made: Programme) -> dict[str, float]:
    """Today's share of requests per model."""
    task = made.problem
    totals = np.bincount(task.current, task.weights, len(task.models)) / task.weights.sum()
    return {name: float(share) for name, share in zip(task.models, totals, strict=True)}


def log_scenario(
    made: Programme,
    shares: np.ndarray,
    market: Market,
    name: str,
    source: str,
    assumed: Assumptions | None = None,
    lost_usd: Mapping[str, float] | None = None,
) -> MixScenario:
    """A scenario that stands on its own: today's mix and these shares, with the range that output length gives."""
    moved = moved_work(made, shares, market, lost_usd)
    assumptions = (assumed or Assumptions()).model_copy(update={"verbosity": moved.verbosity})
    return MixScenario(
        kind="mix",
        name=name,
        source=source,
        baseline=mix_of(made, made.current_shares),
        proposed=mix_of(made, shares, lost_usd, moved.output_shares),
        assumptions=assumptions,
    )


class MovedWork(NamedTuple):
    """Of the work that changes its model: how much longer its output may be, as factors on output dollars, and the part
    of each model's dollars that is output."""

    verbosity: tuple[float, float]
    output_shares: dict[str, float]


def moved_work(
    made: Programme, shares: np.ndarray, market: Market, lost_usd: Mapping[str, float] | None = None
) -> MovedWork:
    """What a mix moves, by what its dollars are for. What lost caches cost is input."""
    rows, output_shares = made.segments, {}
    written = np.zeros(3)  # low, as expected, high
    for i, target in enumerate(made.problem.models):
        moved = np.where(made.problem.current == i, 0.0, shares[:, i])
        if not moved.any():
            continue
        bare, whole = (market.cost_at(rows, target, factor) for factor in (0.0, 1.0))
        counted = (moved > 0) & np.isfinite(whole)
        if not counted.any():
            continue
        longer = [market.verbosity(model if isinstance(model, str) else None, target) for model in rows["model"]]
        factors = np.array([(one.low, one.value, one.high) for one in longer])
        output = ((moved * (whole - bare))[counted, None] * factors[counted]).sum(axis=0)
        read = float((moved * bare)[counted].sum()) + (lost_usd or {}).get(target, 0.0)
        written += output
        if read + output[1] > 0:
            output_shares[target] = float(output[1] / (read + output[1]))
    low, middle, high = written
    return MovedWork(
        (round(float(low / middle), 4), round(float(high / middle), 4)) if middle else (1.0, 1.0), output_shares
    )
