"""What a ledger's numbers stand on: how far they reach, what share is priced, and what they leave unread or assume."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

import pandas as pd

from analytics.answers_by_version import kept
from analytics.history import logged_days, through
from analytics.registry import total
from data.caveats import BY_CODE
from data.ledger import Ledger
from data.loading.batches import last_load
from data.sample.sample import is_sample


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


@kept
def standing(view: Ledger) -> Standing | None:
    """What the ledger stands on; None for an empty one."""
    days = view.spend_by_day
    counted = view.frame(
        days.aggregate(
            attempts=total(days, "attempts"), priced=total(days, "priced_attempts"), usd=total(days, "cost_usd")
        )
    ).iloc[0]
    if pd.isna(counted["attempts"]) or not counted["attempts"]:
        return None
    usage = view.usage
    marked = usage.filter(usage.caveats.notnull())
    doubtful = view.frame(marked.aggregate(usd=marked.cost_usd.sum()))["usd"][0]
    usd = 0.0 if pd.isna(counted["usd"]) else float(counted["usd"])
    reach, logged = through(view), logged_days(view)
    return Standing(
        attempts=int(counted["attempts"]),
        first_day=logged[0].date(),
        last_day=logged[-1].date(),
        last=reach.instant,
        loaded=last_load(view),
        priced_share=float(counted["priced"]) / float(counted["attempts"]),
        without_caveat_share=1 - (0.0 if pd.isna(doubtful) else float(doubtful)) / usd if usd > 0 else None,
        sample=is_sample(view),
    )


@kept
def caveats(view: Ledger) -> pd.DataFrame:
    """One row per caveat: `code, caveat, rows, cost_usd, formats, meaning, remedy`, most dollars first.

    A row with two caveats counts in both, so that the dollars do not add up to a total.
    """
    usage = view.usage
    marked = usage.filter(usage.caveats.notnull()).select("source", "cost_usd", code=lambda t: t.caveats.unnest())
    frame = view.frame(marked.group_by("code", "source").aggregate(rows=marked.count(), cost_usd=marked.cost_usd.sum()))
    rows = []
    for code, part in frame.groupby("code"):
        known = BY_CODE.get(str(code))
        dollars = part["cost_usd"].dropna().astype(float)
        rows.append(
            {
                "code": code,
                "caveat": known.label.capitalize() if known else str(code),
                "rows": int(part["rows"].sum()),
                "cost_usd": float(dollars.sum()) if len(dollars) else None,
                "formats": ", ".join(sorted(part["source"].astype(str))),
                "meaning": known.sentence if known else "",
                "remedy": known.remedy if known else "",
            }
        )
    columns = ["code", "caveat", "rows", "cost_usd", "formats", "meaning", "remedy"]
    return pd.DataFrame(rows, columns=columns).sort_values(["cost_usd", "rows"], ascending=False, ignore_index=True)


@kept
def sources(view: Ledger) -> pd.DataFrame:
    """One row per log format: `source, attempts, first, last` (UTC)`, cost_usd`, most attempts first."""
    usage = view.usage
    found = usage.group_by("source").aggregate(
        attempts=usage.count(),
        first=usage.requested_at.min(),
        last=usage.requested_at.max(),
        cost_usd=usage.cost_usd.sum(),
    )
    return view.frame(found).sort_values("attempts", ascending=False, ignore_index=True)
