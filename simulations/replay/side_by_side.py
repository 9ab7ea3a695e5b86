"""Several policies on the same traffic, and whether the first is worth it: one reading of the log for all of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from analytics.scope import Scope
from data.ledger import Ledger
from routing.policies.policy import Policy
from simulations.replay.joint_traffic import Asked, traffics
from simulations.replay.reliability import Known
from simulations.replay.replay import Assumed, Play, Replay, replays_of
from simulations.replay.repricing import Market
from simulations.replay.rivals import question_of, rivals_of
from simulations.replay.worth import Worth, judge


class SideBySide(NamedTuple):
    """What each policy does to the traffic, and the verdict on the first."""

    replays: list[Replay]
    worth: Worth


def side_by_side(
    view: Ledger,
    scope: Scope,
    policies: Sequence[Policy],
    market: Market,
    known: Known,
    *,
    by: tuple[str, ...] = (),
    assumed: Assumed | None = None,
    scale: str | None = None,
) -> SideBySide:
    """As `replay` of each policy, and `worth` of the first.

    Raises NoData when the scope is empty, and BadInput for a policy that the log cannot decide.
    """
    asked = [Asked(policy, by=by) for policy in policies]
    *own, wide = traffics(view, scope, [*asked, question_of(policies[0], market)], market)
    rivals = rivals_of(wide, policies[0], market)
    plays = [Play(traffic, policy, assumed or Assumed()) for traffic, policy in zip(own, policies, strict=True)]
    replayed = replays_of(view, scope, [*plays, *rivals.plays], market)
    mine, others = replayed[: len(plays)], replayed[len(plays) :]
    return SideBySide(mine, judge(view, scope, rivals, others, market, known, scale=scale))
