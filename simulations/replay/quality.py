"""What may be claimed about quality, and with what words. Tiers are never added together.

measured   both outputs graded on the same prompts (paired)
estimated  from logs with known propensities and overlap (IPS, SNIPS, DR), or refused
borrowed   a named, dated benchmark; not this traffic
stated     a figure somebody gives without data
cost_only  tokens at other prices; nothing said about quality
refused    these requests were never answered by that model
unchanged  no request changes its model

Estimators as in the Open Bandit Pipeline (arXiv 2008.07146, github st-tech/zr-obp): w = pi_e / pi_b.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from data import wording
from data.calendar import Z95
from data.errors import Refused
from data.facts.models import Catalog

WORDS = {
    "measured": "measured: both models graded on the same prompts",
    "estimated": "estimated from logged propensities",
    "borrowed": "borrowed from a benchmark, not your traffic",
    "stated": "stated, without data behind it",
    "cost_only": "cost only: nothing is known about quality",
    "refused": "quality effect unknown: these requests were never answered by the new model",
    "unchanged": "unchanged: every request keeps the model that answered it",
}
ORDER = ("measured", "estimated", "stated", "borrowed", "cost_only", "refused")
MIN_EFFECTIVE_SAMPLES = 50
MAX_UNSUPPORTED = 0.05


class Scale(NamedTuple):
    """One yardstick for quality: its name, tier, source, and the share of requests whose present model it knows."""

    name: str
    tier: str
    source: str
    coverage: float


class Estimate(NamedTuple):
    """A counterfactual mean of scores (0 to 1) with its 95 % interval and what one must know before believing it.

    `unsupported_share` is the part of the policy's choices that the old router never made; the interval holds it.
    """

    method: str
    value: float
    low: float
    high: float
    n: int
    effective_samples: float
    max_weight: float
    mean_weight: float
    unsupported_share: float


def scales(
    catalog: Catalog, traffic: pd.DataFrame, targets: Iterable[str] = (), only: str | None = None
) -> list[Scale]:
    """Yardsticks that know any of these models, the one that covers most of the traffic first; `only` the one named.

    `traffic` has model, task_type and calls. A model that a policy would move work to and that a
    scale does not know counts against it.
    """
    wanted = {target.partition("@")[0] for target in targets} - {"current"}
    known: dict[str, tuple[str, str]] = {}
    for facts in catalog.values():
        for score in facts.quality:
            if only in (None, score.scale):
                known.setdefault(score.scale, (score.tier, score.source))
    total = float(traffic["calls"].sum()) or 1.0
    found = []
    for name, (tier, source) in known.items():
        quality = score_of(catalog, traffic["model"], traffic["task_type"], name)
        covered = float(traffic["calls"].to_numpy(float)[np.isfinite(quality)].sum()) / total
        missing = sum(model in catalog and not any(s.scale == name for s in catalog[model].quality) for model in wanted)
        if covered > 0:
            found.append((missing, -covered, ORDER.index(tier), Scale(name, tier, source, covered)))
    return [scale for *_, scale in sorted(found, key=lambda item: item[:3])]


def score_of(catalog: Catalog, models: Iterable[str], tasks: Iterable[str], scale: str) -> np.ndarray:
    """Quality of each (model, task type) on one scale; NaN where nobody knows it."""
    cache: dict[tuple[str, str], float] = {}
    pairs = [(model if isinstance(model, str) else "", task) for model, task in zip(models, tasks, strict=True)]
    for model, task in set(pairs):
        facts = catalog.get(model.partition("@")[0])
        score = facts.score(scale, task) if facts else None
        cache[model, task] = np.nan if score is None else score.value
    return np.array([cache[pair] for pair in pairs], float)


def ips(
    rewards: np.ndarray, evaluated: np.ndarray, logged: np.ndarray, supported: np.ndarray | None = None
) -> Estimate:
    """Inverse propensity score: E[w r]. What has no support adds nothing to its value."""
    weights = _weights(rewards, evaluated, logged)
    return _estimate("IPS", weights * rewards, weights, supported, times=1.0)


def snips(
    rewards: np.ndarray, evaluated: np.ndarray, logged: np.ndarray, supported: np.ndarray | None = None
) -> Estimate:
    """Self-normalised: E[w r] / E[w], of what has support; the interval by the delta method."""
    weights = _weights(rewards, evaluated, logged)
    mean = float((weights * rewards).sum() / weights.sum()) if weights.sum() else 0.0
    influence = mean + weights * (rewards - mean) / (weights.mean() or 1.0)
    return _estimate("SNIPS", influence, weights, supported)


def doubly_robust(
    rewards: np.ndarray,
    evaluated: np.ndarray,
    logged: np.ndarray,
    predicted_logged: np.ndarray,
    predicted_policy: np.ndarray,
    supported: np.ndarray | None = None,
) -> Estimate:
    """DR: E[q(x, policy) + w (r - q(x, logged action))]; right if either the propensities or q are."""
    weights = _weights(rewards, evaluated, logged)
    return _estimate("DR", predicted_policy + weights * (rewards - predicted_logged), weights, supported)


def judge_estimate(estimate: Estimate) -> Estimate:
    """The estimate, or Refused when it rests on too little: few effective samples, or mass without support."""
    if estimate.effective_samples < MIN_EFFECTIVE_SAMPLES:
        raise Refused(
            f"Quality cannot be estimated: {estimate.effective_samples:.0f} effective samples, "
            f"{MIN_EFFECTIVE_SAMPLES} are needed; "
            "replay a sample in the live lab, or log more exploration."
        )
    if estimate.unsupported_share > MAX_UNSUPPORTED:
        raise Refused(
            f"Quality cannot be estimated: the old router never tried {wording.share(estimate.unsupported_share)} of"
            " what the policy would do; explore those models on a share of the traffic first."
        )
    return estimate


def _weights(rewards: np.ndarray, evaluated: np.ndarray, logged: np.ndarray) -> np.ndarray:
    if not len(rewards):
        raise Refused("Quality cannot be estimated: no logged request carries both a propensity and a score.")
    if not (np.isfinite(logged).all() and (logged > 0).all() and (logged <= 1).all()):
        raise Refused("Quality cannot be estimated: logged propensities must lie above 0 and at most at 1.")
    return evaluated / logged


def _estimate(
    method: str, terms: np.ndarray, weights: np.ndarray, supported: np.ndarray | None, times: float | None = None
) -> Estimate:
    """`supported`: per row the share of what the policy would do there that the old router did try.

    Nothing is known about the rest, so the interval of the supported part is widened by it scoring 0 or 1 (Manski
    1990, American Economic Review 80, 319). Where nobody counted it, weights tell: they average one with support.
    """
    n = len(terms)
    value, half = float(terms.mean()), Z95 * float(terms.std(ddof=1 if n > 1 else 0)) / np.sqrt(n)
    squares = float((weights**2).sum())
    effective = float(weights.sum()) ** 2 / squares if squares else 0.0
    mean_weight, noise = float(weights.mean()), Z95 * float(weights.std()) / np.sqrt(n)
    unsupported = max(0.0, 1 - mean_weight - noise) if supported is None else float((1 - supported).mean())
    times = 1 - unsupported if times is None else times
    low, high = times * (value - half), times * (value + half) + unsupported
    low, high = max(0.0, min(low, value)), min(1.0, max(high, value))
    return Estimate(method, value, low, high, n, effective, float(weights.max()), mean_weight, unsupported)
