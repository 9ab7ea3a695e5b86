"""Requests on a dear model that a cheaper one would have met.

Evidence, best first: scores in this very log for the same kind of task (the cheaper model at most
`TOLERATED` below); else only routine work that nobody marked as critical, on models dearer than the
ledger's mean price per token, to be tested before it moves.
A moved request does not keep what the move destroys: reads of conversations that a move would split, or that the
new model forgets sooner (or nobody knows for how long it keeps them), are charged as sent anew.
Never offered: what the company's policy forbids for that data, at that provider (`Forbidden`, handed in
by who may ask the policy), nor a model whose maker has retired it, or will within a year.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from functools import partial
from typing import Any

import pandas as pd

from analytics import list_prices
from analytics.forecasts.retirements import HORIZON_DAYS
from analytics.paid_prices import KINDS
from analytics.savings.savings_claim import Claim
from data import wording
from data.facts.models import ModelFacts
from data.facts.prompt_caches import PromptCache, prompt_cache
from data.prices.model_lives import ModelLives

FRESH, READ, WRITE = (KINDS.index(f"{kind}_tokens") for kind in ("fresh_input", "cache_read", "cache_write_5m"))
ROUTINE = ("classification", "extraction", "summarisation", "chat")
TOLERATED = 0.02
MIN_SCORES = 30
MIN_SAVING = 0.3  # of the cell's cost: less is not worth a migration
MIN_SHARE = 0.02  # of the spend
UNTESTED_SAVING = 0.5  # untested work goes to the strongest model at half the cost, not to the very cheapest

Name = tuple[str, str]  # provider, model
# Why a request with these dimensions may not go to a provider's model, or None.
Forbidden = Callable[[str, str, Mapping[str, Any]], str | None]


def claims(
    cells: pd.DataFrame, facts: Mapping[str, ModelFacts], lives: ModelLives, day: date, forbidden: Forbidden
) -> list[Claim]:
    """One claim per dear model, over its cells that a cheaper one fits; `day` is the one whose prices count.

    Cells may carry `torn_read_tokens`: cache reads in conversations that reach into other cells.
    """
    scores, horizon = _scores(cells), day + timedelta(days=HORIZON_DAYS)
    offers: list[Name] = sorted({index[:2] for index in cells.index} | set(_siblings(cells, facts)))
    prices = {name: price for name in offers if (price := list_prices.per_token(*name, day))}
    caches = {name: prompt_cache(*name) for name in prices}
    found: list[Claim] = []

    retired = {offer for offer in offers if lives.is_retired_by(*offer, horizon)}

    def refuses(index: tuple, offer: Name) -> bool:
        return offer in retired or forbidden(*offer, dict(zip(cells.index.names, index, strict=True))) is not None

    for name, own in cells.groupby(level=["provider", "model"]):
        if name not in prices:
            continue
        dear = _per_token(own) > _per_token(cells)
        picked = {
            index: pick
            for index, cell in own.to_dict("index").items()
            if (pick := _cheaper(index, cell, prices, caches, scores, partial(refuses, index), dear))
        }
        usd = pd.Series({index: saving for index, (saving, _, _) in picked.items()}, dtype=float)
        if usd.empty or usd.sum() < MIN_SHARE * cells["cost_usd"].sum():
            continue
        usd.index = pd.MultiIndex.from_tuples(usd.index, names=cells.index.names)
        found.append(_claim(name[1], cells, usd, picked))
    return found


def _per_token(cells: pd.DataFrame) -> float:
    return float(cells["answers_cost_usd"].sum() / max(cells[list(KINDS)].sum().sum(), 1.0))


def _scores(cells: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Mean score by (model, task type) where there are enough."""
    scored = cells[cells["scored"] > 0]
    weighted = (scored["score"] * scored["scored"]).groupby(level=["model", "task_type"]).sum()
    counts = scored["scored"].groupby(level=["model", "task_type"]).sum()
    return {key: weighted[key] / counts[key] for key in counts[counts >= MIN_SCORES].index}


