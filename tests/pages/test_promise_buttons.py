"""A mix, a policy and a forecast become promises with one button each, and the ledger of promises measures them."""

from __future__ import annotations

from datetime import date

import pytest
import streamlit as st

from analytics.promises import actions
from analytics.promises.promises import ledger_of_promises
from data.state import State
from tests.analytics.covered_ledgers import LAST, day_rows, days, ledger_of
from tests.pages.test_held_versions import Shown
from tests.pages.test_savings_page import plain
from tests.pages.whole_app import opened


@pytest.fixture
def year(tmp_path):
    """Coding on gpt-5.2 and chat on minimax-m2, every day of most of a year."""
    span = days(date(2026, 2, 1), LAST)
    rows = [
        row
        for day in span
        for model, provider, team in (("gpt-5.2", "openai", "search"), ("minimax-m2", "minimax", "support"))
        for row in day_rows(day, model=model, provider=provider, team=team)
    ]
    ledger_of(tmp_path, rows).close()
    return tmp_path


@pytest.fixture(autouse=True)
def opened_popovers(monkeypatch) -> None:
    """Somebody has opened what makes a promise."""
    popover = st.popover

    def opened_by_somebody(label: str, **options):
        made = popover(label, **options)
        return Shown(made) if label == "Make it a promise" else made

    monkeypatch.setattr(st, "popover", opened_by_somebody)


def promised(year, monkeypatch, page, key, **query):
    """What pressing the button keeps, with the page as it is before."""
    app = opened(year, monkeypatch, page, **query)
    assert not app.exception, app.exception[0].value
    told = [text for text in plain(app.markdown) if "told from" in text or " costs $" in text]
    app.text_input(key=f"promise_owner_{key}").set_value("Ada").run()
    app.button(key=f"promise_{key}").click().run()
    assert not app.exception and not app.error
    assert any("the weekly review measures it" in said for said in plain(app.caption))
    (kept,) = actions.all_actions(State.open(year))
    assert kept.owner == "Ada" and kept.by == State.open(year).actor and kept.decided == LAST
    assert kept.low_usd_month <= kept.expected_usd_month <= kept.high_usd_month
    assert kept.told_attempts and kept.told_version is not None
    return kept, told


def test_a_policy_is_promised_with_its_band_rows_and_days(year, monkeypatch):
    kept, told = promised(year, monkeypatch, "policy_replay", "policy", team="search")
    assert kept.kind == "policy" and kept.status == "open" and kept.filters == {"team": ("search",)}
    assert (kept.told_from, kept.told_to) == (date(2026, 10, 24), date(2026, 11, 21))
    assert kept.told_attempts == 28 * 4 and kept.told_usd == pytest.approx(28 * 4)
    assert any("told from 24 Oct to 20 Nov 2026" in text for text in told)


def test_a_mix_is_promised_for_all_rows_and_measured_once_done(year, monkeypatch):
    kept, _ = promised(year, monkeypatch, "mix", "mix")
    assert kept.kind == "mix" and kept.filters == {} and "Requests: " in kept.note
    state = State.open(year)
    done = kept.model_copy(update={"status": "done", "done": date(2026, 10, 20)})
    actions.ACTIONS.save(state, done.name, done)
    week = opened(year, monkeypatch, "weekly")
    assert not week.exception
    assert any("1 within noise" in text for text in plain(week.markdown))  # nothing was done in truth


def test_a_forecast_is_promised_for_its_month_and_told_once_that_is_over(year, monkeypatch):
    kept, told = promised(year, monkeypatch, "plan", "forecast")
    assert (kept.kind, kept.name) == ("forecast", "November 2026")
    assert (kept.told_from, kept.told_to) == (date(2026, 11, 1), date(2026, 12, 1))
    assert kept.expected_usd_month == pytest.approx(30 * 8, rel=0.02)
    assert any(text.startswith("1 to 30 Nov 2026 costs $240") for text in told)
    week = opened(year, monkeypatch, "weekly")
    assert not week.exception and not any(f"**{kept.name}**" in text for text in plain(week.markdown))


def test_a_forecast_is_judged_by_covered_days_alone(tmp_path, year, monkeypatch):
    kept, _ = promised(year, monkeypatch, "plan", "forecast")

    def later(name, last, missing=()):
        rows = [
            row
            for day in days(date(2026, 2, 1), last)
            if day not in missing
            for team in ("search", "support")
            for row in day_rows(day, team=team)
        ]
        view, state = ledger_of(tmp_path / name, rows), State.open(tmp_path / name)
        actions.ACTIONS.save(state, kept.name, kept)
        (found,) = ledger_of_promises(view, state)
        return found

    assert later("over", date(2026, 12, 3)).verdict == "kept"
    running = later("running", date(2026, 11, 25))
    assert (running.verdict, running.why) == ("not told", "its days are not over")
    holed = later("holed", date(2026, 12, 3), days(date(2026, 11, 10), date(2026, 11, 14)))
    assert holed.verdict == "not told" and "the log covers 25 of 30 days of it" in holed.why
    assert "deleted since" in holed.changed
