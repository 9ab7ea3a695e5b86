"""Operator aliases: which model a deployment name, profile or nickname stands for.

Kept in state documents of kind `alias`, visible and editable on the Data page; `data.loading.reprice`
applies them to rows already loaded. A pattern is a name
or a glob (`prod-gpt4*`), matched without regard to case; exact names come before globs, longer
globs before shorter ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from data.documents import Documents
from data.prices import model_names
from data.prices import notes as price_notes
from data.prices.model_names import Match


class Alias(BaseModel):
    """`pattern` on the log's model name (of `provider`, when given) stands for `model` at `price_provider`."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)
    pattern: str = Field(min_length=1, max_length=model_names.LONGEST_NAME)
    model: str = Field(min_length=1, max_length=model_names.LONGEST_NAME)
    provider: str | None = None
    price_provider: str | None = None
    note: str = ""

    def matches(self, providers: set[str | None], name: str) -> bool:
        """Whether this alias speaks about a name logged under one of these canonical providers."""
        same_provider = not self.provider or model_names.canonical_provider(self.provider) in providers
        return same_provider and fnmatchcase(name.lower(), self.pattern.lower())

    @property
    def _rank(self) -> tuple:
        glob = any(c in self.pattern for c in "*?[")
        return (glob, not self.provider, -len(self.pattern), self.pattern)


ALIASES = Documents("alias", Alias)


class Aliases:
    """The operator's aliases, most specific first."""

    def __init__(self, documents: Mapping[str, Alias | dict[str, Any]]) -> None:
        aliases = (ALIASES.read(name, document) for name, document in documents.items())
        self._aliases = sorted(aliases, key=lambda alias: alias._rank)

    def match(self, provider: str | None, region: str | None, name: str | None, natural: Match) -> Match | None:
        """What an alias says the name stands for, or None when no alias speaks about it.

        `natural` is what the name stands for without aliases: an alias may name the logged provider or
        the one the Data page shows. The row keeps its provider, so that an alias can be taken back; a
        gateway's gives way to the seller. A target in no price list stays unpriced until an override prices it.
        """
        given = model_names.canonical_provider(provider)
        alias = next((a for a in self._aliases if a.matches({given, natural.provider}, name or "")), None)
        if alias is None:
            return None
        target = model_names.match(alias.price_provider or natural.provider, region, alias.model)
        if not target.found and not alias.price_provider:
            target = model_names.match(None, region, alias.model)
        if price_notes.own_hardware(natural.provider) and not alias.price_provider:
            target = Match(natural.provider, target.model)  # the name is the maker's, the machines are not
        own = natural.provider if natural.provider and not price_notes.gateway(natural.provider) else target.provider
        return target._replace(
            provider=own, model=(target.model or alias.model).lower(), matched_by=f"alias `{alias.pattern}`"
        )
