"""Where money is wasted: findings with their rows, dollars a month, confidence, assumption and one action.

Findings overlap: a request moved to a cheaper model has less left to save by caching; `savings_overlap`
counts shared dollars once. Titles and totals hold findings of high and medium confidence; those of low
confidence stand apart, as what they might save on top once they are tested.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from analytics import list_prices
from analytics.attributes import work_name
from analytics.command_options import last_days, view_of
from analytics.coverage import coverage
from analytics.history import RECENT_DAYS
from analytics.paid_prices import USUAL_RATES
from analytics.savings import cheaper_models, savings_finders, work_cells
from analytics.savings.cheaper_models import Forbidden
from analytics.savings.savings_claim import Claim
from analytics.savings.savings_overlap import net_savings
from analytics.scope import ClosedScope
from data import console, wording
from data.calendar import DAYS_PER_WEEK
from data.errors import BadInput
from data.facts import models
from data.ledger import Ledger
from data.prices.model_lives import ModelLives
from data.state import State

READS = ("model_fact",)  # kinds of document that findings depend on
LINKED = ("model", "team", "feature", "task_type")


class Finding(NamedTuple):
    """`usd_month` is net of the findings before it, `gross_usd_month` what it would save alone.

    `filters` (dimension -> values) hold the rows behind it and maybe others; `work` names exactly its kinds of work.
    `attempts` and `spend_usd` are those rows in the days looked at, `attempts_month` and `spend_usd_month` a month of
    them. `test` says what would raise a low confidence, with the models to `trial`.
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
    key: str = ""
    attempts: int = 0
    spend_usd: float = 0.0
    work: tuple[str, ...] = ()
    test: str = ""
    trial: tuple[str, ...] = ()

    @property
    def is_untested(self) -> bool:
        """Whether it needs a test before anybody may count on it."""
        return self.confidence == "low"

    @property
    def short(self) -> str:
        """A few words for a chart's axis."""
        return (
            f"Cheaper than {self.filters['model'][0]}"
            if self.kind == "cheaper model" and self.filters.get("model")
            else self.kind.capitalize()
        )


class Savings(NamedTuple):
    """Findings, those with evidence first, by net dollars; what is spent a month, told from `days` covered days.

    `total_usd_month` is what findings of high and medium confidence save together, `untested_usd_month` what those
    of low confidence might save beyond it. `scope` holds the days looked at.
    """

    findings: tuple[Finding, ...]
    total_usd_month: float
    spend_usd_month: float
    days: int
    untested_usd_month: float = 0.0
    scope: ClosedScope | None = None

    def finding(self, key: str) -> Finding | None:
        """The finding of that key; None where it is not found any more."""
        return next((finding for finding in self.findings if finding.key == key), None)

    def requests_of(self, finding: Finding) -> ClosedScope:
        """Exactly the rows that a finding counts."""
        if self.scope is None:
            raise ValueError("these savings were told of no ledger")
        return self.scope.with_filter("work", *finding.work)

    def filters_of(self, finding: Finding) -> dict[str, tuple[str, ...]]:
        """The rows that an action on a finding is measured by: what was asked for, and what the finding narrows it to.

        An action keeps what rows are, not what they are not: "is not" becomes the values of the finding's rows.
        Raises BadInput where those rows do not say them.
        """
        asked = dict(self.scope.filters) if self.scope else {}
        for name, _ in self.scope.excluded if self.scope else ():
            if name not in finding.cells:
                raise BadInput(f"An action cannot keep a filter on what {name} is not; filter by what it is instead.")
            asked[name] = tuple(sorted(set(finding.cells[name])))
        return asked | {name: finding.filters[name] for name in LINKED if name in finding.filters}

    @property
    def share(self) -> float:
        return self.total_usd_month / self.spend_usd_month if self.spend_usd_month else 0.0


