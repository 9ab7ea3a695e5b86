"""How fast and how surely each model answered in this log, and what a mix of them would make one wait and fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import ibis
import numpy as np
import pandas as pd

from analytics.scope import Scope
from data.ledger import Ledger

STEPS = np.linspace(0, 1, 201)  # of the waits kept of every model: half a percent apart
BUCKETS = 200  # to a factor of e: half a percent wide


class Reliability(NamedTuple):
    """One model in this log. `attempts` asked it, `failure_share` failed; ms of successful ones, None unknown.

    `waits` are its quantiles at `STEPS`, empty where no latency is logged.
    """

    attempts: int
    failure_share: float
    p50_ms: float | None
    p95_ms: float | None
    waits: tuple[float, ...] = ()

    def later_than(self, ms: float) -> float:
        """Share of its answers that took longer than this."""
        return 1 - float(np.interp(ms, self.waits, STEPS, left=0.0, right=1.0))


Known = Mapping[str, Reliability]


def reliability(view: Ledger, scope: Scope) -> dict[str, Reliability]:
    """By model, the busiest first; what a gateway's cache answered asked no model."""
    rows = scope.usage(view)
    rows = rows.filter((rows.status != "cached") & rows.model.notnull())
    timed = (rows.status == "success") & (rows.latency_ms > 0)
    bucket = (rows.latency_ms.nullif(0).ln() * BUCKETS).floor().cast("int32")
    rows = rows.mutate(bucket=ibis.ifelse(timed, bucket, ibis.null("int32")))
    counted = rows.group_by("model", "bucket").aggregate(attempts=rows.count(), failed=(rows.status == "error").sum())
    records = {str(model): _record(part) for model, part in view.frame(counted).groupby("model")}
    return dict(sorted(records.items(), key=lambda item: (-item[1].attempts, item[0])))


def _record(part: pd.DataFrame) -> Reliability:
    """One model's record from its attempts counted by how long they took."""
    attempts, timed = int(part["attempts"].sum()), part.dropna(subset="bucket").sort_values("bucket")
    known: tuple[float, ...] = ()
    if len(timed):
        count = timed["attempts"].to_numpy(float)
        reached = (np.cumsum(count) - count / 2) / count.sum()
        middles = np.exp((timed["bucket"].to_numpy(float) + 0.5) / BUCKETS)
        known = tuple(np.interp(STEPS, reached, middles).tolist())
    half, late = (float(np.interp(share, STEPS, known)) if known else None for share in (0.5, 0.95))
    return Reliability(attempts, float(part["failed"].sum()) / attempts, half, late, known)


def failure_share(shares: Mapping[str, float], known: Known) -> float | None:
    """Of the requests of a mix, by each model's own share of failures in this log; None where one was never asked."""
    parts = _parts(shares)
    if not parts or any(name not in known for name, _ in parts):
        return None
    return sum(share * known[name].failure_share for name, share in parts)


def mixed_wait(shares: Mapping[str, float], known: Known, part: float) -> float | None:
    """The wait in ms that this part of a mix's answers stays within, each model's answers as slow as in this log.

    None where a model of the mix has no latency in the log.
    """
    return chained_wait({((name,),): share for name, share in _parts(shares)}, known, part)


AtOnce = tuple[str, ...]  # models asked at the same time, one that is asked twice named twice


def chained_wait(counts: Mapping[tuple[AtOnce, ...], float], known: Known, part: float) -> float | None:
    """As `mixed_wait` of answers counted by what is asked for each, one after another, the waits independent.

    None where a model has no latency in the log.
    """
    chains = [(_chain_waits(chain, known), count) for chain, count in counts.items() if count > 0]
    if not chains or any(waits is None for waits, _ in chains):
        return None
    waits = np.concatenate([waits for waits, _ in chains])
    weights = np.concatenate([np.full(len(STEPS), count) for _, count in chains])
    order = np.argsort(waits)
    reached = (np.cumsum(weights[order]) - weights[order] / 2) / weights.sum()
    return float(np.interp(part, reached, waits[order]))


def _chain_waits(chain: tuple[AtOnce, ...], known: Known) -> np.ndarray | None:
    """Quantiles at STEPS of the sum of these waits; None where one is unknown."""
    if any(model not in known or not known[model].waits for link in chain for model in link):
        return None
    first, *later = (slowest([np.asarray(known[model].waits) for model in link]) for link in chain)
    for waits in later:
        first = np.quantile(np.add.outer(first, waits), STEPS)
    return first


def slowest(asked: Sequence[np.ndarray]) -> np.ndarray:
    """Quantiles at STEPS of the wait for the last of several answers asked for at once, each given by its own.

    Waits are independent: all stay below a bound with the product of the chances that each does.
    """
    if len(asked) == 1:
        return asked[0]
    values = np.unique(np.concatenate(asked))
    reached = np.prod([np.interp(values, waits, STEPS) for waits in asked], axis=0)
    return np.interp(STEPS, reached, values)


def mean_of_slowest(asked: Sequence[tuple[str, float]], known: Known) -> float | None:
    """Mean ms until the last of several models asked at once has answered, given each with its mean ms.

    The waits are spread as in the model's record, each model's to the mean given. None where a model has no record.
    """
    if len(asked) == 1:
        return asked[0][1]
    if any(model not in known or not known[model].waits for model, _ in asked):
        return None
    spread = [(np.asarray(known[model].waits), ms) for model, ms in asked]
    return _mean(slowest([waits * (ms / _mean(waits)) for waits, ms in spread]))


def _mean(waits: np.ndarray) -> float:
    return float(waits[1:].mean() + waits[:-1].mean()) / 2


def service(shares: Mapping[str, float], known: Known) -> dict[str, float | None]:
    """P50 and P95 latency in ms and the share of failures of a mix, by each model's own record; None unknown."""
    return {
        "p50_ms": mixed_wait(shares, known, 0.5),
        "p95_ms": mixed_wait(shares, known, 0.95),
        "failure_share": failure_share(shares, known),
    }


def _parts(shares: Mapping[str, float]) -> list[tuple[str, float]]:
    """Models and shares of a mix, however each is hosted."""
    return [(name.partition("@")[0], share) for name, share in shares.items() if share > 0]
