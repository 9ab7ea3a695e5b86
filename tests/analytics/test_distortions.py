"""Spend pages 3: a green fall that is a runaway in the weeks before."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from analytics.anomalies.distortions import distortion
from analytics.coverage import comparison, window
from tests.analytics.covered_ledgers import LAST, day_rows, days, ledger_of, thirty_days


def test_a_change_that_holds_an_event_says_both(tmp_path):
    """$4 a day, $4.20 in the last 28 days, and a week at $14 in the weeks before."""
    rows = []
    for day in days(LAST - timedelta(days=120), LAST):
        usd = 4.2 if day > LAST - timedelta(days=28) else 4.0
        rows += day_rows(day, usd=usd / 4)
        if date(2026, 10, 5) <= day <= date(2026, 10, 11):
            rows += day_rows(day, usd=10 / 4, team="research")
    view = ledger_of(tmp_path, rows)
    found = distortion(view, comparison(view, window(view, days=28)))
    assert found is not None
    assert found.change == pytest.approx(28 * 4.2 / (28 * 4 + 70) - 1)
    assert found.change_without == pytest.approx(0.05, abs=0.01)
    assert "5 Oct to 11 Oct" in found.text and found.text.startswith("+5")


def test_nothing_unusual_is_told_once(tmp_path):
    view = thirty_days(tmp_path)
    assert distortion(view, comparison(view, window(view, days=7))) is None
    assert distortion(view, comparison(view, window(view, days=28))) is None
