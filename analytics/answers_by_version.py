"""Answers kept with the data version they come from: a pinned version never changes, so it is asked once, and once
more when other list prices are put in force."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from hashlib import sha256
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from pydantic import ConfigDict, TypeAdapter

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


def keep_as(form: Any) -> Callable[[Callable], Callable]:
    """Keep the answers of `question(view, *arguments)` in files too, for the processes to come, as JSON of `form`.

    Only for a question whose answer follows from the rows of the view and from the code of `data` and `analytics`
    alone: neither from prices, nor from documents, nor from the day it is asked on.
    """
    written = TypeAdapter(form, config=ConfigDict(ser_json_inf_nan="constants"))

    def keep(question: Callable) -> Callable:
        @wraps(question)
        def ask(view: Ledger, *arguments: object) -> object:
            import pyarrow as pa

            from data import kept_answers

            def compute() -> pa.Table:
                return pa.table({"json": [written.dump_json(question(view, *arguments)).decode()]})

            def asked() -> str:
                return f"{question.__module__}.{question.__qualname__} {arguments!r} {view.time_zone} {_code()}"

            return written.validate_json(kept_answers.answer_to(view, asked, compute)["json"][0].as_py())

        return ask

    return keep


@cache
def _code() -> str:
    """What changes with every line of the code that answers."""
    rooms = [Path(__file__).parents[1] / room for room in ("analytics", "data")]
    digest = sha256()
    for file in sorted(file for room in rooms for file in room.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()
