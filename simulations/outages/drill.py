"""A drill on the log: what a provider or a model costs that cannot be reached for some hours.

The hours are replayed twice under one policy, with and without what is out, prompt caches included: what would have
asked it first goes to the policy's other candidates, then to its fallbacks, each held to the policy's constraints, and
fails where none is left. Then minute by minute against the fallbacks' rate limits. Failing calls cost nothing here;
what a failed request costs the business is not in a log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analytics.scope import UNKNOWN, Scope
from data.errors import NoData
from data.ledger import Ledger
from data.state import State
from routing.calling.declarations import saved_providers
from routing.policies.choice import Choice
from routing.policies.policy import CURRENT, Policy, Rule
from simulations.outages.outage import Hours, Outage, as_it_was, hours_of
from simulations.outages.queues import Carried, carry
from simulations.replay.policy_query import folding
from simulations.replay.replay import MOVED, REFUSED, Narrowing, Replay, choices_of, replay
from simulations.replay.repricing import Market
from simulations.replay.traffic import fold

AS_LOGGED, NOBODY = "as logged", "nobody"
NONE = 1e-6  # of a request: what rounding leaves of a nought


class Drill(NamedTuple):
    """What an outage does. Requests are logical calls; USD are of the outage's hours.

    `touched` would have asked what is out first; of them `taken` are answered by others and `failed` by nobody
    (`unserved` have no allowed model left, `turned_away` found every fallback at its limit). `extra_usd` is what the
    requests that are answered cost more at the first model that may take them (`extra_never_warm_usd` if none of their
    prompt caches stayed warm), `unpriced` of the taken have no price there. `by_model` and `refusals` are frames,
    `carried` the queues, `minutes` the requests per minute: touched, taken, failed.
    """

    outage: Outage
    hours: Hours
    policy: str
    requests: int
    touched: float
    taken: float
    unserved: float
    turned_away: float
    extra_usd: float
    extra_never_warm_usd: float
    unpriced: float
    by_model: pd.DataFrame
    refusals: pd.DataFrame
    carried: Carried
    minutes: pd.DataFrame

    @property
    def failed(self) -> float:
        """Requests that nobody answers."""
        return self.unserved + self.turned_away


def as_logged(outage: Outage, held: Policy | None) -> Policy:
    """Every request where the log sent it, with the outage's fallbacks, under the constraints of `held`."""
    constraints = held.constraints if held else ()
    return Policy(name=AS_LOGGED, constraints=constraints, rules=(Rule(use=CURRENT),), fallback=outage.fallback)


def declared_limits(state: State) -> dict[str, float]:
    """Requests a minute by model, as declared endpoints have them; of several that offer a model, together."""
    limits: dict[str, float] = {}
    for provider in saved_providers(state):
        for offer in provider.models if provider.requests_per_minute else ():
            limits[offer.model] = limits.get(offer.model, 0.0) + (provider.requests_per_minute or 0.0)
    return limits


def drill(
    view: Ledger,
    scope: Scope,
    outage: Outage,
    market: Market,
    *,
    live: Policy | None = None,
    held: Policy | None = None,
    limits: Mapping[str, float] | None = None,
) -> Drill:
    """Replay an outage under the policy that is `live`, or as logged: then fallbacks keep to the constraints of `held`.

    `limits` are declared ones, requests a minute by model; those of the outage win. Raises BadInput for hours that
    the log does not cover, NoData where nothing asks what is out.
    """
    hours, policy = hours_of(view, scope, outage), live or as_logged(outage, held)

    def usual(choice: Choice, request: Mapping[str, Any]) -> Choice:
        return choice if live else as_it_was(choice, request, market.catalog)

    def alive(choice: Choice, request: Mapping[str, Any]) -> Choice:
        return outage.without_outage(usual(choice, request), request["provider"], market.catalog)

    before = replay(view, hours, policy, market, left=usual)
    after = replay(view, hours, policy, market, left=alive)
    calls = before.groups["calls"].to_numpy(float)
    touched = calls * _share_out(before.groups, choices_of(before.groups, policy, market, usual), outage, market)
    if not touched.sum():
        raise NoData(
            f"In these hours nothing asks {outage.what} under “{policy.name}”; choose others, or what it asks."
        )
    asked = {**(limits or {}), **outage.limits}
    carried, minutes = _by_minute(view, hours, outage, policy, market, (usual, alive), asked)
    left = choices_of(before.groups, policy, market, alive)
    return _counted(outage, hours, before, after, touched, left, carried, minutes)


