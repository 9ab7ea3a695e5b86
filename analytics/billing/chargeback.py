"""The chargeback statement of a month: what each team pays, its own work and its part of what is shared.

Every printed amount is a whole number of cents (of millionths of a dollar under $100), and the lines add up to the
printed total exactly: columns are rounded so that they add up to it, and each column's parts to the column.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Any, NamedTuple

import ibis
import pandas as pd

from analytics.billing.month_budgets import COMPANY, against_budgets, month_budgets
from analytics.billing.shared_costs import UNTAGGED, SharedCost, in_order
from analytics.coverage import coverage
from analytics.history import logged_days, through
from analytics.html_page import page
from analytics.registry import DIMENSIONS, dimension
from analytics.scope import UNKNOWN, ClosedScope, Scope, conditions
from analytics.totals import total
from data import wording
from data.calendar import next_month
from data.errors import NoData
from data.invented import is_sample
from data.ledger import Ledger
from data.state import State
from data.version import VERSION, provenance

CENT, MILLIONTH = Decimal("0.01"), Decimal("0.000001")
CENTS_FROM_USD = 100  # below, a cent is too coarse for a log of a few calls
LEFT = "Left of budget"
COLUMNS = ("month", "team", "line", "kind", "rule", "requests", "usd")


class Own(NamedTuple):
    """A team's own work on one model."""

    model: str
    requests: int
    usd: Decimal


class Charge(NamedTuple):
    """One team: its own work by model, its part of each shared cost by name, and both together."""

    team: str
    own: tuple[Own, ...]
    shared: dict[str, Decimal]

    @property
    def own_usd(self) -> Decimal:
        return sum((line.usd for line in self.own), Decimal(0))

    @property
    def total_usd(self) -> Decimal:
        return self.own_usd + sum(self.shared.values(), Decimal(0))


class Statement(NamedTuple):
    """A month: charges, dearest first; name, rule and dollars of each shared cost; what no rule could charge.

    The totals of `charges` and `not_charged` add up to `total_usd` exactly.
    """

    month: date
    by: str
    charges: tuple[Charge, ...]
    shared: tuple[tuple[str, str, Decimal], ...]
    not_charged: dict[str, Decimal]
    total_usd: Decimal
    step: Decimal
    unpriced_attempts: int
    basis: str
    time_zone: str
    snapshot: int
    sample: bool
    budgets: dict[str, Decimal]  # USD that whole-month budgets allow, by team; `COMPANY` is all spend
    held_to: tuple[str, ...] = ()  # the teams whose rows alone were read; empty: all

    @property
    def notes(self) -> list[str]:
        """What a reader has to know before paying."""
        told = [self.basis] if self.basis else []
        if self.held_to:
            told.append(f"Only the own work of {', '.join(self.held_to)} is in it, and no part of what is shared")
        for name, usd in self.not_charged.items():
            told.append(f"{self.money(usd)} of {name} is charged to nobody: its rule finds no one with a part in it")
        if self.unpriced_attempts:
            told.append(f"{wording.count(self.unpriced_attempts)} attempts have no known cost and are in no line")
        return told

    def money(self, usd: Decimal | None) -> str:
        """An amount as it is added up."""
        return wording.usd_cents(usd) if self.step == CENT else wording.usd_millionths(usd)


def last_month(view: Ledger) -> date:
    """The first day of the last month that is over; of the running one where the log is younger."""
    running = through(view).complete_until.replace(day=1)
    before = (running - timedelta(days=1)).replace(day=1)
    return before if next_month(before) > logged_days(view)[0].date() else through(view).day.replace(day=1)


