"""The budget plan: twelve months ahead per scenario, what moves the total most, and the file to take away."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

import pandas as pd

from analytics.budgets.staffing import Line
from analytics.forecasts import forecast_model
from analytics.forecasts.forecast_model import Fit
from analytics.forecasts.outlook import Outlook, learn_from_backtest, months, outlook_of
from analytics.forecasts.planned_events import EVENTS, Event, saved_events
from analytics.html_page import page
from analytics.known_spend import KnownSpend, of_series
from data.calendar import next_month
from data.errors import NoData
from data.state import State

TOP_SHARES = 3


class Plan(NamedTuple):
    """Months ahead (see `forecast.months`), the whole as one outlook,
    and the P50 of the whole without planned events."""

    months: pd.DataFrame
    whole: Outlook
    without_events_usd: float

    @property
    def p50_usd(self) -> float:
        """P50 of the whole; a plan without one is not made."""
        return self.whole.p50 or 0.0


def plan(spend: pd.Series | KnownSpend, known_until: date, count: int, events: Sequence[Event] = ()) -> Plan:
    """The next `count` months from the running one. Raises NoData where the log covers no whole day."""
    start = known_until.replace(day=1)
    end = start
    for _ in range(count):
        end = next_month(end)
    whole = outlook_of(spend, known_until, start, end, events)
    without = outlook_of(spend, known_until, start, end).p50
    if whole.p50 is None or without is None:
        raise NoData(whole.trust.rstrip("."))
    return Plan(
        months(spend, known_until, count, events),
        whole,
        without,
    )


def swings(
    spend: pd.Series | KnownSpend, known_until: date, count: int, events: Sequence[Event], shares: dict[str, float]
) -> pd.DataFrame:
    """What one assumption at a time does to the total: assumption, low, high, low_usd, high_usd, widest first.

    `shares` are the models' shares of the spend. Volume and prices move from the first forecast day.
    """
    base = plan(spend, known_until, count, events).whole
    known = (spend if isinstance(spend, KnownSpend) else of_series(spend)).until(known_until)
    fitted = forecast_model.fit(known.filled, learn_from_backtest(known.covered)[0])
    middle = base.p50 or 0.0

    def total(extra: Event | None = None, without: Event | None = None) -> float:
        chosen = [event for event in events if event is not without] + ([extra] if extra else [])
        return outlook_of(spend, known_until, base.start, base.end, chosen).p50 or 0.0

    def scaled(percent: float, share: float = 1.0) -> float:
        return total(Event(name="swing", on=known_until, change_pct=percent, share=share))

    rows = [("Requests", "20% fewer", "20% more", scaled(-20), scaled(20))]
    if base.p10 is not None and base.p90 is not None:
        rows.append(("Growth and noise", "P10", "P90", base.p10, base.p90))
    if fitted.growth:
        rows.append(_growth(base, fitted, known_until))
    for model, share in sorted(shares.items(), key=lambda item: -item[1])[:TOP_SHARES]:
        rows.append((f"Price of {model}", "25% lower", "25% higher", scaled(-25, share), scaled(25, share)))
    for event in events:
        rows.append((f"Planned: {event.name}", "does not happen", "as planned", total(without=event), middle))
    table = pd.DataFrame(rows, columns=["assumption", "low", "high", "low_usd", "high_usd"])
    width = (table["high_usd"] - table["low_usd"]).abs()
    return table.reindex(width.sort_values(ascending=False, kind="stable").index).head(8).reset_index(drop=True)


def _growth(base: Outlook, fitted: Fit, known_until: date) -> tuple[str, str, str, float, float]:
    """Growth stopping today, and growing half as fast again."""
    mean = float(fitted.drift((base.end - known_until).days).mean())
    left = (base.p50 or 0.0) - base.settled_usd
    return (
        "Growth",
        "stops today",
        "half as fast again",
        base.settled_usd + left * math.exp(-mean),
        base.settled_usd + left * math.exp(mean / 2),
    )


def scenarios(state: State) -> dict[str, tuple[Event, ...]]:
    """Saved scenarios by name; every one holds the events of the plan as it stands, and its own."""
    names = sorted({event.scenario for event in EVENTS.all(state).values()} - {""})
    return {name: saved_events(state, name) for name in names}


def check_event(**values: Any) -> Event:
    """A planned event from a form; raises BadInput naming the field."""
    return EVENTS.read(str(values.get("name") or ""), values)


def html(
    plans: dict[str, Plan], budget_usd_month: float | None, swings: pd.DataFrame, lines: Sequence[Line], foot: str
) -> str:
    """The plan as one self-contained page; the first of `plans` is the plan as it stands."""
    base = next(iter(plans.values()))
    return page(
        "plan.html",
        plans=plans,
        base=base,
        budget=budget_usd_month,
        swings=swings.to_dict("records"),
        lines=lines,
        foot=foot,
    )