def _counted(
    outage: Outage,
    hours: Hours,
    before: Replay,
    after: Replay,
    touched: np.ndarray,
    left: list[Choice],
    carried: Carried,
    minutes: pd.DataFrame,
) -> Drill:
    """The two replays and the queues as one answer; `touched` requests by group, which have `left` to ask."""
    unserved = np.where(after.groups["outcome"].eq(REFUSED).to_numpy(), touched, 0.0)
    both = (before.groups["comparable"] & after.groups["comparable"]).to_numpy()
    answers = [_answered_by(choice, carried) if some else {} for choice, some in zip(left, touched, strict=True)]
    served = np.array([sum(part.values()) if some else 1.0 for part, some in zip(answers, touched, strict=True)])
    extra = float(((_usd(after) - _usd(before)) * served)[both].sum())
    turned_away = float(carried.failed.sum())
    return Drill(
        outage=outage,
        hours=hours,
        policy=before.policy.name,
        requests=int(before.groups["calls"].sum()),
        touched=float(touched.sum()),
        taken=float((touched - unserved).sum()) - turned_away,
        unserved=float(unserved.sum()),
        turned_away=turned_away,
        extra_usd=extra,
        extra_never_warm_usd=extra + float((_never_warm(after) * served)[both].sum()),
        unpriced=float((touched * served)[~both].sum()),
        by_model=_by_model(before.groups["model"].fillna(UNKNOWN), touched, answers),
        refusals=_why(after, unserved),
        carried=carried,
        minutes=minutes,
    )


def _share_out(groups: pd.DataFrame, choices: list[Choice], outage: Outage, market: Market) -> np.ndarray:
    """Share of every group that would have asked what is out; what is kept as it is (failed, cached) asks nobody."""
    shares = [
        outage.share_out(choice, None if pd.isna(name) else str(name), market.catalog)
        for choice, name in zip(choices, groups["provider"], strict=True)
    ]
    return np.where(groups["basis"].eq("kept"), 0.0, shares)


def _usd(result: Replay) -> np.ndarray:
    return result.groups["policy_cost_usd"].astype(float).to_numpy()


def _never_warm(result: Replay) -> np.ndarray:
    """USD by group that moved requests cost more if no prompt cache stayed warm."""
    flow = result.flows
    more = (flow["never_warm_usd"] - flow["cost_usd"]).fillna(0.0)
    moved = result.groups["outcome"].eq(MOVED).to_numpy()
    return np.where(moved, np.bincount(flow["group"], more, len(result.groups)), 0.0)


def _answered_by(left: Choice, carried: Carried) -> dict[str, float]:
    """Shares of requests by the model that takes them; together below 1 where some find nobody."""
    shares: dict[str, float] = {}
    for chain, part in _chains(left):
        came = carried.came[chain]
        for name, taken in carried.taken[chain].items():
            shares[name] = shares.get(name, 0.0) + (part * taken / came if came else 0.0)
    return shares


def _by_model(models: pd.Series, touched: np.ndarray, answers: list[dict[str, float]]) -> pd.DataFrame:
    """Requests by the model that would have answered and the one that takes them; none for those nobody takes."""
    rows = [
        (model, name, count * share)
        for model, count, shares in zip(models, touched, answers, strict=True)
        for name, share in {**shares, NOBODY: 1 - sum(shares.values())}.items()
    ]
    table = pd.DataFrame(rows, columns=["model", "answered_by", "requests"])
    table = table.groupby(["model", "answered_by"], as_index=False)["requests"].sum()
    return table[table["requests"] > NONE].sort_values("requests", ascending=False, ignore_index=True)


