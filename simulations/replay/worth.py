"""Is a router worth it at all? A policy beside one model for everything, the same shares drawn blindly, and today.

All four keep the policy's constraints and are replayed on the same traffic, prompt caches included; today is what was
logged. Blind shares are drawn per conversation: what that costs in one draw is an interval, since conversations differ.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import ibis
import numpy as np
import pandas as pd

from analytics.scope import Scope
from data import wording
from data.calendar import Z95
from data.ledger import Ledger
from routing.policies.policy import CURRENT, Policy, Rule
from simulations.replay.replay import KEPT, Replay, replay
from simulations.replay.repricing import Market
from simulations.replay.summary import summary

POLICY, TODAY, SINGLE, BLIND = "policy", "today", "single", "blind"
LEAST_SHARE = 0.001
SAME_QUALITY = 0.0005  # less than a tenth of a point is no difference
SAME_COST = 0.005


class Way(NamedTuple):
    """One way to answer the traffic: USD over the scope, quality on the policy's scale, mean latency; None unknown.

    `low` and `high` bound 95 % of blind draws; `compared` is the share of the requests that has a cost both ways.
    """

    kind: str
    name: str
    cost_usd: float
    quality: float | None
    latency_ms: float | None
    compared: float
    low: float | None = None
    high: float | None = None


class Worth(NamedTuple):
    """The policy, today, every single model and the blind draw; the best single one; and the verdict in words.

    `better` is None where no quality is known for both: then dollars alone cannot tell.
    """

    ways: tuple[Way, ...]
    best_single: str | None
    better: bool | None
    verdict: str


def worth(view: Ledger, scope: Scope, policy: Policy, market: Market, *, scale: str | None = None) -> Worth:
    """Compare a policy with what needs no router, models that end within a year left out.

    Raises NoData when the scope is empty.
    """
    own = replay(view, scope, policy, market)
    said = summary(own, market, scale=scale)
    scale = said["quality"]["scale"]
    shares = _shares(own, market)
    singles = [
        _way(SINGLE, name, summary(replay(view, scope, _plain(policy, Rule(use=name)), market), market, scale=scale))
        for name in shares
        if not market.ending(name)
    ]
    ways = [_way(POLICY, policy.name, said), _today(said), *singles]
    if len(shares) > 1:
        drawn = replay(view, scope, _plain(policy, Rule(split=shares)), market)
        way = _way(BLIND, "the same shares, drawn blindly", summary(drawn, market, scale=scale))
        half = Z95 * _deviation(drawn, _conversation_size(view, scope))
        ways.append(way._replace(low=way.cost_usd - half, high=way.cost_usd + half))
    return _judged(ways)


def as_rows(found: Worth) -> list[dict[str, Any]]:
    """The ways as plain rows."""
    return [way._asdict() for way in found.ways]


def _plain(policy: Policy, rule: Rule) -> Policy:
    """One rule for everything under the policy's own constraints and fallback."""
    return Policy(name=policy.name, constraints=policy.constraints, rules=(rule,), fallback=policy.fallback)


def _shares(result: Replay, market: Market) -> dict[str, float]:
    """Share of the answered requests per target, what stays under its own name; the largest first, summing to 1."""
    groups, flows = result.groups, result.flows
    place = flows["group"].to_numpy(int)
    routes = groups[["model", "provider", "host"]].itertuples(index=False, name=None)
    logged = np.array([market.logged_target(*(None if pd.isna(v) else v for v in route)) for route in routes], object)
    target = np.where(flows["target"] == CURRENT, logged[place], flows["target"].to_numpy(object))
    answered = (groups["basis"] != KEPT).to_numpy()[place]
    calls = flows["answers"].to_numpy(float) * groups["calls"].to_numpy(float)[place] * answered
    sums = pd.Series(calls).groupby(target).sum().sort_values(ascending=False)
    sums = sums[sums >= LEAST_SHARE * sums.sum()]
    sums = sums[[name.partition("@")[0] in market.catalog for name in sums.index]]
    return {str(name): float(share) for name, share in (sums / sums.sum()).items()} if sums.sum() else {}


def _way(kind: str, name: str, said: dict[str, Any]) -> Way:
    apart = sum(part["requests"] for part in said["not_compared"])
    return Way(
        kind,
        name,
        float(said["policy_cost_usd"]),
        said["quality"]["policy"],
        said["latency"]["policy_ms"],
        1 - apart / said["requests"] if said["requests"] else 0.0,
    )


def _today(said: dict[str, Any]) -> Way:
    return Way(
        TODAY,
        "today",
        float(said["logged_cost_usd"]),
        said["quality"]["baseline"],
        said["latency"]["baseline_ms"],
        1.0,
    )


def _conversation_size(view: Ledger, scope: Scope) -> float:
    """Requests of the conversation that a request belongs to, on the mean: what is drawn together varies together."""
    rows = scope.usage(view)
    sizes = rows.group_by(one=ibis.coalesce(rows.session_id, rows.call_id)).aggregate(n=rows.count())
    found = view.frame(sizes.aggregate(squares=(sizes.n * sizes.n).sum(), whole=sizes.n.sum())).iloc[0]
    return float(found["squares"]) / float(found["whole"]) if found["whole"] else 1.0


def _deviation(drawn: Replay, together: float) -> float:
    """USD by which one blind draw departs from its mean: the spread between targets, per conversation."""
    flows, calls = drawn.flows, drawn.groups["calls"].to_numpy(float)
    group, share = flows["group"].to_numpy(int), flows["calls"].to_numpy(float)
    used = (share > 0) & (calls[group] > 0) & np.isfinite(flows["cost_usd"].to_numpy(float))
    each = np.zeros(len(flows))
    each[used] = flows["cost_usd"].to_numpy(float)[used] / share[used] / calls[group][used]
    mean = np.bincount(group, share * each, len(calls))
    square = np.bincount(group, share * each**2, len(calls))
    return float(np.sqrt((calls * np.maximum(square - mean**2, 0.0)).sum() * together))


def _judged(ways: Iterable[Way]) -> Worth:
    """The verdict. On quality and dollars where a scale knows them; on dollars alone nobody can tell."""
    ways = tuple(ways)
    policy = next(way for way in ways if way.kind == POLICY)
    whole = [way for way in ways if way.kind == SINGLE and way.compared >= policy.compared - 1e-9]
    known = [(way.quality, way) for way in whole if way.quality is not None]
    if policy.quality is None or not known:
        cheapest = min(whole, key=lambda way: way.cost_usd, default=None)
        words = "what it does to quality is unknown, so nobody can tell whether it is better than one model"
        return Worth(ways, cheapest and cheapest.name, None, words)
    least = policy.quality - SAME_QUALITY
    as_good = [way for quality, way in known if quality >= least]
    best = min(as_good, key=lambda way: way.cost_usd) if as_good else max(known, key=lambda pair: pair[0])[1]
    if best in as_good and best.cost_usd <= policy.cost_usd * (1 + SAME_COST):
        return Worth(ways, best.name, False, f"no better than sending everything allowed to {best.name}")
    for way in ways:
        blindly_as_good = way.kind == BLIND and way.quality is not None and way.quality >= least
        if blindly_as_good and way.low is not None and policy.cost_usd >= way.low:
            return Worth(ways, best.name, False, "no better than handing out the same shares blindly")
    if best in as_good:
        less = wording.share(1 - policy.cost_usd / best.cost_usd)
        return Worth(ways, best.name, True, f"{less} cheaper than the best single model, {best.name}")
    return Worth(ways, best.name, True, f"no single model is as good; the best is {best.name}")
