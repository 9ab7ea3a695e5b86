"""What answers each group of the traffic under a policy, as lines that the engine joins rows to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import pandas as pd

from data.facts.prompt_caches import PromptCache, prompt_cache
from routing.policies.policy import CURRENT
from simulations.replay.repricing import Market

SHORTEST_LIFE = -1.0  # seconds: nothing is ever found
DRAWN = 1_000_000  # parts into which a split divides conversations
SLOTS = 1_000  # of a way: more than the models that one group may be sent to


class Use(NamedTuple):
    """One way a group's requests may be answered: its place among the flows, and its part [low, high) of a split.

    `lane` tells apart what is asked at the same time, as in a cross-check.
    """

    slot: int
    lane: int
    target: str
    low: float
    high: float
    per_request: bool


class Way(NamedTuple):
    """One way to answer the traffic: its groups, which `place` of the folding is a part of which `group` (its number),
    and the uses of every group, in their order. All ways of a question name the same places in the same order.
    """

    groups: pd.DataFrame
    parts: pd.DataFrame
    uses: list[list[Use]]


def decisions_of(way: Way, handed: Sequence[Sequence[Sequence[Use]]], market: Market) -> pd.DataFrame:
    """One line per place and use: codes of the target and of what answered, lives, the least a target keeps.

    `handed` are the uses of every place of `way`, several times over; each time has slots and lanes of its own.
    """
    lines: list[tuple[Any, ...]] = []
    codes: dict[str, int] = {}
    cache_of, cache_logged = cache(market.cache_of), cache(prompt_cache)  # groups by the thousand name few models
    answered = _answered_by(way.groups, market)
    for part, (place, group) in enumerate(way.parts[["place", "group"]].itertuples(index=False, name=None)):
        if (logged_as := answered[group]) is None:
            continue
        provider, model, logged = logged_as
        old = cache_logged(provider, model)
        for first, use in [(number * SLOTS, use) for number, uses in enumerate(handed) for use in uses[part]]:
            target = logged if use.target == CURRENT else use.target
            new = old if target == logged else cache_of(target)
            lines.append(
                (
                    place,
                    part,
                    first + use.slot,
                    first + use.lane,
                    codes.setdefault(target, len(codes)),
                    codes.setdefault(logged, len(codes)),
                    *_lives(new),
                    *_lives(old),
                    0 if target == logged else new.minimum_tokens or 0,
                    old.writes == "automatic",
                    round(use.low * DRAWN),
                    round(use.high * DRAWN),
                    use.per_request,
                )
            )
    columns = ["place", "part", "slot", "lane", "target", "logged", "life", "long_life", "old_life", "old_long_life"]
    columns += ["minimum", "automatic", "low", "high", "per_request"]
    table = pd.DataFrame(lines, columns=[f"d_{name}" for name in columns])
    narrow = dict.fromkeys(("d_part", "d_slot", "d_lane", "d_target", "d_logged"), "int32")
    return table.astype(narrow)  # the engine sorts them with every row


def _answered_by(groups: pd.DataFrame, market: Market) -> list[tuple[str | None, str | None, str] | None]:
    """Provider and model of every group, and the name of what answered; None for what is kept as it is."""
    keys = groups[["basis", "model", "provider", "host"]].itertuples(index=False, name=None)
    answered: list[tuple[str | None, str | None, str] | None] = []
    for basis, *route in keys:
        model, provider, host = (None if pd.isna(value) else str(value) for value in route)
        kept = basis == "kept"
        answered.append(None if kept else (provider, model, market.logged_target(model, provider, host)))
    return answered


def _lives(cache: PromptCache) -> tuple[float, float]:
    short = SHORTEST_LIFE if cache.life_s is None else cache.life_s
    return short, max(short, cache.long_life_s or SHORTEST_LIFE)
