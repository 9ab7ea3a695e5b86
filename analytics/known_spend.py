"""Daily spend with what the log lacks: a day without a log is not a day without spend, for each source.

What a source would have logged on a day it has a hole is expected to be what it logged on the same
weekdays around it. So a sum can say what it has seen, what is missing, and about how much that is.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd

from analytics.answers_by_version import remember
from analytics.history import daily_by, through
from analytics.scope import Scope
from analytics.source_logs import source_logs
from data.calendar import DAYS_PER_WEEK
from data.ledger import Ledger

NEAREST = 4  # same weekdays with a log that speak for a day without one
REACH_DAYS = 35  # further away nothing is said
ENOUGH_DAYS = DAYS_PER_WEEK  # whole days within reach; fewer do not hold weekdays and weekends, and tell nothing


class KnownSpend(NamedTuple):
    """USD a day, consecutive days: `seen` in the log, and `lacking`, what silent sources would have added.

    `lacking` is 0 where nothing is missing and NaN where nothing near it can say; `missing` marks the days on
    which a source has a hole. `is_priced` says whether any attempt has a known cost: where none has, the zeros
    of `seen` are no spend that was seen.
    """

    seen: pd.Series
    lacking: pd.Series
    missing: pd.Series
    is_priced: bool = True

    @property
    def filled(self) -> pd.Series:
        """What was spent, as far as can be told; NaN where it cannot."""
        return self.seen + self.lacking

    @property
    def covered(self) -> pd.Series:
        """What was seen on the days that the log covers whole; NaN on the others."""
        return self.seen.where(~self.missing)

    def within(self, start: date, end: date) -> KnownSpend:
        """The days [start, end) of it."""
        days = self.seen.index
        inside = (days >= pd.Timestamp(start)) & (days < pd.Timestamp(end))
        return self._replace(seen=self.seen[inside], lacking=self.lacking[inside], missing=self.missing[inside])

    def until(self, end: date) -> KnownSpend:
        """The days before `end`."""
        return self.within(date.min, end)


@remember
def known_spend(view: Ledger, scope: Scope) -> KnownSpend:
    """The scope's spend by day over the whole ledger, each source judged by its own log."""
    every = daily_by(view, scope, (), ("cost_usd", "priced_attempts"))
    total, is_priced = every["cost_usd"], bool(every["priced_attempts"].sum())
    reach = through(view)
    whole = total.index < pd.Timestamp(reach.complete_until)
    began = total.index < pd.Timestamp(reach.complete_from)
    holes = pd.DataFrame(
        {log.name: _marked(total.index, log.gaps) for log, _ in source_logs(view, scope)}, index=total.index
    )
    if not holes.to_numpy().any():
        return _since(began, of_series(total, whole)._replace(is_priced=is_priced), whole)
    wide = daily_by(view, scope, ("source",))["cost_usd"].reindex(columns=holes.columns).fillna(0.0)
    lacking = pd.DataFrame({name: _expected(wide[name].mask(holes[name]), whole) for name in holes}).sum(
        axis=1, skipna=False
    )
    everywhere = total.isna()
    missing = everywhere | holes.any(axis=1)
    return _since(began, KnownSpend(total.fillna(0.0), lacking.where(missing, 0.0), missing, is_priced), whole)


def _since(began: np.ndarray, known: KnownSpend, whole: np.ndarray) -> KnownSpend:
    """A first day (`began`) whose log does not start with it lacks what its weekdays usually cost beyond what is seen
    of it."""
    if not began.any():
        return known
    usual = _expected(known.filled.mask(began), whole)
    lacking = known.lacking.mask(began, (usual - known.seen).clip(lower=0))
    return known._replace(lacking=lacking, missing=known.missing | began)


def of_series(spend: pd.Series, whole: np.ndarray | None = None) -> KnownSpend:
    """The same for one series by day that is NaN where it has no log; `whole` marks the days that are over."""
    over = np.ones(len(spend), dtype=bool) if whole is None else whole
    return KnownSpend(spend.fillna(0.0), _expected(spend, over), spend.isna())


def _marked(days: pd.DatetimeIndex, gaps: tuple) -> np.ndarray:
    marks = np.zeros(len(days), dtype=bool)
    for gap in gaps:
        marks |= (days >= pd.Timestamp(gap.start)) & (days < pd.Timestamp(gap.end))
    return marks


def _expected(spend: pd.Series, whole: np.ndarray) -> pd.Series:
    """For the NaN days of a series, the median of the nearest same weekdays that are whole; else 0. NaN where under
    `ENOUGH_DAYS` whole days are near: a morning, or one day, says nothing of a month."""
    values = spend.to_numpy(dtype=float)
    lacks, known = np.isnan(values), ~np.isnan(values) & whole
    result = np.zeros(len(values))
    for day in np.flatnonzero(lacks).tolist():
        low = max(0, day - REACH_DAYS)
        near = np.flatnonzero(known[low : day + REACH_DAYS + 1]) + low
        same = near[(near - day) % 7 == 0]
        chosen = same if len(same) >= 2 else near
        nearest = chosen[np.argsort(np.abs(chosen - day), kind="stable")][:NEAREST]
        result[day] = np.median(values[nearest]) if len(near) >= ENOUGH_DAYS else np.nan
    return pd.Series(result, index=spend.index)
