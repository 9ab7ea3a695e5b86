"""Sources that stopped logging: a finding of their own, and days on which a series cannot be judged."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analytics.anomalies.anomalies import Anomaly
from analytics.history import through
from analytics.known_spend import known_spend
from analytics.scope import UNKNOWN, Scope
from analytics.source_logs import MATERIAL_SHARE, source_logs
from data.ledger import Ledger

CUBE = ("team", "feature", "model")  # the dimensions whose values are watched


def silences_of(view: Ledger, scope: Scope, start: pd.Timestamp) -> list[Anomaly]:
    """Sources that have stopped logging, with what they would have logged since."""
    found, end = [], through(view).complete_until
    for log, _ in source_logs(view, scope.at_any_time()):
        if not log.silent_since or log.silent_since >= end or (scope.end and log.silent_since >= scope.end):
            continue
        spend = known_spend(view, scope.at_any_time().with_filter("source", log.name)).within(log.silent_since, end)
        usd, inside = (-float(part.lacking.sum()) for part in (spend, spend.within(start.date(), end)))
        told = "every number since is without it, unless it says that it is counted as expected"
        found.append(Anomaly("silence", "source", log.name, log.silent_since, end, usd, -usd, told, inside))
    return found


class HolesOfSeries:
    """The days on which a series is not known, since a source that carries part of it was silent."""

    def __init__(self, view: Ledger, scope: Scope) -> None:
        self.logs = {log.name: log.gaps for log, _ in source_logs(view, scope.at_any_time()) if log.gaps}
        self.rows = pd.DataFrame()
        if self.logs:
            rows = scope.at_any_time().usage(view)
            names = {name: rows[name].fill_null(UNKNOWN) for name in (*CUBE, "source")}
            self.rows = view.frame(rows.group_by(**names).aggregate(attempts=rows.count()))

    def of(self, dimension: str, value: str, days: pd.DatetimeIndex) -> np.ndarray:
        """True for the days that are not known."""
        marks = np.zeros(len(days), dtype=bool)
        if not self.logs:
            return marks
        own = self.rows if dimension not in CUBE else self.rows[self.rows[dimension] == value]
        shares = own.groupby("source")["attempts"].sum() / max(own["attempts"].sum(), 1)
        for name in shares[shares >= MATERIAL_SHARE].index.intersection(list(self.logs)):
            for gap in self.logs[name]:
                marks |= (days >= pd.Timestamp(gap.start)) & (days < pd.Timestamp(gap.end))
        return marks
