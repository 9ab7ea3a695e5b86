"""How sure is the saving? Scrambled Sobol paths, and one figure at a time from its P10 to its P90."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import qmc

from data import wording
from simulations.hosting import finance
from simulations.hosting.assumptions import in_unit, in_words
from simulations.hosting.case import Case
from simulations.hosting.costs import saving

WIDEST = 12


class Odds(NamedTuple):
    """P10, P50, P90 of the undiscounted saving (USD) and of the payback (months, None: never), and two chances."""

    saving: dict[str, float]
    payback: dict[str, float | None]
    chance_never: float
    chance_of_loss: float
    paths: int


class Swing(NamedTuple):
    """NPV of the saving with one figure at its P10 and at its P90, the others in the middle."""

    name: str
    low_value: float
    high_value: float
    unit: str
    npv_at_low_usd: float
    npv_at_high_usd: float
    base_usd: float

    @property
    def width(self) -> float:
        """How far the figure alone moves NPV."""
        return abs(self.npv_at_high_usd - self.npv_at_low_usd)


def draws(case: Case, paths_log2: int, seed: int) -> dict[str, float | np.ndarray]:
    """2**paths_log2 values of every uncertain figure (Sobol points keep their balance only in powers of two)."""
    uncertain = [a for a in case.figures.values() if a.uncertain]
    x: dict[str, float | np.ndarray] = {**case.base}
    if uncertain:
        points = qmc.Sobol(len(uncertain), scramble=True, rng=np.random.default_rng(seed)).random_base2(paths_log2)
        x |= {a.name: a.quantile(points[:, i]) for i, a in enumerate(uncertain)}
    return x


def odds(case: Case, option: str, *, paths_log2: int = 12, seed: int = 0) -> Odds:
    """The spread of an option's saving over the horizon; the same seed gives the same answer."""
    x = draws(case, paths_log2, seed)
    flows = saving(x, option, case.scenario.months, whole=case.whole)
    total = np.atleast_1d(flows.worth.sum(axis=-1))
    value = np.atleast_1d(finance.present_value(flows.worth, x["discount_rate"]))
    payback = np.atleast_1d(finance.payback_months(flows.cash))
    never = np.isnan(payback)
    ranked = np.where(never, np.inf, payback)
    return Odds(
        {f"p{q}": float(np.quantile(total, q / 100)) for q in (10, 50, 90)},
        {f"p{q}": _finite(np.quantile(ranked, q / 100, method="higher")) for q in (10, 50, 90)},
        float(never.mean()),
        float((value < 0).mean()),
        len(total),
    )


def npv_swings(case: Case, option: str, widest: int = WIDEST) -> list[Swing]:
    """The figures that move NPV most, widest first."""
    x = case.base

    def npv(changed: dict[str, float]) -> float:
        figures = {**x, **changed}
        return float(
            finance.present_value(
                saving(figures, option, case.scenario.months, whole=case.whole).worth, figures["discount_rate"]
            )
        )

    middle = npv({})
    swings = [
        Swing(a.name, a.low, a.high, a.unit, npv({a.name: a.low}), npv({a.name: a.high}), middle)
        for a in case.figures.values()
        if a.uncertain
    ]
    return sorted((s for s in swings if s.width > 0), key=lambda s: -s.width)[:widest]


def measure_first(swings: list[Swing]) -> str:
    """Which figure to go and measure, in a sentence."""
    if not swings:
        return "No figure has a range; give low and high where you are unsure."
    first = swings[0]
    return (
        f"Find this out first: {in_words(first.name)}. Between {in_unit(first.low_value, first.unit)} and "
        f"{in_unit(first.high_value, first.unit)} it alone moves NPV "
        f"from {wording.usd(first.npv_at_low_usd)} to {wording.usd(first.npv_at_high_usd)}."
    ).replace("$-", "-$")


def _finite(value: float) -> float | None:
    return None if np.isinf(value) else float(value)
