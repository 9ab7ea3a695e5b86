"""Month end, any period and the next twelve months, in P10 / P50 / P90, with planned events.

The model is `trend`, its spread comes from `backtest`. What has happened is known and not forecast;
a day that is not over counts with what is expected of it, or with what it has already cost.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from analytics import backtest, forecast_model
from analytics.command_options import view_of
from analytics.history import daily, through
from analytics.scope import Scope
from data import console, wording
from data.calendar import DAYS_PER_YEAR, MIN_HISTORY_DAYS, MONTHS_PER_YEAR
from data.documents import Documents
from data.errors import BadInput, NoData
from data.ledger import Ledger
from data.state import State


class Event(BaseModel):
    """A planned change: from `on`, spend is multiplied by 1 + change_pct / 100 and `usd_per_month` is added.

    `share` is the part of the spend it touches: 1 for everything, a model's share for a price change.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    name: str = Field(min_length=1)
    kind: str = Field(default="launch", pattern="^(launch|migration|price change|model swap|other)$")
    on: date
    change_pct: float = Field(default=0.0, ge=-100.0, le=10_000.0)
    share: float = Field(default=1.0, ge=0.0, le=1.0)
    usd_per_month: float = 0.0
    scenario: str = ""  # of which it is a part; "" is the plan as it stands


EVENTS = Documents("event", Event)  # by `<scenario>/<name>`


class Outlook(NamedTuple):
    """A period [start, end): what it has cost, and what it will have cost at its end, in USD.

    `known_until` is the first day that is forecast; `settled_usd` is the part of `actual_usd` on the days before it.
    p10 and p90 are None under 28 days of history.
    """

    start: date
    end: date
    known_until: date
    actual_usd: float
    settled_usd: float
    p10: float | None
    p50: float
    p90: float | None
    deviation: float
    history_days: int
    score: backtest.Score | None

    @property
    def days_left(self) -> int:
        return max(0, (self.end - self.known_until).days)

    @property
    def note(self) -> str:
        """One sentence on how far to trust it."""
        if self.days_left == 0:
            return "The period is over: this is what it cost."
        if self.history_days < MIN_HISTORY_DAYS:
            return f"Run rate only: a forecast needs {MIN_HISTORY_DAYS} days of history, there are {self.history_days}."
        if self.score is None:
            return "Not yet back-tested: the history is shorter than two months."
        return (
            f"Back-tested at {self.score.origins} earlier weeks: totals over {self.score.horizon_days} days missed by "
            f"{wording.share(self.score.error)}, last week repeated by {wording.share(self.score.naive_error)}; "
            f"{wording.share(self.score.coverage)} fell between P10 and P90."
        )

    def chance_above(self, amount_usd: float) -> float | None:
        """Probability that the period ends above an amount; None where there is no spread."""
        if self.days_left == 0 or self.actual_usd > amount_usd:
            return float(self.actual_usd > amount_usd)
        if self.p90 is None:
            return None
        left = self.p50 - self.settled_usd
        if left <= 0:
            return 0.0
        if amount_usd <= self.settled_usd:
            return 1.0
        return (
            math.erfc(math.log((amount_usd - self.settled_usd) / left) / max(self.deviation, 1e-9) / math.sqrt(2)) / 2
        )  # the normal tail


def month_end(view: Ledger, scope: Scope, events: Sequence[Event] = ()) -> Outlook:
    """The month of the newest data; only the scope's filters count, not its days."""
    last = through(view).day
    return outlook(view, scope, last.replace(day=1), next_month(last), events)


def outlook(view: Ledger, scope: Scope, start: date, end: date, events: Sequence[Event] = ()) -> Outlook:
    """Any period [start, end), past, present or future."""
    return outlook_of(
        daily(view, scope.at_any_time()),
        through(view).complete_until,
        start,
        end,
        events,
    )


def outlook_of(spend: pd.Series, known_until: date, start: date, end: date, events: Sequence[Event] = ()) -> Outlook:
    """As `outlook`, from daily spend (float Series by day, NaN on days without data)."""
    known = spend[spend.index < pd.Timestamp(known_until)]
    actual = float(np.nansum(spend[(spend.index >= pd.Timestamp(start)) & (spend.index < pd.Timestamp(end))]))
    spread, score = learned(known)
    ahead = (end - known_until).days
    if ahead <= 0:
        return Outlook(start, end, end, actual, actual, actual, actual, actual, 0.0, len(known), score)
    skip = max(0, (start - known_until).days)
    settled = float(np.nansum(known[known.index >= pd.Timestamp(start)]))
    fitted = forecast_model.fit(known, spread)
    left = fitted.total(ahead - skip, skip, factors(events, known_until, ahead))
    extra = added(events, known_until, ahead)[skip:].sum()
    # A day that is not over has cost something already: no quantile can end below it.
    low, middle, high = (
        None if part is None else max(settled + part + extra, actual) for part in (left.p10, left.p50, left.p90)
    )
    return Outlook(
        start,
        end,
        max(known_until, start),
        actual,
        settled,
        low,
        middle,
        high,
        fitted.deviation(ahead - skip, skip),
        len(known),
        score,
    )


