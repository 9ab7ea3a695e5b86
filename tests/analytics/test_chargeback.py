"""Chargeback: every statement adds up to its month exactly, whatever the rule; nothing is charged to nobody unsaid."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.billing import chargeback, chargeback_command
from analytics.billing.chargeback import CENT, LEFT, apportion, csv_text, html, json_form, lines, statement, table
from analytics.billing.month_budgets import against_budgets, message
from analytics.billing.shared_costs import SHARED, UNTAGGED, SharedCost
from analytics.budgets.budget import Budget, check_budget, save
from data.errors import BadInput, NoData
from tests.analytics.commands import run
from tests.analytics.covered_ledgers import day_rows, days, ledger_of

OCTOBER = date(2026, 10, 1)
amounts = st.decimals(0, 10**6, places=12)


@given(st.dictionaries(st.text(max_size=5), amounts, min_size=1, max_size=12))
def test_parts_add_up_and_none_is_off_by_a_cent(parts):
    whole = sum(parts.values(), Decimal(0)).quantize(CENT)
    found = apportion(whole, parts, CENT)
    assert sum(found.values()) == whole
    assert all(abs(found[name] - part) < CENT for name, part in parts.items())


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    """October: search $310 in 31 requests, support $155 in 62, platform $93.31, no team $31 (unevenly priced)."""
    rows = []
    for day in days(OCTOBER, date(2026, 10, 31)):
        rows += day_rows(day, hours=[1], usd=10, team="search")
        rows += day_rows(day, hours=[2, 23.5], usd=2.5, team="support", model="gpt-5-mini")
        rows += day_rows(day, hours=[4], usd=3.01, team="platform")
        rows += day_rows(day, hours=[5], usd=1, team=None)
    return ledger_of(tmp_path_factory.mktemp("charged"), rows)


def charged(found) -> dict[str, Decimal]:
    return {charge.team: charge.total_usd for charge in found.charges}


def assert_adds_up(found) -> None:
    whole = sum(charged(found).values()) + sum(found.not_charged.values())
    assert whole == found.total_usd == Decimal("589.31")
    assert sum(row["usd"] for row in lines(found)) == found.total_usd
    frame = table(found)
    assert frame["Total"].iloc[-1] == found.total_usd
    for column in frame.columns[1:]:
        assert sum(frame[column].iloc[:-1]) == frame[column].iloc[-1]


def test_untagged_spend_is_a_line_of_its_own_split_by_spend(view, state):
    found = statement(view, state, OCTOBER)
    assert [(name, usd) for name, _, usd in found.shared] == [(UNTAGGED, Decimal("31.00"))]
    search = found.charges[0]
    assert search.team == "search" and search.own_usd == 310
    assert search.shared == {UNTAGGED: Decimal("17.21")}  # 31 x 310 / 558.31
    assert_adds_up(found)


@pytest.mark.parametrize(
    "rule, search",
    [
        ({"split": "even"}, Decimal("46.66")),  # 93.31 / 2 teams with spend of their own, rounded
        ({"split": "spend"}, Decimal("62.21")),  # x 310 / 465
        ({"split": "requests"}, Decimal("31.10")),  # x 31 / 93
        ({"split": "fixed", "weights": {"search": 1, "legal": 3}}, Decimal("23.33")),
    ],
)
def test_a_shared_team_is_split_by_its_rule(view, state, rule, search):
    SHARED.save(state, "Platform", {"filters": {"team": ("platform",)}, **rule})
    found = statement(view, state, OCTOBER)
    by_team = {charge.team: charge for charge in found.charges}
    assert "platform" not in by_team and abs(by_team["search"].shared["Platform"] - search) <= CENT
    assert ("legal" in by_team) == (rule["split"] == "fixed")
    assert_adds_up(found)


def test_what_no_rule_can_charge_is_said_and_still_adds_up(tmp_path, state):
    view = ledger_of(tmp_path, [row | {"team": None} for row in day_rows(OCTOBER, usd=200)])
    found = statement(view, state, OCTOBER)
    assert found.charges == () and found.not_charged == {UNTAGGED: 800}
    assert any("charged to nobody" in note for note in found.notes)
    assert table(found)["Total"].iloc[-1] == 800


def test_a_small_log_is_charged_in_millionths(tmp_path, state):
    view = ledger_of(tmp_path, day_rows(OCTOBER, usd=0.001234) + day_rows(OCTOBER, usd=0.000002, team=None))
    found = statement(view, state, OCTOBER)
    assert found.total_usd == Decimal("0.004944") and found.money(found.total_usd) == "$0.004944"


def test_unpriced_attempts_and_days_without_a_log_are_said(tmp_path, state):
    view = ledger_of(tmp_path, [*day_rows(OCTOBER, usd=500), *(r | {"cost_usd": None} for r in day_rows(OCTOBER))])
    notes = " ".join(statement(view, state, OCTOBER).notes)
    assert "4 attempts have no known cost" in notes and "1 of 31 days of the month have a whole log" in notes


def test_a_month_without_a_log_has_no_statement(view, state):
    with pytest.raises(NoData, match="no request of March 2026"):
        statement(view, state, date(2026, 3, 1))


@pytest.mark.parametrize(
    "name, body, told",
    [
        ("Pool", {}, "needs a filter"),
        (UNTAGGED, {"filters": {"team": ("a",)}}, "needs no filters"),
        ("Pool", {"filters": {"colour": ("red",)}}, "no dimension"),
        ("Pool", {"filters": {"team": ("a",)}, "split": "fixed"}, "needs weights"),
        ("Pool", {"filters": {"team": ("a",)}, "weights": {"a": 1}}, "only a fixed split"),
        ("Pool", {"filters": {"team": ("a",)}, "split": "fixed", "weights": {"a": -1}}, "below zero"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(state, name, body, told):
    with pytest.raises(BadInput, match=told):
        SHARED.save(state, name, body)


def test_the_first_shared_cost_by_name_has_the_row(view, state):
    for name in ("B", "A"):
        SHARED.save(state, name, SharedCost(filters={"team": ("platform",)}))
    found = statement(view, state, OCTOBER)
    assert {name for name, _, _ in found.shared} == {"A", UNTAGGED}


def test_text_that_a_spreadsheet_would_run_is_defused(tmp_path, state):
    view = ledger_of(tmp_path, day_rows(OCTOBER, usd=100, team="=cmd()"))
    rows = list(csv.DictReader(io.StringIO(csv_text(statement(view, state, OCTOBER)))))
    assert rows[0]["team"] == "'=cmd()" and "&lt;" in chargeback.html(
        statement(ledger_of(tmp_path / "b", day_rows(OCTOBER, usd=100, team="<b>")), state, OCTOBER)
    )


def test_the_command_prints_it_as_json_csv_and_html(view, capsys):
    home = ("--home", view.home)
    share = ("--share", "Platform", "--filter", "team=platform", "--split", "fixed", "--weight", "search=1")
    assert run(chargeback_command, "chargeback", *home, *share, "--month", "2026-10", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["total_usd"] == 589.31 and told["shared"][0]["rule"] == "fixed: search 100.0%"
    assert run(chargeback_command, "chargeback", *home, "--csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert sum(Decimal(row["usd"]) for row in rows) == Decimal("589.31")
    assert run(chargeback_command, "chargeback", *home, "--html") == 0
    assert "$589.31" in capsys.readouterr().out
    assert run(chargeback_command, "chargeback", *home, "--unshare", "Platform") == 0
    assert "Untagged, $31.00: split by each one's own spend." in capsys.readouterr().out
    assert run(chargeback_command, "chargeback", *home, "--month", "October") == 1
    assert "YYYY-MM" in capsys.readouterr().err


def monthly(name: str, amount: float, **more) -> Budget:
    return check_budget(name=name, amount=amount, **more)


def test_a_month_stands_against_its_budgets(view, state):
    """Search's month costs 310 + 17.21 of what names no team; two of its budgets are set, and the tighter one holds."""
    for one in (
        monthly("search", 300, filters={"team": ("search",)}),
        monthly("search, wide", 400, filters={"team": ("search",)}),
        monthly("support", 200, filters={"team": ("support",)}),
        monthly("company", 600),
    ):
        save(state, one)
    found = statement(view, state, OCTOBER)
    shown = table(found).set_index("Team")
    assert shown.loc["search", LEFT] == Decimal("300.0") - charged(found)["search"] < 0
    assert shown.loc["support", LEFT] == Decimal("200.0") - charged(found)["support"] > 0
    assert shown.loc["platform", "Budget"] is None and shown.loc["Total", LEFT] == Decimal("600.0") - found.total_usd
    told = against_budgets(found)
    assert told == (
        "It is $10.69 under the company's budget of $600.00. 1 of 2 budgets by team is exceeded: search by $27.21"
    )
    body = message(found)["text"]
    assert "search: $327.21, $27.21 over its budget of $300.00" in body and told in body
    assert "1 of 2 budgets by team is exceeded" in html(found) and json_form(found)["charges"][0]["budget_usd"] == 300


@pytest.mark.parametrize(
    "other",
    [
        {"period": "quarterly"},
        {"start_day": 15},
        {"starts": date(2026, 10, 2)},
        {"ends": date(2026, 10, 31)},
        {"filters": {"team": ("search", "support")}},
        {"filters": {"team": ("search",), "model": ("gpt-5.2",)}},
        {"filters": {"model": ("gpt-5.2",)}},
    ],
    ids=str,
)
def test_a_budget_that_is_not_of_a_whole_month_of_one_team_is_left_out(view, state, other):
    save(state, monthly("other", 100, **other))
    found = statement(view, state, OCTOBER)
    assert not found.budgets and LEFT not in table(found) and not against_budgets(found)
