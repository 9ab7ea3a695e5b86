"""Budgets: amount, period and scope; what is spent, what it will be, and the chance that it is not enough."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from analytics.budgets.budget import BUDGETS, PERIODS, SCOPES, Budget, check_budget, save
from analytics.budgets.running_out import RunningOut, running_out
from analytics.command_options import view_of
from analytics.forecasts.outlook import Outlook, outlook_of
from analytics.forecasts.planned_events import Event, saved_events
from analytics.forecasts.price_changes import announced_changes
from analytics.gates import Verdict, add_gates, judge
from analytics.history import Through, through
from analytics.known_spend import known_spend
from analytics.registry import dimension
from analytics.scope import Scope
from data import console, wording
from data.errors import BadInput
from data.ledger import Ledger
from data.state import State

STATES = {  # what a state means, for a reader
    "not started": "its first day is ahead",
    "ended": "its last day is past",
    "no log": "no day of the period has a log yet: what was spent is not known",
    "under": "spent less than the soft threshold",
    "soft": "spent as much as the soft threshold",
    "hard": "spent as much as the hard threshold",
    "over": "spent more than the budget",
}


class Status(NamedTuple):
    """One budget in the period of the newest data; `state` is one of STATES. What was spent on days of which none has a
    log is not known (None)."""

    budget: Budget
    outlook: Outlook
    spent_usd: float | None
    chance_of_overrun: float | None
    state: str
    overlaps: tuple[str, ...] = ()
    runs_out: RunningOut | None = None

    @property
    def spent_share(self) -> float | None:
        return None if self.spent_usd is None else self.spent_usd / self.budget.amount_usd

    @property
    def elapsed_share(self) -> float:
        """Share of the period's days that is gone."""
        told = self.outlook
        return (told.known_until - told.start) / (told.end - told.start)

    @property
    def endangered(self) -> tuple[float, float, str]:
        """What to sort by so that the most endangered comes first."""
        return -(self.chance_of_overrun or 0.0), -(self.spent_share or 0.0), self.budget.name

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
    found = [_status(view, state, budget, budgets, reach, events) for budget in budgets]
    return sorted(found, key=lambda one: one.endangered)


def _status(
    view: Ledger, state: State, budget: Budget, others: list[Budget], reach: Through, events: Sequence[Event]
) -> Status:
    scope = Scope.of(view, None, None, **budget.filters)
    # Planned events are the company's: they belong to budgets without filters.
    changes = [change.event for change in announced_changes(view, state, scope, reach.complete_until)]
    ahead = [*changes, *(() if budget.filters else events)]
    start, end = budget.span_at(reach.day)
    spend = known_spend(view, scope).until(reach.day + timedelta(days=1))
    outlook = outlook_of(spend, reach.complete_until, start, end, ahead)
    spent = float(spend.within(start, end).seen.sum())
    gone = (outlook.known_until - start).days
    unlogged = gone > 0 and outlook.missing_days == gone and not spent
    return Status(
        budget,
        outlook,
        spent if outlook.is_known else None,
        outlook.chance_above(budget.amount_usd),
        _state(budget, reach.day, spent, unlogged),
        tuple(other.name for other in others if other is not budget and budget.overlaps(other)),
        running_out(spend, reach.complete_until, start, end, budget.amount_usd, ahead),
    )


def _state(budget: Budget, day: date, spent_usd: float, unlogged: bool) -> str:
    if budget.starts and day < budget.starts:
        return "not started"
    if budget.ends and day >= budget.ends:
        return "ended"
    if unlogged:
        return "no log"
    share = spent_usd / budget.amount_usd
    return "over" if share > 1 else "hard" if share >= budget.hard else "soft" if share >= budget.soft else "under"


def company(statuses: Iterable[Status]) -> Status | None:
    """The budget of the whole company, monthly first, then the longer periods; None when there is none."""
    order = ("monthly", "quarterly", "yearly", "weekly", "daily")
    whole = [s for s in statuses if not s.budget.filters and s.state not in ("ended", "not started")]
    return min(whole, key=lambda s: order.index(s.budget.period), default=None)


