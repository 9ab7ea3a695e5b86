"""What is and was so, by rule, in the state: an incident opens once, is told once, and its end is told once.

What rules found, what follows from it and the messages about it are one transaction. A condition that comes back
within a day of its end is not told again before a day has passed since it was told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from analytics.alerts.lookout import Firing, Judged
from analytics.alerts.message import Entry, digest
from analytics.alerts.rule import Rule
from data.audit_trail import Database
from data.state import State

AGAIN_AFTER = timedelta(days=1)
COLUMNS = "incident_id, rule, about, text, usd, opened_at, told_at, over_at"


class Kept(NamedTuple):
    """An incident as it is kept; times are ISO texts in UTC, None where it did not happen yet."""

    incident_id: int
    rule: str
    about: str
    text: str
    usd: float | None
    opened_at: str
    told_at: str | None
    over_at: str | None


def record(state: State, rules: Mapping[str, Rule], found: Mapping[str, Judged], now: datetime, zone: str) -> int:
    """Open, end and tell incidents by what was found `now` (UTC); returns how many messages were written."""
    local = now.replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo(zone))
    with state.transaction() as db:
        _end_those_of_no_rule(db, rules, now)
        for name, judged in found.items():
            if name in rules and not (judged.untold and not judged.firings):
                _follow(db, name, judged.firings, now, all_known=not judged.untold)
        loud = {name: rule for name, rule in rules.items() if not rule.holds_back(local)}
        return _tell(db, loud, now)


def _end_those_of_no_rule(db: Database, rules: Mapping[str, Rule], now: datetime) -> None:
    """A rule that is gone takes its incidents with it, and tells nothing any more."""
    for (name,) in db.execute("SELECT DISTINCT rule FROM alert_incidents WHERE over_at IS NULL").fetchall():
        if name not in rules:
            db.execute(
                "UPDATE alert_incidents SET over_at = ?, over_told_at = ? WHERE rule = ? AND over_at IS NULL",
                (now.isoformat(), now.isoformat(), name),
            )


def _follow(db: Database, rule: str, firings: Iterable[Firing], now: datetime, *, all_known: bool) -> None:
    """Bring the open incidents of a rule to what it found."""
    at = now.isoformat()
    wanted = {firing.about: firing for firing in firings}
    rows = db.execute("SELECT about, incident_id FROM alert_incidents WHERE rule = ? AND over_at IS NULL", (rule,))
    held = dict(rows.fetchall())
    since = (now - AGAIN_AFTER).isoformat()
    recent = dict(
        db.execute(
            "SELECT about, max(told_at) FROM alert_incidents WHERE rule = ? AND over_at >= ? AND told_at IS NOT NULL"
            " GROUP BY about",
            (rule, since),
        ).fetchall()
    )
    for about, firing in wanted.items():
        if about in held:
            db.execute(
                "UPDATE alert_incidents SET text = ?, usd = ? WHERE incident_id = ?",
                (firing.text, firing.usd, held[about]),
            )
            continue
        told = recent.get(about)
        after = (datetime.fromisoformat(told) + AGAIN_AFTER).isoformat() if told else at
        db.execute(
            "INSERT INTO alert_incidents (rule, about, text, usd, opened_at, tell_after) VALUES (?, ?, ?, ?, ?, ?)",
            (rule, about, firing.text, firing.usd, at, after),
        )
    for about in held.keys() - wanted.keys() if all_known else ():
        db.execute("UPDATE alert_incidents SET over_at = ? WHERE incident_id = ?", (at, held[about]))


def _tell(db: Database, rules: Mapping[str, Rule], now: datetime) -> int:
    """Write one message per channel with what is to be told; what nobody is to be told stays in the book."""
    at = now.isoformat()
    begun = _entries(db, "told_at IS NULL AND over_at IS NULL AND tell_after <= ?", at, rules)
    over = _entries(
        db, "told_at IS NOT NULL AND over_at IS NOT NULL AND over_told_at IS NULL AND over_at <= ?", at, rules
    )
    channels = sorted({channel for rule in rules.values() for channel in rule.channels})
    written = 0
    for channel in channels:
        mine = [one for one in begun if channel in rules[one.rule].channels]
        gone = [one for one in over if channel in rules[one.rule].channels]
        if not mine and not gone:
            continue
        title, body = digest(mine, gone)
        db.execute(
            "INSERT INTO alert_outbox (channel, title, body, written_at, try_after) VALUES (?, ?, ?, ?, ?)",
            (channel, title, body, at, at),
        )
        written += 1
    for column, entries in (("told_at", begun), ("over_told_at", over)):
        for one in entries:
            if rules[one.rule].channels:
                db.execute(f"UPDATE alert_incidents SET {column} = ? WHERE incident_id = ?", (at, one.incident_id))
    return written


def _entries(db: Database, condition: str, at: str, rules: Mapping[str, Rule]) -> list[Entry]:
    rows = db.execute(
        f"SELECT incident_id, rule, text, usd FROM alert_incidents WHERE {condition}"
        " ORDER BY abs(usd) DESC NULLS LAST, incident_id",
        (at,),
    ).fetchall()
    return [Entry(number, rule, text, usd, rules[rule].kind) for number, rule, text, usd in rows if rule in rules]


def open_incidents(state: State) -> list[Kept]:
    """What is so now, the dearest first."""
    with state.transaction() as db:
        rows = db.execute(
            f"SELECT {COLUMNS} FROM alert_incidents WHERE over_at IS NULL"
            " ORDER BY abs(usd) DESC NULLS LAST, incident_id"
        ).fetchall()
    return [Kept(*row) for row in rows]


def past_incidents(state: State, limit: int = 200) -> list[Kept]:
    """What is over, the latest first."""
    with state.transaction() as db:
        rows = db.execute(
            f"SELECT {COLUMNS} FROM alert_incidents WHERE over_at IS NOT NULL ORDER BY over_at DESC LIMIT ?", (limit,)
        ).fetchall()
    return [Kept(*row) for row in rows]
