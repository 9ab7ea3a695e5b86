"""A routing policy on the log: who moves where, what it costs, what is refused. One engine query.

The engine folds the rows by rule met, constraints met, size band and model; the policy's decision is
made once per group. Requests that stay keep their logged cost, so the identity policy costs exactly
what was logged; a second query follows the conversations that a move touches and charges the prompt caches
it loses (`cache_state`). What cannot be repriced is listed, never dropped, and left out of both totals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from analytics.scope import Scope
from data.ledger import Ledger
from data.schema import INPUT_TOKENS, OUTPUT_TOKENS
from routing.policies.choice import Candidate, Choice, decide, logged_hosting
from routing.policies.policy import CURRENT, Policy
from simulations.replay.cache_cost import VERIFIER, CacheLoss, cache_loss, uses_of
from simulations.replay.cache_state import DECISIVE, lost_reads
from simulations.replay.joint_traffic import Asked, Traffic, traffics
from simulations.replay.policy_query import NO_RULE, active
from simulations.replay.repricing import PRICED_BY, Market
from simulations.replay.uses import Way
from simulations.scenario import Part

# A decision narrowed to what can be reached; it is told the logged model, provider and host.
Narrowing = Callable[[Choice, Mapping[str, Any]], Choice]
KEPT, MOVED, REFUSED = "kept", "moved", "refused"
VERIFIER_OUTPUT_TOKENS = 50


class Assumed(Part):
    """What only a live run can tell.

    `acceptance`: share of a cascade's answers that reach its confidence floor, where the model's
    facts do not say. `review_share`: share of answers below the review threshold; None is unknown
    and leaves review out of the total, with the cost of every percent stated.
    """

    acceptance: float = Field(0.8, ge=0, le=1)
    review_share: float | None = Field(None, ge=0, le=1)


@dataclass(frozen=True)
class Replay:
    """Groups of traffic with their fate.

    `groups`: the fold with `way`, `outcome`, `policy_cost_usd` (Decimal, review not included) and
    `comparable`: both costs known. `flows`: per group and target `new_model`, `hosting`, `calls` per
    request, `answers` (share of final answers), `stays`, `cost_usd` and the same if every cache stayed warm or
    none did, `reads` from caches in the log and `lost_reads`. `refusals`: group, target, reason.
    """

    policy: Policy
    groups: pd.DataFrame
    flows: pd.DataFrame
    refusals: pd.DataFrame
    assumed: Assumed


def replay(
    view: Ledger,
    scope: Scope,
    policy: Policy,
    market: Market,
    *,
    by: Iterable[str] = (),
    assumed: Assumed | None = None,
    left: Narrowing | None = None,
) -> Replay:
    """Replay `policy` over the scope. `by` splits the groups further (team, day, ...).

    `left` narrows every decision to what can be reached. Raises NoData when the scope is empty.
    """
    [traffic] = traffics(view, scope, [Asked(policy, by=tuple(by))], market)
    return replays_of(view, scope, [Play(traffic, policy, assumed or Assumed())], market, left)[0]


class Play(NamedTuple):
    """A policy, and the traffic to replay it on: groups that carry the rules and constraints they meet under it."""

    traffic: Traffic
    policy: Policy
    assumed: Assumed = Assumed()


def replays_of(
    view: Ledger, scope: Scope, plays: Sequence[Play], market: Market, left: Narrowing | None = None
) -> list[Replay]:
    """Replay several policies on traffic of one fold, their conversations followed in one walk."""
    choices = [choices_of(traffic.groups, policy, market, left) for traffic, policy, _ in plays]
    flows = [
        flows_of(traffic.groups, chosen, policy, market, assumed)
        for (traffic, policy, assumed), chosen in zip(plays, choices, strict=True)
    ]
    ways = [
        Way(traffic.groups, traffic.parts, uses_of(policy, chosen, flow))
        for (traffic, policy, _), chosen, flow in zip(plays, choices, flows, strict=True)
    ]
    followed = lost_reads(view, scope, plays[0].traffic.folding, ways, market)
    return [
        _outcome(traffic.groups, chosen, flow, cache_loss(traffic.groups, flow, lost, market), policy, assumed)
        for (traffic, policy, assumed), chosen, flow, lost in zip(plays, choices, flows, followed, strict=True)
    ]


def choices_of(groups: pd.DataFrame, policy: Policy, market: Market, left: Narrowing | None = None) -> list[Choice]:
    """The policy's decision for every group of a fold that carries `rule` and `mask`, narrowed to what is `left`."""
    keys = list(zip(*(groups[name] for name in DECISIVE), strict=True))
    made = {key: _choice(policy, market, left, key) for key in dict.fromkeys(keys)}
    return [made[key] for key in keys]


