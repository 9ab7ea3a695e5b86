"""What a review decides: actions with owner, due date and expected saving, and what they saved since."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from analytics.coverage import coverage
from analytics.registry import dimension
from analytics.scope import Scope
from analytics.totals import total
from data import wording
from data.calendar import DAYS_PER_MONTH, DAYS_PER_WEEK
from data.documents import Documents
from data.ledger import Ledger
from data.state import State

BEFORE_DAYS = 28


class Action(BaseModel):
    """One decision. `filters` are the rows it is about; without them nothing can be measured.

    `finding` is the key of the saving it was made from; its number was told from the days [told_from, told_to).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    owner: str = ""
    due: date | None = None
    expected_usd_month: float = Field(default=0.0, ge=0)
    status: Literal["open", "done", "dropped"] = "open"
    decided: date
    filters: dict[str, tuple[str, ...]] = {}
    note: str = ""
    finding: str = ""
    told_from: date | None = None
    told_to: date | None = None

    @property
    def told(self) -> str:
        """The days its expected number was told from; empty where nobody knows."""
        if self.told_from is None or self.told_to is None:
            return ""
        return wording.days(self.told_from, self.told_to - timedelta(days=1))


ACTIONS = Documents("action", Action)  # by their names


def checked(**values: Any) -> Action:
    """An action from a form; raises BadInput naming field and rule."""
    return ACTIONS.read(str(values.get("name") or ""), values)


def saved(state: State) -> list[Action]:
    """All actions: open ones first, then by due date."""
    return sorted(
        ACTIONS.all(state).values(), key=lambda action: (action.status != "open", action.due or date.max, action.name)
    )


def measured(view: Ledger, action: Action, until: date) -> float | None:
    """USD a month saved on the action's rows since it was decided, at the present volume; negative when it got dearer.

    Cost per request in the four weeks before the decision, less that since, times the requests since.
    None without filters, requests on both sides, or a covered week on either.
    """
    if not action.filters or until <= action.decided:
        return None
    whole = Scope.of(view, action.decided, until, **action.filters)
    since, before = (
        scope.leaving_out(coverage(view, scope).missing)
        for scope in (whole, whole.between(action.decided - timedelta(days=BEFORE_DAYS), action.decided))
    )
    if min(since.length_days, before.length_days) < DAYS_PER_WEEK:
        return None
    cost, requests = zip(*(_spent(view, scope) for scope in (before, since)), strict=True)
    if not (requests[0] and requests[1]):
        return None
    return (cost[0] / requests[0] - cost[1] / requests[1]) * requests[1] / since.length_days * DAYS_PER_MONTH


def _spent(view: Ledger, scope: Scope) -> tuple[float, float]:
    for name, _ in scope.filters:
        dimension(name)
    source = scope.days(view) if scope.fits_rollup() else scope.usage(view)
    row = view.frame(
        source.aggregate(usd=total(source, "cost_usd").cast("float64"), calls=total(source, "calls"))
    ).iloc[0]
    return (0.0, 0.0) if pd.isna(row["usd"]) else (float(row["usd"]), float(row["calls"]))
