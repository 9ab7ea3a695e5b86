"""Which data versions are kept: every one of the last days, then one a day, and those that somebody holds.

Every load makes a version. Most are never asked for again, and keep files alive that nobody reads; so upkeep
(`data.upkeep`) gives them up by a rule that can be said in a sentence. Who holds one says `data.held_versions`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from data.errors import BadInput, NoData
from data.lake import CATALOGUE

if TYPE_CHECKING:
    from data.ledger import Cursor

ALL_FOR = timedelta(days=2)  # in which every version is kept
KEEP_DAYS, KEEP_VARIABLE = 30, "BATON_KEEP_DAYS"  # in which the last version of each day is kept


class VersionGivenUp(NoData):
    """A data version that was there once; `nearest` is the kept one whose number is nearest, the later of two."""

    def __init__(self, sentence: str, nearest: int) -> None:
        super().__init__(sentence)
        self.nearest = nearest


def version_times(cursor: Cursor) -> dict[int, datetime]:
    """The data versions there are, with the time of each (UTC, naive), in order."""
    rows = cursor.execute(
        f"""SELECT snapshot_id, timezone('UTC', snapshot_time::TIMESTAMPTZ) FROM {CATALOGUE}.ducklake_snapshot
            ORDER BY snapshot_id"""
    ).fetchall()
    return dict(rows)


def those_there(cursor: Cursor, versions: Iterable[int]) -> set[int]:
    """Those of some data versions that there are."""
    wanted = ", ".join(f"{version:d}" for version in versions)
    rows = cursor.execute(
        f"SELECT snapshot_id FROM {CATALOGUE}.ducklake_snapshot WHERE snapshot_id IN ({wanted})"
    ).fetchall()
    return {version for (version,) in rows}


def explain_missing(cursor: Cursor, version: int) -> NoData:
    """What to tell whoever asks for a data version that there is not."""
    there = version_times(cursor)
    newest = max(there)
    if not 0 <= version < newest:
        return NoData(f"Data version {version} is not in this ledger; the newest is {newest}.")
    nearest = min(there, key=lambda one: (abs(one - version), -one))
    side = "later: rows may have come or changed in between" if nearest > version else "earlier: it may lack rows"
    return VersionGivenUp(
        f"Data version {version} is no longer kept. The nearest that is kept is {nearest}, of "
        f"{there[nearest]:%Y-%m-%d %H:%M} UTC ({side}); the newest is {newest}.",
        nearest,
    )


def keep_days() -> int:
    """How many days back the last version of each day is kept; BadInput where the setting is no number of days."""
    text = os.environ.get(KEEP_VARIABLE, "").strip()
    if not text:
        return KEEP_DAYS
    if not text.isdecimal() or not text.isascii() or int(text) > 36_500:
        raise BadInput(f"{KEEP_VARIABLE}={text!r} is no number of days; use 0 to 36500, for example {KEEP_DAYS}.")
    return int(text)


def superfluous_versions(there: Mapping[int, datetime], held: Iterable[int], now: datetime, days: int) -> list[int]:
    """The data versions (with their times) that nobody holds and no rule keeps, in order. A version from the future,
    of a clock that ran ahead, is young.
    """
    keep = {*held, max(there, default=0)}
    last_of: dict[date, int] = {}
    for version, at in there.items():
        if at > now - ALL_FOR:
            keep.add(version)
        elif at > now - timedelta(days=days):
            last_of[at.date()] = max(version, last_of.get(at.date(), version))
    keep |= set(last_of.values())
    return sorted(set(there) - keep)
