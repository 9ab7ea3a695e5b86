"""Prompt caches of the providers: the shortest prefix they keep, for how long from its last use, and who marks it.

`catalog/prompt_caches.csv` holds one line per provider and family of models, the narrower first. What a
provider does not state is None: unknown, which is not the same as for ever.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache
from typing import NamedTuple

from data.errors import BadInput
from data.facts.tables import Stamp, number, rows_at, stamp

WRITES = ("marked", "automatic")


class PromptCache(NamedTuple):
    """`minimum_tokens` and lives in seconds, None unknown; `writes`: the caller marks what to keep,
    or it is automatic."""

    provider: str
    models: tuple[str, ...]
    minimum_tokens: int | None
    life_s: float | None
    long_life_s: float | None
    writes: str
    source: str
    as_of: str


UNKNOWN = PromptCache("", (), None, None, None, "automatic", "no provider states it", "")


def prompt_cache(provider: str | None, model: str | None) -> PromptCache:
    """The cache of a model at a provider; `UNKNOWN` where no line of the table is about it."""
    return _cache_at(stamp("prompt_caches.csv"), provider, (model or "").lower())


@lru_cache(maxsize=1024)
def _cache_at(at: Stamp, provider: str | None, name: str) -> PromptCache:
    for cache in _caches(at):
        if cache.provider == provider and any(fnmatchcase(name, pattern) for pattern in cache.models):
            return cache
    return UNKNOWN


@lru_cache(maxsize=8)
def _caches(at: Stamp) -> tuple[PromptCache, ...]:
    found = []
    for row in rows_at(at):
        if row["writes"] not in WRITES:
            raise BadInput(f"{row['name']}: writes is {row['writes']}; use one of: {', '.join(WRITES)}.")
        minimum, life, long = (
            number(row, column) if row[column] else None for column in ("minimum_tokens", "life_s", "long_life_s")
        )
        found.append(
            PromptCache(
                row["provider"],
                tuple(row["models"].split(";")),
                None if minimum is None else int(minimum),
                life,
                long,
                row["writes"],
                row["source"],
                row["as_of"],
            )
        )
    return tuple(found)
