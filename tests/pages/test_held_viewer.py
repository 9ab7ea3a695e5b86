"""A viewer held to teams sees what a store with those teams' rows alone would show, on every page, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from analytics import spend
from analytics.billing import chargeback, focus
from analytics.billing.customer_income import INCOMES
from analytics.budgets.budgets import BUDGETS, Budget
from analytics.scope import Scope
from data import people, wording
from data.errors import NoData
from data.held_view import restrict_to_teams
from data.lake import TABLES
from data.ledger import Ledger
from data.loading.ingest import ingest
from data.people import HELD_PAGES, Person
from data.state import State
from pages.ui import sign_in
from pages.ui.navigation import PAGES
from tests.data.bad_logs import record
from tests.pages.test_hostile_names import elements
from tests.pages.whole_app import ROOT, app_at

FILES = [entry[0] for entries in PAGES.values() for entry in entries]
TEAMS = frozenset({"search", "o'neil \\ co"})
VIC = Person("vic@x.test", "viewer", TEAMS)
SECRET = "zebra"


def logged(home: Path, teams: list[str]) -> Path:
    """A store of 60 days in which each of `teams` makes calls; what is not of TEAMS says SECRET everywhere."""
    log = home / "log.jsonl"
    with log.open("w") as out:
        for number in range(60 * 8):
            day, turn = divmod(number, 8)
            team = [*sorted(TEAMS), SECRET, None][turn % 4]
            if team not in teams:
                continue
            mine = team in TEAMS
            at = datetime(2026, 9, 1, turn, tzinfo=UTC) + timedelta(days=day)
            row = record(
                number,
                request_created_at=f"{at:%Y-%m-%dT%H:%M:%S}Z",
                model="gpt-5.2" if mine else f"{SECRET}-model",
                costUSD=1.25 if mine else 7777.5,
                response_status=500 if number % 7 == 0 else 200,
                properties={
                    **({"team": team} if team else {}),
                    "feature": "chat" if mine else f"{SECRET}-feature",
                    "customer": "acme" if mine else f"{SECRET}-customer",
                },
            )
            out.write(json.dumps(row) + "\n")
    ledger = Ledger.open(home)
    assert ingest(ledger, State.open(home), [log])[0].rejected == 0
    ledger.close()
    return home


@pytest.fixture(scope="module")
def everyone(tmp_path_factory) -> Path:
    home = logged(tmp_path_factory.mktemp("everyone"), [*TEAMS, SECRET, None])
    state = State.open(home)
    for name, filters in (("ours", {"team": ["search"]}), (f"{SECRET}s", {"team": [SECRET]}), ("company", {})):
        BUDGETS.save(state, name, Budget(name=name, amount=4321 if name != "ours" else 1000, filters=filters))
    for customer in ("acme", f"{SECRET}-customer"):
        INCOMES.save(state, customer, {"usd_month": 4321})
    return home


@pytest.fixture(scope="module")
def ours(tmp_path_factory) -> Path:
    home = logged(tmp_path_factory.mktemp("ours"), [*TEAMS])
    BUDGETS.save(State.open(home), "ours", Budget(name="ours", amount=1000, filters={"team": ["search"]}))
    return home


@pytest.fixture(autouse=True)
def nobody_signed_in() -> Iterator[None]:
    yield
    people.ask_sign_in(None)


def opened(home: Path, monkeypatch, file: str, person: Person | None, **query: Any) -> AppTest:
    monkeypatch.setenv("BATON_HOME", str(home))
    monkeypatch.chdir(ROOT)
    if person:
        people.ask_sign_in(lambda: person)
        monkeypatch.setattr(sign_in, "gate", lambda: person)
        monkeypatch.setattr(sign_in, "show_person", lambda person: None)
    return app_at(file, **query).run()


def shown(app: AppTest) -> list[str]:
    """What every element of a page says, as the browser gets it."""
    return [str(e.proto) for e in elements(app._tree) if getattr(e, "proto", None) is not None]


def said(app: AppTest) -> list[str]:
    """Title, figures and sentences of a page, without the line on the data version."""
    found = [e.value for kind in (app.title, app.markdown, app.metric, app.info, app.warning) for e in kind]
    tables = [table.value.to_csv() for table in app.dataframe]
    return [str(text) for text in [*found, *tables] if "data version" not in str(text)]


@pytest.mark.parametrize("file", sorted(HELD_PAGES))
def test_a_page_says_what_a_store_of_these_teams_alone_would_say(everyone, ours, monkeypatch, file):
    query = {"window": "All"}
    whole = opened(ours, monkeypatch, file, None, **query)
    held = opened(everyone, monkeypatch, file, VIC, **query)
    assert not held.exception, held.exception[0].value
    assert said(held) == said(whole) and said(held)
    seen = [text for text in shown(held) if SECRET in text or "7,777" in text or "4,321" in text]
    assert not seen, seen[:2]


@pytest.mark.parametrize("file", sorted(set(FILES) - HELD_PAGES))
def test_a_page_of_every_team_is_refused_in_a_sentence(everyone, monkeypatch, file):
    app = opened(everyone, monkeypatch, file, VIC)
    assert f"{wording.markdown(VIC.name)} is held to" in app.error[0].value and len(app.error) == 1
    assert not app.title and not [text for text in shown(app) if SECRET in text]


def test_a_link_or_filter_that_names_another_team_finds_nothing(everyone, monkeypatch):
    for query in ({"team": SECRET}, {"model": f"{SECRET}-model"}, {"as_of": "2", "customer": f"{SECRET}-customer"}):
        app = opened(everyone, monkeypatch, "explore", VIC, window="All", **query)
        assert not app.exception and "7,777" not in " ".join(shown(app))


def test_one_version_is_kept_apart_for_each_person(everyone, monkeypatch):
    titles = [opened(everyone, monkeypatch, "overview", who, window="All").title[0].value for who in (None, VIC)]
    people.ask_sign_in(None)
    monkeypatch.undo()
    again = opened(everyone, monkeypatch, "overview", None, window="All").title[0].value
    assert titles[0] == again != titles[1]


def test_every_table_holds_the_teams_rows_or_none(everyone):
    ledger = Ledger.open(everyone)
    view = restrict_to_teams(ledger.at(ledger.snapshot()), TEAMS)
    for table in TABLES:
        text = view.frame(view.table(table)).to_csv()
        assert SECRET not in text or table == "semantics", table
    whole = spend.totals(view, Scope.of(view), ("attempts",))
    assert whole["attempts"] == 240 == view.frame(view.usage.count().as_table()).iloc[0, 0]
    assert view.at(view.snapshot()).teams == TEAMS and view.pinned == ledger.snapshot()
    assert restrict_to_teams(view, frozenset()) is view
    with pytest.raises(NoData):
        view.at(10_000)
    ledger.close()


def test_the_caveats_rolled_up_are_those_of_their_rows(everyone, ours):
    stores = [Ledger.open(home) for home in (everyone, ours)]
    held, whole = (restrict_to_teams(stores[0].at(stores[0].snapshot()), TEAMS), stores[1])
    keys = ["caveat", "day", "provider", "model", "source"]
    frames = [one.frame(one.caveats_by_day).sort_values(keys, ignore_index=True) for one in (held, whole)]
    assert frames[0].equals(frames[1])
    for one in stores:
        one.close()


def test_the_focus_export_of_a_held_view_names_no_other_team(everyone):
    ledger = Ledger.open(everyone)
    frame = focus.rows(restrict_to_teams(ledger.at(ledger.snapshot()), TEAMS), date(2026, 9, 1))
    assert len(frame) and SECRET not in frame.to_csv()
    ledger.close()


def test_a_chargeback_of_a_held_view_knows_no_other_teams_budget(everyone):
    ledger = Ledger.open(everyone)
    with people.acting_as(VIC):
        held = restrict_to_teams(ledger.at(ledger.snapshot()), TEAMS)
        found = chargeback.statement(held, State.open(everyone), date(2026, 9, 1))
        assert dict(found.budgets) == {"search": 1000}
        assert SECRET not in chargeback.html(found) and "4,321" not in chargeback.html(found)
    ledger.close()


@pytest.mark.parametrize(("person", "panels"), [(VIC, 0), (None, 1)])
def test_what_customers_leave_is_for_who_reads_all_of_their_cost(everyone, monkeypatch, person, panels):
    app = opened(everyone, monkeypatch, "explore", person, window="All", by="Customer")
    assert not app.exception, app.exception[0].value
    assert sum(one.label.startswith("Which customers cost more") for one in app.expander) == panels


def test_documents_with_other_teams_figures_are_not_read(everyone):
    state = State.open(everyone)
    with people.acting_as(VIC):
        assert list(BUDGETS.all(state)) == ["ours"]
        assert BUDGETS.get(state, "company") is None and BUDGETS.get(state, f"{SECRET}s") is None
    assert len(BUDGETS.all(state)) == 3
