from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal

import pytest

from analytics.bridges import bridge as bridges_
from analytics.budgets import budget
from analytics.scope import ClosedScope, Scope
from data.state import State
from tests.analytics import planted
from tests.analytics.commands import run

WEEK = (planted.END - timedelta(days=7), planted.END)


def spans(view, **filters) -> tuple[ClosedScope, ClosedScope]:
    after = Scope.of(view, *WEEK, **filters)
    return after.before(), after


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    ledger = planted.build(tmp_path_factory.mktemp("bridge"), "longer outputs", days=30)
    return ledger.at(ledger.snapshot())


@pytest.mark.parametrize(
    "filters", [{}, {"team": "search"}, {"model": "gpt-5.2"}, {"criticality": "high"}, {"team": "nobody"}], ids=str
)
def test_a_bridge_closes_on_the_ledgers_own_totals(view, filters):
    before, after = spans(view, **filters)
    result = bridges_.between(view, before, after)
    rows = after.usage(view)
    spent = view.frame(rows.aggregate(usd=rows.cost_usd.sum()))["usd"][0] or Decimal(0)
    assert result.end_usd == spent.quantize(Decimal("0.01"))
    assert result.start_usd + sum(driver.usd for driver in result.drivers) == result.end_usd


def test_groups_add_up_and_name_the_one_that_moved(view):
    before, after = spans(view)
    parts = bridges_.between_by(view, before, after, "team")
    whole = bridges_.between(view, before, after)
    assert abs(sum(part.end_usd for part in parts.values()) - whole.end_usd) <= Decimal("0.02")
    assert max(parts, key=lambda name: parts[name].change_usd) == "search"
    assert parts["search"].main.name == "output"


def test_budget_to_actual_closes_through_the_allowance(view):
    before, after = spans(view)
    result = bridges_.from_budget(Decimal("12.34"), bridges_.between(view, before, after))
    assert result.start_usd + sum(driver.usd for driver in result.drivers) == result.end_usd
    assert result.drivers[0].label == "Allowance in the budget"


def test_a_budget_is_compared_with_the_days_gone(view):
    start, end = planted.END - timedelta(days=14), planted.END + timedelta(days=14)
    result = bridges_.against_budget(view, 28.0, start, end, planted.END, {"team": ("search",)})
    assert result.start_usd == Decimal("14.00")
    assert result.start_usd + sum(driver.usd for driver in result.drivers) == result.end_usd
    assert bridges_.against_budget(view, 28.0, start, end, start, {}) is None


def test_a_team_renamed_in_the_middle_is_noticed(tmp_path):
    rows = planted.usage("quiet", days=14, since=7)
    late = (rows["team"] == "search") & (rows["requested_at"] >= "2026-10-29")
    rows.loc[late, "team"] = "discovery"
    ledger = planted.new_ledger(tmp_path)
    planted.load(ledger, rows)
    view = ledger.at(ledger.snapshot())
    before, after = spans(view)
    ((old, new, day),) = bridges_.renames(view, after, "team")
    assert (old, new, str(day)) == ("search", "discovery", "2026-10-29")
    assert bridges_.renames(view, before, "team") == []
    whole = bridges_.between(view, before, after)
    assert whole.start_usd + sum(driver.usd for driver in whole.drivers) == whole.end_usd


def test_unpriced_rows_are_left_out_and_counted(tmp_path):
    rows = planted.usage("quiet", days=14, since=7)
    unknown = rows["feature"] == "tags"
    rows.loc[unknown, ["cost_usd", "list_cost_usd"]] = None
    rows.loc[unknown, "cost_basis"] = "unpriced"
    ledger = planted.new_ledger(tmp_path)
    planted.load(ledger, rows)
    view = ledger.at(ledger.snapshot())
    share = bridges_.unpriced_share(view, *spans(view))
    assert share == pytest.approx(unknown.mean(), abs=0.01)
    assert bridges_.between(view, *spans(view)).end_usd > 0


def test_the_command_prints_a_bridge_that_closes(view, capsys):
    assert run(bridges_, "bridge", "--home", view.home, "--by", "team", "--json") == 0
    out = json.loads(capsys.readouterr().out)
    assert out["start_usd"] + sum(driver["usd"] for driver in out["drivers"]) == pytest.approx(out["end_usd"], abs=1e-9)
    assert set(out["groups"]) == {"search", "legal", "support"}
    assert (out["from"], out["to"]) == ("2026-10-26", "2026-11-01")


@pytest.mark.heavy
def test_the_command_goes_from_budget_to_actual_and_closes(view, capsys):
    state = State.open(view.home)
    budget.save(state, budget.check_budget(name="search team", amount=300, start_day=19, filters={"team": ("search",)}))
    budget.save(state, budget.check_budget(name="later", amount=30, starts="2026-11-02"))
    assert run(bridges_, "bridge", "--home", view.home, "--budget", "search team", "--json") == 0
    out = json.loads(capsys.readouterr().out)
    assert out["start_usd"] == pytest.approx(300 * 14 / 31, abs=0.01)
    assert out["start_usd"] + sum(driver["usd"] for driver in out["drivers"]) == pytest.approx(out["end_usd"], abs=1e-9)
    rows = Scope.of(view, date(2026, 10, 19), planted.END, team="search").usage(view)
    assert out["end_usd"] == pytest.approx(
        float(view.frame(rows.aggregate(usd=rows.cost_usd.sum()))["usd"][0]), abs=0.005
    )
    assert run(bridges_, "bridge", "--home", view.home, "--budget", "search team") == 0
    assert "Allowance in the budget" in capsys.readouterr().out
    for words, told in (
        (["later"], "no whole day"),
        (["nobody"], "use one of later, search team"),
        (["later", "--by", "team"], "leave --from"),
    ):
        assert run(bridges_, "bridge", "--home", view.home, "--budget", *words) == 1
        assert told in capsys.readouterr().err


@pytest.mark.parametrize("by", ["hour", "day", "key_alias", "criticality"])
def test_any_dimension_has_bridges_that_close(view, by):
    parts = bridges_.between_by(view, *spans(view), by)
    assert parts and all(
        part.start_usd + sum(driver.usd for driver in part.drivers) == part.end_usd for part in parts.values()
    )


def test_a_span_that_begins_before_the_first_log_says_so(view, capsys):
    """What was not logged is not free: nothing is compared with the days before the log."""
    dated = ("--from", "2026-10-01", "--to", "2026-10-10")
    assert run(bridges_, "bridge", "--home", view.home, *dated) == 1
    assert "cannot be compared with the days before: the log starts 3 Oct 2026" in capsys.readouterr().err
    against = ("--against-from", "2026-10-11", "--against-to", "2026-10-20")
    assert run(bridges_, "bridge", "--home", view.home, *dated, *against) == 0
    assert "Only days with a whole log are compared: the log starts 3 Oct 2026." in capsys.readouterr().out


@pytest.mark.parametrize(
    "options, told",
    [
        (["--from", "2026-11-02", "--to", "2026-11-01"], "ends before it starts"),
        (["--against-from", "2026-11-02"], "give both or neither"),
        (["--filter", "team"], "DIMENSION=VALUE"),
        (["--filter", "taem=x"], "did you mean team"),
        (["--from", "2020-01-01", "--to", "2020-01-08"], "the log starts 3 Oct 2026"),
        (["--by", "colour"], "no dimension"),
    ],
)
def test_a_senseless_span_is_refused_in_one_sentence(view, capsys, options, told):
    assert run(bridges_, "bridge", "--home", view.home, *options) == 1
    assert told in capsys.readouterr().err
