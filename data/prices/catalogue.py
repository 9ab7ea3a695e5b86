"""The price catalogue (genai-prices, offline): its providers, its models and their names.

Which edition of it answers is the store's choice (`data.prices.editions`); a price book keeps to the one it was made
with (`using`). `data.prices.catalogue_rows` lays its prices out flat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, time
from functools import cached_property, lru_cache, wraps
from pathlib import Path
from typing import Any, TypeVar

from data.errors import BadInput, Unreadable
from data.home import home_path
from data.prices import catalogue_file, editions
from data.prices import notes as price_notes
from data.prices.editions import WAY_OUT, Edition

Answer = TypeVar("Answer")


class Catalogue:
    """One edition of the catalogue: `providers` are genai-prices' own objects by id. Kept once per edition, so that
    what is known of it may be kept beside it."""

    def __init__(self, edition: Edition, providers: dict[str, Any]) -> None:
        self.edition, self.providers = edition, providers

    @cached_property
    def models(self) -> dict[tuple[str, str], Any]:
        """The catalogue's own object of every (provider, model)."""
        return {(p.id, m.id): m for p in self.providers.values() for m in reversed(p.models)}


@lru_cache(maxsize=1)
def of_package() -> Catalogue:
    """The catalogue of the installed package. Imported late: it takes a third of a second."""
    from genai_prices.data_snapshot import get_snapshot

    return Catalogue(editions.of_package(), {provider.id: provider for provider in get_snapshot().providers})


@lru_cache(maxsize=1)
def package_file() -> bytes:
    """The catalogue of the installed package as a file of its kind."""
    return catalogue_file.write(of_package().providers.values())


def keep_package(home: Path) -> None:
    """Keep, at a store's first load, a copy of the package's prices, which hold until others are accepted."""
    if not editions.has_copy(home) and not editions.choice(home).in_force.sha256:
        editions.keep_copy(home, package_file())


def of_store(home: Path) -> Catalogue:
    """The catalogue in force in a store; Unreadable or BadInput for a file that was damaged since it was accepted."""
    edition = editions.choice(home).in_force
    return _of_file(home, edition) if edition.sha256 else of_package()


@lru_cache(maxsize=4)
def _of_file(home: Path, edition: Edition) -> Catalogue:
    content = editions.content(home, edition)
    try:
        return Catalogue(edition, catalogue_file.read(content))
    except BadInput as error:  # another version of the package may read files in another way
        raise Unreadable(f"The price book {edition.version} cannot be read: {error} Or {WAY_OUT}.") from error


_in_use: ContextVar[Catalogue | None] = ContextVar("catalogue in use", default=None)


def current() -> Catalogue:
    """The catalogue of the block (`using`), else that of the store at hand."""
    return _in_use.get() or of_store(home_path())


@contextmanager
def using(catalogue: Catalogue) -> Iterator[None]:
    """For the length of a block this catalogue answers."""
    token = _in_use.set(catalogue)
    try:
        yield
    finally:
        _in_use.reset(token)


def kept_by_edition(maxsize: int) -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
    """As `lru_cache`, for what the catalogue that answers is part of the question."""

    def keep(function: Callable[..., Answer]) -> Callable[..., Answer]:
        @lru_cache(maxsize)
        def kept(_catalogue: Catalogue, *arguments: Any) -> Answer:
            return function(*arguments)

        @wraps(function)
        def ask(*arguments: Any) -> Answer:
            return kept(current(), *arguments)

        return ask

    return keep


def providers() -> dict[str, Any]:
    """genai-prices' providers by id."""
    return current().providers


def source_version() -> str:
    """Name and version of the catalogue in use."""
    return current().edition.version


def find(provider_id: str, ref: str) -> tuple[str, str] | None:
    """(price provider, model id) of an id or a name in a provider's list or the lists it falls back to."""
    every = providers()
    provider = every.get(provider_id)
    if provider is None:
        return None
    if any(model.id == ref for model in provider.models):
        return provider_id, ref
    model = provider.find_model(ref, all_providers=list(every.values()))
    if model is None:
        return None
    owners = (provider_id, *(provider.fallback_model_providers or ()))
    return next(owner for owner in owners if owner in every and any(m is model for m in every[owner].models)), model.id


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


def model(provider_id: str, model_id: str) -> Any:
    """The catalogue's own object for a model."""
    return current().models[provider_id, model_id]


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
