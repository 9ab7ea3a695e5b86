"""The brief's planning lines: what orchestration itself should cost, with the rule each line comes from."""

from __future__ import annotations

import math
from typing import NamedTuple

from data import wording

BUDGET_SHARES = (0.10, 0.20)
MODELS_PER_ENGINEER = (5, 7)
ARCHITECT_USD_YEAR = {
    "hire": (200_000.0, 350_000.0),
    "fractional": (12 * 6_000.0, 12 * 14_000.0),
    "project": (15_000.0, 60_000.0),
}
ARCHITECT_TERMS = {
    "hire": "a hire, a year",
    "fractional": "a fraction of one, a year at $6,000 to $14,000 a month",
    "project": "one project",
}


class Line(NamedTuple):
    """A budget line: what it is, its range in USD a year (None where a salary is missing), and its rule."""

    name: str
    low_usd_year: float | None
    high_usd_year: float | None
    rule: str


def engineers(models_and_agents: int) -> tuple[int, int]:
    """How many orchestration engineers so many models or agents in production need, at least and at most."""
    few, many = MODELS_PER_ENGINEER
    return math.ceil(models_and_agents / many), math.ceil(models_and_agents / few)


def lines(ai_usd_year: float, models_and_agents: int, engineer_usd_year: float | None = None) -> list[Line]:
    """The planning lines for an AI spend and a number of models or agents in production."""
    low, high = engineers(models_and_agents)
    salary = engineer_usd_year
    count = f"{low}" if low == high else f"{low} to {high}"
    return [
        Line(
            "Orchestration: infrastructure and people",
            BUDGET_SHARES[0] * ai_usd_year,
            BUDGET_SHARES[1] * ai_usd_year,
            f"10 to 20% of the AI budget ({wording.usd(ai_usd_year)} a year)",
        ),
        Line(
            f"Orchestration engineers: {count}",
            low * salary if salary is not None else None,
            high * salary if salary is not None else None,
            f"one per 5 to 7 models or agents in production ({models_and_agents} seen)"
            + ("" if salary else "; give a salary to price it"),
        ),
        *(
            Line(
                f"AI systems architect: {ARCHITECT_TERMS[way]}",
                *usd,
                "a stated price range for the role; choose one of the three",
            )
            for way, usd in ARCHITECT_USD_YEAR.items()
        ),
    ]
