"""How much of one series' spend lies in another: the same event shows in a team, a feature and a model."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd

from analytics.anomalies.anomalies import Anomaly


class SharedSpend:
    """Dollars by day and every dimension of a cube (columns a MultiIndex of the dimensions); asked for thousands of
    pairs of anomalies where a log has many names, so each series' days are added up once.
    """

    def __init__(self, spend: pd.DataFrame) -> None:
        self._days, self._usd = spend.index, np.nan_to_num(spend.to_numpy(dtype=float))
        self._values = {name: spend.columns.get_level_values(name).to_numpy() for name in spend.columns.names}
        self._own: dict[Anomaly, np.ndarray] = {}

    def share(self, narrow: Anomaly, wide: Anomaly) -> float:
        """Part of the narrow series' spend, in its days, that lies in the wide one."""
        if narrow.kind == "silence" or wide.kind == "silence":
            return 0.0
        if wide.dimension == "total":
            return 1.0
        if narrow.dimension not in self._values or wide.dimension not in self._values:
            return 0.0
        own = self._in_its_days(narrow)
        both = own[self._values[wide.dimension] == wide.value]
        return float(both.sum()) / max(float(own.sum()), 1e-12)

    def _in_its_days(self, narrow: Anomaly) -> np.ndarray:
        """Dollars by column of the cube in the days of a series; those of other series are 0."""
        if narrow not in self._own:
            first, last = pd.Timestamp(narrow.start), pd.Timestamp(narrow.end) - timedelta(days=1)
            usd = self._usd[self._days.slice_indexer(first, last)].sum(axis=0)
            self._own[narrow] = np.where(self._values[narrow.dimension] == narrow.value, usd, 0.0)
        return self._own[narrow]
