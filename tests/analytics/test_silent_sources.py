"""A source that stopped is a finding of its own, and no series is judged on the days it lacks."""

from __future__ import annotations

from datetime import date

import pytest

from analytics.anomalies import anomaly_search
from analytics.coverage import window
from tests.analytics.covered_ledgers import one_source_stopped, years_apart


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    return one_source_stopped(tmp_path_factory.mktemp("stopped"))


@pytest.mark.heavy
def test_the_silence_is_named_with_what_it_lacks(view):
    """Methods 1, case 3: `Checked 32 series`, and no word of a dead source."""
    found = anomaly_search.findings(view, window(view, days=28))
    (silence,) = found.anomalies
    assert silence.title == "No log from langfuse since 15 Nov"
    assert (silence.start, silence.period) == (date(2026, 11, 15), "15 to 20 Nov")
    assert silence.usd == pytest.approx(-6 * 4)


def test_a_silence_before_the_asked_days_is_still_on(view):
    found = anomaly_search.findings(view, window(view, days=2))
    (silence,) = found.anomalies
    assert silence.usd == pytest.approx(-24) and silence.usd_in_scope == pytest.approx(-8)


def test_years_without_a_log_are_no_event(tmp_path):
    view = years_apart(tmp_path)
    assert anomaly_search.findings(view, window(view, days=28)).anomalies == ()
