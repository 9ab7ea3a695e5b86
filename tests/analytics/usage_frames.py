"""Small frames of priced usage, as the bridge takes them."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd

from analytics.bridges.bridge_maths import COLUMNS
from analytics.paid_prices import KINDS

PRICES = {"dear": (5e-6, 5e-7, 6.25e-6, 1e-5, 2.5e-5), "cheap": (3e-7, 3e-8, 3e-7, 3e-7, 1.2e-6)}


def cell(
    model: str = "dear",
    requests: int = 1000,
    fresh: float = 800,
    read: float = 200,
    output: float = 300,
    *,
    group: str = "all",
    work: str = "all",
    failed: int = 0,
    failed_share: float = 0.4,
    gateway: int = 0,
    price: float = 1.0,
    prices: tuple[float, ...] | None = None,
) -> dict:
    """One cell: `requests` answered, `failed` attempts beside them that cost a share of an answer each."""
    paid = requests - gateway
    tokens = (fresh * paid, read * paid, 0, 0, output * paid)
    answered = price * sum(n * p for n, p in zip(tokens, prices or PRICES[model], strict=True))
    wasted = failed_share * answered / paid * failed if paid else 0.0
    cost = Decimal(repr(round(answered + wasted, 12)))
    return {
        "group": group,
        "work": work,
        "provider": "vendor",
        "model": model,
        "attempts": requests + failed,
        "retries": failed,
        "failed": failed,
        "gateway": gateway,
        "cost_usd": cost,
        "failed_cost_usd": Decimal(repr(round(wasted, 12))),
        **dict(zip(KINDS, map(int, tokens), strict=True)),
    }


def frame(*cells: dict) -> pd.DataFrame:
    return pd.DataFrame(list(cells), columns=["work", *COLUMNS])
