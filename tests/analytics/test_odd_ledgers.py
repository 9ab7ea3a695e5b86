"""Ledgers that no plan expected: every command answers or refuses in one sentence, and tells no year of them."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from analytics import ahead, anomaly_search, bridge, forecast, review, savings
from analytics.coverage import window
from analytics.planned_events import EVENTS
from analytics.scope import Scope
from data.state import State
from tests.analytics.commands import run
from tests.analytics.covered_ledgers import LAST, day_rows, days, ledger_of

MONTH = days(LAST - timedelta(days=29), LAST)
ODD = {
    "one row": day_rows(LAST, hours=(9,)),
    "only future rows": day_rows(date(2030, 1, 7), hours=(9, 10)),
    "two rows ten years apart": [*day_rows(date(2016, 11, 20), hours=(9,)), *day_rows(LAST, hours=(9,))],
    "a clock that jumped": [row for day in [*MONTH, date(2036, 1, 1)] for row in day_rows(day)],
}
COMMANDS = {
    "ahead": ahead,
    "anomalies": anomaly_search,
    "bridge": bridge,
    "forecast": forecast,
    "review": review,
    "savings": savings,
}


@pytest.mark.parametrize("name", ODD)
def test_every_command_answers_or_refuses_in_a_sentence(tmp_path, capsys, name):
    view = ledger_of(tmp_path, ODD[name])
    for command, module in COMMANDS.items():
        code = run(module, command, "--home", tmp_path, "--json")
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        if code:
            assert said.err.strip() and said.err.strip().count("\n") == 0, (command, said.err)
            continue
        found = json.loads(said.out)
        if command == "savings":
            assert found["total_usd_month"] == 0
        if command == "forecast":
            assert found["month_end"]["p10"] is None
    assert window(view, days=28).start < window(view, days=28).end


def test_an_event_whose_day_has_passed_is_not_counted_again(tmp_path):
    """The log of the days after it holds what it did, also where its own day has no log."""
    logged = [day for day in days(LAST - timedelta(days=60), LAST) if day != date(2026, 11, 11)]
    view, state = ledger_of(tmp_path, [row for day in logged for row in day_rows(day)]), State.open(tmp_path)

    def month() -> float:
        return forecast.month_end(view, Scope.of(view), forecast.events_ahead(view, state, Scope.of(view))).p50

    before = month()
    EVENTS.save(state, "x", {"name": "x", "on": "2026-11-11", "change_pct": 100, "usd_per_month": 1000})
    assert month() == before == pytest.approx(120)
    EVENTS.save(state, "y", {"name": "y", "on": f"{LAST + timedelta(days=1)}", "change_pct": 100})
    assert month() == pytest.approx(120 + 10 * 4, rel=0.02)
