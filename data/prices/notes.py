"""What Baton adds to the price catalogue: spellings, service tiers, regional factors, media, known gaps.

Read from `price_notes.yaml`, where every entry names its source.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from data.sql_text import literal
from data.yaml_text import read_yaml_file

FILE = Path(__file__).parent / "price_notes.yaml"


class TierRule(NamedTuple):
    """A service tier's price as a factor of the standard price, from `start` until before `end` (None: open)."""

    tier: str
    factor: Decimal
    cuts_cache: bool
    start: date | None
    end: date | None
    source: str


@lru_cache(maxsize=1)
def _notes() -> dict[str, Any]:
    return read_yaml_file(FILE)[0]


def catalogue_release(version: str) -> date | None:
    """The day on which a version of genai-prices was published; None for one that is not noted."""
    return next((one["date"] for one in _notes()["catalogue_releases"] if one["version"] == version), None)


def provider_names() -> dict[str, str]:
    """Providers as logs spell them, lower case -> catalogue id."""
    return _notes()["provider_names"]


def provider_prefixes() -> dict[str, str]:
    """Beginnings of provider names, lower case -> catalogue id; the first that fits."""
    return _notes()["provider_prefixes"]


def api_behind_name() -> str:
    """A regular expression for the API of a provider behind its name."""
    return rf"\.({'|'.join(_notes()['provider_apis'])})$"


def provider_sql(name: str) -> str:
    """SQL for the catalogue id of a provider as a log spells it in the text `name`; the same tables, for the engine.

    `name` stands twice and no more: within a CASE the engine works each of them out for every row.
    """
    word = f"regexp_replace(lower(trim({name})), {literal(api_behind_name())}, '')"
    whole, begun = ("|".join(map(re.escape, words)) for words in (provider_names(), provider_prefixes()))
    pairs = (f"{literal(word)}: {literal(known)}" for word, known in (provider_prefixes() | provider_names()).items())
    spelling = f"regexp_extract({word}, {literal(f'^(?:(?:{whole})$|{begun})')})"
    return f"coalesce(MAP {{{', '.join(pairs)}}}[{spelling}], nullif({word}, ''))"


def model_names() -> dict[str, str]:
    """Models as logs spell them, lower case -> a name the catalogue knows."""
    return _notes()["model_names"]


def own_hardware(provider: str | None) -> bool:
    """Whether a provider name stands for machines of one's own, which have no list price."""
    return provider in _notes()["own_hardware"]


def cloud(provider: str | None) -> bool:
    """Whether a provider name stands for a cloud, where models run in a customer's own account."""
    return provider in _notes()["clouds"]


def gateway(provider: str | None) -> bool:
    """Whether a provider name stands for a gateway that only passes requests on."""
    return provider in _notes()["gateways"]


@lru_cache(maxsize=4096)
def tier_rules(provider: str, model: str) -> tuple[TierRule, ...]:
    """The known factors of a model's service tiers, in the order in which they hold."""
    return tuple(
        TierRule(
            rule["tier"],
            Decimal(str(rule["factor"])),
            rule.get("cache") != "kept",
            rule.get("start"),
            rule.get("end"),
            rule["source"],
        )
        for rule in _notes()["tiers"]
        if rule["provider"] == provider and re.fullmatch(rule.get("model", ".*"), model)
    )


def tier_rule(provider: str, model: str, tier: str, day: date) -> TierRule | None:
    """The factor that holds for a tier on a day (UTC), or None where it is unknown."""
    holds = (
        rule
        for rule in tier_rules(provider, model)
        if rule.tier == tier and (rule.start or day) <= day and (rule.end is None or day < rule.end)
    )
    return next(holds, None)


def tier_words() -> dict[str, list[str]]:
    """Our service tiers -> how logs spell them, lower case."""
    return _notes()["tier_words"]


def prepaid(provider: str | None, tier: str) -> bool:
    """Whether a tier at a provider is capacity bought ahead."""
    return any(rule["tier"] == tier and rule.get("provider") in (None, provider) for rule in _notes()["prepaid"])


def prepaid_tiers() -> list[tuple[str | None, str]]:
    """(provider or None for every one, tier) of capacity bought ahead."""
    return [(rule.get("provider"), rule["tier"]) for rule in _notes()["prepaid"]]


@lru_cache(maxsize=4096)
def media_at_text_price(provider: str, model: str) -> frozenset[str]:
    """Media rates (`price_row.MEDIA_RATES`) that a model is known to bill at its text price."""
    return frozenset(
        kind
        for rule in _notes()["media_at_text_price"]
        if rule.get("provider") in (None, provider) and re.fullmatch(rule.get("model", ".*"), model.lower())
        for kind in rule["kinds"]
    )


@lru_cache(maxsize=4096)
def region_factor(provider: str, model: str, region: str | None) -> tuple[Decimal, str]:
    """(factor on every token price, its source) for work done in a region; (1, "") where it costs the same."""
    name = (region or "").lower()
    for rule in _notes()["regions"]:
        if (
            rule["provider"] == provider
            and name != rule.get("except")
            and re.fullmatch(rule["region"], name)
            and re.fullmatch(rule["model"], model)
        ):
            return Decimal(str(rule["factor"])), rule["source"]
    return Decimal(1), ""


def note(provider: str, model: str) -> str:
    """A known gap in this model's price, or ""."""
    found = (n["note"] for n in _notes()["notes"] if (n["provider"], n["model"]) == (provider, model))
    return next(found, "")
