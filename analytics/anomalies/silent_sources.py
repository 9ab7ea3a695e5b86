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
        self._carried: dict[str, dict[str, list[str]]] = {}
        if self.logs:
            rows = scope.at_any_time().usage(view)
            names = {name: rows[name].fill_null(UNKNOWN) for name in (*CUBE, "source")}
            self.rows = view.frame(rows.group_by(**names).aggregate(attempts=rows.count()))

    def of(self, dimension: str, value: str, days: pd.DatetimeIndex) -> np.ndarray:
        """True for the days that are not known."""
        marks = np.zeros(len(days), dtype=bool)
        for name in self._material(dimension).get(value if dimension in CUBE else "", ()):
            for gap in self.logs[name]:
                marks |= (days >= pd.Timestamp(gap.start)) & (days < pd.Timestamp(gap.end))
        return marks

    def _material(self, dimension: str) -> dict[str, list[str]]:
        """The silent sources that carry a part worth telling of each value of a dimension; of all ("") for another."""
        if not self.logs:
            return {}
        if dimension not in self._carried:
            values = self.rows[dimension] if dimension in CUBE else pd.Series("", index=self.rows.index)
            attempts = self.rows["attempts"].groupby([values, self.rows["source"]]).sum()
            shares = attempts / attempts.groupby(level=0).transform("sum").clip(lower=1)
            carried: dict[str, list[str]] = {}
            for value, source in shares.index[shares >= MATERIAL_SHARE]:
                if source in self.logs:
                    carried.setdefault(str(value), []).append(str(source))
            self._carried[dimension] = carried
        return self._carried[dimension]
