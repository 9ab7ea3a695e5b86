"""The price catalogue (genai-prices, offline): its providers, its models and their names.

`data.prices.catalogue_rows` lays its prices out flat.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from data.prices import notes as price_notes


@lru_cache(maxsize=1)
def providers() -> dict[str, Any]:
    """genai-prices' providers by id. Imported late: it takes a third of a second."""
    from genai_prices.data_snapshot import get_snapshot

    return {provider.id: provider for provider in get_snapshot().providers}


@lru_cache(maxsize=1)
def source_version() -> str:
    """Name and version of the catalogue in use."""
    return f"genai-prices {version('genai-prices')}"


def find(provider_id: str, ref: str) -> tuple[str, str] | None:
    """(price provider, model id) of an id or a name in a provider's list or the lists it falls back to."""
    provider = providers().get(provider_id)
    if provider is None:
        return None
    if any(model.id == ref for model in provider.models):
        return provider_id, ref
    model = provider.find_model(ref, all_providers=list(providers().values()))
    if model is None:
        return None
    owners = (provider_id, *(provider.fallback_model_providers or ()))
    return next(owner for owner in owners if any(m is model for m in providers()[owner].models)), model.id


def find_provider(name: str) -> str | None:
    """Catalogue id of a provider name, or None."""
    from genai_prices.data_snapshot import find_provider_by_id

    found = find_provider_by_id(list(providers().values()), name)
    return found.id if found else None


def maker(ref: str) -> str | None:
    """The provider whose own models are named like this, or None."""
    return next((p.id for p in providers().values() if p.model_match and p.model_match.is_match(ref)), None)


def models() -> Iterator[tuple[str, str]]:
    """Every (price provider, model id) of the catalogue."""
    return ((p.id, m.id) for p in providers().values() for m in p.models)


def comment(provider_id: str, model_id: str) -> str:
    """The catalogue's own remark on a model's price, and ours."""
    return " ".join(
        filter(None, (model(provider_id, model_id).price_comments, price_notes.note(provider_id, model_id)))
    )


@lru_cache(maxsize=4096)
def model(provider_id: str, model_id: str) -> Any:
    """The catalogue's own object for a model."""
    return next(m for m in providers()[provider_id].models if m.id == model_id)


def days_of_change(provider_id: str, model_id: str) -> set[date]:
    """The days (UTC) from which some dated price of a model holds."""
    return {
        entry.constraint.start_date
        for entry in _conditional(model(provider_id, model_id))
        if hasattr(entry.constraint, "start_date")
    }


def daily_windows(provider_id: str, model_id: str) -> set[time]:
    """The times of day (UTC) at which some price of a model begins or ends."""
    windows = (e.constraint for e in _conditional(model(provider_id, model_id)) if hasattr(e.constraint, "start_time"))
    return {edge for window in windows for edge in (window.start_time, window.end_time)}


def _conditional(listed: Any) -> Iterator[Any]:
    """The prices of a model that hold from a day or at hours only."""
    entries = [*(listed.prices if isinstance(listed.prices, list) else ()), *(listed.price_variants or ())]
    return (entry for entry in entries if entry.constraint)
