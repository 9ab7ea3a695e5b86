"""What the work costs on APIs: the log's own bill, list prices, hosts of open models.

And which open models to consider.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from analytics.scope import Scope
from data.errors import BatonError, NoData
from data.facts.architectures import architectures, find_architecture
from data.facts.models import Catalog
from data.ledger import Ledger
from data.prices.book import PriceBook

HOSTS = (
    "openrouter",
    "novita",
    "together",
    "fireworks",
    "groq",
    "cerebras",
    "deepseek",
    "minimax",
    "moonshotai",
    "zai",
    "mistral",
)


def api_bill(view: Ledger, scope: Scope) -> tuple[float, float]:
    """USD that the scope's requests cost, and the share of them that has a price."""
    rows = scope.usage(view)
    frame = view.frame(rows.aggregate(usd=rows.cost_usd.cast("float64").sum(), priced=rows.cost_usd.notnull().mean()))
    usd, priced = frame.iloc[0]
    return (float(usd or 0.0), float(priced)) if priced == priced and priced is not None else (0.0, 0.0)


def suggestions(logged: list[str], catalog: Catalog) -> list[str]:
    """Open models worth choosing.

    Those already in the log, then those with known quality, best first, then the rest.
    """
    rated = sorted(
        ((max(s.value for s in f.quality), name) for name, f in catalog.items() if f.open_weights and f.quality),
        key=lambda pair: -pair[0],
    )
    return list(
        dict.fromkeys(
            [*open_among(logged), *open_among(name for _, name in rated), *sorted(a.model for a in architectures())]
        )
    )


def open_among(names: Iterable[str]) -> list[str]:
    """Those of the names whose weights are in the catalogue, by their name there."""
    found = []
    for name in names:
        try:
            found.append(find_architecture(name).model)
        except BatonError:
            continue  # a closed model, or one whose architecture nobody has entered
    return list(dict.fromkeys(found))


def api_quote(
    book: PriceBook, provider: str | None, model: str, at: datetime | None = None
) -> tuple[float, float, float]:
    """List price of an API model today, USD per million input, cached input and output tokens.

    Raises NoData when it has none.
    """
    rates = book.price_usd_per_mtok(provider, model, at or datetime.now(UTC).replace(tzinfo=None))
    fresh, cached, out = (rates.get(kind) for kind in ("fresh_input", "cache_read", "output"))
    if fresh is None or out is None:
        raise NoData(f"{model} has no price per token; add a price override on the Data and prices page.")
    return float(fresh), float(fresh if cached is None else cached), float(out)


def host_quote(
    book: PriceBook, model: str, allowed: Callable[[str], bool] = lambda host: True, at: datetime | None = None
) -> tuple[str, tuple[float, float, float]] | None:
    """The cheapest known host of an open model (3 parts input, 1 part output) that is `allowed`.

    Its name and USD per million input, cached, output tokens.
    """
    quotes = []
    for host in filter(allowed, HOSTS):
        try:
            usd = api_quote(book, host, model, at)
        except BatonError:
            continue
        if usd[0] and usd[2]:
            quotes.append((3 * usd[0] + usd[2], host, usd))
    return min(quotes)[1:] if quotes else None
