"""Dollars of the cache reads that a policy loses: as followed in time, at worst, and how much stays warm."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from data.prices.price_row import RATES
from routing.policies.choice import Choice
from routing.policies.policy import CURRENT, Policy
from simulations.replay.cache_state import COUNTS
from simulations.replay.repricing import PRICED_BY, Market
from simulations.replay.uses import Use

FRESH, READ, SHORT, LONG = (
    RATES.index(kind) for kind in ("fresh_input", "cache_read", "cache_write_5m", "cache_write_1h")
)
VERIFIER = "verifier"


class CacheLoss(NamedTuple):
    """Per flow: USD of the reads lost, USD if none stayed warm, tokens read in the log and lost.

    `loose` are reads without a conversation, `by_user` reads followed by user and key for want of a session.
    """

    usd: np.ndarray
    never_usd: np.ndarray
    reads: np.ndarray
    lost: np.ndarray
    loose: np.ndarray
    by_user: np.ndarray


def uses_of(policy: Policy, choices: list[Choice], flow: pd.DataFrame) -> list[list[Use]]:
    """What to follow of every group's flows: all but a cascade's later models and verifiers, asked too seldom."""
    per_group: list[list[Use]] = [[] for _ in choices]
    low = 0.0
    columns = flow[["place", "group", "way", "target", "calls"]]
    for place, group, way, target, calls in columns.itertuples(index=False, name=None):
        if way == "split":
            low = 0.0 if place == 0 else low
            position = choices[group].rule
            per_request = position is not None and policy.rules[position].per == "request"
            per_group[group].append(Use(place, 0, target, low, low + calls, per_request))
            low += calls
        elif target != VERIFIER and calls >= 1:
            per_group[group].append(Use(place, place, target, 0.0, 1.0, False))
    return per_group


def cache_loss(groups: pd.DataFrame, flow: pd.DataFrame, followed: pd.DataFrame, market: Market) -> CacheLoss:
    """The loss of every flow. `followed` is what `lost_reads` found; flows carry `way`, `place`, `calls`, `stays`."""
    place = flow.merge(followed, how="left", left_on=["group", "place"], right_on=["group", "slot"])
    counts = place[list(COUNTS)].fillna(0.0).astype(float).to_numpy()
    split = (flow["way"] == "split").to_numpy()
    counts = _expected(flow, split, counts)
    rates, reads, loose, long = _per_flow(groups, flow, market)
    stays, calls = flow["stays"].to_numpy(bool), flow["calls"].to_numpy(float)
    verifies = (flow["target"] == VERIFIER).to_numpy()
    seldom = (calls < 1) & ~split & ~verifies & ~stays
    again = np.where(long, rates[:, LONG], rates[:, SHORT]) - rates[:, READ]
    each = np.where(flow["way"] == "vote", calls, 1.0)
    short, kept_long, unmarked, touched, risk, by_session = counts.T * each
    loose_lost = np.where(stays | verifies, 0.0, loose * calls)
    lost = np.where(seldom, reads * calls, short + kept_long + unmarked + loose_lost)
    usd = short * (rates[:, SHORT] - rates[:, READ]) + kept_long * (rates[:, LONG] - rates[:, READ])
    usd += unmarked * (rates[:, FRESH] - rates[:, READ]) + loose_lost * again
    usd = np.where(seldom, reads * calls * again, usd)
    at_risk = risk + np.where(_left(groups, flow), loose * calls, 0.0)
    never = np.where(stays, at_risk, np.where(verifies, 0.0, reads * calls)) * again
    kept_share = market.terms.cache_kept
    losses = (usd * kept_share, np.maximum(never, usd) * kept_share)
    whole = np.where(verifies, 0.0, reads * calls)
    at_policy, at_worst = map(np.nan_to_num, losses)
    return CacheLoss(at_policy, at_worst, whole, lost, loose_lost, touched - by_session)


def _expected(flow: pd.DataFrame, split: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Splits divide conversations by lot: the loss found per token read, on the share that each target gets."""
    if not split.any():
        return counts
    reads = COUNTS.index("reads")
    group = flow["group"].to_numpy(int)
    whole = np.array([np.bincount(group, np.where(split, column, 0.0)) for column in counts.T]).T[group]
    own = counts[:, [reads]]
    per_read = np.divide(counts, own, out=np.zeros_like(counts), where=own > 0)
    per_read_of_all = np.divide(whole, whole[:, [reads]], out=np.zeros_like(counts), where=whole[:, [reads]] > 0)
    share = flow["calls"].to_numpy(float)[:, None]
    expected = np.where(own > 0, per_read, per_read_of_all) * whole[:, [reads]] * share
    return np.where(split[:, None], expected, counts)


def _per_flow(
    groups: pd.DataFrame, flow: pd.DataFrame, market: Market
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rates of each flow's target, the reads of its group in the log and those that are loose, and how it writes."""
    rates = np.full((len(flow), len(RATES)), np.nan)
    needed = groups[["provider", "host", "basis", "loose_reads", *PRICED_BY]]
    rows = needed.iloc[flow["group"].to_numpy(int)].reset_index(drop=True)
    routes = rows[["model", "provider", "host"]].itertuples(index=False, name=None)
    logged = [market.logged_target(*(None if pd.isna(v) else str(v) for v in route)) for route in routes]
    stays = flow["stays"].to_numpy(bool) | (flow["target"] == CURRENT).to_numpy()
    targets = np.where(stays, np.array(logged, object), flow["target"].to_numpy(object))
    for target in dict.fromkeys(targets):
        if target != VERIFIER:
            mine = targets == target
            rates[mine] = market.rates(rows[mine], str(target))
    reads, loose, short, long = (
        rows[name].to_numpy(float, na_value=0.0)
        for name in ("cache_read_tokens", "loose_reads", "cache_write_5m_tokens", "cache_write_1h_tokens")
    )
    counted = (rows["basis"] != "kept").to_numpy()
    return rates, np.where(counted, reads, 0.0), np.where(counted, loose, 0.0), long > short


def _left(groups: pd.DataFrame, flow: pd.DataFrame) -> np.ndarray:
    """Flows that stay on a model from which other requests move: without a session, their caches may go with them."""
    models = groups["model"].iloc[flow["group"].to_numpy(int)].to_numpy()
    left = set(models[~flow["stays"].to_numpy(bool)])
    return np.array([model in left for model in models], bool)
