"""What a ledger's numbers stand on: how far they reach, what share is priced, and what they leave unread or assume."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

import pandas as pd

from analytics import spend
from analytics.answers_by_version import remember
from analytics.history import logged_days, through
from analytics.scope import Scope
from analytics.source_logs import source_logs
from data import lost_rows, wording
from data.caveats import BILL_LINES, BY_CODE
from data.invented import is_condensed, is_mixed, is_sample
from data.ledger import Ledger
from data.loading.batches import last_load


class Standing(NamedTuple):
    """A ledger in one line. Instants are naive UTC, days those of the reporting zone.

    `priced_share` counts attempts with a cost; `without_caveat_share` counts the dollars whose rows carry no
    caveat, and is None where there are no dollars.
    """

    attempts: int
    first_day: date
    last_day: date
    last: datetime
    loaded: datetime | None
    priced_share: float
    without_caveat_share: float | None
    sample: bool
    mixed: bool  # invented rows beside a real log
    condensed: bool  # a sample of an earlier version, whose records each sum many calls
    lost: str = ""  # what is gone with damaged files until its logs are loaded again, in a sentence


@remember
def standing(view: Ledger) -> Standing | None:
    """What the ledger stands on; None for an empty one."""
    whole = spend.totals(view, Scope.of(view), ("attempts", "priced_share"))
    if not whole["attempts"]:
        return None
    reach, logged = through(view), logged_days(view)
    return Standing(
        attempts=int(whole["attempts"]),
        first_day=logged[0].date(),
        last_day=logged[-1].date(),
        last=reach.instant,
        loaded=last_load(view),
        priced_share=float(whole["priced_share"]),
        without_caveat_share=spend.without_caveat_share(view, Scope.of(view)),
        sample=is_sample(view),
        mixed=is_mixed(view),
        condensed=is_condensed(view),
        lost=lost_rows.sentence(view),
    )


@remember
def caveats(view: Ledger) -> pd.DataFrame:
    """One row per caveat: `code, caveat, rows, cost_usd, formats, meaning, remedy`, most dollars first.

    A row with two caveats counts in both, so that the dollars do not add up to a total.
    """
    frame = view.sql(
        f"""SELECT caveat AS code, sum(attempts)::BIGINT AS rows, sum(cost_usd)::DOUBLE AS cost_usd,
            string_agg(DISTINCT source, ', ' ORDER BY source) AS formats
        FROM {view.name("caveats_by_day")} GROUP BY 1 ORDER BY 3 DESC NULLS LAST, 2 DESC, 1"""
    )
    declared = [BY_CODE.get(code) for code in frame["code"]]
    return frame.assign(
        caveat=[one.label.capitalize() if one else code for one, code in zip(declared, frame["code"], strict=True)],
        meaning=[one.sentence if one else "" for one in declared],
        remedy=[one.remedy if one else "" for one in declared],
    )[["code", "caveat", "rows", "cost_usd", "formats", "meaning", "remedy"]]


def bill_lines(view: Ledger) -> list[str]:
    """For each format of provider reports some of whose lines carry a caveat, how many and which, in words."""
    frame = view.sql(BILL_LINES.format(billed=view.name("billed")))
    return [
        f"{wording.count_of(int(row.n), 'bill line')} of {row.format}: {BY_CODE[row.code].label}"
        for row in frame.itertuples()
        if row.code in BY_CODE
    ]


@remember
def sources(view: Ledger) -> pd.DataFrame:
    """One row per log format: `source, attempts, first, last` (UTC)`, cost_usd, lacks`, most attempts first.

    `lacks` says on which days a source that matters has no log; days of the reporting zone.
    """
    usage = view.usage
    found = usage.group_by("source").aggregate(
        attempts=usage.count(),
        first=usage.requested_at.min(),
        last=usage.requested_at.max(),
        cost_usd=usage.cost_usd.sum(),
    )
    table = view.frame(found).sort_values("attempts", ascending=False, ignore_index=True)
    if table.empty:
        return table.assign(lacks="")
    lacks = {log.name: log.lacks for log, _ in source_logs(view, Scope.of(view))}
    return table.assign(lacks=[lacks.get(name, "") for name in table["source"]])


def quiet_sources(view: Ledger) -> list[str]:
    """The sources that have stopped logging and have not ended, each in words."""
    logs = [log for log, _ in source_logs(view, Scope.of(view))] if len(sources(view)) else []
    return [f"no log from {log.name} since {log.silent_since:%-d %b %Y}" for log in logs if log.silent_since]