def statement(view: Ledger, state: State, month: date, by: str = "team") -> Statement:
    """The statement of the month that starts on `month`, by any dimension; NoData where the log has nothing of it."""
    scope = Scope.of(view, month, next_month(month))
    covered, shared = coverage(view, scope), in_order(state)
    rows = _spent(view, scope, by, shared)
    if rows.empty:
        raise NoData(f"The ledger has no request of {month:%B %Y} ({covered.reason or 'none was logged'}).")
    pools = {name: _sum(rows[rows["pool"] == name]) for name in shared}
    own = rows[rows["pool"].isna()]
    spend = {str(team): _sum(part) for team, part in own.groupby("team")}
    requests = {str(team): int(part["requests"].sum()) for team, part in own.groupby("team")}
    step = CENT if _sum(rows) >= CENTS_FROM_USD else MILLIONTH
    whole = _sum(rows).quantize(step)
    columns = apportion(whole, {"": _sum(own), **pools}, step)
    mine = apportion(columns[""], spend, step)
    models = {
        team: apportion(usd, {str(row.model): _known(row.usd) for row in own[own["team"] == team].itertuples()}, step)
        for team, usd in mine.items()
    }
    parts = {name: _split(columns[name], one.shares(spend, requests), step) for name, one in shared.items()}
    charges = [
        Charge(
            team,
            tuple(_own(own[own["team"] == team], models.get(team, {}))),
            {name: part[team] for name, part in parts.items() if part.get(team)},
        )
        for team in dict.fromkeys((*spend, *(team for part in parts.values() for team in part)))
    ]
    return Statement(
        month,
        by,
        tuple(sorted(charges, key=lambda charge: (-charge.total_usd, charge.team))),
        tuple((name, one.rule, columns[name]) for name, one in shared.items() if columns[name]),
        {name: columns[name] for name in shared if columns[name] and not parts[name]},
        whole,
        step,
        int((rows["attempts"] - rows["priced"]).sum()),
        "" if covered.is_whole else f"{covered.basis} of the month have a whole log: {covered.reason}",
        view.time_zone,
        view.snapshot(),
        is_sample(view),
        month_budgets(state, month, by),
        tuple(sorted(view.teams)),
    )


def apportion(whole: Decimal, parts: Mapping[str, Decimal], step: Decimal) -> dict[str, Decimal]:
    """Parts rounded to multiples of `step` that add up to `whole`, itself such a multiple near their sum.

    The largest remainders are rounded up (Hamilton's method), so that none is off by a step or more.
    """
    floors = {name: part.quantize(step, ROUND_FLOOR) for name, part in parts.items()}
    missing = int((whole - sum(floors.values(), Decimal(0))) / step)
    by_remainder = sorted(parts, key=lambda name: (floors[name] - parts[name], name))
    return floors | {name: floors[name] + step for name in by_remainder[:missing]}


def _split(usd: Decimal, shares: Mapping[str, Decimal], step: Decimal) -> dict[str, Decimal]:
    return apportion(usd, {name: usd * share for name, share in shares.items()}, step) if shares else {}


def _spent(view: Ledger, scope: ClosedScope, by: str, shared: Mapping[str, SharedCost]) -> pd.DataFrame:
    """By team, model and the shared cost the rows belong to (None: to the team): usd, requests, attempts, priced."""
    names = [dimension(by).name, *(name for one in shared.values() for name in one.filters)]
    source = scope.days(view) if scope.fits_rollup(*names) else scope.usage(view)
    team = DIMENSIONS[by].expression(source, scope.time_zone).cast("string").fill_null(UNKNOWN)
    whose = [
        (ibis.and_(*conditions(source, one.filters.items(), scope.time_zone)), name)
        for name, one in shared.items()
        if one.filters
    ]
    pool = ibis.cases(*whose, (team == UNKNOWN, UNTAGGED), else_=ibis.null("string"))
    grouped = source.group_by(team=team, model=source.model.fill_null(UNKNOWN), pool=pool).aggregate(
        usd=total(source, "cost_usd"),
        requests=total(source, "calls"),
        attempts=total(source, "attempts"),
        priced=total(source, "priced_attempts"),
    )
    return view.frame(grouped.order_by("team", "model", "pool"))


def _sum(rows: pd.DataFrame) -> Decimal:
    return sum(map(_known, rows["usd"]), Decimal(0))


def _known(usd: Any) -> Decimal:
    return Decimal(0) if pd.isna(usd) else usd


