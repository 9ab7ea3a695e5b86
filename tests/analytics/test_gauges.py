"""Gauges: what is known is there in Prometheus' text format, what is not is missing; the dashboard asks for these."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from analytics.alerts import gauges, incident_book
from analytics.alerts.gauges import MEANINGS, Gauge, exposition
from analytics.alerts.lookout import Firing, Judged
from analytics.alerts.rule import Rule
from analytics.alerts.watch import instant
from analytics.budgets.budget import check_budget, save
from data.sources.progress import Pulled, keep_progress
from data.sources.source import SOURCES
from data.state import State
from tests.analytics.commands import run
from tests.analytics.covered_ledgers import LAST, day_rows, days, ledger_of

DASHBOARD = Path(__file__).resolve().parents[2] / "docs" / "grafana.json"
LINE = re.compile(r'baton_[a-z_]+(\{[a-z]+="(?:[^"\\\n]|\\.)*"\})? [-0-9.e+]+')


@pytest.mark.heavy
def test_they_say_what_is_known(tmp_path, capsys):
    missing = LAST - timedelta(days=9)
    every = [day for day in days(LAST - timedelta(days=40), LAST) if day != missing]
    view = ledger_of(tmp_path, [row for day in every for row in day_rows(day)])
    state = State.open(tmp_path)
    save(state, check_budget(name='the "big"\none', amount=1000))
    SOURCES.save(state, "bill", {"kind": "openai_costs"})
    keep_progress(state, "bill", Pulled(None, instant(), None, "It answered 500."))
    rules = {"r": Rule(kind="budget", channels=("BATON_ALERT_SLACK",))}
    incident_book.record(state, rules, {"r": Judged((Firing("a", "a"), Firing("b", "b")))}, instant(), "UTC")
    view.close()
    out = tmp_path / "baton.prom"
    assert run(gauges, "gauges", "--home", tmp_path, "--out", out, "--json") == 0
    listed = json.loads(capsys.readouterr().out)["gauges"]
    known = {(one["name"], *one["labels"].values()): one["value"] for one in listed}
    assert known["spend_usd", "1"] == 4 and known["spend_usd", "7"] == 28 and known["spend_usd", "28"] is None
    assert known["alerts_open", "r"] == 2 and known["alert_messages_undelivered",] == 1
    assert known["source_failing", "bill"] == 1 and known["source_pulled_timestamp_seconds", "bill"] is None
    lines = [line for line in out.read_text().splitlines() if not line.startswith("#")]
    assert all(LINE.fullmatch(line) for line in lines)
    assert (
        'baton_spend_usd{days="28"}' not in out.read_text() and r'{budget="the \"big\"\none"} 1000' in out.read_text()
    )
    assert {name for name, *_ in known} == set(MEANINGS)
    assert run(gauges, "gauges", "--home", tmp_path, "--out", tmp_path / "no" / "where.prom") == 1
    assert "cannot be written" in capsys.readouterr().err


def test_a_gauge_without_a_value_is_left_out():
    assert exposition([Gauge("priced_share", {}, None)]) == "\n"


def test_the_dashboard_asks_for_every_gauge_and_for_no_other():
    board = json.loads(DASHBOARD.read_text())
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    names = {name for expression in asked for name in re.findall(r"baton_([a-z_]+)", expression)}
    assert names == set(MEANINGS)
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"]) and board["schemaVersion"] >= 36


def test_the_dashboard_is_one_that_grafana_can_lay_out_and_ask():
    """What its schema asks of every panel; Grafana's own SDK read the file whole (docs/grafana.md)."""
    board = json.loads(DASHBOARD.read_text())
    (source,) = board["templating"]["list"]
    assert (source["type"], source["query"]) == ("datasource", "prometheus")
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        assert panel["title"] and panel["type"] in ("stat", "timeseries", "table", "gauge", "bargauge")
        assert panel["datasource"] == {"type": "prometheus", "uid": f"${{{source['name']}}}"}
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) > 0
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert cells and max(x for x, _ in cells) < 24 and not cells & taken, panel["title"]
        taken |= cells
