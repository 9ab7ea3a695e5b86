"""Days that cost differently because of where they stand in the month, the quarter or the year.

A position (last day of the month, first working day, ...) gets a factor once `MIN_MONTHS` months of the log
agree on it (`MIN_QUARTERS` quarters for a quarter's end); the days between Christmas and the New Year get last
year's once they are in the log. Until then nothing is known about them and nothing is assumed. A day that stands
at two positions has the factor of the one the log is surer of. Days are numpy `datetime64[D]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

MONTHLY = ("last day", "first day", "last working day", "first working day")
QUARTERLY = ("last day of the quarter", "last working day of the quarter")
POSITIONS = (*MONTHLY, *QUARTERLY)
YEAR_END = "year end"
MIN_MONTHS, MIN_QUARTERS = 6, 4
AGREEING = 4.0  # standard errors that a factor must be away from none
LEAST = 0.1  # in logs: smaller factors are not worth the risk of a wrong one
YEAR_END_LEAST, YEAR_END_DAYS, AROUND_DAYS = 0.15, 10, 28
AROUND = 7  # days to either side that tell a day's level
MAD_TO_DEVIATION = 1.4826
MEDIAN_ERROR = 1.2533  # the standard error of a normal sample's median, over that of its mean

Factors = Mapping[str, float]


def positions(days: np.ndarray) -> dict[str, np.ndarray]:
    """Which of the days stand at each position; nobody changes the answer."""
    return _positions(days.astype("datetime64[D]").tobytes())


@lru_cache(maxsize=64)  # every series of a page has the same days
def _positions(given: bytes) -> dict[str, np.ndarray]:
    days = np.frombuffer(given, dtype="datetime64[D]")
    months = days.astype("datetime64[M]")
    number = (days - months.astype("datetime64[D]")).astype(int) + 1
    length = ((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")).astype(int)
    weekday = (days.astype(int) + 3) % 7  # 1 January 1970 was a Thursday
    last_weekday, first_weekday = (weekday + length - number) % 7, (weekday + 1 - number) % 7
    month = months.astype(int) % 12 + 1
    last, last_working = number == length, number == length - np.maximum(last_weekday - 4, 0)
    return {
        "last day": last,
        "first day": number == 1,
        "last working day": last_working,
        "last day of the quarter": last & (month % 3 == 0),
        "last working day of the quarter": last_working & (month % 3 == 0),
        "first working day": number == 1 + np.where(first_weekday > 4, 7 - first_weekday, 0),
        YEAR_END: ((month == 12) & (number >= 22)) | ((month == 1) & (number <= 3)),
    }


def multipliers(days: np.ndarray, factors: Factors) -> np.ndarray:
    """What each day is multiplied by."""
    result = np.ones(len(days))
    if factors:
        at, told = positions(days), np.zeros(len(days), dtype=bool)
        for name, factor in factors.items():  # the surest first, as they were learned
            result[at[name] & ~told] *= factor
            if name != YEAR_END:  # a month's end within the turn of the year is both
                told |= at[name]
    return result


def learn_factors(days: np.ndarray, flat: np.ndarray) -> dict[str, float]:
    """Factors that the log agrees on, from spend by day without its weekdays (NaN where a day is not known)."""
    if len(flat) < MIN_MONTHS * 28:
        return {}
    at = positions(days)
    factors = _year_end(days, flat, at[YEAR_END])
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(flat / around(flat))
    ratio[~np.isfinite(ratio) | at[YEAR_END]] = np.nan
    usual = ~np.any([at[name] for name in POSITIONS], axis=0) & ~np.isnan(ratio)
    if not usual.any():
        return factors
    noise = MAD_TO_DEVIATION * median(np.abs(ratio[usual]))
    for _ in POSITIONS:
        name, effect = _strongest(ratio, at, noise)
        if not name:
            break
        factors[name] = float(np.exp(effect))
        ratio[at[name]] = np.nan  # told by this position; the next is judged without these days
    return factors


def around(flat: np.ndarray) -> np.ndarray:
    """The median of the days around each day, itself among them."""
    padded = np.concatenate([np.full(AROUND, np.nan), flat, np.full(AROUND, np.nan)])
    return row_medians(np.lib.stride_tricks.sliding_window_view(padded, 2 * AROUND + 1))


def median(values: np.ndarray) -> float:
    """The median of some values, none of them NaN."""
    ordered = np.sort(values)  # numpy's own median costs ten times as much on a few values
    return float(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def row_medians(rows: np.ndarray) -> np.ndarray:
    """The median of each row's values that are not NaN; NaN for a row without any."""
    ordered, known = np.sort(rows, axis=1), (~np.isnan(rows)).sum(axis=1)
    row = np.arange(len(rows))
    low, high = ordered[row, np.maximum(known - 1, 0) // 2], ordered[row, np.minimum(known // 2, rows.shape[1] - 1)]
    return np.where(known > 0, (low + high) / 2, np.nan)


def _strongest(ratio: np.ndarray, at: Mapping[str, np.ndarray], noise: float) -> tuple[str, float]:
    """The position that the months agree on most, and its effect in logs; "" where they agree on none."""
    best, found, certain = "", 0.0, AGREEING
    for name in POSITIONS:
        seen = ratio[at[name]]
        seen = seen[~np.isnan(seen)]
        if len(seen) < (MIN_MONTHS if name in MONTHLY else MIN_QUARTERS):
            continue
        effect = median(seen)
        spread = max(MAD_TO_DEVIATION * median(np.abs(seen - effect)), noise, 1e-6)
        score = abs(effect) / (MEDIAN_ERROR * spread / np.sqrt(len(seen)))
        if abs(effect) >= LEAST and score > certain and (seen * effect > 0).mean() >= 0.8:
            best, found, certain = name, effect, score
    return best, found


def _year_end(days: np.ndarray, flat: np.ndarray, inside: np.ndarray) -> dict[str, float]:
    """The factor of the days around the New Year, from those of the last one that is whole in the log."""
    known = ~np.isnan(flat)
    year = (days + 10).astype("datetime64[Y]")  # ten days on, 22 December is in the new year as well
    for last in np.unique(year[inside & known])[::-1]:
        begins = last.astype("datetime64[D]") - 10
        near = known & (days >= begins - AROUND_DAYS) & (days < begins + 13 + AROUND_DAYS)
        held, beside = flat[near & inside], flat[near & ~inside]
        if len(held) < YEAR_END_DAYS or len(beside) < AROUND_DAYS:
            continue
        inside_usd, beside_usd = median(held), median(beside)
        if not (inside_usd > 0 and beside_usd > 0):  # mostly days without spend: their ratio says nothing
            return {}
        ratio = inside_usd / beside_usd
        return {YEAR_END: ratio} if abs(np.log(ratio)) >= YEAR_END_LEAST else {}
    return {}
