"""Anomalies and savings with one cause are one item, its chain in words, its dollars counted once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from analytics.anomalies import anomaly_search, incidents
from analytics.anomalies.anomaly_search import NOTES
from analytics.history import recent
from analytics.savings import savings
from analytics.scope import Scope
from analytics.weekly import report, review
from data.state import State
from routing.policies.in_force import forbidden
from tests.analytics import planted

MONDAY = planted.END - timedelta(days=7)
RATIO = (2500 * 1.75e-6 + 2500 * 0.175e-6 + 250 * 14e-6) / (2500 * 0.3e-6 + 2500 * 0.03e-6 + 250 * 1.2e-6)


@pytest.fixture(scope="module")
def failing(tmp_path_factory):
    """From ten days before the end minimax-m2 fails 30 % of ranking's attempts, which then go to gpt-5.2."""
    home = tmp_path_factory.mktemp("failing")
    ledger = planted.build(home, "failing model", days=70, since=10)
    return ledger.at(ledger.snapshot()), State.open(home)


@pytest.fixture(scope="module")
def seen(failing):
    view, state = failing
    week = Scope.of(view, MONDAY, planted.END)
    found = savings.findings(view, recent(view), state, forbidden(state)).findings
    anomalies = anomaly_search.findings(view, week).anomalies
    return incidents.incidents(view, week, anomalies, found), anomalies, found


def test_a_failing_model_and_the_fallback_it_caused_are_one_item(failing, seen):
    (incident,), anomalies, _ = seen
    assert len(anomalies) >= 2 and incident.members[0].kind == "failures" and len(incident.members) == len(anomalies)
    assert incident.title.startswith("minimax-m2 fails more than 10%")
    assert "second attempts went to gpt-5.2" in incident.story and "so ranking" in incident.story


def test_its_dollars_are_the_premium_of_the_fallback_counted_once(failing, seen):
    (incident,), anomalies, _ = seen
    view, _ = failing
    paid = view.sql(
        f"""SELECT sum(cost_usd)::DOUBLE AS usd FROM {view.name("usage")}
        WHERE model = 'gpt-5.2' AND feature = 'ranking' AND requested_at >= '{incident.start}'"""
    )["usd"][0]
    assert incident.usd == pytest.approx(paid * (1 - 1 / RATIO), rel=0.02)
    assert incident.usd < sum(one.usd for one in anomalies)
    assert incident.start == planted.END - timedelta(days=10)
    assert 0.5 * incident.usd < incident.usd_in_scope < incident.usd  # it began before the week


def test_the_saving_with_the_same_cause_stands_with_it(seen):
    (incident,), _, found = seen
    failures = next(one for one in found if one.kind == "failures")
    assert incident.savings == (failures.title,) and incident.saves_usd_month == failures.usd_month


def test_the_week_is_titled_by_it_until_somebody_settles_it(failing):
    view, state = failing
    found = review.build(view, state, MONDAY, forbidden=forbidden(state))
    assert "; minimax-m2 fails more than 10%" in report.headline(found)
    assert "above the usual this week" in report.headline(found)
    assert "second attempts went to gpt-5.2" in report.html(found) and "this week" in report.markdown(found)
    (row,) = found["incidents"]
    assert row["usd_in_scope"] < row["usd"] and row["period"].endswith("Nov")
    assert any(one["incident"] == row["title"] for one in found["savings"]["rows"])
    NOTES.save(state, row["key"], {"status": "expected"})
    settled = review.build(view, state, MONDAY, forbidden=forbidden(state))
    assert "fails" not in report.headline(settled) and settled["incidents"][0]["status"] == "expected"
    NOTES.forget(state, row["key"])


def test_a_quiet_week_has_no_incident(tmp_path):
    ledger = planted.build(tmp_path, "quiet", days=70)
    view = ledger.at(ledger.snapshot())
    week = Scope.of(view, MONDAY, planted.END)
    assert incidents.incidents(view, week, anomaly_search.findings(view, week).anomalies) == ()
