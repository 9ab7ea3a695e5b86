"""Overview's two pictures: the month with its fan, and the days with what is known of them."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pandas as pd
import pytest

from analytics import known_spend, spend
from analytics.coverage import comparison
from analytics.forecasts import forecast
from analytics.forecasts.month_so_far import MonthSoFar, month_so_far
from analytics.forecasts.planned_events import Event
from analytics.scope import ClosedScope, Scope
from data import wording
from data.ledger import Ledger
from data.state import State
from pages.parts.overview import days, month
from pages.ui import charts, period
from tests.analytics import covered_ledgers


@pytest.fixture
def view(home) -> Ledger:
    """Ninety days to 20 March 2026, ten dollars each, twenty from March on."""
    first = date(2025, 12, 21)
    days_of_log = [(first + timedelta(days=n), 2.5 if n < 70 else 5.0) for n in range(90)]
    return covered_ledgers.ledger_of(
        home, [row for day, usd in days_of_log for row in covered_ledgers.day_rows(day, usd=usd)]
    )


def test_the_last_day_of_the_path_is_what_the_month_ends_at(view):
    path, end = month_so_far(view, Scope()), forecast.month_end(view, Scope())
    last = path.ahead.iloc[-1]
    assert last["day"] == date(2026, 3, 31)
    assert (last["p10"], last["p50"], last["p90"]) == (end.p10, end.p50, end.p90)
    assert path.seen.iloc[-1] == pytest.approx(end.settled_usd)
    assert path.ahead.iloc[0]["day"] == end.known_until - timedelta(days=1)
    assert path.ahead["p50"].is_monotonic_increasing
    assert path.before is not None and len(path.before) == 28 and path.before.iloc[-1] == pytest.approx(280)


def test_a_month_before_with_a_hole_is_not_drawn(view, monkeypatch):
    known = known_spend.known_spend(view, Scope())
    holed = known._replace(missing=known.missing | (known.missing.index == pd.Timestamp("2026-02-10")))
    monkeypatch.setattr("analytics.forecasts.month_so_far.known_spend", lambda *_: holed)
    assert month_so_far(view, Scope()).before is None


def test_every_line_of_the_month_ends_where_its_name_says(view):
    path, end = month_so_far(view, Scope()), forecast.month_end(view, Scope())
    drawn = month.figure(path, end, 700.0, charts.LIGHT)
    told = {note.text for note in drawn.layout.annotations}
    assert {"Last month $280.00", "Budget $700.00"} <= told and any(text.startswith("Forecast $") for text in told)
    assert drawn.layout.xaxis.range[1] == pd.Timestamp("2026-03-31")
    table = month.as_table(path)
    assert list(table["day"]) == [date(2026, 3, 1) + timedelta(days=n) for n in range(31)]
    assert (table["seen"].notna() ^ table["p50"].notna()).all()


def test_a_longer_month_before_runs_on():
    seen = pd.Series([1.0], index=pd.DatetimeIndex(["2026-02-01"]))
    before = pd.Series(range(1, 32), index=pd.date_range("2026-01-01", periods=31), dtype=float)
    path = MonthSoFar(seen, pd.DataFrame(columns=["day", "p10", "p50", "p90"]), before)
    end = forecast.Outlook(date(2026, 2, 1), date(2026, 3, 1), date(2026, 2, 2), 1, 1, None, None, None, 0, 1, None)
    drawn = month.figure(path, end, None, charts.LIGHT)
    assert list(drawn.data[0].y)[-1] == 31 and drawn.layout.xaxis.range[1] == pd.Timestamp("2026-03-03")


def test_bars_carry_marks_where_they_began_and_a_click_on_one_is_its_day():
    frame = pd.DataFrame(
        {"day": [date(2026, 3, d) for d in (1, 2)], "model": ["m", "m"], "cost_usd": [Decimal(1), Decimal(3)]}
    )
    known = [days.Mark(date(2026, 3, 2), "<b>jump</b>", True), days.Mark(date(2026, 2, 1), "before all", False)]
    before = pd.Series([2.0, 2.0], index=pd.date_range("2026-03-01", periods=2))
    drawn = days.figure(frame, known, before, charts.LIGHT, grain="day", by="model")
    marked = [trace for trace in drawn.data if trace.type == "scatter" and trace.mode == "markers"]
    assert [trace.name for trace in marked] == ["unusual"]
    assert list(marked[0].x) == [pd.Timestamp("2026-03-02")] and marked[0].y[0] > 3
    assert list(marked[0].customdata[0]) == ["&lt;b&gt;jump&lt;/b&gt;", None]


@pytest.mark.parametrize(
    ("length", "grain"),
    [(1, "clock_hour"), (3, "clock_hour"), (4, "day"), (92, "day"), (93, "week"), (366, "week"), (400, "month")],
)
def test_the_grain_follows_the_span(length, grain):
    start = date(2025, 1, 1)
    assert period.grain_of(ClosedScope(start=start, end=start + timedelta(days=length))) == grain


def test_planned_events_of_the_span_are_marked(view, state: State):
    state.put("event", "launch", Event(name="launch", on=date(2026, 3, 10), change_pct=5).model_dump(mode="json"))
    scope = ClosedScope(start=date(2026, 3, 1), end=date(2026, 3, 21))
    assert [(m.on, m.text) for m in days.marks(view, scope) if not m.unusual] == [(date(2026, 3, 10), "launch")]
    earlier = ClosedScope(start=date(2026, 2, 1), end=date(2026, 2, 21))
    assert not [m for m in days.marks(view, earlier) if not m.unusual]


def test_a_day_without_a_log_is_a_gap_and_a_running_day_is_drawn_as_far_as_it_went(home):
    """One morning in a month without any other log: a point at what it cost, not a line at nothing."""
    log = covered_ledgers.ledger_of(home, covered_ledgers.day_rows(date(2026, 3, 21), hours=(3.0, 4.0), usd=0.51))
    path, end = month_so_far(log, Scope()), forecast.month_end(log, Scope())
    assert path.seen.dropna().to_dict() == {pd.Timestamp("2026-03-21"): pytest.approx(1.02)}
    drawn = month.figure(path, end, None, charts.LIGHT)
    assert [trace.mode for trace in drawn.data] == ["markers"]
    assert [note.text for note in drawn.layout.annotations] == ["So far $1.02"]


@pytest.mark.parametrize(
    ("unit", "values", "ticks"),
    [("USD", [0.2, 0.8], "$"), ("USD", [0.0, 0.0], "$0"), ("requests", [0.2, 0.8], None), ("share", [0.1, 0.2], None)],
)
def test_no_axis_reads_as_thousandths(unit, values, ticks):
    frame = pd.DataFrame({"day": [date(2026, 3, 1), date(2026, 3, 2)], "model": "m", "value": values})
    for draw in (charts.lines, charts.stacked_bars):
        axis = draw(frame, charts.LIGHT, x="day", by="model", value="value", unit=unit).layout.yaxis
        if ticks:
            assert axis.ticktext and all(text.startswith(ticks) for text in axis.ticktext)
        else:
            assert axis.tickformat != "~s"


def test_the_sum_of_compared_days_is_told_of_those_days(home):
    """A source that went quiet leaves days out of the comparison: the sum is that of the days it names."""
    log = covered_ledgers.one_source_stopped(home)
    scope = ClosedScope(start=date(2026, 11, 7), end=date(2026, 11, 21))
    compared = comparison(log, scope, scope.before())
    told = days.against(log, scope, compared)
    assert compared.now
    named = spend.totals(log, compared.now, ("cost_usd",))["cost_usd"]
    assert told.startswith(f"{wording.usd(named)} on 8 comparable days of 7 to 20 Nov 2026, against")
    assert named < spend.totals(log, scope, ("cost_usd",))["cost_usd"]
