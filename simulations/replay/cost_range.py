"""How sure a replay's dollars are: ranges of output length and tokenizer, and what prompt caches may do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from data import wording
from data.calendar import Z90
from simulations.ranges import DRAWS, Assumptions, lognormal, quantiles
from simulations.replay.replay import CURRENT, MOVED, VERIFIER, Replay
from simulations.replay.repricing import PRICED_BY, Market

LOOSE = "neither session nor user is logged"
BY_USER = "no session is logged; requests of one user and key are taken as one conversation"


def cache_bounds(result: Replay) -> dict[str, Any]:
    """What prompt caches do to the policy's cost: USD with every cache kept, with none, and the share that stays warm.

    `warm_share` is of the tokens that the log read from caches, of requests that are compared; None where it read none.
    `lost_usd` is in the policy's cost; `known_share` is the part of the reads that could be followed in time.
    """
    flows, groups = result.flows, result.groups
    place = flows["group"].to_numpy(int)
    counted = groups["comparable"].to_numpy()[place] & (groups["basis"] != "kept").to_numpy()[place]
    part = flows[counted]
    policy_usd = float(sum(groups.loc[groups["comparable"], "policy_cost_usd"]))
    lost_usd, at_worst = (
        float((part[name] - part["always_warm_usd"]).fillna(0).sum()) for name in ("cost_usd", "never_warm_usd")
    )
    reads, lost, loose, by_user = (
        float(part[name].sum()) for name in ("reads", "lost_reads", "loose_reads", "by_user_reads")
    )
    always = policy_usd - lost_usd
    return {
        "warm_share": round(max(0.0, 1 - lost / reads), 6) if reads else None,
        "usd_if_always_warm": round(always, 6),
        "usd_if_never_warm": round(always + at_worst, 6),
        "lost_usd": round(lost_usd, 6),
        "known_share": round(1 - loose / reads, 6) if reads else None,
        "note": _cache_note(loose, by_user, reads),
    }


def _cache_note(loose: float, by_user: float, reads: float) -> str:
    """What the number between the bounds stands on."""
    if not reads:
        return "the log read nothing from prompt caches"
    if loose:
        return f"{wording.share(loose / reads)} of the cache reads are counted as lost: {LOOSE}"
    if by_user >= reads:
        return BY_USER
    if by_user:
        return (
            f"{wording.share(by_user / reads)} of the cache reads are followed by user and key, for want of a session"
        )
    return "every conversation followed in time, the new model's own cache and life"


def _tokenizer_range(market: Market, model: str, pairs: Iterable[tuple[str, str]]) -> tuple[float, float]:
    """How far the tokens of a model may be off what its pairs say: the widest of its sources."""
    found = [market.tokenizer(old, target) for old, target in pairs if target.partition("@")[0] == model]
    return min(one.low / one.value for one in found), max(one.high / one.value for one in found)


def cost_range(result: Replay, market: Market, policy_usd: float, logged_usd: float) -> dict[str, Any]:
    """P10, P50, P90 of the policy's cost and saving: output length and tokenizer of what moves are unknown."""
    groups, flows = result.groups, result.flows
    concerned = (groups["outcome"].eq(MOVED) & groups["comparable"]).to_numpy()[flows["group"].to_numpy(int)] & ~flows[
        "stays"
    ].to_numpy(bool)
    part = flows[concerned & ~flows["target"].isin([CURRENT, VERIFIER])]
    pairs: dict[tuple[str, str], np.ndarray] = {}
    for target, some in part.groupby("target"):
        rows = groups[list(PRICED_BY)].iloc[some["group"].to_numpy()]
        bare = market.cost_at(rows, str(target), 0.0) * some["calls"].to_numpy()
        for model in rows["model"].fillna("unknown").unique():
            own = (rows["model"].fillna("unknown") == model).to_numpy()
            usd, warm = some["cost_usd"].to_numpy()[own], some["always_warm_usd"].to_numpy()[own]
            read = np.nansum(bare[own] + usd - warm)  # what lost caches cost is input too
            pairs[model, str(target)] = np.array([read, np.nansum(warm - bare[own])])
    rng = np.random.default_rng(Assumptions().seed)
    moved = sum(float(usd.sum()) for usd in pairs.values())
    draws = np.full(DRAWS, policy_usd - moved)
    # A model counts and writes in its own way, wherever a text came from and wherever it runs: one draw for all of it.
    # Where it lies in the range of its length is one draw too; the range is that of the pair.
    models = sorted({target.partition("@")[0] for _, target in pairs})
    tokenizers = {model: lognormal(rng, _tokenizer_range(market, model, pairs)) for model in models}
    places = {model: rng.standard_normal(DRAWS) for model in models}
    for (model, target), (read, written) in sorted(pairs.items()):
        longer, own = market.verbosity(model, target), target.partition("@")[0]
        low, high = np.log((longer.low / longer.value, longer.high / longer.value))
        factor = np.exp((low + high) / 2 + (high - low) / 2 / Z90 * places[own])
        draws += (read + written * factor) * tokenizers[own]
    return {
        "policy_cost_usd": quantiles(draws),
        "savings_usd": quantiles(logged_usd - draws),
        "chance_of_saving": round(float((draws < logged_usd).mean()), 4),
    }
