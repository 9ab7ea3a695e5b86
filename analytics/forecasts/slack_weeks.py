"""Weeks of the year in which spend fell and came back, as in August: expected again, as surely as the log has seen it.

A stretch of `FEWEST_DAYS` to `MOST_DAYS` whose level lay below the days around it by more than such weeks usually
stray is expected on the same dates of the next year with odds by Laplace's rule of succession, (seen + 1) /
(years + 2): two in three after one year. The forecast takes that share of the fall, and the range holds the rest. Once
some days of this year's stretch are in the log, they decide. The turn of the year is `calendar_days`' own. Days are
numpy `datetime64[D]`; falls are in logs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from analytics.forecasts.calendar_days import MAD_TO_DEVIATION, YEAR_END, median, positions, row_medians
from data.calendar import DAYS_PER_YEAR

AROUND = 45  # days to either side that tell a day's level; a stretch is less than half of them
SMOOTHED = 3  # days to either side that tell whether a day is in a stretch
FEWEST_DAYS, MOST_DAYS = 7, 42
LEAST, STANDS_OUT = 0.15, 3.0  # how deep a stretch is at least, in logs and in deviations of such weeks
BESIDE_DAYS = 14  # known days on either side, without which nobody can say that spend came back
DECIDING_DAYS, DECIDING_SHARE = 3, 0.25  # of a year's stretch, known days that tell whether it is one
YEARS_AHEAD = 5


class Slack(NamedTuple):
    """The days [first, end): what is expected of the fall, and its standard deviation, in logs."""

    first: np.datetime64
    end: np.datetime64
    fall: float
    unsure: float


def learn_slack(days: np.ndarray, flat: np.ndarray) -> tuple[Slack, ...]:
    """Stretches seen and to come, from spend by day without its weekdays and calendar (NaN where a day is not known).

    `days` follow each other without a hole.
    """
    if len(days) < DAYS_PER_YEAR:
        return ()
    below = _below(days, flat)
    learned: list[Slack] = []
    for first, end in reversed(_stretches(below)):  # the newest first: it knows best when the stretch begins
        fall = median(below[first:end][~np.isnan(below[first:end])])
        told = [Slack(days[first], days[end - 1] + 1, fall, 0.0), *_other_years(days, flat, (first, end), fall)]
        learned += [one for one in told if not any(_meet(one, other) for other in learned)]
    return tuple(learned)


def _meet(one: Slack, other: Slack) -> bool:
    return bool(one.first < other.end and other.first < one.end)


def slack_multipliers(days: np.ndarray, slack: Sequence[Slack]) -> np.ndarray:
    """What each day is multiplied by."""
    return np.exp(sum(((days >= one.first) & (days < one.end)) * one.fall for one in slack) + np.zeros(len(days)))


def slack_deviations(days: np.ndarray, slack: Sequence[Slack]) -> np.ndarray:
    """Standard deviation of each day's multiplier, as a share of it: it falls on all days of a stretch or on none."""
    return sum(((days >= one.first) & (days < one.end)) * one.unsure for one in slack) + np.zeros(len(days))


def _below(days: np.ndarray, flat: np.ndarray) -> np.ndarray:
    """How far each day lies from the level around it; 0 around the New Year."""
    padded = np.concatenate([np.full(AROUND, np.nan), flat, np.full(AROUND, np.nan)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * AROUND + 1)
    weekly = np.arange(0, len(flat), 7)  # levels of every seventh day stand for those between
    level = row_medians(windows[weekly])[np.minimum(np.arange(len(flat)) + 3, len(flat) - 1) // 7]
    with np.errstate(divide="ignore", invalid="ignore"):
        below = np.log(flat / level)
    below[~np.isfinite(below)] = np.nan
    below[positions(days)[YEAR_END]] = 0.0
    return below


def _stretches(below: np.ndarray) -> list[tuple[int, int]]:
    """Where the log fell and came back: [first, end) by position, from days half as deep to days half as deep."""
    padded = np.concatenate([np.full(SMOOTHED, np.nan), below, np.full(SMOOTHED, np.nan)])
    smooth = np.nan_to_num(row_medians(np.lib.stride_tricks.sliding_window_view(padded, 2 * SMOOTHED + 1)))
    deep = max(LEAST, STANDS_OUT * MAD_TO_DEVIATION * median(np.abs(smooth)))
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (smooth < -deep / 2).astype(int), [0]])))
    known = ~np.isnan(below)
    return [
        (first, end)
        for first, end in edges.reshape(-1, 2).tolist()
        if FEWEST_DAYS <= end - first <= MOST_DAYS
        and smooth[first:end].min() < -deep
        and min(known[max(0, first - AROUND) : first].sum(), known[end : end + AROUND].sum()) >= BESIDE_DAYS
    ]


def _other_years(days: np.ndarray, flat: np.ndarray, stretch: tuple[int, int], fall: float) -> list[Slack]:
    """The stretch in all other years: where the log has seen it again, and how surely it is still to come."""
    first, end = stretch
    began = [at for at in range(first % DAYS_PER_YEAR, len(days), DAYS_PER_YEAR) if at != first]
    seen = {at: _fell_again(flat, at, end - first, fall) for at in began}
    years = 1 + sum(again is not None for again in seen.values())
    odds = (1 + sum(again is True for again in seen.values()) + 1) / (years + 2)
    told = []
    for at in (*began, *(max((first, *began)) + DAYS_PER_YEAR * year for year in range(1, YEARS_AHEAD + 1))):
        again, start = seen.get(at), days[0] + at
        sure = odds if again is None else float(again)
        if sure:
            told.append(Slack(start, start + end - first, sure * fall, abs(fall) * (sure * (1 - sure)) ** 0.5))
    return told


def _fell_again(flat: np.ndarray, at: int, length: int, fall: float) -> bool | None:
    """Whether the days from `at` on lay below those before by half of the fall; None while too few are known."""
    here, before = flat[at : at + length], flat[max(0, at - AROUND) : at]
    here, before = here[~np.isnan(here)], before[~np.isnan(before)]
    if min(len(here), len(before)) < max(DECIDING_DAYS, DECIDING_SHARE * length):
        return None
    return bool(median(here) < median(before) * np.exp(fall / 2))
