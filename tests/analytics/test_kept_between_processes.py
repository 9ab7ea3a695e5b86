"""What is kept for the processes to come is what was answered, of this version, by this code, to all who may see it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from analytics import answers_by_version
from analytics.anomalies import anomaly_search
from analytics.answers_by_version import keep_as
from analytics.history import through
from analytics.scope import Scope
from data import kept_answers
from data.held_view import restrict_to_teams
from data.ledger import Ledger
from tests.data.test_upkeep import load
from tests.stores import new_ledger

ASKED: list[tuple[object, ...]] = []


@keep_as(tuple[int, float])
def rows_of(view: Ledger, scope: Scope, least: float = 0.0) -> tuple[int, float]:
    ASKED.append((view.pinned, scope, least))
    return int(view.rows(f"SELECT count(*) FROM {view.name('usage')}")[0][0]), float("nan")


@pytest.fixture
def store(home, monkeypatch) -> Ledger:
    monkeypatch.setattr(kept_answers, "FROM_ROWS", 0)
    ASKED.clear()
    ledger = new_ledger(home)
    load(ledger, 0, 60)
    return ledger


def newest(ledger: Ledger) -> Ledger:
    """The newest version, as a process that has just begun sees it."""
    again = Ledger.open(ledger.home)
    return again.at(again.snapshot())


def ask(view: Ledger, *more: float, **filters: str) -> int:
    """The rows; how often the question was put so far is `len(ASKED)`."""
    count, unknown = rows_of(view, Scope.of(view, **filters), *more)
    assert unknown != unknown  # what is not known stays so
    return count


def test_another_process_is_told_without_asking(store):
    assert [ask(newest(store)), ask(newest(store))] == [60, 60]
    assert len(ASKED) == 1


def test_another_question_is_asked(store):
    view = newest(store)
    assert [ask(view), ask(view, 0.5), ask(view, team="search"), ask(view)] == [60] * 4
    assert len(ASKED) == 3


def test_another_version_is_asked(store):
    assert ask(newest(store)) == 60
    load(store, 1000, 5)
    assert ask(newest(store)) == 65


def test_who_is_held_to_teams_is_told_of_theirs_alone(store):
    assert ask(newest(store)) == 60
    assert ask(restrict_to_teams(newest(store), frozenset({"nobody's"}))) == 0
    assert ask(newest(store)) == 60
    assert len(ASKED) == 2


def test_other_code_asks_again(store, monkeypatch):
    ask(newest(store))
    monkeypatch.setattr(answers_by_version, "_code", lambda: "changed")
    ask(newest(store))
    assert len(ASKED) == 2


def test_what_is_unusual_is_told_alike(store, monkeypatch):
    for number in range(1, 40):
        load(store, 1000 * number, 40)
    end = through(view := newest(store)).complete_until
    scope = Scope.of(view, end - timedelta(days=28), end)
    first, second = (anomaly_search.bare_findings(newest(store), scope) for _ in range(2))
    monkeypatch.setattr(kept_answers, "FROM_ROWS", 10**9)
    assert first.checked
    assert first == second == anomaly_search.bare_findings(newest(store), scope)
