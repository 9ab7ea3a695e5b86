"""Where money is wasted: findings with their rows, dollars a month, confidence, assumption and one action.

Findings overlap: a request moved to a cheaper model has less left to save by caching. Each finding
claims a share of a cell's spend; the largest finding takes its share first and every later one its
share of what is left. So the parts add up to the total, and no cell saves more than it costs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import pandas as pd

from analytics import anomalies, cheaper_models, list_prices, savings_finders, work_cells
from analytics.cheaper_models import Forbidden
from analytics.command_options import view_of
from analytics.history import daily_by, through
from analytics.paid_prices import USUAL_RATES
from analytics.savings_claim import Claim
from analytics.scope import UNKNOWN, ClosedScope, Scope
from data import console, wording
from data.calendar import DAYS_PER_MONTH
from data.errors import BadInput
from data.facts import models
from data.ledger import Ledger
from data.state import State

SPAN_DAYS = 28
READS = ("model_fact",)  # kinds of document that findings depend on
LINKED = ("model", "team", "feature", "task_type")


class Finding(NamedTuple):
    """`usd_month` is net of the findings before it, `gross_usd_month` what it would save alone.

    `filters` (dimension -> values) are the rows behind it; `attempts_month` and `spend_usd_month` count them.
    """

    kind: str
    title: str
    usd_month: float
    gross_usd_month: float
    spend_usd_month: float
    attempts_month: float
    confidence: str
    assumption: str
    action: str
    page: str
    filters: dict[str, tuple[str, ...]]
    cells: pd.DataFrame

    @property
    def short(self) -> str:
        """A few words for a chart's axis."""
        return (
            f"Cheaper than {self.filters['model'][0]}"
            if self.kind == "cheaper model" and self.filters.get("model")
            else self.kind.capitalize()
        )


class Savings(NamedTuple):
    """Findings by net dollars; what they save together; what is spent a month, in the span's measure."""

    findings: tuple[Finding, ...]
    total_usd_month: float
    spend_usd_month: float
    days: int

    @property
    def share(self) -> float:
        return self.total_usd_month / self.spend_usd_month if self.spend_usd_month else 0.0


def recent(view: Ledger, scope: Scope | None = None) -> ClosedScope:
    """The last four whole weeks, with the scope's filters."""
    end = min(through(view).complete_until, (scope and scope.end) or date.max)
    base = scope or Scope.of(view)
    return base.between(end - timedelta(days=SPAN_DAYS), end)


def findings(view: Ledger, scope: ClosedScope, state: State, forbidden: Forbidden) -> Savings:
    """Every finding over the scope's days (`recent` gives the usual span); none offers what is `forbidden`."""
    facts = models.current(state)
    cells = work_cells.cells(view, scope)
    per_month = DAYS_PER_MONTH / scope.length_days
    if cells.empty:
        return Savings((), 0.0, 0.0, scope.length_days)
    sessions, repeats = work_cells.sessions(view, scope), work_cells.repeats(view, scope)
    middle = scope.start + (scope.end - scope.start) / 2
    first = {(row.first_provider, row.first_model) for row in repeats.itertuples()}
    found = [
        *cheaper_models.claims(cells, facts, middle, forbidden),
        savings_finders.missed_cache(cells, sessions, work_cells.cache_shares(view, scope)),
        savings_finders.batch_eligible(cells),
        savings_finders.failures(
            cells, repeats, {name: list_prices.per_token(*name, middle) or USUAL_RATES for name in first}
        ),
        savings_finders.growing_context(cells, sessions),
        savings_finders.long_answers(cells),
        savings_finders.outgrown(cells, _outgrown(view, scope)),
    ]
    return settle(cells, [claim for claim in found if claim], per_month, scope.length_days)