def flows_of(
    groups: pd.DataFrame, choices: list[Choice], policy: Policy, market: Market, assumed: Assumed
) -> pd.DataFrame:
    """Every target that a group's requests set going, with `place` among them and USD as if no cache were lost."""
    flows = [
        (i, place, choice.way, *flow)
        for i, choice in enumerate(choices)
        for place, flow in enumerate(_flows(policy, choice, market, assumed))
    ]
    columns = ["group", "place", "way", "target", "new_model", "hosting", "calls", "answers"]
    return _costed(groups, pd.DataFrame(flows, columns=columns), market)


def _outcome(
    groups: pd.DataFrame, choices: list[Choice], flow: pd.DataFrame, loss: CacheLoss, policy: Policy, assumed: Assumed
) -> Replay:
    table = groups.assign(way=[choice.way for choice in choices])
    table["outcome"] = _outcomes(table, flow)
    warm = flow["cost_usd"].to_numpy(float)
    flow = flow.assign(cost_usd=warm + loss.usd, always_warm_usd=warm, never_warm_usd=warm + loss.never_usd)
    flow = flow.assign(reads=loss.reads, lost_reads=loss.lost, loose_reads=loss.loose, by_user_reads=loss.by_user)
    moved_usd = np.bincount(flow["group"], flow["cost_usd"], len(table))  # one unknown part makes the sum unknown
    later_usd = np.bincount(flow["group"], loss.usd, len(table))
    moved = (table["outcome"] == MOVED).to_numpy()
    counted = (table["basis"] != "kept").to_numpy()
    table["policy_cost_usd"] = [
        Decimal(repr(float(new)))
        if is_moved and np.isfinite(new)
        else old + Decimal(repr(float(later)))
        if later and counts and not pd.isna(old)
        else old
        for new, old, later, is_moved, counts in zip(
            moved_usd, table["cost_usd"], later_usd, moved, counted, strict=True
        )
    ]
    table["comparable"] = table["cost_usd"].notna() & (table["outcome"] != REFUSED) & (~moved | np.isfinite(moved_usd))
    refusals = [(i, target, reason) for i, choice in enumerate(choices) for target, reason in choice.refused]
    return Replay(policy, table, flow, pd.DataFrame(refusals, columns=["group", "target", "reason"]), assumed)


def _choice(policy: Policy, market: Market, left: Narrowing | None, decisive: tuple) -> Choice:
    """The policy's decision on what is `DECISIVE`. What is no chat stays with its model, unless the rule it meets names
    the operation.
    """
    rule, mask, band, separate, model, provider, host = decisive
    attributes: dict[str, Any] = {"model": _text(model), "provider": _text(provider), "host": _text(host)}
    attributes["input_tokens"] = None if pd.isna(band) else int(band)
    met = None if rule == NO_RULE else int(rule)
    if separate and (met is None or "operation" not in policy.rules[met].when):
        policy, met = policy.model_copy(update={"rules": (), "fallback": (CURRENT,)}), None
    choice = decide(policy, met, active(int(mask)), attributes, market.catalog)
    return left(choice, attributes) if left else choice


def _text(value: Any) -> str | None:
    return None if pd.isna(value) else str(value)