def findings(view: Ledger, scope: ClosedScope, state: State, forbidden: Forbidden) -> Savings:
    """Every finding over the covered days of a scope; none offers what is `forbidden`.

    `history.recent` gives the usual span. There is no finding without a whole day.
    """
    facts = models.current(state)
    covered = coverage(view, scope)
    scope = scope.leaving_out(covered.missing)
    if not covered.covered_days:
        return Savings((), 0.0, 0.0, 0)
    cells, per_month = work_cells.cells(view, scope), covered.per_month()
    if cells.empty:
        return Savings((), 0.0, 0.0, covered.covered_days)
    sessions, repeats = work_cells.sessions(view, scope), work_cells.repeats(view, scope)
    torn = sessions["torn_read_tokens"].reindex(cells.index).fillna(0.0) if len(sessions) else 0.0
    middle = scope.start + (scope.end - scope.start) / 2
    first = {(row.first_provider, row.first_model) for row in repeats.itertuples()}
    found = [
        *cheaper_models.claims(cells.assign(torn_read_tokens=torn), facts, ModelLives(state), scope.last, forbidden),
        savings_finders.missed_cache(cells, sessions, work_cells.cache_shares(view, scope)),
        savings_finders.batch_eligible(cells),
        savings_finders.failures(
            cells, repeats, {name: list_prices.per_token(*name, middle) or USUAL_RATES for name in first}
        ),
        savings_finders.growing_context(cells, sessions),
        savings_finders.long_answers(cells),
    ]
    return settle(cells, [claim for claim in found if claim], per_month, covered.covered_days)._replace(scope=scope)


def settle(cells: pd.DataFrame, claims: Sequence[Claim], per_month: float, days: int) -> Savings:
    """Findings net of their overlap (`savings_overlap`); only those with some evidence make the total."""
    settled = [_finding(claim, cells, net, per_month) for claim, net in net_savings(cells, claims)]
    ranked = tuple(sorted(settled, key=lambda finding: (finding.is_untested, -finding.usd_month)))
    tested, untested = (
        sum(finding.usd_month for finding in ranked if finding.is_untested is flag) for flag in (False, True)
    )
    return Savings(ranked, tested, float(cells["cost_usd"].sum()) * per_month, days, untested)


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
        f"{claim.kind}|{claim.key}" if claim.key else claim.kind,
        round(behind["attempts"].sum()),
        float(behind["cost_usd"].sum()),
        tuple(sorted(work_name(index) for index in behind.index)),
        claim.test,
        claim.trial,
    )


def json_form(saving: Savings) -> dict:
    """The JSON form."""
    rows = [
        {name: value for name, value in finding._asdict().items() if name != "work"}
        | {"cells": finding.cells.head(50).to_dict("records")}
        for finding in saving.findings
    ]
    return {
        "findings": rows,
        "total_usd_month": saving.total_usd_month,
        "untested_usd_month": saving.untested_usd_month,
        "spend_usd_month": saving.spend_usd_month,
        "days": saving.days,
        "start": saving.scope and saving.scope.start,
        "end": saving.scope and saving.scope.end,
    }


def register(commands: console.Commands) -> None:
    """`python -m analytics savings`."""
    sub = commands.add("savings", _command)
    sub.add_argument(
        "--days",
        type=int,
        default=RECENT_DAYS,
        metavar="N",
        help=f"look at the last N whole days (default {RECENT_DAYS})",
    )
    sub.add_argument("--as-of", type=int, metavar="N", help="data version to read (default: the newest)")


def _command(args: argparse.Namespace) -> None:
    view, state = view_of(args), State.open(args.home)
    saving = findings(view, last_days(view, args.days), state, args.forbidden(state))
    if args.json:
        console.emit_json(json_form(saving) | {"snapshot": view.snapshot()})
        return
    rows = [
        (f.title, f"{f.usd_month:,.0f}", f"{f.gross_usd_month:,.0f}", f.confidence, f.action) for f in saving.findings
    ]
    console.emit_table(
        ["Finding", "USD a month", "alone", "Confidence", "What to do"], rows, right=["USD a month", "alone"]
    )
    console.say(sentence(saving))


def sentence(saving: Savings) -> str:
    """The total in a sentence: what has evidence, what needs a test first, and the days it was measured on."""
    if not saving.days:
        return "The log covers no whole day yet; what could be saved in a month cannot be told."
    short = ": weekdays and weekends are not all in it" if saving.days < DAYS_PER_WEEK else ""
    of = f" of {wording.days(saving.scope.start, saving.scope.last)}" if saving.scope else ""
    measured = f"Measured on {wording.count_of(saving.days, 'whole day')}{of}{short}"
    if not saving.findings:
        return f"Nothing found to save in {wording.usd(saving.spend_usd_month)} a month. {measured}."
    text = (
        f"{wording.usd(saving.total_usd_month)} of {wording.usd(saving.spend_usd_month)} a month could be saved "
        f"({wording.share(saving.share)}) with medium or high confidence"
    )
    if saving.untested_usd_month:
        text += f"; up to {wording.usd(saving.untested_usd_month)} more once tested"
    return f"{text}. {measured}; overlap is counted once."
