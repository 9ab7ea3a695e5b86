"""What a period has cost and what it will have cost at its end, in P10 / P50 / P90, from daily spend.

The model is `forecast_model`, its spread comes from `backtest`. What the log has seen is known and not
forecast; what a silent source would have logged is expected and widens the range; a day that is not
over counts with what is expected of it, or with what it has already cost.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from analytics.forecasts import backtest, forecast_model
from analytics.forecasts.planned_events import Event, event_usd, factors
from analytics.forecasts.reconciled import team_factors
from analytics.known_spend import KnownSpend, of_series
from data import wording
from data.calendar import DAYS_PER_WEEK, MIN_HISTORY_DAYS, Z90, next_month

BEYOND_P90 = math.log(5)  # exp(-BEYOND_P90) / 2 is a tenth
WIDEST = 100  # times what is expected: a P90 beyond it says only that nobody knows


class Outlook(NamedTuple):
    """A period [start, end): what it has cost, and what it will have cost at its end, in USD.

    `known_until` is the first day that is forecast; `settled_usd` is the part of `actual_usd` on the days before
    it. `history_days` are the days with a whole log that the forecast stands on: under 28 p10 and p90 are None, as
    where P90 would be more than `WIDEST` times what is expected; without any day p50 is None too. Of the days gone,
    `missing_days` have no whole log: `missing_usd` is what they are expected to hold beyond `actual_usd`, and
    `untold_days` of them nothing near can tell about. Where not `is_priced`, no attempt has a known cost: `actual_usd`
    is no spend that was seen, and nothing is forecast.
    """

    start: date
    end: date
    known_until: date
    actual_usd: float
    settled_usd: float
    p10: float | None
    p50: float | None
    p90: float | None
    deviation: float
    history_days: int
    score: backtest.Score | None
    missing_days: int = 0
    missing_usd: float = 0.0
    untold_days: int = 0
    is_priced: bool = True

    @property
    def days_left(self) -> int:
        return max(0, (self.end - self.known_until).days)

    @property
    def is_known(self) -> bool:
        """Whether anything of what the period has cost is known: a log of a day of it that is gone, or any spend."""
        gone = (self.known_until - self.start).days
        return self.is_priced and (self.missing_days < gone or gone == 0 or self.actual_usd > 0)

    @property
    def is_run_rate(self) -> bool:
        """Whether it is a mean day repeated: the history is too short for a forecast."""
        return self.history_days < MIN_HISTORY_DAYS

    @property
    def note(self) -> str:
        """How far to trust it, in a sentence or two."""
        return " ".join(part for part in (self._lacks(), self.trust) if part)

    def _lacks(self) -> str:
        if not self.missing_days or not self.is_priced:
            return ""
        days = f"{wording.count_of(self.missing_days, 'day')} of it without a whole log"
        if self.untold_days == self.missing_days:
            return f"{days}: what was spent on them is not known and not counted."
        about = f"{days}: about {wording.usd(self.missing_usd)} is missing and counted as expected"
        if self.untold_days:
            return f"{about}, {self.untold_days} of the days are not counted at all."
        return f"{about}."

    @property
    def trust(self) -> str:
        """What it rests on: how much history, how far off such answers were; or why there is none."""
        if not self.is_priced:
            return "No forecast: nothing that was asked for has a known cost."
        if self.days_left == 0:
            return "" if self.p50 is None else "The period is over: this is what it cost."
        if self.history_days == 0:
            return "No forecast: the log covers no whole day yet."
        if self.is_run_rate:
            days = f"{self.history_days} day{'s' * (self.history_days != 1)}"
            short = ", weekdays and weekends are not all in it" if self.history_days < DAYS_PER_WEEK else ""
            return f"Run rate only, from {days} with a log{short}: a forecast needs {MIN_HISTORY_DAYS} days of history."
        if self.score is None:
            return "Not yet back-tested: the history is shorter than two months."
        unsure = f"No range: it would reach beyond {WIDEST} times what is expected. " if self.p90 is None else ""
        return (
            f"{unsure}Back-tested at {self.score.origins} earlier weeks: totals over {self.score.horizon_days} days"
            f" missed by {wording.share(self.score.error)}, last week repeated by"
            f" {wording.share(self.score.naive_error)}; {wording.share(self.score.coverage)} fell between P10 and P90."
        )

    def chance_above(self, amount_usd: float) -> float | None:
        """Probability that the period ends above an amount; None where there is no spread.

        Between and beyond P10 and P90 the logs of misses follow Laplace's distribution, that of a normal whose variance
        differs from month to month (Kotz, Kozubowski and Podgorski, 2001, chapter 2): most months are quiet and miss by
        little, some hold a launch. The normal itself said 68 % where 78 % came.
        """
        if self.actual_usd > amount_usd:
            return 1.0
        if self.days_left == 0 and not self.missing_days and self.is_priced:
            return 0.0
        if self.p90 is None or self.p50 is None:
            return None
        left = self.p50 - self.settled_usd
        if left <= 0:
            return 0.0
        if amount_usd <= self.settled_usd:
            return 1.0
        far = math.log((amount_usd - self.settled_usd) / left) / max(self.deviation, 1e-9) / Z90 * BEYOND_P90
        beyond = math.exp(-abs(far)) / 2
        return beyond if far > 0 else 1 - beyond


def outlook_of(
    spend: pd.Series | KnownSpend, known_until: date, start: date, end: date, events: Sequence[Event] = ()
) -> Outlook:
    """The outlook of a period, past, present or future, from daily spend (a float Series is NaN without a log)."""
    spend = spend if isinstance(spend, KnownSpend) else of_series(spend)
    known, gone = spend.until(known_until), spend.until(known_until).within(start, end)
    actual, settled = float(spend.within(start, end).seen.sum()), float(gone.seen.sum())
    whole_days = int((~gone.missing).sum())
    missing_days = max(0, (min(end, known_until) - start).days) - whole_days
    lacking = float(np.nansum(gone.lacking))
    untold = missing_days - int((gone.missing & gone.lacking.notna()).sum())
    covered = known.covered.iloc[-forecast_model.MEMORY_DAYS :]
    history_days = int(covered.notna().sum())
    spread, score = learn_from_backtest(known.covered)
    ahead, skip = max(0, (end - known_until).days), max(0, (start - known_until).days)
    fitted = forecast_model.fit(known.filled, spread)
    weights = _weights(known, events, known_until, ahead)
    future = fitted.total(ahead - skip, skip, weights).p50 if ahead else 0.0
    fixed = float(event_usd(events, known_until, ahead)[skip:].sum())
    left = future + lacking + fixed
    unsure = np.hypot(
        future * fitted.deviation(ahead - skip, skip) if ahead else 0.0,
        lacking * forecast_model.deviation(spread, missing_days - untold) if lacking else 0.0,
    )
    deviation = float(unsure / left) if left > 0 else 0.0

    def quantile(z: float) -> float:
        # A day that is not over has cost something already: no quantile can end below it.
        return max(settled + (left * math.exp(z * deviation) if left > 0 else left), actual)

    told = known.is_priced and (ahead or whole_days or actual or untold < missing_days)  # else nobody knows its cost
    narrow = history_days >= MIN_HISTORY_DAYS and Z90 * deviation <= math.log(WIDEST)
    ranged = told and (narrow or not (ahead or lacking))
    return Outlook(
        start,
        end,
        min(max(known_until, start), end),
        actual,
        settled,
        quantile(-Z90) if ranged else None,
        quantile(0.0) if told and (history_days or not ahead) else None,
        quantile(Z90) if ranged else None,
        deviation,
        history_days,
        score,
        missing_days,
        lacking,
        untold,
        known.is_priced,
    )


def _weights(known: KnownSpend, events: Sequence[Event], known_until: date, days: int) -> np.ndarray:
    """What the model's days ahead are multiplied by: planned events, and that teams add up to the company."""
    weights = factors(events, known_until, days)
    return weights * team_factors(known.company, known_until, days) if known.company and days else weights


