"""Today's spend in a line, for a status line or a prompt: one query over the roll-up, with no library to wait for."""

from __future__ import annotations

import argparse
import sys
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from data import console, lost_rows, people, wording
from data.errors import NoData
from data.held_view import restrict_to_teams
from data.ledger import Ledger
from data.sql_text import literal

WEEK_DAYS = 7  # today and the six days before


class Today(NamedTuple):
    """Spend of the reporting zone's day so far; money in USD, None where no attempt has a known cost."""

    day: date
    time_zone: str
    snapshot: int
    cost_usd: Decimal | None
    attempts: int
    priced_share: float | None
    without_caveat_share: float | None
    yesterday_usd: Decimal | None
    week_usd: Decimal | None
    last_day: date  # the last day with a record


# One statement, so that all of it is of one data version.
QUESTION = """
    WITH here AS (
        SELECT zone, timezone(zone, {now})::DATE AS today FROM (
            SELECT coalesce(max(value) FILTER (name = 'time_zone'), 'UTC') AS zone FROM "{catalog}"."main"."settings"))
    SELECT today, zone, {version},
        sum(cost_usd) FILTER (day = today), coalesce(sum(attempts) FILTER (day = today), 0)::BIGINT,
        (sum(priced_attempts) FILTER (day = today) / sum(attempts) FILTER (day = today))::DOUBLE,
        1 - coalesce(sum(caveat_cost_usd) FILTER (day = today), 0)::DOUBLE
            / nullif(sum(cost_usd) FILTER (day = today), 0)::DOUBLE,
        sum(cost_usd) FILTER (day = today - 1),
        sum(cost_usd) FILTER (day BETWEEN today - {before} AND today), max(day)
    FROM {days}, here GROUP BY today, zone"""


def today(view: Ledger, now: datetime | None = None) -> Today:
    """What today has cost so far, at the instant `now` (with its zone) or as it is; NoData for an empty ledger."""
    instant = f"{literal(now.isoformat())}::TIMESTAMPTZ" if now else "now()"
    version = "(SELECT id FROM lake.current_snapshot())" if view.pinned is None else str(view.pinned)
    rows = view.rows(
        QUESTION.format(
            catalog=view.catalog, version=version, now=instant, before=WEEK_DAYS - 1, days=view.name("spend_by_day")
        )
    )
    if not rows:
        raise NoData("The ledger is empty; load a log with `python -m data ingest PATH`, or `python -m data sample`.")
    return Today(*rows[0])


def sentence(told: Today) -> str:
    """The line that a person reads."""
    if told.last_day <= told.day - timedelta(days=WEEK_DAYS):
        return (
            f"Nothing is logged of the last {WEEK_DAYS} days; the log ends on {told.last_day}; version {told.snapshot}."
        )
    week = f"{_usd(told.week_usd)} in {WEEK_DAYS} days"
    if not told.attempts:
        return f"Nothing is logged of {told.day} yet; {week}; the log ends on {told.last_day}; version {told.snapshot}."
    known = [
        f"{wording.share(told.priced_share)} priced",
        f"{wording.share(told.without_caveat_share)} of dollars without caveat" if told.cost_usd else "",
    ]
    return (
        f"{_usd(told.cost_usd)} today ({wording.count_of(told.attempts, 'attempt')}), {_usd(told.yesterday_usd)}"
        f" yesterday, {week}; {', '.join(filter(None, known))}; version {told.snapshot}."
    )


def _usd(value: Decimal | None) -> str:
    return "no known cost" if value is None else wording.usd_cents(value)


def register(commands: console.Commands) -> None:
    """Add `today` to `python -m analytics`."""
    commands.add("today", run)


def run(args: argparse.Namespace) -> None:
    """`today`: the spend of the day so far in a line, or as JSON."""
    ledger, teams = Ledger.open(args.home), people.held_teams()
    view = restrict_to_teams(ledger.at(ledger.snapshot()), teams) if teams else ledger
    told = today(view)
    if args.json:
        console.emit_json(told._asdict())
    else:
        console.say(sentence(told))
    if lost := lost_rows.sentence(view):
        print(lost, file=sys.stderr)
