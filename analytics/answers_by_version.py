"""Answers kept with the data version they come from: a pinned version never changes, so it is asked once, and once
more when other list prices are put in force."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from weakref import WeakKeyDictionary

from data.ledger import Ledger
from data.prices import editions

KEPT = 16  # answers per question and version; each is a small frame


def remember(question: Callable) -> Callable:
    """Remember `question(view, *arguments)` for a pinned view; arguments are hashable, nobody changes the answer."""
    answers: WeakKeyDictionary[Ledger, dict] = WeakKeyDictionary()

    @wraps(question)
    def ask(view: Ledger, *arguments: object) -> object:
        if view.pinned is None:
            return question(view, *arguments)
        known, asked = answers.setdefault(view, {}), (editions.stamp(view.home), *arguments)
        if asked not in known:
            answer = question(view, *arguments)
            while len(known) >= KEPT:
                known.pop(next(iter(known)), None)
            known[asked] = answer
        return known[asked]

    return ask
