"""How much of the work hangs on one provider, maker, country or way of hosting, and what a share elsewhere costs."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from analytics.scope import UNKNOWN, Scope
from data.ledger import Ledger
from routing.policies.choice import logged_hosting
from simulations.mixes.caches import mix_caches
from simulations.mixes.optimise import Demands, Infeasible, mean_quality, optimise, total_cost
from simulations.mixes.problem_from_log import Programme
from simulations.replay.repricing import Market
from simulations.replay.traffic import fold

KINDS = ("provider", "vendor", "origin", "hosting")


class Elsewhere(NamedTuple):
    """What it costs a year to keep `least` of the requests off one vendor, from today's mix, by the cheapest move.

    `usd` counts the prompt caches that the move loses; None where no allowed move reaches it. `quality` is the change
    on the programme's scale, None where it has none. `moved` are shares of all requests by the model that takes them.
    """

    vendor: str
    today: float
    least: float
    usd: float | None
    quality: float | None
    moved: dict[str, float]


def concentration(view: Ledger, scope: Scope, market: Market) -> pd.DataFrame:
    """Shares of requests and dollars by `kind` (see `KINDS`) and `name`, the largest first; priced or not."""
    groups = fold(view, scope)
    groups = groups[groups["basis"] != "kept"]
    routes = groups[["provider", "host", "model"]].astype(object).where(lambda part: part.notna(), None)
    facts = [market.catalog.get(model or "") for model in routes["model"]]
    names = {
        "provider": [provider or UNKNOWN for provider in routes["provider"]],
        "vendor": [(known and known.vendor) or UNKNOWN for known in facts],
        "origin": [(known and known.origin) or UNKNOWN for known in facts],
        "hosting": [
            logged_hosting({"provider": provider, "host": host}, known) or UNKNOWN
            for (provider, host, _), known in zip(routes.itertuples(index=False, name=None), facts, strict=True)
        ],
    }
    calls, usd = groups["calls"].astype(float), groups["cost_usd"].astype(float).fillna(0.0)
    tables = []
    for kind in KINDS:
        sums = pd.DataFrame({"name": names[kind], "requests": calls.to_numpy(), "usd": usd.to_numpy()})
        table = sums.groupby("name", as_index=False).sum().sort_values("requests", ascending=False)
        tables.append(table.assign(kind=kind))
    table = pd.concat(tables, ignore_index=True)
    for column in ("requests", "usd"):
        whole = table.groupby("kind")[column].transform("sum")
        table[f"{column}_share"] = (table[column] / whole.where(whole > 0)).fillna(0.0)
    return table[["kind", "name", "requests", "requests_share", "usd", "usd_share"]]


def keep_elsewhere(view: Ledger, made: Programme, market: Market, vendor: str, least: float) -> Elsewhere:
    """Solve the cheapest move from today's mix after which `least` of the requests are off `vendor`."""
    problem, current = made.problem, made.current_shares
    theirs = np.array([name == vendor for name in problem.vendors])
    weights = problem.weights / problem.weights.sum()
    today = float((weights[:, None] * current)[:, theirs].sum())
    needed = least - (1 - today)
    if needed <= 0:
        return Elsewhere(vendor, today, least, 0.0, 0.0, {})
    staying = replace(problem, allowed=problem.allowed | (current > 0))  # a breach of today is not this move's doing
    answer = optimise(staying, Demands(vendor_cap={vendor: 1 - least}, max_moved_share=min(1.0, needed + 1e-9)))
    if isinstance(answer, Infeasible):
        return Elsewhere(vendor, today, least, None, None, {})
    more = answer.cost_usd - total_cost(problem, current) + mix_caches(view, made, answer.shares, market).usd
    before, after = mean_quality(problem, current), mean_quality(problem, answer.shares)
    gained = (weights[:, None] * np.clip(answer.shares - current, 0, None)).sum(0)
    moved = {name: float(share) for name, share in zip(problem.models, gained, strict=True) if share > 1e-6}
    change = None if before is None or after is None else after - before
    return Elsewhere(vendor, today, least, float(more), change, moved)
