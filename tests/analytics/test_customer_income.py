"""Customers' margins: income by the day less the cost of the same days, nobody left out unsaid."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from analytics.billing.customer_income import INCOMES, margins
from analytics.scope import Scope
from data.calendar import DAYS_PER_MONTH
from data.errors import BadInput
from pages.parts.explore.customers import answer, stands_on
from tests.analytics.covered_ledgers import day_rows, days, ledger_of

FIRST, LAST = date(2026, 10, 1), date(2026, 10, 30)


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    """Thirty days: acme costs $4 a day, bolt $8, coil $1 without an income, $2 a day names nobody."""
    rows = []
    for day in days(FIRST, LAST):
        for customer, usd in (("acme", 2), ("bolt", 4), ("coil", 0.5), (None, 1)):
            rows += [row | {"customer_id": customer} for row in day_rows(day, hours=[0.1, 23.9], usd=usd)]
    return ledger_of(tmp_path_factory.mktemp("customers"), rows)


def test_income_less_cost_by_hand(view, state):
    for name, usd in (("acme", 200), ("bolt", 200), ("quiet", 30)):
        INCOMES.save(state, name, {"usd_month": usd})
    found = margins(view, state, Scope.of(view, FIRST, date(2026, 10, 31)))
    by_name = found.rows.set_index("customer_id")
    assert list(by_name.index) == ["bolt", "quiet", "acme"] and list(found.losing["customer_id"]) == ["bolt"]
    assert by_name.loc["bolt", "cost_usd"] == 240 and by_name.loc["quiet", "cost_usd"] == 0
    assert float(by_name.loc["acme", "income_usd"]) == pytest.approx(200 * 30 / DAYS_PER_MONTH)
    assert float(by_name.loc["acme", "left_usd"]) == pytest.approx(200 * 30 / DAYS_PER_MONTH - 120)
    assert (found.days, found.others, found.others_usd, found.without_usd) == (30, 1, Decimal(30), Decimal(60))
    assert answer(found).startswith("1 of 3 customers with a known income costs more than they pay, by $42.74 in all")
    assert "1 customer without a known income cost $30.00. $60.00 names no customer." in stands_on(found)


def test_days_beyond_the_log_count_on_neither_side(view, state):
    INCOMES.save(state, "acme", {"usd_month": 200})
    wide = margins(view, state, Scope.of(view, FIRST, date(2027, 10, 31)))
    assert wide.days == 30 and float(wide.rows["income_usd"][0]) == pytest.approx(200 * 30 / DAYS_PER_MONTH)


def test_nobody_known_is_no_answer_and_no_zero(view, state):
    found = margins(view, state, Scope.of(view, FIRST, date(2026, 10, 31)))
    assert found.rows.empty and found.others == 3 and answer(found).startswith("None of 0 customers")


@pytest.mark.parametrize("body", [{}, {"usd_month": -1}, {"usd_month": "much"}, {"usd_month": 1, "per": "year"}])
def test_an_income_that_is_none_is_refused(state, body):
    with pytest.raises(BadInput, match="acme"):
        INCOMES.save(state, "acme", body)
