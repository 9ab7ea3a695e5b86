"""The life of each source of a log: from when to when it wrote, its holes, and whether it fell silent."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import pandas as pd

from analytics.answers_by_version import remember
from analytics.history import daily_by, days_with_lost_rows, through
from analytics.scope import Scope
from analytics.silences import Silence, holes, silences
from data.calendar import DAY
from data.ledger import Ledger

ENDED_AFTER_DAYS = 28  # a source silent for longer has ended, and its days are no longer missed
MATERIAL_SHARE = 0.01  # of the attempts asked about: a smaller source does not make a day incomplete


class SourceLog(NamedTuple):
    """One source's life: first and last day with a record, the holes between, and how it ended.

    `silent_since` is the first day of a silence that lasts to the end of the data; `ended` says that it
    has lasted too long to be a pause.
    """

    name: str
    first: date
    last: date
    gaps: tuple[Silence, ...]
    silent_since: date | None
    ended: bool

    @property
    def lacks(self) -> str:
        """The days without its log, in words; empty where none are."""
        told = [f"since {self.silent_since:%-d %b %Y}"] if self.silent_since else []
        gaps = [gap for gap in self.gaps if gap.start != self.silent_since]
        more = f" and {len(gaps) - 3} more times" if len(gaps) > 3 else ""
        if gaps:
            told.append(f"{', '.join(gap.text for gap in gaps[:3])}{more}")
        return "; ".join([*told, *([f"ended {self.last:%-d %b %Y}"] if self.ended else [])])


@remember
def source_logs(view: Ledger, scope: Scope) -> tuple[tuple[SourceLog, float], ...]:
    """The sources that carry a scope's filters, with their shares of its attempts, the largest first."""
    wide = _attempts_by_source(view, scope.at_any_time())
    whole = _attempts_by_source(view, Scope.of(view)) if scope.is_narrowed else wide
    until, everything = through(view).complete_until, float(wide.to_numpy().sum())
    shares = {str(name): float(wide[name].sum()) / everything for name in wide.columns} if everything else {}
    material = sorted((name for name in shares if shares[name] >= MATERIAL_SHARE), key=lambda n: (-shares[n], n))
    lost = {name: days_with_lost_rows(view, Scope.of(view, source=name)) for name in material}
    return tuple((_life(name, whole[name], until, lost[name]), shares[name]) for name in material)


def _attempts_by_source(view: Ledger, scope: Scope) -> pd.DataFrame:
    wide = daily_by(view, scope, ("source",), ("attempts",))
    return wide["attempts"].fillna(0.0) if not wide.columns.empty else pd.DataFrame(index=wide.index)


def _life(name: str, attempts: pd.Series, until: date, lost: pd.DatetimeIndex) -> SourceLog:
    active = (attempts > 0) | attempts.index.isin(lost)
    days = attempts.index[active]
    first, last = days[0].date(), days[-1].date()
    lived = active[(active.index >= days[0]) & (active.index < pd.Timestamp(max(until, last + DAY)))]
    missing = holes(lived) | lived.index.isin(lost)
    silent = missing[missing.index > days[-1]]
    quiet_days = (until - last).days - 1
    ended = quiet_days > ENDED_AFTER_DAYS and bool(silent.any())
    if ended:
        missing = missing[missing.index <= days[-1]]
    since = silent.index[silent][0].date() if silent.any() and not ended else None
    return SourceLog(name, first, last, silences(missing), since, ended)
