"""Daily spend with what the log lacks: a day without a log is not a day without spend, for each source.

What a source would have logged on a day it has a hole is expected to be what it logged on the same
weekdays around it. So a sum can say what it has seen, what is missing, and about how much that is.
Spend of some teams comes with that of all, so that their forecasts add up (`forecasts.reconciled`).
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd

from analytics.answers_by_version import remember
from analytics.history import daily_by, daily_usd_by, through
from analytics.scope import Scope
from analytics.source_logs import source_logs
from data.calendar import DAYS_PER_WEEK
from data.ledger import Ledger

NEAREST = 4  # same weekdays with a log that speak for a day without one
REACH_DAYS = 35  # further away nothing is said
TEAM = "team"
ENOUGH_DAYS = DAYS_PER_WEEK  # whole days within reach; fewer do not hold weekdays and weekends, and tell nothing


class Company(NamedTuple):
    """What all teams spent together, what each did (columns), filled where the log lacks it; and which were asked for.

    All of it within the other filters of the question.
    """

    spend: pd.Series
    teams: pd.DataFrame
    asked: tuple[str, ...]


class KnownSpend(NamedTuple):
    """USD a day, consecutive days: `seen` in the log, and `lacking`, what silent sources would have added.

    `lacking` is 0 where nothing is missing and NaN where nothing near it can say; `missing` marks the days on
    which a source has a hole. `is_priced` says whether any attempt has a known cost: where none has, the zeros
    of `seen` are no spend that was seen. `company` is there where only some teams were asked for.
    """

    seen: pd.Series
    lacking: pd.Series
    missing: pd.Series
    is_priced: bool = True
    company: Company | None = None

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
    whole, began = _over(view, total.index), _begun_late(view, total.index)
    holes, company = _holes(view, scope, total.index), _company(view, scope)
    if not holes.to_numpy().any():
        known = of_series(total, whole)._replace(is_priced=is_priced, company=company)
        return _since(began, known, whole)
    wide = daily_usd_by(view, scope, ("source",)).reindex(columns=holes.columns).fillna(0.0)
    missing = total.isna() | holes.any(axis=1)
    lacking = _lacking(wide, holes, whole).where(missing, 0.0)
    return _since(began, KnownSpend(total.fillna(0.0), lacking, missing, is_priced, company), whole)


def _over(view: Ledger, days: pd.DatetimeIndex) -> np.ndarray:
    return days < pd.Timestamp(through(view).complete_until)


def _begun_late(view: Ledger, days: pd.DatetimeIndex) -> np.ndarray:
    return days < pd.Timestamp(through(view).complete_from)


def _holes(view: Ledger, scope: Scope, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Which days each source that carries the scope has no log of."""
    return pd.DataFrame({log.name: _marked(days, log.gaps) for log, _ in source_logs(view, scope)}, index=days)


def _lacking(by_source: pd.DataFrame, holes: pd.DataFrame, whole: np.ndarray) -> pd.Series:
    """What the sources would have added on the days of their holes; NaN where nothing near one can say."""
    expected = {name: _expected(by_source[name].mask(holes[name]), whole) for name in holes}
    return pd.DataFrame(expected, index=by_source.index).sum(axis=1, skipna=False)


def _company(view: Ledger, scope: Scope) -> Company | None:
    """All teams' spend; None unless the scope asks for some of them."""
    filters, excluded = (tuple(one for one in part if one[0] != TEAM) for part in (scope.filters, scope.excluded))
    everyone = scope.model_copy(update={"filters": filters, "excluded": excluded})
    if everyone == scope:
        return None
    spend = known_spend(view, everyone).filled
    teams = _by_team(view, everyone)
    asked, left_out = (dict(part).get(TEAM) for part in (scope.filters, scope.excluded))
    chosen = (name for name in teams if (asked is None or name in asked) and name not in (left_out or ()))
    return Company(spend, teams, tuple(chosen))


@remember
def _by_team(view: Ledger, scope: Scope) -> pd.DataFrame:
    """Filled spend by day, a column a team."""
    wide = daily_usd_by(view, scope, (TEAM,))
    days = wide.index
    whole, began, holes = _over(view, days), _begun_late(view, days), _holes(view, scope, days)
    known = {name: of_series(wide[name], whole) for name in wide}
    if holes.to_numpy().any():
        parts = daily_usd_by(view, scope, (TEAM, "source"))
        for name in wide:
            own = parts[name].reindex(columns=holes.columns).fillna(0.0)
            known[name] = known[name]._replace(lacking=_lacking(own, holes, whole))
    return pd.DataFrame({name: _since(began, one, whole).filled for name, one in known.items()}, index=days)


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
