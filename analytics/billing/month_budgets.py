"""The budgets that a whole month is held against, and what the closed month says of them, also to a chat."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from analytics.budgets.budget import BUDGETS
from data import wording
from data.calendar import next_month
from data.state import State
from data.version import provenance

if TYPE_CHECKING:
    from analytics.billing.chargeback import Statement

COMPANY = ""  # the budget of all spend
TOLD = 12  # teams in a message, the dearest first


def month_budgets(state: State, month: date, by: str = "team") -> dict[str, Decimal]:
    """USD by value of `by` that monthly budgets allow in the calendar month from `month`; `COMPANY`'s is of all spend.

    A budget for several values, for other rows, of another rhythm or for a part of the month says nothing of one
    value's month. Of two budgets of the same spend the tighter one holds.
    """
    found: dict[str, Decimal] = {}
    for budget in BUDGETS.all(state).values():
        if budget.period != "monthly" or budget.span_at(month) != (month, next_month(month)):
            continue
        values = budget.filters.get(by, ())
        if budget.filters and not (len(budget.filters) == 1 and len(values) == 1):
            continue
        name = values[0] if values else COMPANY
        usd = Decimal(repr(budget.amount_usd))
        found[name] = min(found.get(name, usd), usd)
    return found


def against_budgets(found: Statement) -> str:
    """The month against its budgets in a sentence without its full stop; empty where none is of a whole month."""
    charged = {charge.team: charge.total_usd for charge in found.charges}
    teams = {name: usd for name, usd in found.budgets.items() if name != COMPANY}
    over = {name: charged[name] - usd for name, usd in teams.items() if charged.get(name, Decimal(0)) > usd}
    told = []
    if COMPANY in found.budgets:
        allowed = found.budgets[COMPANY]
        told.append(f"It is {_apart(found, found.total_usd, allowed)} the company's budget of {found.money(allowed)}")
    if teams:
        named = ", ".join(
            f"{name} by {found.money(usd)}" for name, usd in sorted(over.items(), key=lambda one: -one[1])
        )
        told.append(
            f"{wording.count(len(over))} of {wording.count_of(len(teams), 'budget')} by {found.by} "
            f"{'is' if len(over) == 1 else 'are'} exceeded" + (f": {named}" if named else "")
        )
    return ". ".join(told)


def message(found: Statement) -> dict[str, str]:
    """A Slack-compatible webhook's body: the month, each team beside its budget, and what it stands on."""
    lines = [f"*{found.month:%B %Y} cost {found.money(found.total_usd)}*"]
    lines += [f"{wording.slack(told)}." for told in (against_budgets(found),) if told]
    lines += [
        f"• {wording.slack(charge.team)}: {found.money(charge.total_usd)}{_beside(found, charge.team, found.budgets)}"
        for charge in found.charges[:TOLD]
    ]
    if len(found.charges) > TOLD:
        rest = found.charges[TOLD:]
        lines.append(f"• {len(rest)} more: {found.money(sum((one.total_usd for one in rest), Decimal(0)))}")
    lines += [f"{wording.slack(note)}." for note in found.notes]
    lines.append(provenance(found.snapshot).capitalize() + (", sample data" if found.sample else "") + ".")
    return {"text": "\n".join(lines)}


def _beside(found: Statement, team: str, budgets: Mapping[str, Decimal]) -> str:
    if team not in budgets:
        return ""
    (usd,) = (charge.total_usd for charge in found.charges if charge.team == team)
    return f", {_apart(found, usd, budgets[team])} its budget of {found.money(budgets[team])}"


def _apart(found: Statement, usd: Decimal, allowed: Decimal) -> str:
    if usd == allowed:
        return "exactly"
    return f"{found.money(abs(usd - allowed))} {'over' if usd > allowed else 'under'}"