def _own(rows: pd.DataFrame, usd: Mapping[str, Decimal]) -> list[Own]:
    lines = [Own(str(row.model), int(row.requests), usd[str(row.model)]) for row in rows.itertuples()]
    return sorted(lines, key=lambda line: (-line.usd, line.model))


def json_form(found: Statement) -> dict[str, Any]:
    """The JSON form."""
    return {
        "month": f"{found.month:%Y-%m}",
        "by": found.by,
        "total_usd": found.total_usd,
        "budget_usd": found.budgets.get(COMPANY),
        "charges": [
            {
                "name": charge.team,
                "own_usd": charge.own_usd,
                "own": [line._asdict() for line in charge.own],
                "shared": [{"name": name, "usd": usd} for name, usd in charge.shared.items()],
                "total_usd": charge.total_usd,
                "budget_usd": found.budgets.get(charge.team),
            }
            for charge in found.charges
        ],
        "shared": [{"name": name, "rule": rule, "usd": usd} for name, rule, usd in found.shared],
        "not_charged": [{"name": name, "usd": usd} for name, usd in found.not_charged.items()],
        "unpriced_attempts": found.unpriced_attempts,
        "notes": found.notes,
        "time_zone": found.time_zone,
        "snapshot": found.snapshot,
    }


def table(found: Statement) -> pd.DataFrame:
    """One row per charge: team, own work, a column per shared cost, total; the last row adds up. Where whole-month
    budgets are saved, a team's own beside it with what is left of it (below zero: over), the company's in the last row.
    """
    names = [name for name, _, _ in found.shared]
    rows: list[dict[str, Any]] = [
        {"Team": c.team, "Own work": c.own_usd, **{n: c.shared.get(n, Decimal(0)) for n in names}, "Total": c.total_usd}
        for c in found.charges
    ]
    if found.not_charged:
        lost = {name: found.not_charged.get(name, Decimal(0)) for name in names}
        rows.append({"Team": "charged to nobody", "Own work": Decimal(0), **lost, "Total": sum(lost.values())})
    frame = pd.DataFrame(rows, columns=["Team", "Own work", *names, "Total"])
    sums = {column: sum(frame[column], Decimal(0)) for column in frame.columns[1:]}
    frame = pd.concat([frame, pd.DataFrame([{"Team": "Total", **sums}])], ignore_index=True)
    if not found.budgets:
        return frame
    of_teams = [found.budgets.get(charge.team) for charge in found.charges]
    allowed = [*of_teams, *([None] if found.not_charged else []), found.budgets.get(COMPANY)]
    left = [None if usd is None else usd - total for usd, total in zip(allowed, frame["Total"], strict=True)]
    return frame.assign(Budget=pd.Series(allowed, dtype=object), **{LEFT: pd.Series(left, dtype=object)})


def lines(found: Statement) -> list[dict[str, Any]]:
    """Every line of every charge (COLUMNS); their dollars add up to the month's total."""
    rules = {name: rule for name, rule, _ in found.shared}
    month = f"{found.month:%Y-%m}"
    rows: list[tuple[Any, ...]] = []
    for charge in found.charges:
        for own in charge.own:
            rows.append((month, charge.team, own.model, "own", "", own.requests, own.usd))
        for name, usd in charge.shared.items():
            rows.append((month, charge.team, name, "shared", rules.get(name, ""), None, usd))
    for name, usd in found.not_charged.items():
        rows.append((month, "", name, "charged to nobody", rules[name], None, usd))
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def csv_text(found: Statement) -> str:
    """The lines as CSV; text that a spreadsheet would run as a formula gets an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow((*COLUMNS, "baton_version", "snapshot"))
    for row in lines(found):
        values = (*row.values(), VERSION, found.snapshot)
        writer.writerow(["" if value is None else wording.cell(value) for value in values])
    return out.getvalue()


def html(found: Statement) -> str:
    """One self-contained page, a section per team."""
    origin = provenance(found.snapshot)
    by, against = DIMENSIONS[found.by].label, against_budgets(found)
    return page("chargeback.html", s=found, by=by, table=table(found), against=against, origin=origin)
