"""An assumption: a figure, the range one should believe, and where it comes from."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

P90 = float(ndtri(0.9))


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
        z = ndtri(np.clip(u, 1e-9, 1 - 1e-9)) / P90
        if self.name == "throughput_factor":
            return self.value * np.where(z > 0, (self.high / self.value) ** z, (self.value / self.low) ** z)
        spread = np.where(z > 0, z * (self.high - self.value), z * (self.value - self.low))
        floor, ceiling = (0.0 if self.low >= 0 else -0.95), (0.95 if self.name.endswith("_decline") else np.inf)
        return np.clip(self.value + spread, floor, ceiling)


def fixed(name: str, value: float, unit: str = "", source: str = "typed in the scenario", as_of: str = "") -> Assumption:
    """A figure without a range."""
    return Assumption(name, value, value, value, unit, source, as_of)


def spread(name: str, value: float, sigma: float, unit: str, source: str, as_of: str = "") -> Assumption:
    """A figure with a multiplicative error of one standard deviation `sigma` in logarithms."""
    factor = math.exp(P90 * sigma)
    return Assumption(name, value, value / factor, value * factor, unit, source, as_of)
