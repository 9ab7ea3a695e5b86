"""What commands of analytics say of five ledgers: nothing that the covered days do not carry."""

from __future__ import annotations

import json

import pytest

from analytics import spend
from analytics.anomalies import anomalies_command
from analytics.bridges import bridge
from analytics.budgets import budgets
from analytics.coverage import window
from analytics.forecasts import forecast
from analytics.promises.actions import Action
from analytics.promises.promises import measure
from analytics.savings import savings
from analytics.scope import Scope
from analytics.weekly import review
from data.state import State
from tests.analytics.commands import run
from tests.analytics.covered_ledgers import FIVE, LAST

COMMANDS = {
    "spend": (spend, ()),
    "bridge": (bridge, ()),
    "forecast": (forecast, ()),
    "anomalies": (anomalies_command, ()),
    "savings": (savings, ()),
    "budgets": (budgets, ("--set", "company=1000")),
    "review": (review, ()),
}
# USD spent, days covered, and whether a forecast has a range, on each ledger.
TRUTH = {
    "one day": (4, 0, None),
    "30 days": (120, 30, True),
    "a hole of ten days": (4 * 384, 384, True),
    "one source stopped": (4 * 100 + 4 * 94, 94, True),
    "years apart": (4 * 73, 73, True),
}


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    made = {}
    for name, build in FIVE.items():
        made[name] = tmp_path_factory.mktemp("ledger")
        build(made[name])
    return made


def asked(capsys, home, command, *more):
    """The JSON of a command, or None where it refuses in a sentence."""
    module, options = COMMANDS[command]
    code = run(module, command, "--home", home, "--json", *options, *more)
    said = capsys.readouterr()
    if code:
        assert "Traceback" not in said.err and said.err.strip().count("\n") == 0
        return None
    return json.loads(said.out)


@pytest.mark.parametrize("ledger", FIVE)
def test_totals_say_how_many_days_they_cover(homes, capsys, ledger):
    usd, days, _ = TRUTH[ledger]
    found = asked(capsys, homes[ledger], "spend")
    assert found["total"]["cost_usd"] == pytest.approx(usd)
    assert found["covered_days"] == days


@pytest.mark.parametrize("ledger", FIVE)
def test_no_forecast_without_days(homes, capsys, ledger):
    ranged = TRUTH[ledger][2]
    found = asked(capsys, homes[ledger], "forecast")
    if ranged is None:
        assert found is None
        return
    month = found["month_end"]
    assert (month["p10"] is not None) is ranged
    daily = 8 if ledger == "one source stopped" else 4
    assert month["p50"] == pytest.approx(30 * daily, rel=0.01)
    assert sum(m["p50"] for m in found["months"][1:]) == pytest.approx(334 * daily, rel=0.02)


@pytest.mark.parametrize("ledger", FIVE)
def test_no_chance_of_overrun_from_what_is_missing(homes, capsys, ledger):
    budget = next(b for b in asked(capsys, homes[ledger], "budgets")["budgets"] if b["name"] == "company")
    if TRUTH[ledger][2] is None:
        assert budget["chance_of_overrun"] is None and budget["p50"] is None
    else:
        assert budget["chance_of_overrun"] < 0.01


@pytest.mark.parametrize("ledger", FIVE)
def test_weeks_are_compared_where_both_have_a_log(homes, capsys, ledger):
    found = asked(capsys, homes[ledger], "bridge")
    if ledger in ("one day", "one source stopped"):
        assert found is None
    else:
        assert (found["start_usd"], found["end_usd"], found["covered_days"]) == (28, 28, 7)


def test_a_span_over_the_hole_leaves_its_days_out_of_both(homes, capsys):
    found = asked(capsys, homes["a hole of ten days"], "bridge", "--from", "2026-10-05", "--to", "2026-11-01")
    assert (found["start_usd"], found["end_usd"], found["covered_days"]) == (72, 72, 18)
    assert "no whole log on 8 to 17 Oct" in found["note"]
    before = ("--against-from", "2025-09-01", "--against-to", "2025-11-30")
    apart = asked(capsys, homes["a hole of ten days"], "bridge", "--from", "2026-09-01", "--to", "2026-09-30", *before)
    assert apart["against_covered_days"] == 39 and "the log starts 23 Oct 2025" in apart["note"]
    nothing = ("--against-from", "2025-01-01", "--against-to", "2025-01-31")
    assert asked(capsys, homes["a hole of ten days"], "bridge", "--from", "2026-09-01", *nothing) is None


@pytest.mark.parametrize("ledger", FIVE)
def test_a_month_of_savings_is_told_from_covered_days(homes, capsys, ledger):
    found = asked(capsys, homes[ledger], "savings")
    days = {"one day": 0, "one source stopped": 22}.get(ledger, 28)
    assert found["days"] == days
    daily = 8 if ledger == "one source stopped" else 4
    assert found["spend_usd_month"] == pytest.approx(daily * 365 / 12 if days else 0)


@pytest.mark.parametrize("ledger", FIVE)
def test_the_weekly_review_compares_only_what_it_can(homes, capsys, ledger):
    found = asked(capsys, homes[ledger], "review")
    if ledger == "one day":
        assert found["week"] == "2026-W47" and found["bridge"] is None
        assert found["pacing"]["week_usd"] == 4 and found["pacing"]["month"]["p50"] is None
        assert "nothing to compare it with (the log holds 20 Nov 2026 only" in found["message"]["text"]
    else:
        assert found["week"] == "2026-W46"
        assert found["bridge"]["start_usd"] == pytest.approx(found["bridge"]["end_usd"])


@pytest.mark.parametrize("ledger", FIVE)
def test_holes_are_no_anomalies_and_no_savings(homes, capsys, ledger):
    found = asked(capsys, homes[ledger], "anomalies")
    kinds = [one["kind"] for one in found["anomalies"]]
    assert kinds == (["silence"] if ledger == "one source stopped" else [])


def test_what_an_action_saved_is_measured_on_covered_days(homes):
    from data.ledger import Ledger

    ledger = Ledger.open(homes["a hole of ten days"])
    view = ledger.at(ledger.snapshot())
    after_hole = Action(name="x", decided="2026-10-18", filters={"team": ("search",)})
    assert measure(view, after_hole, until=LAST).saved_usd_month == pytest.approx(0, abs=1e-6)
    at_start = Action(name="x", decided="2025-10-25", filters={"team": ("search",)})
    assert measure(view, at_start, until=LAST).verdict == "not told"  # two days before it


def test_all_of_a_ledger_is_compared_with_nothing(homes):
    from analytics.coverage import comparison
    from data.ledger import Ledger

    for home in homes.values():
        ledger = Ledger.open(home)
        view = ledger.at(ledger.snapshot())
        compared = comparison(view, window(view))
        assert compared.now is None and "the log starts" in compared.note
        assert State.open(home) and Scope.of(view)
