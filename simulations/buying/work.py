"""The work of one model as it came, minute by minute: tokens that load capacity, and what they cost by the token."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from analytics.coverage import coverage
from analytics.registry import DIMENSIONS
from analytics.scope import UNKNOWN, Scope
from data import wording
from data.calendar import DAYS_PER_MONTH
from data.errors import NoData
from data.ledger import Ledger
from data.schema import OUTPUT_TOKENS, UNCACHED_INPUT_TOKENS

LEAST_DAYS = 7  # of log, before a month is spoken of


class Work(NamedTuple):
    """Minutes with work, in order: the whole day (from 0) each lies in, fresh input and output tokens, USD.

    `days` whole days are covered; `users` distinct ones were seen, None where the log names none. `routes` are USD by
    provider and data class.
    """

    model: str
    day: np.ndarray
    fresh: np.ndarray
    output: np.ndarray
    usd: np.ndarray
    days: int
    users: int | None
    routes: tuple[tuple[str, str, float], ...]

    @property
    def usd_per_day(self) -> np.ndarray:
        """USD of every covered day."""
        return np.bincount(self.day, self.usd, self.days)

    @property
    def usd_per_month(self) -> float:
        """USD of a mean month."""
        return float(self.usd.sum() / self.days * DAYS_PER_MONTH)

    def load(self, output_weight: float) -> np.ndarray:
        """Tokens a minute that count against capacity: fresh input, and output by its weight."""
        return self.fresh + output_weight * self.output

    @property
    def tokens_per_month(self) -> float:
        """Fresh input and output tokens of a mean month."""
        return float((self.fresh + self.output).sum() / self.days * DAYS_PER_MONTH)


def work_of(view: Ledger, scope: Scope, model: str) -> Work:
    """The answered, priced requests of a model over whole days of the log.

    Raises NoData where there are none, or of less than a week.
    """
    covered = coverage(view, scope)
    if covered.covered_days < LEAST_DAYS:
        days = wording.count_of(covered.covered_days, "whole day")
        raise NoData(f"{days} of log; {LEAST_DAYS} are needed before a month of commitment is judged.")
    whole = scope.between(covered.start, covered.end).leaving_out(covered.missing)
    rows = whole.usage(view)
    rows = rows.filter((rows.status == "success") & (rows.model == model) & rows.cost_usd.notnull())
    sums = {
        "fresh": sum(rows[name].fill_null(0) for name in UNCACHED_INPUT_TOKENS).sum().cast("float64"),
        "output": sum(rows[name].fill_null(0) for name in OUTPUT_TOKENS).sum().cast("float64"),
        "usd": rows.cost_usd.sum().cast("float64"),
    }
    # A day is one of the reporting zone, as the covered ones are.
    kept = {"minute": rows.requested_at.truncate("m"), "day": DIMENSIONS["day"].expression(rows, scope.time_zone)}
    minutes = view.frame(rows.group_by(**kept).aggregate(**sums).order_by("minute"))
    if minutes.empty:
        raise NoData(f"No answered request of {model} in this scope has a price; choose another model or period.")
    users = int(view.frame(rows.aggregate(users=rows.user_id.nunique())).iloc[0, 0])
    keys = {name: rows[name].fill_null(UNKNOWN) for name in ("provider", "data_class")}
    met = view.frame(rows.group_by(**keys).aggregate(usd=rows.cost_usd.sum().cast("float64")))
    _, day = np.unique(minutes["day"], return_inverse=True)
    fresh, output, usd = (minutes[name].to_numpy(float) for name in ("fresh", "output", "usd"))
    routes = tuple(met.sort_values(["provider", "data_class"]).itertuples(index=False, name=None))
    return Work(model, day, fresh, output, usd, covered.covered_days, users or None, routes)
