"""Is a router worth it at all? A policy beside one model for everything, the same shares drawn blindly, and today.

All four keep the policy's constraints and are replayed on the same traffic, prompt caches included; today is what was
logged. A way and the policy are compared on the requests that both answer at a known price. Blind shares are drawn per
conversation: what that costs in one draw is an interval, since conversations differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, NamedTuple

import ibis
import numpy as np

from analytics.scope import Scope
from data import wording
from data.calendar import Z95
from data.ledger import Ledger
from routing.policies.policy import Policy
from simulations.replay.answered import quality, slower, yardstick
from simulations.replay.joint_traffic import traffics
from simulations.replay.reliability import Known
from simulations.replay.replay import REFUSED, Replay, replays_of
from simulations.replay.repricing import Market
from simulations.replay.rivals import Rivals, question_of, rivals_of
from simulations.replay.summary import answers_of, figures

POLICY, TODAY, SINGLE, BLIND = "policy", "today", "single", "blind"
LEAST_PRICED = 0.9  # of what the policy has a cost for: with less in common, one way stands for no other
SAME_QUALITY = 0.0005  # less than a tenth of a point is no difference
SAME_COST = 0.005
SHARED = ("shared", "shared_usd", "shared_policy_usd")


class Beside(NamedTuple):
    """A way and the policy on the requests that both answer at a known price, a `share` of those the policy does.

    USD over the scope, quality on the policy's scale (None unknown).
    """

    share: float
    usd: float
    policy_usd: float
    quality: float | None
    policy_quality: float | None

    @property
    def over_policy(self) -> float:
        """By what share of the policy's dollars the way costs more."""
        return self.usd / self.policy_usd - 1 if self.policy_usd else np.inf if self.usd else 0.0

    @property
    def as_good(self) -> bool | None:
        """Whether the way's quality is the policy's or better; None unknown."""
        if self.quality is None or self.policy_quality is None:
            return None
        return self.quality >= self.policy_quality - SAME_QUALITY


class Way(NamedTuple):
    """One way to answer the traffic: USD over the scope, quality on the policy's scale, mean latency; None unknown.

    `low` and `high` bound 95 % of blind draws; `compared` is the share of the requests that has a cost as logged and
    this way. `beside` is None for the policy itself and for today.
    """

    kind: str
    name: str
    cost_usd: float
    quality: float | None
    latency_ms: float | None
    compared: float
    low: float | None = None
    high: float | None = None
    beside: Beside | None = None


class Worth(NamedTuple):
    """The policy, today, every single model and the blind draw; the best single one; and the verdict in words.

    `better` is None where no quality is known for both: then dollars alone cannot tell. `wait` says that the policy
    makes one wait much longer than today; empty where it does not, or nobody knows.
    """

    ways: tuple[Way, ...]
    best_single: str | None
    better: bool | None
    verdict: str
    wait: str = ""

    @property
    def sentence(self) -> str:
        """The verdict and what it costs in waiting."""
        return f"{self.verdict}; {self.wait}" if self.wait else self.verdict


def worth(
    view: Ledger, scope: Scope, policy: Policy, market: Market, known: Known, *, scale: str | None = None
) -> Worth:
    """Compare a policy with what needs no router, models that end within a year left out.

    `known` is each model's record in the log (`reliability`).

    Raises NoData when the scope is empty.
    """
    [traffic] = traffics(view, scope, [question_of(policy, market)], market)
    rivals = rivals_of(traffic, policy, market)
    return judge(view, scope, rivals, replays_of(view, scope, rivals.plays, market), market, known, scale=scale)


def judge(
    view: Ledger,
    scope: Scope,
    rivals: Rivals,
    replayed: Sequence[Replay],
    market: Market,
    known: Known,
    *,
    scale: str | None = None,
) -> Worth:
    """The verdict on a policy from what its `rivals` did."""
    singles, shares, _ = rivals
    own, *plain = replayed
    policy = own.policy
    said = figures(own, market, answers_of(own), scale=scale, known=known)
    scale = said["quality"]["scale"]

    def way(kind: str, name: str, made: Replay) -> Way:
        way = _way(kind, name, figures(made, market, answers_of(made), scale=scale, known=known))
        return way._replace(beside=_beside(made, own, market, scale))

    ways = [_way(POLICY, policy.name, said), _today(said, own)]
    ways += [way(SINGLE, name, made) for name, made in zip(singles, plain, strict=False)]
    if len(shares) > 1:
        blind = way(BLIND, "the same shares, drawn blindly", plain[-1])
        half = Z95 * _deviation(plain[-1], _conversation_size(view, scope))
        ways.append(blind._replace(low=blind.cost_usd - half, high=blind.cost_usd + half))
    return _judged(ways)


