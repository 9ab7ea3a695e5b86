"""Answers to the pages' questions: each worked out once for all who look, off their script threads, and kept.

A page waits for its answer and leaves as soon as its run is to stop or start anew. What nobody has waited for during
`LINGER_S` is given up: its queries are interrupted (`data.work`). What took long the last time waits its turn in a
lane of its own, so that a light question never stands behind a heavy one.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner_utils.script_run_context import get_run_yield_check

from data import people
from data.work import GivenUp, Work, doing

HEAVY_FROM_S = 1.0  # seconds of its thread's own time, which other work on the machine does not lengthen
HEAVY_AT_ONCE, LIGHT_AT_ONCE = max(1, (os.cpu_count() or 1) // 2), 8
LINGER_S = 2.0  # a click starts the page's run anew, which asks the same again
LOOK_UP_S = 0.05  # how often a page that waits looks whether it is still wanted


class Question:
    """One question that is being answered: who waits for it, and what came of it."""

    def __init__(self, name: str, compute: Callable[[], Any]) -> None:
        self.name, self.compute = name, compute
        self.work, self.done = Work(), threading.Event()
        self.pages = 0  # that wait for it
        self.outer: list[Question] = []  # questions whose answer needs this one's
        self.taken = False  # by the thread that answers it
        self.answer: Any = None
        self.error: BaseException | None = None

    def is_wanted(self) -> bool:
        return bool(self.pages) or any(one.is_wanted() for one in self.outer)


class NotKept(Exception):
    """No answer is kept under this key."""


def not_kept() -> Any:
    raise NotKept


@st.cache_data(max_entries=400, max_size="300MiB", show_spinner=False)
def keep_answer(key: str, _answer: Callable[[], Any] = not_kept) -> Any:
    """A copy of the answer that is kept under a key, else what `_answer` gives, which is kept."""
    return _answer()


_answering: ContextVar[Question | None] = ContextVar("answering", default=None)


class Answers:
    """The questions of one server that are being answered."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._open: dict[str, Question] = {}
        self._heavy: set[str] = set()
        self._lanes = {True: threading.Semaphore(HEAVY_AT_ONCE), False: threading.Semaphore(LIGHT_AT_ONCE)}

    def ask(self, key: str, name: str, compute: Callable[[], Any]) -> Any:
        """The answer to the question of this key, worked out by `compute` where it is not kept; a copy of its own.

        Raises what `compute` raises; in a page's run, what ends that run while it waits.
        """
        outer = _answering.get()
        if outer is not None and outer.work.given_up:
            raise GivenUp
        with suppress(NotKept):
            return keep_answer(key)
        with self._guard:
            if key not in self._open:
                with suppress(NotKept):  # it may have been answered since
                    return keep_answer(key)
            question, fresh = self._join(key, name, compute, outer)
        try:
            if outer is not None:  # its thread stands in a lane already
                self._answer(key, question)
            elif fresh:
                threading.Thread(target=self._in_turn, args=(key, question, people.acting())).start()
            _wait(question, outer)
        finally:
            self._leave(question, outer)
        if question.error is not None:
            raise question.error
        return keep_answer(key, lambda: question.answer)

    def _join(self, key: str, name: str, compute: Callable[[], Any], outer: Question | None) -> tuple[Question, bool]:
        """The question of this key, with one more who waits for it; whether nobody had asked it."""
        fresh = key not in self._open
        if fresh:
            self._open[key] = Question(name, compute)
        question = self._open[key]
        if outer is None:
            question.pages += 1
        else:
            question.outer.append(outer)
        return question, fresh

    def _leave(self, question: Question, outer: Question | None) -> None:
        with self._guard:
            if outer is None:
                question.pages -= 1
            else:
                question.outer.remove(outer)
            if question.done.is_set() or question.is_wanted():
                return
        threading.Timer(LINGER_S, self._give_up_unwanted).start()

    def _give_up_unwanted(self) -> None:
        with self._guard:
            for key, question in list(self._open.items()):
                if not question.is_wanted():
                    del self._open[key]
                    question.work.give_up()

    def _in_turn(self, key: str, question: Question, person: people.Person) -> None:
        with self._lanes[question.name in self._heavy], people.acting_as(person):
            self._answer(key, question)

    def _answer(self, key: str, question: Question) -> None:
        """Answer a question in this thread, unless another has taken it."""
        with self._guard:
            if question.taken:
                return
            question.taken = True
        tokens = _answering.set(question), doing.set(question.work)
        began = time.thread_time()
        try:
            if not question.work.given_up:
                answer = question.compute()
                question.answer = keep_answer(key, lambda: answer)
        except BaseException as error:
            question.error = error
        finally:
            _answering.reset(tokens[0])
            doing.reset(tokens[1])
            self._end(key, question, time.thread_time() - began)

    def _end(self, key: str, question: Question, seconds: float) -> None:
        with self._guard:
            if question.work.given_up:
                question.error = GivenUp()
            else:
                del self._open[key]
                keep_lane = self._heavy.add if seconds >= HEAVY_FROM_S else self._heavy.discard
                keep_lane(question.name)
            question.done.set()


def _wait(question: Question, outer: Question | None) -> None:
    still_wanted = None if outer is not None else get_run_yield_check()
    while not question.done.wait(LOOK_UP_S):
        if outer is not None and outer.work.given_up:
            raise GivenUp
        if still_wanted is not None:
            still_wanted()
