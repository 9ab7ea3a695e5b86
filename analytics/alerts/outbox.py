"""Messages on their way: written with what they tell, sent at least once, kept until they are.

A message is claimed before it is sent, so that two processes do not send it both; one that dies in between leaves a
claim that ends by itself. What a channel does not take is tried again, later each time, for two days.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from analytics.alerts import channels
from analytics.alerts.channels import Send
from data import audit_trail
from data.errors import BadInput, BatonError
from data.state import State

CLAIM = timedelta(minutes=5)
BACK_OFF = [timedelta(minutes=n) for n in (1, 5, 15, 60, 180, 360, 720, 720, 720)]


class Message(NamedTuple):
    """A message as it is kept; times are ISO texts in UTC."""

    message_id: int
    channel: str
    title: str
    body: str
    written_at: str
    tries: int
    sent_at: str | None
    given_up_at: str | None
    problem: str


def deliver(state: State, now: datetime, send: Send = channels.send) -> list[Message]:
    """Send what is due, the oldest first; returns those messages as they are then. A channel that did not take one is
    left alone for the rest of this call."""
    down: set[str] = set()
    seen: list[int] = []
    while claimed := _claim(state, now, down):
        number, channel, title, body = claimed
        seen.append(number)
        try:
            send(channel, title, body)
        except BatonError as error:
            down.add(channel)
            _keep(state, number, now, str(error).rstrip("."), counts=not isinstance(error, BadInput))
        else:
            _sent(state, number, channel, now)
    return [one for one in messages(state) if one.message_id in seen]


def _claim(state: State, now: datetime, down: set[str]) -> tuple[int, str, str, str] | None:
    marks = ", ".join("?" * len(down)) or "''"
    with state.transaction() as db:
        row = db.execute(
            "SELECT message_id, channel, title, body FROM alert_outbox WHERE sent_at IS NULL AND given_up_at IS NULL"
            f" AND try_after <= ? AND channel NOT IN ({marks}) ORDER BY message_id LIMIT 1",
            (now.isoformat(), *down),
        ).fetchone()
        if row:
            db.execute(
                "UPDATE alert_outbox SET try_after = ? WHERE message_id = ?", ((now + CLAIM).isoformat(), row[0])
            )
    return row


def _keep(state: State, number: int, now: datetime, problem: str, *, counts: bool) -> None:
    """For later; a process that does not have the channel's address does not use up a try."""
    with state.transaction() as db:
        (tries,) = db.execute("SELECT tries FROM alert_outbox WHERE message_id = ?", (number,)).fetchone()
        given_up = now.isoformat() if counts and tries >= len(BACK_OFF) else None
        after = now + (BACK_OFF[min(tries, len(BACK_OFF) - 1)] if counts else timedelta())
        db.execute(
            "UPDATE alert_outbox SET tries = ?, try_after = ?, given_up_at = ?, problem = ? WHERE message_id = ?",
            (tries + counts, after.isoformat(), given_up, problem, number),
        )


def _sent(state: State, number: int, channel: str, now: datetime) -> None:
    with state.transaction() as db:
        db.execute(
            "UPDATE alert_outbox SET sent_at = ?, tries = tries + 1, problem = '' WHERE message_id = ?",
            (now.isoformat(), number),
        )
        audit_trail.append(db, "alert sent", {"channel": channel, "message": number}, state.actor)


def messages(state: State, limit: int = 200) -> list[Message]:
    """The latest messages, newest first."""
    with state.transaction() as db:
        rows = db.execute(
            "SELECT message_id, channel, title, body, written_at, tries, sent_at, given_up_at, problem"
            " FROM alert_outbox ORDER BY message_id DESC LIMIT ?",
            (limit,),
        ).fetchall()
    return [Message(*row) for row in rows]


def waiting(state: State) -> list[Message]:
    """Messages that nobody has got, newest first."""
    return [one for one in messages(state) if one.sent_at is None]
