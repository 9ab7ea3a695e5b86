"""What the Routing page asks of the log: a policy, those beside it, and whether it is worth it."""

from __future__ import annotations

from typing import Any, NamedTuple

from analytics.scope import Scope
from data.errors import BatonError
from data.ledger import Ledger
from data.state import State
from pages.ui import shell, what_if
from routing.policies.text import read_policy
from simulations.replay.replay import Assumed, replay
from simulations.replay.repricing import Repricing
from simulations.replay.side_by_side import side_by_side
from simulations.replay.summary import summary
from simulations.replay.worth import Worth


class Question(NamedTuple):
    """What is asked about a policy, given as its text."""

    text: str
    own_prices: what_if.OwnPrices = ()
    terms: Repricing = Repricing()
    assumed: Assumed = Assumed()
    by: str = "team"

    @property
    def of_usual_terms(self) -> Question:
        """The same policy at the same prices, with nothing else assumed or split by."""
        return Question(self.text, self.own_prices)


class Replayed(NamedTuple):
    """What was asked about a policy, whether it is worth it, and what others on usual terms would do, by their text."""

    said: dict[str, Any]
    worth: Worth
    others: dict[str, dict[str, Any]]


def replayed_beside(view: Ledger, scope: Scope, question: Question, others: tuple[str, ...]) -> Replayed:
    """A policy, and those that are compared with it where they are told on the same terms: one reading of the log for
    all. One of them that the log cannot decide keeps nobody from the rest.
    """
    if question != question.of_usual_terms:
        return replays(view, scope, question, ())._replace(others={})
    try:
        return replays(view, scope, question, others)
    except BatonError:
        return replays(view, scope, question, ())


@shell.cached(reads=what_if.PRICED)
def replays(view: Ledger, state: State, scope: Scope, question: Question, others: tuple[str, ...]) -> Replayed:
    text, own_prices, terms, assumed, by = question
    market, known = what_if.market(view, state, scope, own_prices, terms), what_if.reliability_by_model(view, scope)
    texts = list(dict.fromkeys([text, *others]))
    found = side_by_side(view, scope, [read_policy(one) for one in texts], market, known, by=(by,), assumed=assumed)
    said = {
        one: summary(result, market, by=(by,), known=known) for one, result in zip(texts, found.replays, strict=True)
    }
    return Replayed(said[text], found.worth, said)


@shell.cached(reads=what_if.PRICED)
def replay_policy(view: Ledger, state: State, scope: Scope, question: Question) -> dict[str, Any]:
    text, own_prices, terms, assumed, by = question
    market = what_if.market(view, state, scope, own_prices, terms)
    result = replay(view, scope, read_policy(text), market, by=(by,), assumed=assumed)
    return summary(result, market, by=(by,), known=what_if.reliability_by_model(view, scope))