def settle(cells: pd.DataFrame, claims: Sequence[Claim], per_month: float, days: int) -> Savings:
    """Removes the overlap: largest claim first, every other takes its share of what is left of a cell."""
    spend = cells["cost_usd"]
    left = spend.copy()
    settled = []
    for claim in sorted(claims, key=lambda claim: (-claim.usd.sum(), claim.kind, claim.title)):
        share = (claim.usd / spend.reindex(claim.usd.index)).clip(0.0, 1.0).fillna(0.0)
        net = share * left.reindex(share.index)
        left = left.sub(net, fill_value=0.0)
        settled.append(_finding(claim, cells, net, per_month))
    ranked = tuple(sorted(settled, key=lambda finding: -finding.usd_month))
    return Savings(ranked, sum(finding.usd_month for finding in ranked), float(spend.sum()) * per_month, days)


def _finding(claim: Claim, cells: pd.DataFrame, net: pd.Series, per_month: float) -> Finding:
    behind = cells.loc[claim.usd.index]
    filters = {}
    for name in LINKED:
        values = sorted(set(behind.index.get_level_values(name)))
        if len(values) < cells.index.get_level_values(name).nunique():
            filters[name] = tuple(values)
    table = behind[["attempts", "cost_usd"]] * per_month
    table = table.rename(columns={"attempts": "attempts_month", "cost_usd": "spend_usd_month"}).assign(
        saves_usd_month=net * per_month
    )
    return Finding(
        claim.kind,
        claim.title,
        float(net.sum()) * per_month,
        float(claim.usd.sum()) * per_month,
        float(behind["cost_usd"].sum()) * per_month,
        float(behind["attempts"].sum()) * per_month,
        claim.confidence,
        claim.assumption,
        claim.action,
        claim.page,
        filters,
        table.sort_values("saves_usd_month", ascending=False).reset_index(),
    )


def _outgrown(view: Ledger, scope: ClosedScope) -> dict[tuple[str, str], float]:
    """USD above the old cost per request, by (team, feature); from the roll-up."""
    whole = scope.between(scope.start - timedelta(days=scope.length_days), scope.end)
    daily = daily_by(view, whole, ("team", "feature"), ("cost_usd", "calls"))
    daily = daily[(daily.index >= pd.Timestamp(whole.start)) & (daily.index < pd.Timestamp(whole.end))].fillna(0.0)
    found = {}
    for pair in daily.get("cost_usd", pd.DataFrame()).columns:
        if UNKNOWN not in pair and (
            grown := anomalies.outgrown(daily["cost_usd"][pair], daily["calls"][pair], scope.length_days)
        ):
            found[pair] = grown[1]
    return found


def described(saving: Savings) -> dict:
    """The JSON form."""
    rows = [finding._asdict() | {"cells": finding.cells.head(50).to_dict("records")} for finding in saving.findings]
    return {
        "findings": rows,
        "total_usd_month": saving.total_usd_month,
        "spend_usd_month": saving.spend_usd_month,
        "days": saving.days,
    }


def register(subparsers: Any) -> None:
    """`python -m analytics savings`."""
    sub = console.command(subparsers, "savings", _command, "where money is wasted, by dollars a month")
    sub.add_argument(
        "--days", type=int, default=SPAN_DAYS, metavar="N", help=f"look at the last N whole days (default {SPAN_DAYS})"
    )
    sub.add_argument("--as-of", type=int, metavar="N", help="data version to read (default: the newest)")


def _command(args: argparse.Namespace) -> None:
    if args.days < 1:
        raise BadInput(f"--days {args.days} is not a number of days; use 1 or more.")
    view = view_of(args)
    span, state = recent(view), State.open(args.home)
    asked = span.between(span.end - timedelta(days=args.days), span.end)
    saving = findings(view, asked, state, args.forbidden(state))
    if args.json:
        console.emit_json(described(saving) | {"snapshot": view.snapshot()})
        return
    rows = [
        (f.title, f"{f.usd_month:,.0f}", f"{f.gross_usd_month:,.0f}", f.confidence, f.action) for f in saving.findings
    ]
    console.emit_table(
        ["Finding", "USD a month", "alone", "Confidence", "What to do"], rows, right=["USD a month", "alone"]
    )
    console.say(
        f"Together {saving.total_usd_month:,.0f} of {saving.spend_usd_month:,.0f} USD a month ({wording.share(saving.share)}); overlap is counted once."
    )
