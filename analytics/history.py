"""Spend as daily series: the ground that forecast, anomalies and budgets stand on."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import NamedTuple
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pandas as pd

from analytics.answers_by_version import remember
from analytics.registry import dimension
from analytics.scope import UNKNOWN, ClosedScope, Scope
from analytics.silences import holes
from analytics.totals import total
from data import lost_rows
from data.calendar import DAY
from data.errors import NoData
from data.ledger import Ledger
from data.lost_rows import LostDay

# A day whose last request came after this hour of the reporting zone is over for our purposes.
DAY_IS_OVER_AT = 22
RECENT_DAYS = 28
# A first day whose first request came later than this is not logged whole: nobody knows what went before.
DAY_HAS_BEGUN_BY = 12


class Through(NamedTuple):
    """How far the data reach: last instant (UTC), its day in the reporting zone, first day not complete any more, and
    the time of day of the last instant in the reporting zone; `complete_from` is the first day that is logged from its
    beginning, `began` the time of day of the first instant of all."""

    instant: datetime
    day: date
    complete_until: date
    at: time
    complete_from: date
    began: time


@remember
def through(view: Ledger) -> Through:
    """Where the data end; raises NoData for an empty ledger."""
    logged = logged_days(view)
    if logged.empty:
        raise NoData("The ledger is empty; load a log with `python -m data ingest PATH`, or `python -m data sample`.")
    first, day = logged[0].date(), logged[-1].date()
    at = view.usage.requested_at
    newest = view.usage.filter(at >= ibis.literal(datetime.combine(day - DAY, time())))
    oldest = view.usage.filter(at < ibis.literal(datetime.combine(first + 2 * DAY, time())))
    instant = pd.Timestamp(view.frame(newest.aggregate(at=at.max()))["at"][0]).to_pydatetime()
    local = instant.replace(tzinfo=UTC).astimezone(ZoneInfo(view.time_zone))
    over = local.hour >= DAY_IS_OVER_AT and local.date() == day
    start = pd.Timestamp(view.frame(oldest.aggregate(at=at.min()))["at"][0]).to_pydatetime()
    began = start.replace(tzinfo=UTC).astimezone(ZoneInfo(view.time_zone)).time()
    is_whole = began < time(DAY_HAS_BEGUN_BY)
    return Through(instant, day, day + DAY if over else day, local.time(), first if is_whole else first + DAY, began)


def recent(view: Ledger, scope: Scope | None = None) -> ClosedScope:
    """The last four whole weeks, with the scope's filters."""
    end = min(through(view).complete_until, (scope and scope.end) or date.max)
    base = scope or Scope.of(view)
    return base.between(end - RECENT_DAYS * DAY, end)


@remember
def logged_days(view: Ledger) -> pd.DatetimeIndex:
    """The days that have any row, in order."""
    return pd.DatetimeIndex(pd.to_datetime(view.frame(view.spend_by_day.select("day").distinct())["day"])).sort_values()


@remember
def days_without_log(view: Ledger) -> pd.DatetimeIndex:
    """The days between the first and the last record that should have a log and have none; see `silences`."""
    logged = logged_days(view)
    whole = pd.date_range(logged[0], logged[-1], name="day")
    return whole[holes(pd.Series(whole.isin(logged), index=whole)).to_numpy()]


def days_with_lost_rows(view: Ledger, scope: Scope) -> pd.DatetimeIndex:
    """The days of the reporting zone on which rows that a scope may ask for are lost with a damaged file."""
    asked = dict(scope.filters).get("source")
    days = [lost.day for lost in _lost_days(view) if not asked or not lost.sources or lost.sources & set(asked)]
    return pd.DatetimeIndex(pd.to_datetime(days))


@remember
def _lost_days(view: Ledger) -> list[LostDay]:
    """The same for every scope, told apart by their sources."""
    return lost_rows.in_zone(lost_rows.lost_days(view), view.time_zone)


@remember
def daily(view: Ledger, scope: Scope) -> pd.Series:
    """USD per day of the reporting zone, first to last day of the ledger; NaN where the ledger has a hole or lost
    rows."""
    return daily_by(view, scope, ()).iloc[:, 0]


def daily_usd_by(view: Ledger, scope: Scope, by: tuple[str, ...]) -> pd.DataFrame:
    """As `daily_by`, the spend alone: one column per value of `by`, none where nothing matches the scope."""
    wide = daily_by(view, scope, by)
    return wide["cost_usd"] if len(wide.columns) else wide


def daily_by(
    view: Ledger, scope: Scope, by: tuple[str, ...], measures: tuple[str, ...] = ("cost_usd",)
) -> pd.DataFrame:
    """Daily totals, one column per (measure, value of the dimensions in `by`), floats.

    Days in which a series has no row are zero; holes in the ledger's log are NaN, and so are days whose rows are lost
    with a damaged file: a missing log is not a day without spend.
    """
    source = scope.days(view) if scope.fits_rollup(*by) else scope.usage(view)
    keys = {"day": dimension("day").expression(source, scope.time_zone)}
    keys |= {name: dimension(name).expression(source, scope.time_zone).cast("string").fill_null(UNKNOWN) for name in by}
    frame = view.frame(
        source.group_by(**keys).aggregate(**{name: total(source, name).cast("float64") for name in measures})
    )
    frame["day"] = pd.to_datetime(frame["day"])
    wide = (
        frame.pivot_table(index="day", columns=list(by), values=list(measures), aggfunc="sum")
        if by
        else frame.set_index("day")
    )
    seen = logged_days(view)
    if seen.empty:
        return pd.DataFrame({name: pd.Series(dtype=float) for name in measures}, index=pd.DatetimeIndex([]))
    whole = pd.date_range(seen[0], seen[-1], name="day")
    filled = wide.reindex(whole).astype(float).fillna(0.0)
    filled.loc[whole.isin(days_without_log(view).union(days_with_lost_rows(view, scope.at_any_time())))] = np.nan
    return filled
