"""What a review decides: actions with owner, due date and expected saving, and what was promised of them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from data import wording
from data.documents import Documents
from data.state import State


class Action(BaseModel):
    """One decision, and the promise it was made on (`analytics.promises.promises`).

    `filters` are the rows it is about; without them nothing can be measured. `finding` is the key of the saving it was
    made from; its number, `expected_usd_month` between `low_usd_month` and `high_usd_month` where a band was given,
    was told from the days [told_from, told_to), whose rows were `told_attempts` and cost `told_usd` in data version
    `told_version`. A forecast promises what those days will cost, and its rows are the log before `decided`. A mix or
    a policy that costs more promises less than nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    owner: str = ""
    due: date | None = None
    expected_usd_month: float = 0.0
    status: Literal["open", "done", "dropped"] = "open"
    decided: date
    filters: dict[str, tuple[str, ...]] = {}
    note: str = ""
    finding: str = ""
    told_from: date | None = None
    told_to: date | None = None
    kind: Literal["saving", "mix", "policy", "forecast"] = "saving"
    low_usd_month: float | None = None
    high_usd_month: float | None = None
    done: date | None = None
    by: str = ""
    told_usd: float | None = None
    told_attempts: int | None = None
    told_version: int | None = None

    @model_validator(mode="after")
    def _in_its_band(self) -> Action:
        if self.kind in ("saving", "forecast") and self.expected_usd_month < 0:
            raise ValueError(f"expected_usd_month {self.expected_usd_month} is below 0; a {self.kind} has no such sum")
        low, high = self.low_usd_month, self.high_usd_month
        if (low is not None and low > self.expected_usd_month) or (high is not None and high < self.expected_usd_month):
            raise ValueError(f"the band {low} to {high} does not hold the expected {self.expected_usd_month}")
        return self

    @property
    def told_days(self) -> str:
        """The days its expected number was told from; empty where nobody knows."""
        if self.told_from is None or self.told_to is None:
            return ""
        return wording.days(self.told_from, self.told_to - timedelta(days=1))


ACTIONS = Documents("action", Action)  # by their names


def check_action(**values: Any) -> Action:
    """An action from a form; raises BadInput naming field and rule."""
    return ACTIONS.read(str(values.get("name") or ""), values)


def all_actions(state: State) -> list[Action]:
    """All actions: open ones first, then by due date."""
    return sorted(
        ACTIONS.all(state).values(), key=lambda action: (action.status != "open", action.due or date.max, action.name)
    )


def to_do(state: State) -> list[Action]:
    """The actions that somebody does: all but forecasts, which come true by themselves or do not."""
    return [action for action in all_actions(state) if action.kind != "forecast"]
