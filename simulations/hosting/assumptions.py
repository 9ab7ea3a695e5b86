"""An assumption: a figure, the range one should believe, and where it comes from."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from data import wording
from data.calendar import Z90

WORDS = {
    "rent_drift": "rents, change a year",
    "throughput_factor": "speed of a replica",
    "rent_usd_per_gpu_hour": "rent of a GPU-hour",
    "usd_per_gpu": "price of a GPU",
    "api_price_decline": "API prices, decline a year",
    "host_price_decline": "host prices, decline a year",
    "ongoing_fte": "people who run it",
    "engineer_salary_usd_per_year": "salary of an engineer",
    "engineers_one_off": "engineers who build it",
    "weeks_one_off": "weeks to build it",
    "residual_share": "worth at the end",
    "electricity_usd_per_kwh": "electricity",
    "pue": "power overhead (PUE)",
    "kw_per_gpu": "power of a GPU",
    "colocation_usd_per_kw_month": "colocation",
    "api_usd_per_month": "API bill a month",
    "growth_per_year": "traffic growth a year",
    "gpu_power_utilisation": "power drawn, share of the most",
    "support_share_per_year": "support, share of price a year",
    "network_share_of_purchase": "network, share of price",
    "other_own_usd_per_month": "running costs a month",
}


class Assumption(NamedTuple):
    """`low` and `high` are the 10th and 90th percentile; equal to `value` for a plain number."""

    name: str
    value: float
    low: float
    high: float
    unit: str = ""
    source: str = "typed in the scenario"
    as_of: str = ""
    verified: bool = True

    @property
    def uncertain(self) -> bool:
        """Whether there is a range at all."""
        return self.low < self.high

    def quantile(self, u: np.ndarray) -> np.ndarray:
        """Values at probabilities `u`: a two-piece normal through P10, P50 (the value) and P90.

        A factor on throughput is spread in logarithms, so it stays positive; figures that are never
        negative are cut at zero, yearly declines at 95 %.
        """
        z = ndtri(np.clip(u, 1e-9, 1 - 1e-9)) / Z90
        if self.name == "throughput_factor":
            return self.value * np.where(z > 0, (self.high / self.value) ** z, (self.value / self.low) ** z)
        spread = np.where(z > 0, z * (self.high - self.value), z * (self.value - self.low))
        floor, ceiling = (0.0 if self.low >= 0 else -0.95), (0.95 if self.name.endswith("_decline") else np.inf)
        return np.clip(self.value + spread, floor, ceiling)


def fixed_figure(
    name: str, value: float, unit: str = "", source: str = "typed in the scenario", as_of: str = ""
) -> Assumption:
    """A figure without a range."""
    return Assumption(name, value, value, value, unit, source, as_of)


def spread(name: str, value: float, sigma: float, unit: str, source: str, as_of: str = "") -> Assumption:
    """A figure with a multiplicative error of one standard deviation `sigma` in logarithms."""
    factor = math.exp(Z90 * sigma)
    return Assumption(name, value, value / factor, value * factor, unit, source, as_of)


def in_words(name: str) -> str:
    """A figure of a scenario as people say it."""
    return WORDS.get(name, name.replace("_", " "))


def in_unit(value: float, unit: str) -> str:
    """A figure as people say it: $2.08, 38%, 1.5 FTE, 0.72 x predicted."""
    if unit.startswith("USD"):
        return wording.usd(value)
    if unit == "per year" or unit.startswith("share"):
        return wording.percent(value)
    return f"{figure(value).replace('-', wording.MINUS)} {'' if unit == 'ratio' else unit}".strip()


def figure(value: float) -> str:
    """A figure of any size to three digits, never as a power of ten."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.3g}"
