"""One number, however it is asked for: every answer about the same days gives the same cents."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from analytics import spend, unit_costs
from analytics.billing import focus
from analytics.bridges import bridge
from analytics.budgets import budget, budgets, plan
from analytics.forecasts import forecast
from analytics.history import daily, recent, through
from analytics.known_spend import known_spend
from analytics.savings import savings
from analytics.scope import Scope
from analytics.weekly import review
from data.calendar import DAYS_PER_MONTH
from data.state import State
from routing.policies.in_force import forbidden
from tests.analytics import planted

CENT = Decimal("0.01")
WEEK = (planted.END - timedelta(days=7), planted.END)
MONTH = (date(2026, 10, 1), date(2026, 11, 1))


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    """A ledger in which some rows have no price, some no team, and the reporting day is not the UTC day."""
    from data import rollups

    ledger = planted.new_ledger(tmp_path_factory.mktemp("agreement"))
    rows = planted.usage("retry storm", days=70, since=7)
    unknown = rows["feature"] == "tags"
    rows.loc[unknown, ["cost_usd", "list_cost_usd"]] = None
    rows.loc[unknown, "cost_basis"] = "unpriced"
    rows.loc[rows["feature"] == "ranking", "team"] = None
    planted.load(ledger, rows)
    with ledger.write() as cursor:
        rollups.set_time_zone(cursor, "America/New_York")
    return ledger.at(ledger.snapshot())


def cents(amount) -> Decimal:
    return Decimal(str(amount)).quantize(CENT)


def rows_cost(view, start: date, end: date, **filters) -> Decimal:
    rows = Scope.of(view, start, end, **filters).usage(view)
    return cents(view.frame(rows.aggregate(usd=rows.cost_usd.sum()))["usd"][0])


@pytest.mark.parametrize("filters", [{}, {"team": "legal"}, {"model": "gpt-5.2"}], ids=str)
def test_a_week_costs_the_same_everywhere(view, filters):
    truth = rows_cost(view, *WEEK, **filters)
    scope = Scope.of(view, *WEEK, **filters)
    assert truth > 0
    assert cents(spend.totals(view, scope, ("cost_usd",))["cost_usd"]) == truth
    for by in ("team", "model", "feature", "status", "criticality", "day", "hour"):
        assert cents(sum(spend.grouped_spend(view, scope, (by,))["cost_usd"].dropna())) == truth, by
    assert cents(sum(spend.by_day(view, scope)["cost_usd"])) == truth
    assert bridge.between(view, scope.before(), scope).end_usd == truth
    assert cents(spend.movers(view, scope, "team")["change_usd"].sum()) == pytest.approx(
        truth - rows_cost(view, scope.before().start, scope.start, **filters), abs=CENT
    )
    assert (
        cents(
            daily(view, Scope.of(view, **filters))[lambda s: (s.index >= str(WEEK[0])) & (s.index < str(WEEK[1]))].sum()
        )
        == truth
    )
    assert (
        cents(unit_costs.costs_of(view, scope).cost_usd)
        == cents(unit_costs.costs_by(view, scope, "model")["cost_usd"].sum())
        == truth
    )


def test_the_weekly_review_says_what_the_pages_say(view, tmp_path):
    state = State.open(tmp_path)
    found = review.build(view, state, WEEK[0], forbidden=forbidden(state))
    truth = rows_cost(view, *WEEK)
    assert cents(found["pacing"]["week_usd"]) == cents(found["units"]["cost_usd"]) == truth
    # The last day is not over: it is spent, and in no comparison.
    assert cents(found["bridge"]["end_usd"]) == rows_cost(view, WEEK[0], through(view).complete_until)
    assert f"${truth:,.2f}" in found["message"]["text"]
    assert (
        found["priced_share"]
        == pytest.approx(spend.totals(view, Scope.of(view, *WEEK), ("priced_share",))["priced_share"])
        and found["priced_share"] < 1
    )
    four_weeks = recent(view)
    saving = savings.findings(view, four_weeks, state, forbidden(state))
    assert found["savings"]["total_usd_month"] == pytest.approx(saving.total_usd_month, rel=1e-9)
    assert cents(saving.spend_usd_month * 28 / DAYS_PER_MONTH) == rows_cost(view, four_weeks.start, four_weeks.end)
    counted = [finding for finding in saving.findings if finding.confidence != "low"]
    assert cents(sum(finding.usd_month for finding in counted)) == cents(saving.total_usd_month)


def test_the_plan_starts_from_what_was_spent(view, tmp_path):
    """The last day is not over: what it has cost counts as spent, and is forecast to its end."""
    outlook = forecast.month_end(view, Scope.of(view))
    month = plan.plan(known_spend(view, Scope.of(view)), through(view).complete_until, 12).months.iloc[0]
    state = State.open(tmp_path)
    budget.save(state, budget.check_budget(name="company", amount=60))
    (status,) = budgets.status(view, state)
    assert through(view).complete_until == outlook.start < planted.END
    assert (
        cents(outlook.actual_usd)
        == cents(month["actual_usd"])
        == cents(status.spent_usd)
        == rows_cost(view, outlook.start, planted.END)
        > 0
    )
    assert outlook.settled_usd == 0 and outlook.p10 > outlook.actual_usd
    assert month["p50"] == pytest.approx(outlook.p50)
    over = forecast.outlook(view, Scope.of(view), *MONTH)
    assert cents(over.p50) == cents(over.p10) == cents(over.p90) == rows_cost(view, *MONTH)


def test_focus_exports_the_whole_month_in_utc(view):
    charges = focus.rows(view, MONTH[0])
    usd = view.sql(
        f"SELECT sum(cost_usd) AS usd FROM {view.name('usage')} WHERE requested_at >= ? AND requested_at < ?",
        [MONTH[0], MONTH[1]],
    )["usd"][0]
    assert sum(charges["BilledCost"], Decimal(0)) == usd
