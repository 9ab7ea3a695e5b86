"""Alerts, the page: rules are suggested, looked back on, silenced and heard there."""

from __future__ import annotations

from datetime import timedelta

import pytest

from analytics.alerts.rule import RULES, STARTERS
from analytics.alerts.watch import watch
from data.errors import Refused
from data.state import State
from tests.analytics.covered_ledgers import LAST, day_rows, days, ledger_of
from tests.pages.page_alone import opened

SLACK = "BATON_ALERT_SLACK"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """$4 a day for five weeks, and $300 on one of them."""
    every = days(LAST - timedelta(days=34), LAST)
    rows = [row for day in every for row in day_rows(day)] + day_rows(LAST - timedelta(days=3), hours=[4], usd=300)
    ledger_of(tmp_path, rows).close()
    monkeypatch.setenv("BATON_HOME", str(tmp_path))
    monkeypatch.setenv(SLACK, "jsons://example.com/s3cret")
    return tmp_path


def said(page):
    return [one.value for kind in (page.title, page.markdown, page.caption, page.error) for one in kind]


def asked(page, name, what):
    """The page after the menu of a rule was asked for something."""
    page.session_state[f"alert_list_asked_{name}"] = what
    page.run()
    assert not page.exception, page.exception[0].value
    return page


def test_a_rule_is_looked_back_on_tried_silenced_and_heard_again(home):
    state = State.open(home)
    assert "No alert rule yet" in opened("alerts").title[0].value
    RULES.save(state, "Dear day", {"kind": "threshold", "limit": 100, "channels": [SLACK]})
    page = opened("alerts")
    assert page.title[0].value == "Quiet, 1 rule watched" and not any("s3cret" in text for text in said(page))
    assert any("would have told 1 time" in text for text in said(asked(page, "Dear day", "Look back")))
    asked(page, "Dear day", "Silence for 7 days")
    assert RULES.all(state)["Dear day"].silenced_until
    asked(page, "Dear day", "Let it speak")
    assert not RULES.all(state)["Dear day"].silenced_until


def test_what_was_not_delivered_stands_in_the_title(home, monkeypatch):
    def down(channel, title, body):
        raise Refused(f"the channel {channel} did not take the message")

    state = State.open(home)
    RULES.save(state, "Dear days", {"kind": "threshold", "limit": 100, "days": 7, "channels": [SLACK]})
    monkeypatch.setattr(watch, "__defaults__", (None, down))
    page = opened("alerts")
    assert page.title[0].value == "1 of 1 rule speaks\\: Dear days"  # said before anybody noted or sent it
    next(one for one in page.button if one.label.startswith("Note it")).click().run()
    assert page.title[0].value == "1 of 1 rule speaks\\: Dear days; 1 message not delivered"


def test_the_suggested_rules_are_saved_with_the_channel_of_the_server(home):
    page = opened("alerts")
    next(one for one in page.button if one.label.startswith("Begin with")).click().run()
    kept = RULES.all(State.open(home))
    assert set(kept) == set(STARTERS) and {rule.channels for rule in kept.values()} == {(SLACK,)}
