"""Budgets: amount, period and scope; what is spent, what it will be, and the chance that it is not enough."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from analytics.command_options import view_of
from analytics.history import through
from analytics.known_spend import known_spend
from analytics.outlook import Outlook, outlook_of
from analytics.planned_events import Event, planned
from analytics.price_changes import announced
from analytics.registry import dimension
from analytics.scope import Scope
from data import console, wording
from data.documents import Documents
from data.errors import BadInput
from data.ledger import Ledger
from data.state import State

MONTHS = {"monthly": 1, "quarterly": 3, "yearly": 12}
SCOPES = ("team", "model", "project", "feature")


class Budget(BaseModel):
    """An amount per period for a scope: the whole company (no filters), or values of team, model, project, feature.

    A period starts on `start_day` of its first month; quarters and years count from `start_month`.
    `starts` and `ends` (excluded) bound the budget itself. Money is USD; another currency needs a dated rate.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=80)
    amount: float = Field(gt=0)
    period: Literal["monthly", "quarterly", "yearly"] = "monthly"
    filters: dict[str, tuple[str, ...]] = {}
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
        unknown = set(self.filters) - set(SCOPES)
        if unknown:
            raise ValueError(f"{', '.join(sorted(unknown))} is no budget scope; use {', '.join(SCOPES)}")
        return self

    @property
    def amount_usd(self) -> float:
        return self.amount if self.currency == "USD" else self.amount * (self.usd_rate or 1.0)

    def period_of(self, day: date) -> tuple[date, date]:
        """The period [start, end) that holds a day."""
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


class Status(NamedTuple):
    """One budget in the period of the newest data. `state`: not started, ended, under, soft, hard or over."""

    budget: Budget
    outlook: Outlook
    spent_usd: float
    elapsed_share: float
    chance_of_overrun: float | None
    state: str
    overlaps: tuple[str, ...] = ()

    @property
    def spent_share(self) -> float:
        return self.spent_usd / self.budget.amount_usd

    @property
    def variance_usd(self) -> float | None:
        """Forecast less budget; positive is over (unfavourable)."""
        return None if self.outlook.p50 is None else self.outlook.p50 - self.budget.amount_usd


def status(view: Ledger, state: State, events: Sequence[Event] = (), until: date | None = None) -> list[Status]:
    """Every saved budget, most endangered first; as things stood at the start of `until`, where given."""
    budgets = list(BUDGETS.all(state).values())
    reach = through(view)
    if until and until < reach.complete_until:
        reach = reach._replace(day=until - timedelta(days=1), complete_until=until)
    found = []
    for budget in budgets:
        scope = Scope.of(view, None, None, **budget.filters)
        # Planned events are the company's: they belong to budgets without filters.
        changes = [change.event for change in announced(view, state, scope, reach.complete_until)]
        ahead = [*changes, *(() if budget.filters else events)]
        outlook, spent = _outlook(view, scope, budget, reach.day, reach.complete_until, ahead)
        clashes = tuple(other.name for other in budgets if other is not budget and budget.overlaps(other))
        elapsed = (min(outlook.known_until, outlook.end) - outlook.start).days / max(
            (outlook.end - outlook.start).days, 1
        )
        found.append(
            Status(
                budget,
                outlook,
                spent,
                elapsed,
                outlook.chance_above(budget.amount_usd),
                _state(budget, reach.day, spent),
                clashes,
            )
        )
    return sorted(found, key=lambda s: (-(s.chance_of_overrun or 0.0), -s.spent_share, s.budget.name))


def _outlook(
    view: Ledger, scope: Scope, budget: Budget, day: date, known_until: date, events: Sequence[Event]
) -> tuple[Outlook, float]:
    start, end = budget.span_at(day)
    spend = known_spend(view, scope).until(day + timedelta(days=1))
    return outlook_of(spend, known_until, start, end, events), float(spend.within(start, end).seen.sum())


def _state(budget: Budget, day: date, spent_usd: float) -> str:
    if budget.starts and day < budget.starts:
        return "not started"
    if budget.ends and day >= budget.ends:
        return "ended"
    share = spent_usd / budget.amount_usd
    return "over" if share > 1 else "hard" if share >= budget.hard else "soft" if share >= budget.soft else "under"


