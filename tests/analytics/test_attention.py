"""What needs attention: each thing planted is on the list, with its dollars; a quiet ledger has an empty one."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from analytics.anomalies.anomaly_search import NOTES, findings
from analytics.budgets import budgets
from analytics.coverage import window
from analytics.weekly.attention import attention
from analytics.weekly.news import News, rank
from data.prices.model_lives import SUCCESSORS
from data.state import State
from tests.analytics.covered_ledgers import LAST, day_rows, days, ledger_of, one_source_stopped

D = timedelta(days=1)


def needs(view, state, **filters):
    scope = window(view, days=28)
    for name, value in filters.items():
        scope = scope.with_filter(name, value)
    return {one.kind: one for one in attention(view, state, scope).news}


def test_weight_is_dollars_novelty_and_risk():
    said = [
        News("change", "plain", 100, ""),
        News("incident", "new", 60, "", is_new=True),
        News("budget", "risky", -55, "", is_risk=True),
        News("incident", "both", 30, "", is_new=True, is_risk=True),
        News("caveat", "nothing", 0, ""),
    ]
    assert [one.text for one in rank(said)] == ["both", "new", "risky", "plain"]


def test_a_quiet_ledger_needs_nothing(tmp_path):
    rows = [row for day in days(LAST - 60 * D, LAST) for row in day_rows(day)]
    assert needs(ledger_of(tmp_path, rows), State.open(tmp_path)) == {}


def test_a_young_log_is_not_called_quiet(tmp_path):
    view = ledger_of(tmp_path, day_rows(LAST, hours=(8, 9)))
    found = attention(view, State.open(tmp_path), window(view, days=28))
    assert found.news == () and "no day can be called unusual yet" in found.unjudged


def test_a_silent_source_is_told_with_what_it_hides(tmp_path):
    view, state = one_source_stopped(tmp_path), State.open(tmp_path)
    silence = needs(view, state)["silence"]
    assert silence.text == "no log from langfuse since 15 Nov: about $24.00 is not in the log"
    assert silence.is_new and silence.is_risk


def test_a_jump_is_told_until_somebody_settles_it(tmp_path):
    rows = [row for day in days(LAST - 90 * D, LAST) for row in day_rows(day, usd=1.0 if day < LAST - 3 * D else 3.0)]
    view, state = ledger_of(tmp_path, rows), State.open(tmp_path)
    jump = needs(view, state)["incident"]
    assert jump.usd == pytest.approx(4 * 8, rel=0.02) and jump.is_new and jump.on == LAST
    assert f"{jump.usd:.2f} above the usual in these 28 days" in jump.text
    (anomaly,) = findings(view, window(view, days=28)).anomalies  # its dearest hour is not told beside it
    NOTES.save(state, anomaly.key, {"status": "expected"})
    assert "incident" not in needs(view, state)


def test_a_budget_on_course_to_break_is_told_for_the_whole_company(tmp_path):
    rows = [row for day in days(LAST - 60 * D, LAST) for row in day_rows(day)]
    view, state = ledger_of(tmp_path, rows), State.open(tmp_path)
    budgets.save(state, budgets.check_budget(name="company", amount=100))
    told = needs(view, state)["budget"]
    assert told.text == "the monthly budget is on course to end $20.00 over" and told.usd == pytest.approx(20)
    assert "budget" not in needs(view, state, team="search")
    budgets.save(state, budgets.check_budget(name="company", amount=125))
    assert "budget" not in needs(view, state)


def test_what_is_announced_is_told_in_dollars_of_own_work(tmp_path):
    rows = [
        row
        for day in days(LAST - 60 * D, LAST)
        for model, provider in (("gpt-4.1", "openai"), ("gemini-3.6-flash", "google"))
        for row in day_rows(day, model=model, provider=provider)
    ]
    view, state = ledger_of(tmp_path, rows), State.open(tmp_path)
    told = needs(view, state)
    assert told["ending"].is_risk and told["ending"].usd == pytest.approx(4 * 365 / 12)
    assert told["price change"].usd == pytest.approx(4 * 365 / 12) and told["price change"].on == date(2027, 1, 1)
    SUCCESSORS.save(state, "gpt-4.1", {"model": "gpt-5.2"})
    assert not needs(view, state)["ending"].is_risk


def test_a_caveat_on_more_of_the_dollars_is_told(tmp_path):
    early, late = days(LAST - 60 * D, LAST - 10 * D), days(LAST - 9 * D, LAST)
    rows = [{**row, "caveats": None} for day in early for row in day_rows(day)]
    rows += [{**row, "caveats": ["placeholder_output"]} for day in late for row in day_rows(day)]
    view, state = ledger_of(tmp_path, rows), State.open(tmp_path)
    told = needs(view, state)["caveat"]
    assert told.usd == pytest.approx(40) and "35.7% of the dollars ($40.00), +35.7 pp against the 28 days" in told.text
    assert "caveat" not in needs(view, state, team="search")
