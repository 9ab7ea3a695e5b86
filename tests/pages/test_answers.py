"""Answers to the pages' questions: once for all who look, given up when nobody looks, the light before the heavy."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import duckdb
import pytest

from data import people
from data.errors import NoData
from data.ledger import Ledger
from data.people import Person
from data.work import GivenUp, Work, doing
from pages.ui import answers as subject
from pages.ui.answers import HEAVY_AT_ONCE, Answers

LONG = "SELECT count(*) FROM range(100000000) a, range(100000) b WHERE a.range * b.range % 7 = 3"
PATIENT_S = 60  # no test waits that long unless something hangs


class Left(Exception):
    """What Streamlit raises in a page whose run is to end, for these tests."""


@pytest.fixture(autouse=True)
def nothing_kept():
    subject.keep_answer.clear()


@pytest.fixture
def leave(monkeypatch) -> Callable[[], None]:
    """Pages that wait in threads named `page ...` leave when this is called."""
    left = threading.Event()

    def still_wanted() -> None:
        if left.is_set() and threading.current_thread().name.startswith("page"):
            raise Left

    monkeypatch.setattr(subject, "get_run_yield_check", lambda: still_wanted)
    monkeypatch.setattr(subject, "LINGER_S", 0.05)
    return left.set


def pages(number: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(number, thread_name_prefix="page")


def test_all_who_look_get_one_answer_each_a_copy_of_their_own():
    answers, times, all_here = Answers(), [], threading.Event()

    def compute() -> list[int]:
        times.append(1)
        assert all_here.wait(PATIENT_S)
        return [1, 2]

    with pages(8) as crowd:
        looks = [crowd.submit(answers.ask, "key", "heavy", compute) for _ in range(8)]
        while len(times) < 1 or answers._open["key"].pages < 8:
            time.sleep(0.01)
        all_here.set()
        found = [look.result(PATIENT_S) for look in looks]
    assert found == [[1, 2]] * 8 and len(times) == 1
    found[0].append(3)
    assert answers.ask("key", "heavy", compute) == [1, 2] and len(times) == 1


def test_what_cannot_be_answered_is_told_to_all_and_not_kept():
    answers, times = Answers(), []

    def compute() -> None:
        times.append(1)
        raise NoData("There is nothing.")

    for _ in range(2):
        with pytest.raises(NoData, match="There is nothing"):
            answers.ask("key", "name", compute)
    assert len(times) == 2 and not answers._open


def test_a_page_that_is_left_stops_its_query(home, leave):
    ledger, answers, ended = Ledger.open(home), Answers(), threading.Event()

    def compute() -> None:
        try:
            ledger.sql(LONG)
        except duckdb.InterruptException:
            ended.set()
            raise

    with pages(1) as crowd:
        look = crowd.submit(answers.ask, "key", "heavy", compute)
        while "key" not in answers._open or not answers._open["key"].work._cursors:
            time.sleep(0.01)
        leave()
        with pytest.raises(Left):
            look.result(PATIENT_S)
    assert ended.wait(PATIENT_S)
    assert answers.ask("key", "heavy", lambda: 5) == 5  # asked anew, it is answered anew
    ledger.close()


def test_a_page_that_is_left_does_not_take_the_answer_from_another(leave):
    answers, go_on = Answers(), threading.Event()
    with pages(1) as crowd, ThreadPoolExecutor(1, thread_name_prefix="other") as others:
        looks = [
            one.submit(answers.ask, "key", "heavy", lambda: (go_on.wait(PATIENT_S), 5)[1]) for one in (crowd, others)
        ]
        while "key" not in answers._open or answers._open["key"].pages < 2:
            time.sleep(0.01)
        leave()
        with pytest.raises(Left):
            looks[0].result(PATIENT_S)
        answers._give_up_unwanted()
        go_on.set()
        assert looks[1].result(PATIENT_S) == 5


def test_a_click_that_asks_the_same_again_finds_the_work_under_way(leave, monkeypatch):
    monkeypatch.setattr(subject, "LINGER_S", PATIENT_S)
    monkeypatch.setattr(subject.threading, "Timer", lambda seconds, function: threading.Thread(target=lambda: None))
    answers, go_on, times = Answers(), threading.Event(), []

    def compute() -> int:
        times.append(1)
        assert go_on.wait(PATIENT_S)
        return 5

    with pages(1) as crowd, ThreadPoolExecutor(1, thread_name_prefix="again") as again:
        look = crowd.submit(answers.ask, "key", "heavy", compute)
        while not times:
            time.sleep(0.01)
        leave()
        with pytest.raises(Left):
            look.result(PATIENT_S)
        second = again.submit(answers.ask, "key", "heavy", compute)
        go_on.set()
        assert second.result(PATIENT_S) == 5 and len(times) == 1


def test_heavy_questions_wait_for_each_other_and_light_ones_for_none():
    answers, running, most, go_on = Answers(), [0], [0], threading.Event()
    answers._heavy.add("heavy")

    def heavy() -> int:
        running[0] += 1
        most[0] = max(most[0], running[0])
        assert go_on.wait(PATIENT_S)
        running[0] -= 1
        return 1

    with pages(6) as crowd:
        looks = [crowd.submit(answers.ask, f"heavy {n}", "heavy", heavy) for n in range(6)]
        while not running[0]:
            time.sleep(0.01)
        assert answers.ask("light", "light", lambda: 2) == 2  # while every heavy one stands
        go_on.set()
        assert [look.result(PATIENT_S) for look in looks] == [1] * 6
    assert most[0] <= HEAVY_AT_ONCE


def test_what_took_long_is_heavy_the_next_time(monkeypatch):
    monkeypatch.setattr(subject, "HEAVY_FROM_S", 0.0)
    answers = Answers()
    answers.ask("key", "slow", lambda: 1)
    assert answers._heavy == {"slow"}


def test_a_question_within_a_question_is_shared_and_cannot_wait_for_its_own_lane():
    answers, times = Answers(), []
    answers._heavy |= {"outer", "inner"}

    def inner() -> int:
        times.append(1)
        return 5

    def outer(n: int) -> int:
        return n + answers.ask("inner", "inner", inner)

    with pages(8) as crowd:
        looks = [crowd.submit(answers.ask, f"outer {n}", "outer", partial(outer, n)) for n in range(7)]
        looks.append(crowd.submit(answers.ask, "inner", "inner", inner))
        assert sum(look.result(PATIENT_S) for look in looks) == sum(range(7)) + 8 * 5
    assert len(times) == 1


def test_a_question_within_one_that_is_left_is_given_up_with_it(home, leave):
    ledger, answers, ended = Ledger.open(home), Answers(), threading.Event()

    def inner() -> None:
        try:
            ledger.sql(LONG)
        finally:
            ended.set()

    with pages(1) as crowd:
        look = crowd.submit(answers.ask, "outer", "outer", lambda: answers.ask("inner", "inner", inner))
        while "inner" not in answers._open or not answers._open["inner"].work._cursors:
            time.sleep(0.01)
        leave()
        with pytest.raises(Left):
            look.result(PATIENT_S)
    assert ended.wait(PATIENT_S)
    ledger.close()


def test_work_that_is_given_up_starts_no_query(home: Path):
    ledger, work = Ledger.open(home), Work()
    token = doing.set(work)
    try:
        assert ledger.sql("SELECT 1 AS one")["one"][0] == 1
        work.give_up()
        with pytest.raises(GivenUp):
            ledger.sql("SELECT 1 AS one")
    finally:
        doing.reset(token)
    assert ledger.sql("SELECT 1 AS one")["one"][0] == 1
    ledger.close()


def test_who_asked_is_who_acts_while_it_is_answered():
    with people.acting_as(Person("vic", "viewer", frozenset({"search"}))):
        assert Answers().ask("key", "name", people.held_teams) == {"search"}
