"""A mix against the policy in force: what breaks it today, what would, and what the rule costs."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from simulations.mixes.optimise import Demands, Infeasible, Solution
from simulations.mixes.problem_from_log import Programme
from simulations.mixes.strays import least_cost


class Breach(NamedTuple):
    """Requests and USD a year that go where the policy in force forbids."""

    requests: float
    usd: float

    def __bool__(self) -> bool:
        return self.requests > 0.5


def breach(made: Programme, shares: np.ndarray) -> Breach:
    """What of a mix (shares by segment and model) breaks the policy in force."""
    wrong = np.where(made.kept, 0.0, shares)
    usd = np.where(wrong > 0, made.problem.cost_usd, 0.0)  # a model nobody can price has no share
    return Breach(float((made.problem.weights[:, None] * wrong).sum()), float((usd * wrong).sum()))


def without_rules(made: Programme, demands: Demands) -> Solution | Infeasible:
    """The cheapest mix that keeps the promises, were there no constraint at all."""
    return least_cost(replace(made.problem, allowed=made.free), demands)
