"""A budget: an amount per period for a scope, and which days a period holds."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from data import wording
from data.calendar import DAYS_PER_MONTH, DAYS_PER_WEEK
from data.dimensions import PREFIX
from data.documents import Documents
from data.errors import BadInput
from data.state import State

PERIODS = ("daily", "weekly", "monthly", "quarterly", "yearly")
MONTHS = {"monthly": 1, "quarterly": 3, "yearly": 12}
SCOPES = ("team", "model", "project", "feature", "key_alias", "user_id", "customer_id")


class Budget(BaseModel):
    """An amount per period for a scope: the whole company (no filters), or values of the dimensions SCOPES and
    of the operator's own (tag:NAME).

    Days are days of the reporting zone, whatever hours a change of the clock gives them. A week starts on
    `start_weekday` (1 is Monday); a month on `start_day`; quarters and years count from `start_month`.
    `starts` and `ends` (excluded) bound the budget itself. Money is USD; another currency needs a dated rate.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=80)
    amount: float = Field(gt=0)
    period: Literal["daily", "weekly", "monthly", "quarterly", "yearly"] = "monthly"
    filters: dict[str, tuple[str, ...]] = {}
    start_weekday: int = Field(default=1, ge=1, le=7)
    start_day: int = Field(default=1, ge=1, le=28)
    start_month: int = Field(default=1, ge=1, le=12)
    starts: date | None = None
    ends: date | None = None
    soft: float = Field(default=0.8, gt=0, le=5)
    hard: float = Field(default=1.0, gt=0, le=5)
    currency: str = Field(default="USD", pattern="^[A-Z]{3}$")
    usd_rate: float | None = Field(default=None, gt=0)
    usd_rate_on: date | None = None
    note: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Budget:
        if self.starts and self.ends and self.starts >= self.ends:
            raise ValueError(f"it ends on {self.ends}, before it starts on {self.starts}")
        if self.soft > self.hard:
            raise ValueError(
                f"the soft threshold {wording.percent(self.soft)} is above the hard one {wording.percent(self.hard)}"
            )
        if self.currency != "USD" and not (self.usd_rate and self.usd_rate_on):
            raise ValueError(
                f"{self.currency} needs usd_rate and usd_rate_on (a dated rate), else it is kept apart from USD"
            )
        unknown = {name for name in self.filters if name not in SCOPES and not name.startswith(PREFIX)}
        if unknown:
            raise ValueError(f"{', '.join(sorted(unknown))} is no budget scope; use {', '.join(SCOPES)} or tag:NAME")
        return self

    @property
    def amount_usd(self) -> float:
        return self.amount if self.currency == "USD" else self.amount * (self.usd_rate or 1.0)

    @property
    def usd_per_month(self) -> float:
        """The amount at the pace of a month."""
        if self.period in MONTHS:
            return self.amount_usd / MONTHS[self.period]
        return self.amount_usd * DAYS_PER_MONTH / (1 if self.period == "daily" else DAYS_PER_WEEK)

    def period_of(self, day: date) -> tuple[date, date]:
        """The period [start, end) that holds a day."""
        if self.period == "daily":
            return day, day + timedelta(days=1)
        if self.period == "weekly":
            start = day - timedelta(days=(day.isoweekday() - self.start_weekday) % DAYS_PER_WEEK)
            return start, start + timedelta(days=DAYS_PER_WEEK)
        months = MONTHS[self.period]
        anchor = (self.start_month - 1) % months
        number = day.year * 12 + day.month - 1 - (day.day < self.start_day)
        first = number - (number - anchor) % months
        start, end = (date(n // 12, n % 12 + 1, self.start_day) for n in (first, first + months))
        return start, end

    def span_at(self, day: date) -> tuple[date, date]:
        """The days [start, end) of the period at `day` in which the budget is valid; its first or last period outside
        of them."""
        start, end = self.period_of(day)
        if self.starts and self.starts >= end:
            start, end = self.period_of(self.starts)
        elif self.ends and self.ends <= start:
            start, end = self.period_of(self.ends - timedelta(days=1))
        return max(start, self.starts or start), min(end, self.ends or end)

    def overlaps(self, other: Budget) -> bool:
        """Whether both would count the same spend twice: same scope, same rhythm, days in common."""
        apart = (self.ends and other.starts and self.ends <= other.starts) or (
            other.ends and self.starts and other.ends <= self.starts
        )
        return self.filters == other.filters and self.period == other.period and not apart


BUDGETS = Documents("budget", Budget, about=lambda budget: budget.filters.get("team", ()))  # by their names


def find_budget(state: State, name: str) -> Budget:
    """A saved budget; raises BadInput that names the ones there are."""
    every = BUDGETS.all(state)
    if name not in every:
        raise BadInput(
            f"There is no budget {name!r}; "
            + (
                f"use one of {', '.join(every)}."
                if every
                else "set one with `python -m analytics budgets --set company=50000`."
            )
        )
    return every[name]


def check_budget(**values: Any) -> Budget:
    """A budget from a form or a command; raises BadInput naming field and rule."""
    return BUDGETS.read(str(values.get("name") or ""), values)


def save(state: State, budget: Budget) -> list[str]:
    """Store a budget; returns the names of budgets that would count the same spend twice."""
    BUDGETS.save(state, budget.name, budget)
    return clashes(state, budget)


def clashes(state: State, budget: Budget) -> list[str]:
    """The names of saved budgets that would count the same spend twice."""
    return [other.name for other in BUDGETS.all(state).values() if other.name != budget.name and budget.overlaps(other)]