def months(spend: pd.Series, known_until: date, count: int = 12, events: Sequence[Event] = ()) -> pd.DataFrame:
    """The next `count` months from the running one: month, actual_usd, p10, p50, p90; and cumulated cum_p10, cum_p50, cum_p90."""
    start = known_until.replace(day=1)
    rows, first = [], start
    for _ in range(count):
        end = next_month(start)
        single = outlook_of(spend, known_until, start, end, events)
        whole = outlook_of(spend, known_until, first, end, events)
        rows.append((start, single.actual_usd, single.p10, single.p50, single.p90, whole.p10, whole.p50, whole.p90))
        start = end
    return pd.DataFrame(rows, columns=["month", "actual_usd", "p10", "p50", "p90", "cum_p10", "cum_p50", "cum_p90"])


def learned(known: pd.Series) -> tuple[np.ndarray, backtest.Score | None]:
    """What the back-test teaches: the spread, and the score over 28 days."""
    return _learned(known.to_numpy(dtype=float).tobytes(), known.index[-1].date() if len(known) else date.min)


@lru_cache(maxsize=256)
def _learned(values: bytes, last: date) -> tuple[np.ndarray, backtest.Score | None]:
    floats = np.frombuffer(values)
    history = pd.Series(
        floats, index=pd.date_range(end=last, periods=len(floats)) if len(floats) else pd.DatetimeIndex([])
    )
    missed = backtest.misses(history)
    return backtest.spread(missed), backtest.score(missed)


def factors(events: Iterable[Event], known_until: date, days: int) -> np.ndarray:
    """Multiplier of each day from `known_until` on."""
    result = np.ones(days)
    for event in events:
        result[max(0, (event.on - known_until).days) :] *= 1 + event.share * event.change_pct / 100
    return result


def added(events: Iterable[Event], known_until: date, days: int) -> np.ndarray:
    """USD that events add to each day from `known_until` on."""
    result = np.zeros(days)
    for event in events:
        result[max(0, (event.on - known_until).days) :] += event.usd_per_month * MONTHS_PER_YEAR / DAYS_PER_YEAR
    return result


def planned(state: State, scenario: str | None = None) -> tuple[Event, ...]:
    """Events saved in the state, in order of date; of one scenario, or of the plan as it stands (None)."""
    events = [event for event in EVENTS.all(state).values() if event.scenario in ("", scenario)]
    return tuple(sorted(events, key=lambda event: (event.on, event.name)))


def next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def register(subparsers: Any) -> None:
    """`python -m analytics forecast`."""
    sub = console.command(subparsers, "forecast", _command, "month end and the next months, with P10, P50 and P90")
    sub.add_argument("--months", type=int, default=12, metavar="N", help="months ahead (default 12)")
    sub.add_argument("--team", action="append", default=[], help="only this team (repeatable)")


def _command(args: argparse.Namespace) -> None:
    if not 1 <= args.months <= 60:
        raise BadInput(f"--months {args.months} is out of range; ask for 1 to 60.")
    view = view_of(args)
    scope = Scope.of(view, team=args.team)
    if not np.nansum(daily(view, scope)):
        raise NoData(f"Nothing was spent by {' or '.join(args.team) or 'anyone'}; there is nothing to forecast.")
    events = planned(State.open(args.home))
    end = month_end(view, scope, events)
    table = months(daily(view, scope), through(view).complete_until, args.months, events)
    if args.json:
        month = end._asdict() | {"score": end.score and end.score._asdict(), "note": end.note}
        console.emit_json({"month_end": month, "months": table.to_dict("records"), "snapshot": view.snapshot()})
        return
    rows = [
        (f"{row.month:%b %Y}", *("–" if pd.isna(v) else f"{v:,.0f}" for v in (row.p10, row.p50, row.p90)))
        for row in table.itertuples()
    ]
    console.emit_table(["Month", "P10 USD", "P50 USD", "P90 USD"], rows, right=["P10 USD", "P50 USD", "P90 USD"])
    console.say(end.note)
