"""What a CFO asks of a cash flow: present value, rate of return, payback, depreciation.

Flows are USD per month, index 0 is today, index t the end of month t. Rates are per year and are
compounded monthly: (1 + rate) ** (1/12) - 1. Formulas as in a spreadsheet's NPV, IRR and PMT.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from data.errors import BadInput

FLAT = 1e-9  # USD: smaller than any rounding of a sum of flows


def monthly_rate(annual_rate: float | np.ndarray) -> float | np.ndarray:
    """The monthly rate that compounds to `annual_rate`."""
    return (1 + annual_rate) ** (1 / 12) - 1


def present_value(flows: ArrayLike, annual_rate: float | np.ndarray) -> np.ndarray:
    """Value today of flows along the last axis; a rate per path broadcasts over the leading axis."""
    flows = np.asarray(flows, dtype=float)
    rate = np.expand_dims(monthly_rate(np.asarray(annual_rate, dtype=float)), -1)
    return (flows / (1 + rate) ** np.arange(flows.shape[-1])).sum(axis=-1)


def internal_rate(flows: ArrayLike) -> float | None:
    """Annual internal rate of return; None where it does not exist or is not known to be the only one.

    It is the only one where the signs of the flows change once, and the only positive one where those of their
    running total do (Norstrom 1972, J. Financial and Quantitative Analysis 7, 1835): a fleet enlarged on the way.
    """
    values = np.asarray(flows, dtype=float)
    if _sign_changes(values) == 1:
        lowest = -0.99
    elif _sign_changes(np.cumsum(values)) == 1:
        lowest = 0.0
    else:
        return None
    periods = np.arange(len(values))

    def value(rate: float) -> float:
        return float((values / (1 + rate) ** periods).sum())

    low, high = lowest, 1.0
    while value(low) * value(high) > 0 and high < 1e6:
        high *= 4
    if value(low) * value(high) > 0:
        return None
    return (1 + brentq(value, low, high, xtol=1e-14)) ** 12 - 1


def _sign_changes(values: np.ndarray) -> int:
    signs = np.sign(values[np.abs(values) > FLAT])
    return int(np.count_nonzero(np.diff(signs)))


def payback_months(flows: ArrayLike) -> np.ndarray:
    """Months until the running total is back at zero and stays there, the last month in proportion.

    0 when it is never below zero, NaN when it ends below zero. Works along the last axis.
    """
    flows = np.asarray(flows, dtype=float)
    total = np.cumsum(flows, axis=-1)
    under = total < -FLAT
    months = flows.shape[-1]
    last_under = months - 1 - np.argmax(under[..., ::-1], axis=-1)
    before = np.take_along_axis(total, np.expand_dims(last_under, -1), -1)[..., 0]
    gain = np.take_along_axis(flows, np.expand_dims(np.minimum(last_under + 1, months - 1), -1), -1)[..., 0]
    crossed = last_under + np.divide(-before, gain, out=np.zeros_like(before), where=gain > 0)
    found = np.where(~under.any(axis=-1), 0.0, np.where(under[..., -1], np.nan, crossed))
    return np.asarray(found)[()]


def present_values(flows: ArrayLike, annual_rate: float) -> np.ndarray:
    """Every flow at its value today."""
    flows = np.asarray(flows, dtype=float)
    return flows / (1 + monthly_rate(annual_rate)) ** np.arange(flows.shape[-1])


def capital_recovery(amount: float, annual_rate: float, months: int) -> float:
    """The level monthly payment that repays `amount` over `months`; raises BadInput for a life of no months."""
    if months <= 0:
        raise BadInput(f"A life of {months} months has no payments; give at least 1.")
    rate = float(monthly_rate(annual_rate))
    return amount / months if rate == 0 else amount * rate / (1 - (1 + rate) ** -months)


def book_value(
    cost: float | np.ndarray,
    residual_share: float | np.ndarray,
    life_years: float | np.ndarray,
    age_months: float | np.ndarray,
) -> np.ndarray:
    """Straight-line value after `age_months`, never below the residual; raises BadInput for a life of no years."""
    if np.any(np.asarray(life_years) <= 0):
        raise BadInput(f"A life of {np.min(life_years):g} years cannot be depreciated; give a positive number.")
    worn = np.minimum(np.asarray(age_months) / (np.asarray(life_years) * 12), 1.0)
    return np.asarray(cost * (1 - (1 - residual_share) * worn))