def as_rows(found: Worth) -> list[dict[str, Any]]:
    """The ways as plain rows; `shared`, `shared_usd` and `shared_policy_usd` are what the verdict compares."""
    rows = []
    for way in found.ways:
        row, beside = way._asdict(), way.beside
        del row["beside"]
        shared = {} if beside is None else dict(zip(SHARED, beside[:3], strict=True))
        rows.append(row | dict.fromkeys(SHARED) | shared)
    return rows


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


def _beside(made: Replay, policy: Replay, market: Market, scale: str | None) -> Beside:
    """Dollars and quality of both on the requests that both answer at a known price."""
    own = policy.groups["comparable"].to_numpy(bool)
    both = own & made.groups["comparable"].to_numpy(bool)
    calls = policy.groups["calls"].to_numpy(float)
    usd, policy_usd = (float(sum(one.groups.loc[both, "policy_cost_usd"], Decimal(0))) for one in (made, policy))
    good, policy_good = (_quality(one, both, market, scale) for one in (made, policy))
    share = float(calls[both].sum() / calls[own].sum()) if calls[own].sum() else 0.0
    return Beside(share, usd, policy_usd, good, policy_good)


def _quality(made: Replay, both: np.ndarray, market: Market, scale: str | None) -> float | None:
    """Quality of the requests in `both`: the others count as refused."""
    groups = made.groups.assign(outcome=made.groups["outcome"].where(both, REFUSED))
    part = replace(made, groups=groups)
    found: float | None = quality(part, answers_of(part), market, yardstick(part, market, scale))["policy"]
    return found


def _today(said: dict[str, Any], own: Replay) -> Way:
    unpriced = float(own.groups.loc[own.groups["cost_usd"].isna(), "calls"].sum())
    return Way(
        TODAY,
        "today",
        float(said["logged_cost_usd"]),
        said["quality"]["baseline"],
        said["latency"]["baseline_ms"],
        1 - unpriced / said["requests"] if said["requests"] else 0.0,
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
    """The verdict, and what the policy does to waiting."""
    ways = tuple(ways)
    return _on_quality_and_dollars(ways)._replace(wait=slower(*_waits(ways)))


def _waits(ways: Iterable[Way]) -> tuple[float | None, float | None]:
    """Mean ms of an answer today and under the policy."""
    waits = {way.kind: way.latency_ms for way in ways if way.kind in (TODAY, POLICY)}
    return waits.get(TODAY), waits.get(POLICY)


def _on_quality_and_dollars(ways: tuple[Way, ...]) -> Worth:
    """The verdict. On quality and dollars where a scale knows them; on dollars alone nobody can tell."""
    rivals = [(way.name, way.beside) for way in ways if way.kind == SINGLE and way.beside]
    rivals = [(name, beside) for name, beside in rivals if beside.share >= LEAST_PRICED]
    as_good = [rival for rival in rivals if rival[1].as_good]
    if not any(beside.as_good is not None for _, beside in rivals):
        name = min(rivals, key=lambda rival: rival[1].over_policy)[0] if rivals else None
        words = "what it does to quality is unknown, so nobody can tell whether it is better than one model"
        return Worth(ways, name, None, words)
    if not as_good:
        name = max(rivals, key=lambda rival: rival[1].quality or 0.0)[0]
        return _unless_blind(Worth(ways, name, True, f"no single model is as good; the best is {name}"))
    name, best = min(as_good, key=lambda rival: rival[1].over_policy)
    where = "" if best.share > 1 - 1e-9 else f", on the {wording.share(best.share)} of requests that both answer"
    if best.over_policy <= SAME_COST:
        return Worth(ways, name, False, f"no better than sending everything allowed to {name}{where}")
    less = wording.share(1 - best.policy_usd / best.usd)
    return _unless_blind(Worth(ways, name, True, f"{less} cheaper than the best single model, {name}{where}"))


def _unless_blind(found: Worth) -> Worth:
    """The verdict, unless a draw with the same shares is as good and as cheap."""
    for way in found.ways:
        beside, narrowest = way.beside, (way.low or 0.0) / (way.cost_usd or 1.0)  # of a draw, over its mean
        if way.kind == BLIND and beside and beside.as_good and beside.policy_usd >= beside.usd * narrowest:
            return found._replace(better=False, verdict="no better than handing out the same shares blindly")
    return found
