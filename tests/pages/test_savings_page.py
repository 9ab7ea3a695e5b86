"""A finding's link opens exactly its requests, its action keeps its number and days, its test opens the lab."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from analytics.history import recent
from analytics.promises import actions
from analytics.savings import savings
from data.ledger import Ledger
from data.state import State
from data.wording import count, usd
from pages.parts.lab import form as lab_form
from routing.calling.declarations import save_provider
from routing.policies.in_force import forbidden
from routing.runs.store import read_run
from tests.pages.whole_app import opened
from tests.routing.live import provider

pytestmark = pytest.mark.one_server


@pytest.fixture
def home(sample_home, tmp_path) -> Path:
    folder = tmp_path / "own"
    shutil.copytree(sample_home, folder)
    return folder


def plain(elements) -> list[str]:
    """What elements say, without the signs that keep names from becoming markup."""
    return [element.value.replace("\\", "") for element in elements]


def findings(home: Path) -> savings.Savings:
    ledger, state = Ledger.open(home), State.open(home)
    view = ledger.at(ledger.snapshot())
    return savings.findings(view, recent(view), state, forbidden(state))


def test_the_requests_of_a_finding_are_those_of_its_card(sample_home, monkeypatch):
    """Of every finding: spend pages 7."""
    saving = findings(sample_home)
    card = plain(opened(sample_home, monkeypatch, "savings").caption)
    assert len(saving.findings) >= 3
    for finding in saving.findings:
        said = f"Its requests: {count(finding.attempts)} attempts, {usd(finding.spend_usd)} in {saving.days} days."
        assert said in card, finding.title
        app = opened(sample_home, monkeypatch, "explore", finding=finding.key)
        assert not app.exception and not app.error
        assert f"Spend: {usd(finding.spend_usd)} " in plain(app.title)[0], finding.title
        assert any(f"on {count(finding.attempts)} attempts " in said for said in plain(app.markdown)), finding.title


def test_a_finding_that_is_gone_is_told_and_everything_shown(sample_home, monkeypatch):
    app = opened(sample_home, monkeypatch, "explore", finding="no such finding")
    assert not app.exception and "not found any more" in app.warning[0].value


def test_the_action_keeps_the_cards_number_and_its_days(home, monkeypatch):
    saving = findings(home)
    app = opened(home, monkeypatch, "savings")
    app.button(key="decide_0").click().run()
    assert not app.exception and not app.error
    (kept,) = actions.all_actions(State.open(home))
    assert kept.expected_usd_month == round(saving.findings[0].usd_month, 2) and kept.finding == saving.findings[0].key
    assert (kept.told_from, kept.told_to) == (saving.scope.start, saving.scope.end)
    assert any("on the action list" in said and kept.told_days in said for said in plain(app.caption))
    week = opened(home, monkeypatch, "weekly")
    assert not week.exception
    assert any(said.startswith(f"**{kept.name}**") and kept.told_days in said for said in plain(week.markdown))


def test_an_untested_finding_opens_the_lab_on_its_models(sample_home, monkeypatch):
    app = opened(sample_home, monkeypatch, "savings")
    assert any("once tested, of" in m.value for m in app.markdown)
    assert any(said.startswith("What would raise it: ") for said in plain(app.caption))
    lab = opened(sample_home, monkeypatch, "lab", trial="gpt-5.2,minimax-m2")
    assert not lab.exception and "minimax-m2 alone" in lab.title[0].value
    assert not opened(sample_home, monkeypatch, "lab", trial="@,," + "x" * 300).exception


def test_an_untested_finding_is_tested_on_samples_of_its_own_work(home, monkeypatch):
    """Prompts are kept of three requests of the finding and of three others: the run asks the first three."""
    saving = findings(home)
    finding = next(one for one in saving.findings if one.trial)
    state, ledger = State.open(home), Ledger.open(home)
    save_provider(state, provider("http://127.0.0.1:9/v1", *finding.trial))
    view = ledger.at(ledger.snapshot())
    own = saving.requests_of(finding).usage(view)
    answered = view.usage.filter(view.usage.status == "success")
    mine = own.filter(own.status == "success").order_by("event_id").limit(3)
    others = answered.anti_join(own, "event_id").order_by("event_id").limit(3)
    ids = [view.frame(rows.select("event_id"))["event_id"].tolist() for rows in (mine, others)]
    ledger.close()
    link = {"finding": finding.key, "trial": ",".join(finding.trial)}
    without = opened(home, monkeypatch, "lab", **link)
    assert any("keeps no prompts of these requests" in said for said in plain(without.caption))
    ledger = Ledger.open(home)
    with ledger.write() as cursor:
        cursor.executemany("INSERT INTO lake.main.texts VALUES (?, 'asked', 'answered')", [[i] for i in sum(ids, [])])
    ledger.close()
    started: list[str] = []
    monkeypatch.setattr(lab_form, "launch", lambda state, run_id: started.append(run_id))
    app = opened(home, monkeypatch, "lab", **link)
    assert not app.exception and app.selectbox(key="lab_tasks").value == "Sampled from the ledger"
    next(b for b in app.button if b.label == "Start the run").click().run()
    assert not app.exception and not app.error
    asked = read_run(state, started[0])["spec"]["tasks"]["tasks"]
    assert sorted(task["id"] for task in asked) == sorted(f"log-{i}" for i in ids[0])
