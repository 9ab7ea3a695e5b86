"""Filters as a person types them in a cell of a table: `team=search, platform; model=gpt-5.2`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data.errors import BadInput


def scope_text(filters: Mapping[str, Sequence[str]]) -> str:
    """`team=search, platform; model=gpt-5.2`; empty for the whole company."""
    return "; ".join(f"{name}={', '.join(values)}" for name, values in filters.items())


def scope_of(text: str) -> dict[str, tuple[str, ...]]:
    """The filters that a text of `scope_text`'s form names; BadInput for a part without a value."""
    found: dict[str, tuple[str, ...]] = {}
    for part in text.split(";"):
        name, _, values = (word.strip() for word in part.partition("="))
        chosen = tuple(value.strip() for value in values.split(",") if value.strip())
        if not (name and chosen):
            raise BadInput(f"{part.strip()!r} names no scope; write it as team=search, platform; model=gpt-5.2.")
        found[name] = chosen
    return found
