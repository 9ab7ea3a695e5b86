"""What nobody knows before trying, as ranges: P10 and P90 of each unknown, and draws from them."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field

from data.calendar import Z90
from simulations.scenario import Part

DRAWS = 4096


def _ordered(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] > pair[1]:
        raise ValueError(f"the range is upside down: {pair[0]:g} is above {pair[1]:g}")
    return pair


Factor = Annotated[tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]], AfterValidator(_ordered)]


class Assumptions(Part):
    """P10 and P90 of each unknown, as factors (1 is no change) on what they belong to, or points of quality.

    verbosity: output of the same task on another model, on output dollars; 0.5 to 2 is what MMLU-Pro shows
    between models of one class. tokenizer: tokens for the same text, on all dollars. cache_loss: dearer input when
    one warm cache becomes two, on input dollars. growth: traffic in a year over today's. output_share: the part of
    a model's cost that is output where it does not say. quality_points: half width of each model's quality interval
    where it has no sample size. Verbosity and tokenizer are a model's own: one draw for all work that moves to it.
    """

    verbosity: Factor = (0.7, 1.4)
    tokenizer: Factor = (0.9, 1.15)
    cache_loss: Factor = (1.0, 1.1)
    growth: Factor = (1.0, 1.0)
    output_share: float = Field(0.5, ge=0, le=1)
    quality_points: float = Field(0.02, ge=0, le=1)
    seed: int = 20260223


def lognormal(rng: np.random.Generator, bounds: tuple[float, float]) -> np.ndarray:
    """Draws whose P10 and P90 are the bounds."""
    low, high = np.log(bounds)
    return np.exp(rng.normal((low + high) / 2, (high - low) / 2 / Z90, DRAWS))


def quantiles(values: np.ndarray) -> dict[str, float]:
    """P10, P50 and P90, P10 the lowest."""
    low, middle, high = np.quantile(values, (0.1, 0.5, 0.9))
    return {"p10": round(float(low), 6), "p50": round(float(middle), 6), "p90": round(float(high), 6)}