def company(statuses: Iterable[Status]) -> Status | None:
    """The budget of the whole company, monthly first; None when there is none."""
    whole = [s for s in statuses if not s.budget.filters and s.state not in ("ended", "not started")]
    return min(whole, key=lambda s: MONTHS[s.budget.period], default=None)


def named(state: State, name: str) -> Budget:
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


def checked(**values: Any) -> Budget:
    """A budget from a form or a command; raises BadInput naming field and rule."""
    return BUDGETS.read(str(values.get("name") or ""), values)


def save(state: State, budget: Budget) -> list[str]:
    """Store a budget; returns the names of budgets that would count the same spend twice."""
    BUDGETS.save(state, budget.name, budget)
    return clashes(state, budget)


def clashes(state: State, budget: Budget) -> list[str]:
    """The names of saved budgets that would count the same spend twice."""
    return [other.name for other in BUDGETS.all(state).values() if other.name != budget.name and budget.overlaps(other)]


def described(one: Status) -> dict:
    """The JSON form of a status."""
    outlook = one.outlook
    return one.budget.model_dump(mode="json") | {
        "amount_usd": one.budget.amount_usd,
        "start": outlook.start,
        "end": outlook.end,
        "spent_usd": one.spent_usd,
        "spent_share": one.spent_share,
        "elapsed_share": one.elapsed_share,
        "days_left": outlook.days_left,
        "p10": outlook.p10,
        "p50": outlook.p50,
        "p90": outlook.p90,
        "chance_of_overrun": one.chance_of_overrun,
        "missing_days": outlook.missing_days,
        "missing_usd": outlook.missing_usd,
        "note": outlook.note,
        "state": one.state,
        "overlaps": one.overlaps,
    }


def register(subparsers: Any) -> None:
    """`python -m analytics budgets`: list, or set one with --set NAME=AMOUNT."""
    sub = console.command(subparsers, "budgets", _command, "budgets against actual and forecast; --set saves one")
    sub.add_argument("--set", metavar="NAME=USD", help="save a budget of this amount per period")
    sub.add_argument("--period", choices=tuple(MONTHS), default="monthly")
    sub.add_argument(
        "--filter",
        action="append",
        default=[],
        metavar="DIMENSION=VALUE",
        help=f"scope of the budget: {', '.join(SCOPES)}",
    )
    sub.add_argument(
        "--start-day", type=int, default=1, metavar="N", help="day of the month a period starts on (1 to 28)"
    )
    sub.add_argument("--delete", metavar="NAME", help="forget a budget")


def _command(args: argparse.Namespace) -> None:
    state = State.open(args.home)
    if args.delete:
        BUDGETS.forget(state, args.delete)
    if args.set:
        for clash in save(state, _from_words(args)):
            console.say(f"Note: it covers the same spend as the budget {clash!r}.")
    view = view_of(args)
    statuses = status(view, state, planned(state))
    if args.json:
        console.emit_json({"budgets": [described(one) for one in statuses], "snapshot": view.snapshot()})
        return
    rows = [
        (
            s.budget.name,
            s.budget.period,
            f"{s.budget.amount_usd:,.0f}",
            f"{s.spent_usd:,.0f}",
            "–" if s.outlook.p50 is None else f"{s.outlook.p50:,.0f}",
            "–" if s.chance_of_overrun is None else wording.odds(s.chance_of_overrun),
            s.outlook.days_left,
            s.state,
        )
        for s in statuses
    ]
    columns = ("Budget", "Period", "Budget USD", "Spent USD", "Forecast USD", "Chance of overrun", "Days left", "State")
    console.emit_table(columns, rows, right=columns[2:7])
    for s in statuses:
        if s.outlook.missing_days:
            console.say(f"{s.budget.name}: {s.outlook.note}")
    if not rows:
        console.say("No budget yet; set one with --set company=50000.")


def _from_words(args: argparse.Namespace) -> Budget:
    name, found, amount = args.set.rpartition("=")
    try:
        usd = float(amount.replace(",", ""))
    except ValueError:
        found = ""
    if not found:
        raise BadInput(f"--set {args.set!r} is no budget; write it as NAME=AMOUNT, for example company=50000.")
    filters: dict[str, tuple[str, ...]] = {}
    for text in args.filter:
        key, _, value = text.partition("=")
        filters[dimension(key).name] = (*filters.get(key, ()), value)
    return checked(name=name, amount=usd, period=args.period, filters=filters, start_day=args.start_day)
