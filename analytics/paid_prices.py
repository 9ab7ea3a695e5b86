"""Prices per token kind as they were paid, recovered from totals.

A roll-up knows what a model cost and how many tokens of each kind it took, not what each kind
cost. List prices give the proportions; where the ledger's own rows disagree with them (a contract
that discounts output only, a model in no catalogue), a non-negative least-squares fit over both
periods corrects the proportions, held to the list where the rows cannot tell kinds apart.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.optimize import nnls

KINDS = (
    "fresh_input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "billed_output_tokens",
)

# Proportions common to most price sheets; only used for a model that no price sheet names.
USUAL_RATES = (1e-6, 1e-7, 1.25e-6, 2e-6, 5e-6)
PULL = 1e-5
CLEAR = 0.01


def paid_prices(start: pd.DataFrame, end: pd.DataFrame, rates: pd.DataFrame | None = None) -> dict[tuple, np.ndarray]:
    """USD per token by kind, keyed by (side, provider, model); right up to one scale per period.

    Args:
        start, end: columns provider, model, KINDS, cost_usd, failed_cost_usd.
        rates: list prices, one row per (side, provider, model): side 0 or 1 and KINDS in USD per token.
    """
    listed = {} if rates is None else {(r.side, r.provider, r.model): _complete(r) for r in rates.itertuples()}
    frames = [frame.assign(side=side) for side, frame in ((0, start), (1, end))]
    rows = pd.concat([frame for frame in frames if not frame.empty], ignore_index=True)
    answered = rows["cost_usd"].astype(float).fillna(0.0) - rows["failed_cost_usd"].astype(float).fillna(0.0)
    rows = rows.assign(answered=answered, provider=_known(rows["provider"]), model=_known(rows["model"]))
    prices = {}
    for (provider, model), part in rows.groupby(["provider", "model"]):
        usual = listed.get((0, provider, model), listed.get((1, provider, model), np.array(USUAL_RATES)))
        by_side = np.stack([listed.get((side, provider, model), usual) for side in (0, 1)])
        correction = _correction(part, by_side)
        prices.update({(side, provider, model): by_side[side] * correction for side in (0, 1)})
    return prices


def _known(names: pd.Series) -> pd.Series:
    return names.astype(object).where(names.notna(), "unknown")


def _complete(rate: tuple) -> np.ndarray:
    """A price sheet that has no cache price bills cached input as input."""
    given = [getattr(rate, kind) for kind in KINDS]
    if pd.isna(given[0]):
        return np.array(USUAL_RATES)
    return np.array([float(given[0] if pd.isna(price) else price) for price in given])


def _correction(part: pd.DataFrame, by_side: np.ndarray) -> np.ndarray:
    """Factor per kind by which the rows' cost departs from the list."""
    used = part[part["answered"] > 0]
    listed = used[list(KINDS)].astype(float).fillna(0.0).to_numpy() * by_side[used["side"].to_numpy()]
    keep = listed.sum(axis=1) > 0
    if not keep.any():
        return np.ones(len(KINDS))
    # Sorted, so that swapping the periods gives the same sum to the last bit.
    table = np.column_stack([listed[keep], used["answered"].to_numpy()[keep]])
    table = table[np.lexsort(table.T)]
    listed, paid = table[:, :-1], table[:, -1]
    common = np.full(len(KINDS), paid.sum() / listed.sum())
    pull = np.sqrt(PULL * (listed**2).sum() / len(KINDS))
    fitted, _ = nnls(np.vstack([listed, pull * np.eye(len(KINDS))]), np.concatenate([paid, pull * common]))
    # Tiers and batch discounts scatter rows a little around any price sheet; only a clear
    # contradiction is worth leaving the list for.
    missed_by_list, missed_by_fit = (float(np.linalg.norm(listed @ factors - paid)) for factors in (common, fitted))
    clear = missed_by_list > CLEAR * float(np.linalg.norm(paid)) and missed_by_fit < missed_by_list / 2
    return fitted if clear and fitted.any() else common
