"""What Baton adds to the price catalogue: spellings, batch discounts, regional factors, known gaps.

Read from `price_notes.yaml`, where every entry names its source.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from data.yaml_text import read_yaml_file

FILE = Path(__file__).parent / "price_notes.yaml"


class BatchRule(NamedTuple):
    """Batch price as a share of the standard price, and whether cache prices are cut as well."""

    factor: Decimal
    with_cache: bool
    source: str


@lru_cache(maxsize=1)
def _notes() -> dict[str, Any]:
    return read_yaml_file(FILE)[0]


def provider_names() -> dict[str, str]:
    """Providers as logs spell them, lower case -> catalogue id."""
    return _notes()["provider_names"]


def model_names() -> dict[str, str]:
    """Models as logs spell them, lower case -> a name the catalogue knows."""
    return _notes()["model_names"]


def own_hardware(provider: str | None) -> bool:
    """Whether a provider name stands for machines of one's own, which have no list price."""
    return provider in _notes()["own_hardware"]


def gateway(provider: str | None) -> bool:
    """Whether a provider name stands for a gateway that only passes requests on."""
    return provider in _notes()["gateways"]


@lru_cache(maxsize=64)
def batch_rule(provider: str) -> BatchRule | None:
    """The provider's documented batch discount, for models and dates without a batch price of their own."""
    rule = _notes()["batch"].get(provider)
    return rule and BatchRule(Decimal(str(rule["factor"])), rule.get("with_cache", False), rule["source"])


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
