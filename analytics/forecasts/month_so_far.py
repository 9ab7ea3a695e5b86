"""The running month day by day: what it has cost, where it is going, and the month before beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

import pandas as pd

from analytics.forecasts.forecast import month_end
from analytics.forecasts.outlook import outlook_of
from analytics.forecasts.planned_events import Event
from analytics.history import through
from analytics.known_spend import known_spend
from analytics.periods import month_start
from analytics.scope import Scope
from data.ledger import Ledger


class MonthSoFar(NamedTuple):
    """USD cumulated to the end of each day.

    `seen` by day of the month, a running day as far as it is logged, NaN for a day without any log; `ahead`: day, p10,
    p50, p90 from the last whole day to the month's last, empty when the month is over or nothing can be said; p10 and
    p90 are None where there is no range. `before` by day of the month before, None where its log is not whole.
    """

    seen: pd.Series
    ahead: pd.DataFrame
    before: pd.Series | None


def month_so_far(view: Ledger, scope: Scope, events: Sequence[Event] = ()) -> MonthSoFar:
    """The month of the newest data; only the scope's filters count, not its days.

    Every day ahead is a period of its own to `outlook_of`, so that the last one is what `month_end` says.
    """
    end, spend = month_end(view, scope, events), known_spend(view, scope.at_any_time())
    known_until = through(view).complete_until
    month = spend.within(end.start, end.end)
    seen = month.seen.cumsum().mask(month.missing & (month.seen == 0))  # no log is not no spend
    rows = []
    if end.p50 is not None and end.days_left:
        if known_until > end.start:
            rows.append((end.known_until - timedelta(days=1), *[end.settled_usd] * 3))
        for day in pd.date_range(end.known_until, end.end, inclusive="left"):
            reached = outlook_of(spend, known_until, end.start, day.date() + timedelta(days=1), events)
            rows.append((day.date(), reached.p10, reached.p50, reached.p90))
    earlier = spend.within(month_start(end.start, 1), end.start)
    whole = len(earlier.seen) == (end.start - month_start(end.start, 1)).days and not earlier.missing.any()
    ahead = pd.DataFrame(rows, columns=["day", "p10", "p50", "p90"])
    return MonthSoFar(seen, ahead, earlier.seen.cumsum() if whole else None)
