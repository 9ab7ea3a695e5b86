"""How well and how fast a policy's requests are answered: quality on one scale, latency from this log."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from simulations.replay.quality import WORDS, Scale, scales, score_of
from simulations.replay.replay import CURRENT, KEPT, MOVED, VERIFIER, Replay
from simulations.replay.repricing import Market


def yardstick(result: Replay, market: Market, scale: str | None) -> Scale | None:
    """The scale asked for, else the one that knows most of the models concerned."""
    found = scales(market.catalog, result.groups, [*result.policy.targets])
    return next((s for s in found if scale in (None, s.name)), None)


def quality(result: Replay, answers: pd.DataFrame, market: Market, by: Scale | None) -> dict[str, Any]:
    """Quality before and after on ONE scale, only where it knows every model concerned; what is unknown is said."""
    if by is None:
        return {
            "tier": "cost_only",
            "words": WORDS["cost_only"],
            "scale": None,
            "baseline": None,
            "policy": None,
            "known_share": 0.0,
        }
    asked = answers[answers["basis"] != KEPT]
    old = score_of(market.catalog, asked["old_model"], asked["task_type"], by.name)
    new = score_of(market.catalog, asked["new_model"], asked["task_type"], by.name)
    weight = asked["requests"].to_numpy(float)
    known = np.isfinite(old) & np.isfinite(new)
    share = float(weight[known].sum() / weight.sum()) if weight.sum() else 0.0
    whole = share > 1 - 1e-9

    def mean(values: np.ndarray) -> float | None:
        return float((values[known] * weight[known]).sum() / weight[known].sum()) if known.any() else None

    unknown = sorted({*asked["new_model"][~np.isfinite(new)], *asked["old_model"][~np.isfinite(old)]})
    return {
        "tier": by.tier if whole else "refused",
        "words": WORDS[by.tier] if whole else f"{WORDS['refused']}; {by.name} does not know {', '.join(unknown[:4])}",
        "scale": by.name,
        "source": by.source,
        "baseline": mean(old) if whole else None,
        "policy": mean(new) if whole else None,
        "known_share": round(share, 6),
        "observed": _observed(result.groups),
    }


def _observed(groups: pd.DataFrame) -> dict[str, Any] | None:
    """Mean score the log itself carries, of what was answered then; it says nothing about other models."""
    count = int(groups["quality_count"].sum())
    return {"mean_score": float(groups["quality_sum"].sum()) / count, "n": count} if count else None


def latency(result: Replay, answers: pd.DataFrame) -> dict[str, Any]:
    """Mean ms per request from each model's own mean in this log; None for models the log has not seen."""
    seen = (
        result.groups[result.groups["basis"] != KEPT]
        .groupby(result.groups["model"].fillna("unknown"))[["latency_ms_sum", "latency_count"]]
        .sum()
    )
    mean = (seen["latency_ms_sum"] / seen["latency_count"].where(seen["latency_count"] > 0)).to_dict()
    flows = result.flows[result.flows["target"] != VERIFIER]
    moved = result.groups["outcome"].eq(MOVED).to_numpy()
    calls = result.groups["calls"].to_numpy(float)
    part = flows[moved[flows["group"].to_numpy(int)]]
    kept = answers[answers["target"].eq(CURRENT) & answers["stays"] & answers["basis"].ne(KEPT)]
    names = [*part["new_model"], *kept["old_model"]]
    weights = np.array([*(part["calls"] * calls[part["group"].to_numpy(int)]), *kept["requests"]])
    values = np.array([mean.get(name, np.nan) for name in names], float)
    used = weights > 0
    asked = float(answers.loc[answers["basis"] != KEPT, "requests"].sum())
    total = seen["latency_count"].sum()
    return {
        "baseline_ms": float(seen["latency_ms_sum"].sum() / total) if total else None,
        "policy_ms": float((values[used] * weights[used]).sum() / asked)
        if asked and np.isfinite(values[used]).all()
        else None,
        "unseen_models": sorted(
            {name for name, value, use in zip(names, values, used, strict=True) if use and np.isnan(value)}
        ),
        "note": "from each model's mean in this log; a model under more load answers differently",
    }
