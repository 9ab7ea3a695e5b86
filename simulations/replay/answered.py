"""How well and how fast a policy's requests are answered: quality on one scale, latency from this log."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from data import wording
from simulations.replay.quality import WORDS, Scale, scales, score_of
from simulations.replay.reliability import Known, mean_of_slowest
from simulations.replay.replay import KEPT, MOVED, REFUSED, VERIFIER, Replay
from simulations.replay.repricing import Market

MUCH_SLOWER = 1.5  # times as long
AT_ONCE = ("vote", "cross_check")  # ways that ask all their calls at the same time, as a live run does


def yardstick(result: Replay, market: Market, scale: str | None) -> Scale | None:
    """The scale asked for, else the one that knows most of the models concerned."""
    found = scales(market.catalog, result.groups, [*result.policy.targets], scale)
    return found[0] if found else None


def quality(result: Replay, answers: pd.DataFrame, market: Market, by: Scale | None) -> dict[str, Any]:
    """Quality before and after on ONE scale, only where it knows every model concerned; what is unknown is said."""
    moves = bool((~answers["stays"].astype(bool) & (answers["requests"] > 0)).any())
    if by is None:
        tier = "cost_only" if moves else "unchanged"
        return {
            "tier": tier,
            "words": WORDS[tier],
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
    tier = by.tier if whole else "refused" if moves else "unchanged"
    lacking = f"; {by.name} does not know {', '.join(unknown[:4])}" if tier == "refused" else ""
    return {
        "tier": tier,
        "words": WORDS[tier] + lacking,
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


def latency(result: Replay, known: Known) -> dict[str, Any]:
    """Mean ms of the requests that the policy answers and whose latency is logged; None where a model was never seen.

    What stays takes as long as it took, what moves as long as its new model takes in this log. A cascade's waits add
    up; of what is asked at once, in a vote or a cross-check, the slowest counts, spread as in its record (`known`).
    """
    groups = result.groups
    answered = (groups["basis"] != KEPT) & (groups["outcome"] != REFUSED)
    timed = np.where(answered, groups["latency_count"].fillna(0), 0.0).astype(float)
    spent = np.where(answered, groups["latency_ms_sum"].fillna(0), 0.0).astype(float)
    own = np.divide(spent, timed, out=np.full(len(groups), np.nan), where=timed > 0)
    before = float(spent.sum() / timed.sum()) if timed.sum() else None
    moved = groups["outcome"].eq(MOVED).to_numpy()
    flows = result.flows[result.flows["target"] != VERIFIER]
    place = flows["group"].to_numpy(int)
    flows, place = flows[moved[place] & (timed[place] > 0)], place[moved[place] & (timed[place] > 0)]
    took = np.where(flows["stays"].astype(bool), own[place], flows["new_model"].map(_mean_ms(groups)).to_numpy(float))
    flows = flows.assign(ms=took, timed=timed[place])
    flows = flows[flows["calls"] > 0]
    together = flows["way"].isin(AT_ONCE)
    waited, no_record = _waited_at_once(flows[together], known)
    one_by_one = flows[~together]
    unseen = {str(name) for name in flows["new_model"][flows["ms"].isna()]} | no_record
    after = None
    if before is not None and not unseen:
        waited += float((one_by_one["ms"] * one_by_one["calls"] * one_by_one["timed"]).sum())
        after = float((spent[~moved].sum() + waited) / timed.sum())
    return {
        "baseline_ms": before,
        "policy_ms": after,
        "unseen_models": sorted(unseen),
        "note": "from each model's mean in this log; a model under more load answers differently",
    }


def _waited_at_once(flows: pd.DataFrame, known: Known) -> tuple[float, set[str]]:
    """The ms that all requests of votes and cross-checks wait, and the models without a record of how theirs spread."""
    total, unknown = 0.0, set()
    for _, part in flows.groupby("group", sort=False):
        asked = [
            (str(model), float(ms))
            for model, ms, calls in part[["new_model", "ms", "calls"]].itertuples(index=False, name=None)
            for _ in range(round(calls))
        ]
        wait = mean_of_slowest(asked, known)
        if wait is None:
            unknown |= {model for model, _ in asked if model not in known or not known[model].waits}
        else:
            total += wait * float(part["timed"].iloc[0])
    return total, unknown


def slower(before_ms: float | None, after_ms: float | None, *, brief: bool = False) -> str:
    """What a title or a verdict says of answers that take much longer on the mean; empty where none do, or unknown.

    `brief`: the two waits stand beside it.
    """
    if not before_ms or after_ms is None or after_ms < MUCH_SLOWER * before_ms:
        return ""
    words = f"answers take {after_ms / before_ms:.1f} times as long"
    then, now = wording.milliseconds(after_ms), wording.milliseconds(before_ms)
    return words if brief else f"{words} ({then} against {now} on the mean)"


def _mean_ms(groups: pd.DataFrame) -> dict[str, float]:
    """Mean ms of an answer by model in this log."""
    seen = groups[(groups["basis"] != KEPT) & (groups["latency_count"] > 0)]
    sums = seen.groupby(seen["model"].fillna("unknown"))[["latency_ms_sum", "latency_count"]].sum()
    means: dict[str, float] = (sums["latency_ms_sum"] / sums["latency_count"]).astype(float).to_dict()
    return means