def _flows(
    policy: Policy, choice: Choice, market: Market, assumed: Assumed
) -> list[tuple[str, str, str | None, float, float]]:
    """(target, model, hosting, calls per request, share of final answers) of everything a request sets going."""
    rule = policy.rules[choice.rule] if choice.rule is not None else None
    named = [(c.target, c.model, c.hosting) for c in choice.candidates]
    if choice.way == "vote":
        return [(*name, float(rule.samples if rule else 1), 1.0) for name in named]
    if choice.way == "cross_check":
        return [(*name, 1.0, float(name is named[0])) for name in named]
    if choice.way != "cascade":
        return [(*name, c.share, c.share) for name, c in zip(named, choice.candidates, strict=True)]
    flows, reached = [], 1.0
    for candidate, name in zip(choice.candidates, named, strict=True):
        last = candidate is choice.candidates[-1]
        accepted = 1.0 if last else acceptance(market, candidate, assumed)
        flows.append((*name, reached, reached * accepted))
        if rule and rule.verifier and not last:
            flows.append((VERIFIER, rule.verifier, None, reached, 0.0))
        reached *= 1 - accepted
    return flows


def acceptance(market: Market, candidate: Candidate, assumed: Assumed) -> float:
    """Share of a model's answers that a cascade accepts: its measured fact, else the assumption."""
    facts = market.catalog.get(candidate.model)
    return facts.acceptance if facts and facts.acceptance is not None else assumed.acceptance


def _costed(groups: pd.DataFrame, flow: pd.DataFrame, market: Market) -> pd.DataFrame:
    """USD of every flow: tokens of its group on the target times the calls; NaN unknown.

    A flow to the model and hosting that answered already costs what was logged per call (`stays`).
    """
    cost, stays = np.full(len(flow), np.nan), np.zeros(len(flow), bool)
    needed = groups[["provider", "host", "attempts", "cost_usd", *PRICED_BY]]
    for (target, model), part in flow.groupby(["target", "new_model"], sort=False):
        rows, places = needed.iloc[part["group"].to_numpy()], part.index.to_numpy()
        if target == VERIFIER:
            per_call = market.cost_at(_as_read_by_verifier(rows), str(model), 1.0)
        else:
            stays[places] = same = _same(rows, part, market)
            logged = rows["cost_usd"].astype(float).to_numpy()
            per_call = logged if target == CURRENT else np.where(same, logged, market.cost_usd(rows, str(target)))
        cost[places] = per_call * part["calls"].to_numpy()
    return flow.assign(cost_usd=cost, stays=stays)


def _same(rows: pd.DataFrame, part: pd.DataFrame, market: Market) -> np.ndarray:
    """Whether a flow leads to the model, run in the way, that answered the logged request."""
    routes = list(zip(rows["provider"], rows["host"], rows["model"], strict=True))
    ran = {(p, h, m): _hosting(_text(p), _text(h), _text(m), market) for p, h, m in dict.fromkeys(routes)}
    model = rows["model"].fillna("unknown").to_numpy() == part["new_model"].to_numpy()
    return model & np.array([ran[route] in (None, has) for route, has in zip(routes, part["hosting"], strict=True)])


def _hosting(provider: str | None, host: str | None, model: str | None, market: Market) -> str | None:
    return logged_hosting({"provider": provider, "host": host}, market.catalog.get(model or ""))


def _as_read_by_verifier(rows: pd.DataFrame) -> pd.DataFrame:
    """A verifier reads the request and the answer, and says little."""
    read = rows[[*INPUT_TOKENS, "output_tokens"]].sum(axis=1)
    nothing = dict.fromkeys((*INPUT_TOKENS[1:], *OUTPUT_TOKENS[1:], "tool_fees_usd"), 0)
    return rows.assign(fresh_input_tokens=read, output_tokens=rows["attempts"] * VERIFIER_OUTPUT_TOKENS, **nothing)


def _outcomes(table: pd.DataFrame, flow: pd.DataFrame) -> np.ndarray:
    """kept (failed attempts, gateway-cache answers, or the one call stays), refused (no model left), else moved."""
    leaving, calls = (np.bincount(flow["group"], values, len(table)) for values in (~flow["stays"], flow["calls"]))
    stays = (leaving == 0) & np.isclose(calls, 1.0)
    kept = (table["basis"] == "kept").to_numpy() | stays
    return np.where(kept, KEPT, np.where(table["way"] == "refused", REFUSED, MOVED))