def _siblings(cells: pd.DataFrame, facts: Mapping[str, ModelFacts]) -> Iterable[Name]:
    """Models of the same makers: no new contract, no new origin."""
    vendors = {
        (facts[model].vendor, facts[model].provider)
        for model in set(cells.index.get_level_values("model"))
        if model in set(facts)
    }
    return (
        (known.provider, name)
        for name, known in facts.items()
        if known.provider and (known.vendor, known.provider) in vendors
    )


def _cheaper(
    index: tuple,
    cell: Mapping[str, float],
    prices: Mapping,
    caches: Mapping[Name, PromptCache],
    scores: Mapping,
    refuses: Callable[[Name], bool],
    dear: bool,
) -> tuple[float, str, bool] | None:
    """(USD saved, model, whether its quality was measured) of the best offer for one cell; measured ones win."""
    provider, model, *_, task, criticality, _ = index
    now = _cost(cell, prices[provider, model])
    best = None
    for (seller, other), price in prices.items():
        lost = _lost_reads(cell, caches[provider, model], caches[seller, other])
        share = 1 - (_cost(cell, price) + lost * (max(price[FRESH], price[WRITE]) - price[READ])) / now if now else 0.0
        if other == model or share < MIN_SAVING:
            continue
        measured = (model, task) in scores and (other, task) in scores
        if measured and scores[other, task] < scores[model, task] - TOLERATED:
            continue
        if not measured and (not dear or task not in ROUTINE or criticality == "high"):
            continue
        if not measured and share < UNTESTED_SAVING:
            continue
        offer = (measured, share if measured else -share, other)
        if (best is None or offer > best) and not refuses((seller, other)):
            best = offer
    return (abs(best[1]) * cell["answers_cost_usd"], best[2], best[0]) if best else None


def _lost_reads(cell: Mapping[str, float], old: PromptCache, new: PromptCache) -> float:
    """Tokens read from a cache today that the new model would have to be sent again."""
    reads = cell["cache_read_tokens"]
    keeps = new.life_s is not None and new.life_s >= (old.life_s or 0.0)
    return min(reads, cell.get("torn_read_tokens", 0.0)) if keeps else reads


def _cost(cell: Mapping[str, float], price: tuple) -> float:
    return sum(cell[kind] * usd for kind, usd in zip(KINDS, price, strict=True))


def _claim(model: str, cells: pd.DataFrame, usd: pd.Series, picked: dict) -> Claim:
    share = cells.loc[usd.index, "calls"].sum() / max(cells["calls"].sum(), 1)
    by_target: dict[str, float] = {}
    for saving, other, _ in picked.values():
        by_target[other] = by_target.get(other, 0.0) + saving
    targets = sorted(by_target, key=lambda name: -by_target[name])
    measured = sum(saving for saving, _, known in picked.values() if known) / usd.sum()
    tasks = sorted({index[5] for index in usd.index})
    confidence = "high" if measured > 0.8 else "medium" if measured > 0.3 else "low"
    return Claim(
        "cheaper model",
        f"{wording.share(share)} of all requests go to {model} where a cheaper model would do",
        usd,
        cells.loc[usd.index, "answers_cost_usd"],
        "answers",
        confidence,
        "The same tokens at the cheaper model's list price (its tokeniser may count 0.8 to 1.35 times as many), cache"
        " reads that the move ends sent anew;"
        f" {wording.share(measured)} of the saving is on tasks where scores in this log show at most"
        f" {wording.points(TOLERATED).removeprefix('+')} less.",
        f"Send {', '.join(tasks)} from {model} to {', '.join(targets[:3])}: replay it in Routing, then try it in the"
        " Live lab.",
        "routing",
        key=model,
        test=f"Ask {MIN_SCORES} of these tasks of {model} and of {targets[0]} in the Live lab; scores at most"
        f" {wording.points(TOLERATED).removeprefix('+')} lower make it medium."
        if confidence == "low"
        else "",
        trial=(model, targets[0]) if confidence == "low" else (),
    )
