"""What a policy is compared with: every single model that it names or keeps, and its own shares drawn blindly."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from routing.policies.policy import CURRENT, Policy, Rule
from simulations.replay.joint_traffic import Asked, Traffic
from simulations.replay.replay import KEPT, Assumed, Play, choices_of, flows_of
from simulations.replay.repricing import Market

LEAST_SHARE = 0.001


class Rivals(NamedTuple):
    """What a policy is compared with: single models by name, and the shares of a blind draw. `plays` has the policy
    first, then the models, then the draw where there is one.
    """

    singles: list[str]
    shares: dict[str, float]
    plays: list[Play]


def question_of(policy: Policy, market: Market) -> Asked:
    """How fine the traffic must be to compare a policy with every model."""
    return Asked(policy, beside=tuple(market.catalog))


def rivals_of(traffic: Traffic, policy: Policy, market: Market) -> Rivals:
    """What to replay beside a policy on traffic that was folded as `question_of` says."""
    shares = _shares(traffic.groups, policy, market)
    everywhere = traffic._replace(groups=traffic.groups.assign(rule=0))
    singles = [name for name in shares if not market.ending(name)]
    rules = [Rule(use=name) for name in singles] + ([Rule(split=shares)] if len(shares) > 1 else [])
    plain = [Play(everywhere, _plain(policy, rule)) for rule in rules]
    return Rivals(singles, shares, [Play(traffic, policy), *plain])


def _plain(policy: Policy, rule: Rule) -> Policy:
    """One rule for everything under the policy's own constraints and fallback."""
    return Policy(name=policy.name, constraints=policy.constraints, rules=(rule,), fallback=policy.fallback)


def _shares(groups: pd.DataFrame, policy: Policy, market: Market) -> dict[str, float]:
    """Share of the answered requests per target, what stays under its own name; the largest first, summing to 1."""
    flows = flows_of(groups, choices_of(groups, policy, market), policy, market, Assumed())
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
