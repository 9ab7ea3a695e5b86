"""A finding's link opens exactly its requests, its action keeps its number and days, its test opens the lab."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import streamlit as st

from analytics import actions, savings
from data.ledger import Ledger
from data.state import State
from data.wording import count, usd
from routing.policies.in_force import forbidden
from tests.pages.test_pages import opened


@pytest.fixture
def home(sample_home, tmp_path) -> Path:
    folder = tmp_path / "own"
    shutil.copytree(sample_home, folder)
    yield folder
    st.cache_data.clear()
    st.cache_resource.clear()


def plain(elements) -> list[str]:
    """What elements say, without the signs that keep names from becoming markup."""
    return [element.value.replace("\\", "") for element in elements]


def findings(home: Path) -> savings.Savings:
    ledger, state = Ledger.open(home), State.open(home)
    view = ledger.at(ledger.snapshot())
    return savings.findings(view, savings.recent(view), state, forbidden(state))


def test_the_requests_of_a_finding_are_those_of_its_card(home, monkeypatch):
    saving = findings(home)
    finding = saving.findings[0]
    card = opened(home, monkeypatch, "savings")
    assert not card.exception
    said = f"Its requests: {count(finding.attempts)} attempts, {usd(finding.spend_usd)} in {saving.days} days."
    assert said in plain(card.caption)
    app = opened(home, monkeypatch, "explore", finding=finding.key)
    assert not app.exception and not app.error
    assert f"Spend: {usd(finding.spend_usd)} " in plain(app.title)[0]
    assert any(f"on {count(finding.attempts)} attempts " in said for said in plain(app.markdown))


def test_a_finding_that_is_gone_is_told_and_everything_shown(home, monkeypatch):
    app = opened(home, monkeypatch, "explore", finding="no such finding")
    assert not app.exception and "not found any more" in app.warning[0].value


def test_the_action_keeps_the_cards_number_and_its_days(home, monkeypatch):
    saving = findings(home)
    app = opened(home, monkeypatch, "savings")
    app.button(key="decide_0").click().run()
    assert not app.exception and not app.error
    (kept,) = actions.saved(State.open(home))
    assert kept.expected_usd_month == round(saving.findings[0].usd_month, 2) and kept.finding == saving.findings[0].key
    assert (kept.told_from, kept.told_to) == (saving.scope.start, saving.scope.end)
    assert any("on the action list" in said and kept.told in said for said in plain(app.caption))
    week = opened(home, monkeypatch, "weekly")
    assert not week.exception
    next(b for b in week.button if b.label == "Save actions").click().run()
    assert not week.exception and actions.saved(State.open(home)) == [kept]  # what the table does not edit stays


def test_an_untested_finding_opens_the_lab_on_its_models(home, monkeypatch):
    app = opened(home, monkeypatch, "savings")
    assert any("once tested, of" in m.value for m in app.markdown)
    assert any(said.startswith("What would raise it: ") for said in plain(app.caption))
    lab = opened(home, monkeypatch, "lab", trial="gpt-5.2,minimax-m2")
    assert not lab.exception and "minimax-m2 alone" in lab.title[0].value
    assert not opened(home, monkeypatch, "lab", trial="@,," + "x" * 300).exception
