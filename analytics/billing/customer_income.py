"""What customers pay, typed in, against what their requests cost: no log knows the first, so it is asked for."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from analytics.coverage import coverage
from analytics.scope import UNKNOWN, ClosedScope
from analytics.spend import grouped_spend
from data.calendar import DAYS_PER_MONTH
from data.documents import Documents
from data.ledger import Ledger
from data.state import State

CUSTOMER = "customer_id"


class CustomerIncome(BaseModel):
    """What one customer pays for what their requests are made for, USD a month."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    usd_month: float = Field(ge=0)


INCOMES = Documents("customer_income", CustomerIncome)  # by the customers' names in the log


class Margins(NamedTuple):
    """What customers of whom an income is known left over on `days` whole days with a log: a row each, the least left
    first, with customer_id, income_usd, cost_usd (None where no attempt has a price) and left_usd.

    `others` customers of the log cost `others_usd` and have no known income; `without_usd` names no customer.
    """

    days: int
    rows: pd.DataFrame
    others: int
    others_usd: Decimal
    without_usd: Decimal

    @property
    def losing(self) -> pd.DataFrame:
        """The customers who cost more than they pay."""
        return self.rows[self.rows["left_usd"] < 0]


def margins(view: Ledger, state: State, scope: ClosedScope) -> Margins:
    """Income of a scope's whole days (a month's by the day) less the cost of the same days, by customer.

    A customer without a request on them costs nothing; days without a whole log count on neither side.
    """
    covered, known = coverage(view, scope), INCOMES.all(state)
    days = Decimal(covered.covered_days) / Decimal(repr(DAYS_PER_MONTH))
    spent = grouped_spend(view, scope.leaving_out(covered.missing), (CUSTOMER,), ("cost_usd",))
    cost = dict(zip(spent[CUSTOMER], spent["cost_usd"], strict=True))
    rows = []
    for name, one in known.items():
        usd = cost.get(name, Decimal(0))
        income = Decimal(repr(one.usd_month)) * days
        rows.append((name, income, None if pd.isna(usd) else usd, None if pd.isna(usd) else income - usd))
    frame = pd.DataFrame(rows, columns=[CUSTOMER, "income_usd", "cost_usd", "left_usd"])
    others = {name: usd for name, usd in cost.items() if name not in known and name != UNKNOWN}
    return Margins(
        covered.covered_days,
        frame.sort_values(["left_usd", CUSTOMER], ignore_index=True),
        len(others),
        sum((usd for usd in others.values() if not pd.isna(usd)), Decimal(0)),
        Decimal(0) if pd.isna(usd := cost.get(UNKNOWN, Decimal(0))) else usd,
    )