def json_form(one: Status) -> dict:
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
        "runs_out": one.runs_out and one.runs_out.expected,
        "runs_out_earliest": one.runs_out and one.runs_out.earliest,
        "runs_out_latest": one.runs_out and one.runs_out.latest,
        "runs_out_text": one.runs_out.words if one.runs_out else wording.MISSING,
        "missing_days": outlook.missing_days,
        "missing_usd": outlook.missing_usd,
        "note": outlook.note,
        "state": one.state,
        "overlaps": one.overlaps,
    }


def register(commands: console.Commands) -> None:
    """`python -m analytics budgets`: list, or set one with --set NAME=AMOUNT."""
    sub = commands.add("budgets", _command)
    sub.add_argument("--set", metavar="NAME=USD", help="save a budget of this amount per period")
    sub.add_argument("--period", choices=PERIODS, default="monthly")
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
    add_gates(sub, "over", "forecast-over")


def _command(args: argparse.Namespace) -> None:
    state = State.open(args.home)
    if args.delete:
        BUDGETS.forget(state, args.delete)
    if args.set:
        clashes = save(state, _from_words(args))
        for clash in () if args.json else clashes:  # the JSON names them as overlaps
            console.say(f"Note: it covers the same spend as the budget {clash!r}.")
    view = view_of(args)
    statuses = status(view, state, saved_events(state))
    _print(view, statuses, as_json=args.json)
    judge(args.fail_on, {"over": lambda: _over(statuses), "forecast-over": lambda: _forecast_over(statuses)})


def _over(statuses: Sequence[Status]) -> Verdict:
    """Shut by what is spent; a budget without a log is not within itself, it cannot be told."""
    over = [f"{s.budget.name} ({wording.share(s.spent_share)} spent)" for s in statuses if s.state == "over"]
    unlogged = [s.budget.name for s in statuses if s.state == "no log"]
    return Verdict(
        shut=f"Over budget: {', '.join(over)}." if over else "",
        untold=f"No log in the period of {', '.join(unlogged)}."
        if unlogged
        else ""
        if statuses
        else "No budget is set.",
    )


def _forecast_over(statuses: Sequence[Status]) -> Verdict:
    """Shut where the middle forecast ends above the budget."""
    running = [s for s in statuses if s.state not in ("ended", "not started")]
    over = [
        f"{s.budget.name} ({wording.usd(s.outlook.p50)} of {wording.usd(s.budget.amount_usd)})"
        for s in running
        if s.outlook.p50 is not None and s.outlook.p50 > s.budget.amount_usd
    ]
    untold = [s.budget.name for s in running if s.outlook.p50 is None]
    return Verdict(
        shut=f"Forecast above budget: {', '.join(over)}." if over else "",
        untold=f"No forecast for {', '.join(untold)}." if untold else "" if running else "No budget is running.",
    )


def _print(view: Ledger, statuses: Sequence[Status], *, as_json: bool) -> None:
    if as_json:
        console.emit_json({"budgets": [json_form(one) for one in statuses], "snapshot": view.snapshot()})
        return
    rows = [
        (
            s.budget.name,
            s.budget.period,
            f"{s.budget.amount_usd:,.0f}",
            "–" if s.spent_usd is None else f"{s.spent_usd:,.0f}",
            "–" if s.outlook.p50 is None else f"{s.outlook.p50:,.0f}",
            "–" if s.chance_of_overrun is None else wording.odds(s.chance_of_overrun),
            s.runs_out.words if s.runs_out else wording.MISSING,
            s.outlook.days_left,
            s.state,
        )
        for s in statuses
    ]
    columns = (
        *("Budget", "Period", "Budget USD", "Spent USD", "Forecast USD", "Chance of overrun", "Runs out"),
        *("Days left", "State"),
    )
    console.emit_table(columns, rows, right=(*columns[2:6], "Days left"))
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
    return check_budget(name=name, amount=usd, period=args.period, filters=filters, start_day=args.start_day)