def months(
    spend: pd.Series | KnownSpend, known_until: date, count: int = 12, events: Sequence[Event] = ()
) -> pd.DataFrame:
    """The next `count` months from the running one: month, actual_usd, p10, p50, p90; cumulated cum_p10, cum_p50,
    cum_p90."""
    first = start = known_until.replace(day=1)
    rows = []
    for _ in range(count):
        end = next_month(start)
        single = outlook_of(spend, known_until, start, end, events)
        whole = outlook_of(spend, known_until, first, end, events)
        rows.append((start, single.actual_usd, single.p10, single.p50, single.p90, whole.p10, whole.p50, whole.p90))
        start = end
    return pd.DataFrame(rows, columns=["month", "actual_usd", "p10", "p50", "p90", "cum_p10", "cum_p50", "cum_p90"])


def learn_from_backtest(covered: pd.Series) -> tuple[np.ndarray, backtest.Score | None]:
    """What the back-test teaches from the days with a whole log (the others NaN): the spread,
    as wide as its earlier ranges show that it has to be, and the score over 28 days."""
    return _learned(covered.to_numpy(dtype=float).tobytes(), covered.index[-1].date() if len(covered) else date.min)


@lru_cache(maxsize=256)
def _learned(values: bytes, last: date) -> tuple[np.ndarray, backtest.Score | None]:
    floats = np.frombuffer(values)
    history = pd.Series(
        floats, index=pd.date_range(end=last, periods=len(floats)) if len(floats) else pd.DatetimeIndex([])
    )
    missed = backtest.misses(history)
    judged = backtest.judge(missed)
    return backtest.spread(missed) * backtest.widening(missed, judged) ** 2, backtest.score(missed, judged)