def _why(after: Replay, unserved: np.ndarray) -> pd.DataFrame:
    """Why fallbacks may not take what fails: target, reason, requests."""
    rows = after.refusals.assign(requests=unserved[after.refusals["group"].to_numpy(int)])
    rows = rows[rows["target"] != CURRENT]
    table = rows.groupby(["target", "reason"], as_index=False)["requests"].sum()
    return table[table["requests"] > 0].sort_values("requests", ascending=False, ignore_index=True)


def _by_minute(
    view: Ledger,
    hours: Hours,
    outage: Outage,
    policy: Policy,
    market: Market,
    ways: tuple[Narrowing, Narrowing],
    limits: Mapping[str, float],
) -> tuple[Carried, pd.DataFrame]:
    """The same decisions minute by minute: who takes over how much, against the limits."""
    asked = folding(policy, market.edges(policy.targets))
    keyed = {**asked.keys, "minute": lambda rows: rows.requested_at.truncate("m")}
    groups = fold(view, hours, replace(asked, keys=keyed))
    groups = groups[groups["basis"] != "kept"].reset_index(drop=True)
    choices, rest = (choices_of(groups, policy, market, way) for way in ways)
    out = _share_out(groups, choices, outage, market)
    since = pd.Timestamp(hours.since).floor("min")
    count = int(np.ceil((hours.until - since.to_pydatetime()) / timedelta(minutes=1)))
    minute = ((pd.to_datetime(groups["minute"]) - since) // pd.Timedelta(minutes=1)).to_numpy(int)
    own: dict[str, np.ndarray] = {}
    moved: dict[tuple[str, ...], np.ndarray] = {}
    nobody = np.zeros(count)
    columns = zip(minute, choices, rest, groups["provider"], groups["calls"].to_numpy(float), out, strict=True)
    for at, choice, left, provider, calls, share in columns:
        for name, part in _first_asked(choice, outage, provider, market):
            own.setdefault(name, np.zeros(count))[at] += calls * part
        if share and left.way == "refused":
            nobody[at] += calls * share
        for chain, part in _chains(left) if share else ():
            moved.setdefault(chain, np.zeros(count))[at] += calls * share * part
    carried = carry(own, moved, _by_catalogue_name(limits, market), outage.patience_minutes)
    touched = nobody + sum(moved.values(), np.zeros(count))
    failed = nobody + (carried.failed if len(carried.failed) else np.zeros(count))
    table = {"minute": pd.date_range(since, periods=count, freq="min"), "touched": touched, "taken": touched - failed}
    return carried, pd.DataFrame({**table, "failed": failed})


def _first_asked(choice: Choice, outage: Outage, provider: Any, market: Market) -> Iterable[tuple[str, float]]:
    """What these requests ask first besides what is out, with the share of each."""
    where = None if pd.isna(provider) else str(provider)
    asked = choice.candidates if choice.way in ("split", "cross_check") else choice.candidates[:1]
    for candidate in asked:
        if not outage.hits(candidate, where, market.catalog):
            yield candidate.model, candidate.share if choice.way == "split" else 1.0


def _chains(left: Choice) -> Iterable[tuple[tuple[str, ...], float]]:
    """Who may take a request over, in order, with the share that begins there."""
    spare = tuple(c.model for c in left.fallback)
    if left.way == "split":
        for candidate in left.candidates:
            yield tuple(dict.fromkeys((candidate.model, *spare))), candidate.share
    elif left.candidates:
        yield tuple(dict.fromkeys((*(c.model for c in left.candidates), *spare))), 1.0


def _by_catalogue_name(limits: Mapping[str, float], market: Market) -> dict[str, float]:
    known = {name: market.catalog.get(name) for name in limits}
    return {facts.name if (facts := known[name]) else name: limit for name, limit in limits.items()}
