"""Judge every rule, keep what follows, and send it: after each load, and by `python -m analytics alerts --send`."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from analytics.alerts import channels, incident_book, outbox
from analytics.alerts.channels import Send
from analytics.alerts.evaluation import judge, judge_all
from analytics.alerts.lookout import Judged, Known, Lookout
from analytics.alerts.outbox import Message
from analytics.alerts.rule import RULES, Rule
from analytics.alerts.watched import unusual
from analytics.history import logged_days, through
from data import people
from data.errors import BadInput
from data.ledger import Ledger
from data.state import State


def instant() -> datetime:
    """The clock, UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


class Watched(NamedTuple):
    """What the rules found, and the messages that were tried."""

    found: dict[str, Judged]
    tried: list[Message]


def watch(view: Ledger, state: State, now: datetime | None = None, send: Send = channels.send) -> Watched:
    """Judge every rule as things are now, keep what follows in the state, and send what is due."""
    people.require("post")
    at, rules = now or instant(), RULES.all(state)
    found = judge_all(Lookout(view, state, now=at), rules) if rules and not logged_days(view).empty else {}
    incident_book.record(state, rules, found, at, view.time_zone)
    return Watched(found, outbox.deliver(state, at, send))


def after_load(ledger: Ledger, state: State) -> Watched | None:
    """What a load calls when it is done; None where no rule is saved. Whoever loads may not see all: the rules do."""
    if not state.all("alert"):
        return None
    with people.acting_as(people.owner()):
        return watch(ledger.at(ledger.snapshot()), state)


def try_channel(name: str, rule: Rule, send: Send = channels.send) -> list[str]:
    """Send a test of a rule to its channels; the names of those that took it. Raises what the first refuses with."""
    people.require("post")
    if not rule.channels:
        raise BadInput(f"The rule “{name}” has no channel; give it one, such as BATON_ALERT_SLACK.")
    for channel in rule.channels:
        send(channel, f"Baton: a test of “{name}”", f"This is a test. The rule tells when {rule.words}.")
    return list(rule.channels)


class Told(NamedTuple):
    """One thing that a rule would have told, and on which day of the log."""

    on: date
    text: str


def preview(view: Ledger, state: State, rule: Rule, days: int) -> list[Told]:
    """What a rule would have told over the last days of the log: each thing once, on the day it began.

    Every day is judged by the log up to it as it is now; late records are in it, and the clock is not asked. What is
    unusual is judged by the whole log.
    """
    end, first = through(view).complete_until, logged_days(view)[0].date()
    most = (end - first).days
    if days < 1:
        raise BadInput(f"--preview {days} is no number of days; use 1 or more.")
    days = min(days, most)
    if rule.kind == "anomaly":
        seen, _ = unusual(Lookout(view, state), rule, days)  # once over all the days: a search takes its time
        return sorted(Told(begun, firing.text) for begun, firing in seen)
    told: list[Told] = []
    open_now: set[str] = set()
    known: Known = {}
    for ago in range(days - 1, -1, -1):
        until = end - timedelta(days=ago)
        judged = judge(Lookout(view, state, until, known=known), rule)
        if judged.untold and not judged.firings:
            continue
        told += [Told(until - timedelta(days=1), one.text) for one in judged.firings if one.about not in open_now]
        open_now = {one.about for one in judged.firings}
    return told
