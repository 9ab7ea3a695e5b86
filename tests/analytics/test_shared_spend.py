"""What two series share, on arrays, against the same sums on frames."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.anomalies.anomalies import Anomaly
from analytics.anomalies.shared_spend import SharedSpend

FIRST, NAMES, LEVELS = date(2026, 10, 1), ("a", "b", "c"), ("team", "model")
DAYS = st.integers(0, 9)


def anomaly(dimension: str, value: str, day: int, days: int, kind: str = "spend") -> Anomaly:
    start = FIRST + timedelta(days=day)
    return Anomaly(kind, dimension, value, start, start + timedelta(days=days), 1.0, 1.0, "")


def cube(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    columns = pd.MultiIndex.from_product([NAMES, NAMES], names=LEVELS)
    usd = np.where(rng.random((10, 9)) < 0.3, np.nan, rng.random((10, 9)))
    return pd.DataFrame(usd, index=pd.date_range(FIRST, periods=10), columns=columns)


@settings(max_examples=60)
@given(st.integers(0, 5), *[st.sampled_from(LEVELS), st.sampled_from(NAMES)] * 2, DAYS, st.integers(1, 12))
def test_a_share_is_that_of_the_frames(seed, dimension, value, of, other, day, days):
    frame, narrow, wide = cube(seed), anomaly(dimension, value, day, days), anomaly(of, other, 0, 10)
    part = frame.iloc[day : day + days].T.reset_index().melt(list(LEVELS), value_name="usd")
    own = part[part[dimension] == value]
    expected = own.loc[own[of] == other, "usd"].sum() / max(own["usd"].sum(), 1e-12)
    assert SharedSpend(frame).share(narrow, wide) == pytest.approx(expected)


def test_the_total_holds_everything_and_a_silence_or_another_cube_nothing():
    shared, one = SharedSpend(cube(1)), anomaly("team", "a", 0, 3)
    assert shared.share(one, anomaly("total", "total", 0, 3)) == 1
    assert shared.share(one, anomaly("source", "langfuse", 0, 3, "silence")) == 0
    assert shared.share(one, anomaly("key_alias", "k", 0, 3)) == shared.share(anomaly("key_alias", "k", 0, 3), one) == 0
