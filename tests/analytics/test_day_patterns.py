"""The learner of day patterns and what is told of its events: each figure worked out by hand."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pandas as pd
import pytest

from analytics.anomalies.anomalies import Anomaly, failing_since, keep_narrowest, unusual_days
from analytics.anomalies.day_patterns import _Learner, _strays

FLAT = np.full(200, 100.0)
ODD = 0.3  # in logs


def learner(values: np.ndarray = FLAT, floor: float = 1.0, until: int = 0) -> _Learner:
    made = _Learner(values, np.full(len(values), floor))
    for day in range(28, until):
        made.learn(day)
    return made


def strayed(*misses: float) -> _Learner:
    """A learner that has seen days miss by so much, in logs."""
    made = learner()
    for miss in misses:
        made.pooled.add(miss)
        made.tail.add(miss)
    return made


@pytest.mark.parametrize(
    ("scores", "signs"),
    [
        ([4.4], [0]),
        ([4.6], [1]),
        ([-4.6], [-1]),
        ([2.3, 2.3, 2.3], [0, 0, 1]),  # three days in a row well off begin an event
        ([-2.3, -2.3, -2.3], [0, 0, -1]),
        ([2.3, 2.1, 2.3], [0, 0, 0]),
        ([2.3, -2.3, 2.3], [0, 0, 0]),
        ([5, 1.6, 1.4, 1.4, 1.6], [1, 1, 0, 0, 0]),  # two calm days end it, and 1.6 begins none
        ([5, 1.4, 1.6], [1, 0, 1]),  # one does not
        ([-5, -1.6, -1.4, -1.6], [-1, -1, 0, -1]),
        ([5, -5, -1.6], [1, -1, -1]),  # a fall right after a rise is another event
    ],
)
def test_when_an_event_begins_goes_on_and_ends(scores, signs):
    made = learner()
    assert [made._judged(28 + at, score, 50.0) for at, score in enumerate(scores)] == signs


def test_an_event_begins_above_the_floor_and_is_the_level_after_six_weeks():
    assert [learner()._judged(28, 5.0, above) for above in (1.0, 1.1, -1.0, -1.1)] == [0, 1, 0, 1]
    made = learner()
    assert made._judged(28, 5.0, 2.0) == made._judged(29, 5.0, 0.5) == 1  # one that goes on may be small
    assert [made._judged(day, 5.0, 2.0) for day in range(30, 72)] == [1] * 40 + [0, 0]


def test_how_far_days_stray_by_hand():
    assert _strays([100.0, 200.0, 100.0, 0.0, math.nan]) == pytest.approx([0, math.log(2), 0])
    assert strayed()._deviation(28) == 0.25  # nothing is known yet
    assert strayed(*[0.1] * 55)._deviation(28) == pytest.approx(0.14826)
    # Of 56 the 55th: one lies above the 97.5th per cent. Of 112 the 110th, and two above it.
    assert strayed(*[0.1] * 54, 0.8, 0.9)._deviation(28) == pytest.approx(0.8 / 2.2414)
    assert strayed(*[0.1] * 110, 0.8, 0.9)._deviation(28) == pytest.approx(0.1 * 1.4826)
    assert strayed(*[0.9] * 56, *[0.1] * 56)._deviation(28) == pytest.approx(0.9 / 2.2414)  # 56 are pooled
    assert strayed(*[0.9] * 56, *[0.1] * 112)._deviation(28) == pytest.approx(0.1 * 1.4826)
    assert strayed(*[0.001] * 200)._deviation(28) == 0.05


@pytest.mark.parametrize(
    ("weekday", "right"),
    [
        ([0.2] * 3, 0.05),  # fewer than four say nothing
        ([0.1, 0.1, 0.1, 0.4], 0.5),
        ([0.1] * 6 + [0.6, 0.9], 0.6 / 1.45),
        ([0.9] * 2 + [0.3] * 8, 0.3 * 1.4826),  # the last eight
    ],
)
def test_how_far_a_weekday_strays_by_hand(weekday, right):
    made = strayed(0.0)
    made.by_weekday[28 % 7] = weekday
    assert made._deviation(28) == pytest.approx(right)


@pytest.mark.parametrize(("length", "told"), [(1, True), (2, True), (3, False)])
def test_days_of_a_short_event_tell_how_far_days_stray_and_those_of_a_long_one_do_not(length, told):
    values = FLAT.copy()
    values[60 : 60 + length] *= np.exp(ODD)
    made = learner(values, until=60)
    for _ in range(112):
        made._scaled(0, 0.06 / 1.4826)  # a day that is off by 0.3 is at five deviations
    for weekday in made.by_weekday:
        weekday.clear()
    for day in range(60, 70):
        made.learn(day)
    assert made.unusual[60:70] == [1] * length + [0] * (10 - length)
    assert [miss for miss in made.tail.came if miss > 0.2] == pytest.approx([ODD] * length if told else [])


def anomaly(usd: float, kind: str = "spend", dimension: str = "team") -> Anomaly:
    return Anomaly(kind, dimension, "search", date(2026, 5, 4), date(2026, 5, 6), usd, 10.0, "")


@pytest.mark.parametrize(
    ("one", "title"),
    [
        (anomaly(0.5), "search above its pattern 4 May to 5 May"),
        (anomaly(0.0), "search above its pattern 4 May to 5 May"),
        (anomaly(-0.5), "search below its pattern 4 May to 5 May"),
        (anomaly(9, dimension="total")._replace(end=date(2026, 5, 5)), "Total above its pattern on 4 May"),
        (anomaly(9, "request cost"), "search: cost per request above its pattern 4 May to 5 May"),
        (anomaly(9, "outgrown"), "search: cost grows faster than usage"),
        (anomaly(-9, "silence"), "No log from search since 4 May"),
        (anomaly(9, "failures"), "search fails more than 10% of its attempts since 4 May"),
    ],
)
def test_the_title_of_each_kind(one, title):
    assert one.title == title


def test_an_event_of_a_dollar_is_told_too():
    assert keep_narrowest([anomaly(1.0)], lambda narrow, wide: 1.0) == [anomaly(1.0)]


def test_dollars_within_the_asked_days_and_those_of_the_whole_event():
    """A hundred a day, three hundred for four days; asked from the third of them on, its first day included."""
    spend = pd.Series(FLAT, index=pd.date_range("2026-01-05", periods=200))
    spend.iloc[100:104] = 300.0
    (run,) = unusual_days(spend, 20.0, spend.index[102])
    assert (run.start, run.end) == (spend.index[100].date(), spend.index[104].date())
    assert (run.usd, run.usd_in_scope, run.expected_usd) == pytest.approx((800, 400, 400))
    assert unusual_days(spend, 20.0, spend.index[104]) == []
    assert len(unusual_days(spend, 20.0, spend.index[103])) == 1


def test_days_without_attempts_are_no_attempts():
    """Of four of the last seven days nothing is known: 30.3 of 300 attempts failed, not of 304."""
    index = pd.date_range("2026-01-05", periods=14)
    attempts = pd.Series([100.0] * 7 + [math.nan] * 4 + [100.0] * 3, index=index)
    for failures, told in ((30.3, (index[13], 0.303)), (29.9, None)):
        failed = pd.Series([0.0] * 13 + [failures], index=index)
        assert failing_since(attempts, failed) == told
