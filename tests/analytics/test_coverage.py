"""What a log covers: whole days, holes, sources, and what may be compared."""

from __future__ import annotations

from datetime import date, timedelta

import ibis
import pandas as pd
import pytest

from analytics.coverage import Coverage, comparison, coverage, window
from analytics.history import through
from analytics.known_spend import known_spend
from analytics.scope import Scope
from analytics.silences import Silence, holes
from analytics.spend import totals
from data.errors import NoData
from tests.analytics.covered_ledgers import FIVE, LAST, day_rows, days, ledger_of

D = timedelta(days=1)


@pytest.fixture(scope="module")
def ledgers(tmp_path_factory):
    return {name: build(tmp_path_factory.mktemp("ledger")) for name, build in FIVE.items()}


def active(text: str, first: date = date(2026, 1, 5)) -> pd.Series:
    """`x` is a day with records, `.` one without; weeks by blanks; the first day is a Monday."""
    flags = [sign == "x" for sign in text.replace(" ", "")]
    return pd.Series(flags, index=pd.date_range(first, periods=len(flags)))


@pytest.mark.parametrize(
    ("log", "missing"),
    [
        ("xxxxxxx xxxxxxx xx.xxxx xxxxxxx xxxxxxx", 1),  # a day that never was silent
        ("xxxxx.. xxxxx.. xxxxx.. xxxxx.. xxxxx..", 0),  # nobody works at weekends
        ("xxxxx.. xxxxx.. xx.xx.. xxxxx.. xxxxx..", 1),
        ("xxxxx.x", 0),  # a first Saturday: nothing says that there is work on it
        ("xx.xxxx", 1),
        ("xxxxxxx xxxxxxx " + "....... " * 60 + "xxxxxxx", 420),  # two logs years apart
        ("x...... x...... x...... x...... x......", 0),  # once a week
        ("x..x... .x...x. ..x..x. x...x.. .x..... .x...x.", 0),  # now and then
        ("x.x.x.x .x.x.x. x.x.x.x ....... x.x.x.x .x.x.x. x.x.x.x", 0),  # every other day: a week is not long
        ("x.x.x.x .x.x.x. x.x.x.x ....... .xx.x.x .x.x.x. x.x.x.x", 8),  # a day more is, at 1 in 256
    ],
)
def test_a_hole_is_a_silence_that_the_rhythm_does_not_explain(log, missing):
    assert holes(active(log)).sum() == missing


def told_of(covered: int, running: date | None = None) -> Coverage:
    """Ten days asked of a log that ends with them; the days that are not covered have no log, but for one that runs."""
    start, end = date(2026, 11, 1), date(2026, 11, 11)
    missing = tuple(end - timedelta(days=n) for n in range(1, 11 - covered))
    empty = tuple(day for day in missing if day != running)
    return Coverage(start, end, start, end - D, end, missing, running, (), empty=empty)


@pytest.mark.parametrize(
    ("covered", "running", "says", "cautious"),
    [
        (10, None, "in 10 days", False),
        (7, None, "on 7 of 10 days", False),  # a week has every weekday
        (6, None, "on 6 of 10 days", True),
        (9, date(2026, 11, 10), "on 9 of 10 days, 10 Nov so far", False),
        (0, date(2026, 11, 10), "on 10 Nov so far", True),
    ],
)
def test_a_span_and_its_caution_at_their_edges(covered, running, says, cautious):
    found = told_of(covered, running)
    assert found.span == says and (found.caution is not None) is cautious


@pytest.mark.parametrize(
    ("zone", "last", "whole_until", "usd"),
    [
        ("America/Los_Angeles", "2026-11-20 23:10", date(2026, 11, 20), 28),  # 15:10 there: the day runs
        ("UTC", "2026-11-20 22:30", date(2026, 11, 21), 29),  # the last day has five requests
        ("Asia/Tokyo", "2026-11-20 14:30", date(2026, 11, 21), 28),  # 23:30 there
    ],
)
def test_the_last_whole_day_is_judged_in_the_reporting_zone(tmp_path, zone, last, whole_until, usd):
    """Architecture A3: one ledger, three zones; a running day was counted as whole, a whole one dropped."""
    hours = pd.date_range("2026-10-01 08:00", pd.Timestamp(last) - timedelta(hours=2), freq="6h")
    rows = [{**day_rows(LAST)[0], "requested_at": at} for at in [*hours, pd.Timestamp(last)]]
    view = ledger_of(tmp_path, rows, zone)
    assert through(view).complete_until == whole_until
    week = window(view, days=7)
    assert (week.start, week.end) == (whole_until - 7 * D, whole_until)
    assert [totals(view, scope, ("cost_usd",))["cost_usd"] for scope in (week, week.before())] == [usd, 28]


@pytest.mark.heavy
def test_one_day_covers_nothing_whole_and_is_shown_all_the_same(ledgers):
    view = ledgers["one day"]
    shown = window(view, days=28)
    assert totals(view, shown, ("cost_usd",))["cost_usd"] == 4
    covered = coverage(view, shown)
    assert (covered.covered_days, covered.running) == (0, LAST)
    with pytest.raises(NoData, match="less than a day"):
        covered.per_year()
    assert comparison(view, shown).now is None
    assert comparison(view, shown).note == "the log starts 20 Nov 2026; 20 Nov is logged from 08:00 to 11:00 only"


@pytest.mark.parametrize(
    ("logged", "whole", "says"),
    [(2, 1, "on 2 of 10 days, 1 of them whole"), (1, 0, "on 1 of 10 days, none of it whole")],
)
def test_days_that_are_logged_in_part_are_told_beside_the_whole_ones(logged, whole, says):
    found = told_of(whole)
    assert found._replace(empty=found.missing[: 10 - logged]).span == says


@pytest.mark.heavy
def test_the_day_that_runs_is_only_running_where_it_is_asked_for(ledgers):
    view = ledgers["one day"]
    day = through(view).day
    for until, running in ((day, None), (day + D, day)):
        assert coverage(view, Scope.of(view, day - D, until)).running == running


def test_a_short_log_covers_what_it_holds(ledgers):
    view = ledgers["30 days"]
    year = coverage(view, window(view, days=365))
    assert (year.basis, year.covered_days) == ("30 of 365 days", 30)
    assert year.reason == "the log starts 22 Oct 2026"
    assert 30 * 4 * year.per_year() == pytest.approx(4 * 365)
    assert comparison(view, window(view, days=28)).now is None
    week = comparison(view, window(view, days=7))
    assert (week.now.length_days, week.before.length_days, week.note) == (7, 7, "")


def test_a_hole_is_left_out_of_both_sides(ledgers):
    view = ledgers["a hole of ten days"]
    quarter = comparison(view, window(view, days=28))
    assert quarter.now and quarter.before
    assert quarter.now.length_days == quarter.before.length_days == 18
    assert "no whole log on 8 to 17 Oct" in quarter.note
    assert totals(view, quarter.now, ("cost_usd",)) == totals(view, quarter.before, ("cost_usd",))
    year = comparison(view, window(view, days=365))
    assert year.now is None
    assert "the log starts 23 Oct 2025" in year.note and "29 of the 365 days before are covered" in year.note
    everything = comparison(view, window(view))
    assert everything.now is None and "the log starts 23 Oct 2025" in everything.note


def test_a_source_that_stopped_takes_its_days_with_it(ledgers):
    view = ledgers["one source stopped"]
    week = coverage(view, window(view, days=7))
    assert week.covered_days == 1
    assert week.reason == "no log from langfuse since 15 Nov 2026"
    assert comparison(view, window(view, days=7)).now is None
    alone = coverage(view, window(view, days=7).with_filter("team", "search"))
    assert alone.is_whole  # the silent source carries nothing of this team


def test_logs_years_apart_are_not_years_without_spend(ledgers):
    view = ledgers["years apart"]
    whole = coverage(view, window(view))
    assert whole.covered_days == 31 + 42
    assert whole.gaps == (Silence(date(2024, 9, 1), date(2026, 10, 10)),)
    assert whole.reason == "no whole log on 1 Sep 2024 to 9 Oct 2026"


def test_a_change_names_the_days_that_it_stands_on(ledgers):
    """The spans of a comparison begin and end with days that are compared, so that their ends may be told."""
    week = window(ledgers["one source stopped"], days=28)
    compared = comparison(ledgers["one source stopped"], week)
    assert (week.last, week.length_days) == (LAST, 28)
    assert [(span.start, span.last, span.length_days) for span in (compared.now, compared.before)] == [
        (date(2026, 10, 24), date(2026, 11, 14), 22),
        (date(2026, 9, 26), date(2026, 10, 17), 22),
    ]


@pytest.mark.parametrize(
    ("hours_of_first", "days_after", "covered", "reason"),
    [
        ((23.2,), 0, 0, "20 Nov is logged from 23:12 only"),  # one call, late: no day is known whole
        ((4.05,), 0, 0, "20 Nov is logged at 04:03 only"),
        ((4.05, 4.1), 0, 0, "20 Nov is logged from 04:03 to 04:06 only"),
        ((0.5, 23.5), 0, 1, ""),
        ((15, 20), 3, 3, "20 Nov is logged from 15:00 only"),
        ((9, 17), 3, 4, ""),
    ],
)
def test_a_first_day_is_whole_only_if_its_log_begins_with_it(tmp_path, hours_of_first, days_after, covered, reason):
    rest = [row for day in days(LAST + D, LAST + days_after * D) for row in day_rows(day)]
    view = ledger_of(tmp_path, [*day_rows(LAST, hours=hours_of_first), *rest])
    told = coverage(view, window(view))
    assert (told.covered_days, told.reason) == (covered, reason)


def test_a_first_day_that_is_not_whole_is_no_day_of_a_forecast(tmp_path):
    rest = [row for day in days(LAST + D, LAST + 8 * D) for row in day_rows(day)]
    view = ledger_of(tmp_path, [*day_rows(LAST, hours=(20,)), *rest])
    known = known_spend(view, Scope.of(view))
    assert list(known.missing[:2]) == [True, False] and known.covered.mean() == 4
    assert (known.seen.iloc[0], known.lacking.iloc[0]) == (1, 3)


def test_a_source_silent_for_long_has_ended(tmp_path):
    rows = [row for day in days(LAST - 99 * D, LAST) for row in day_rows(day)]
    old = [row for day in days(LAST - 99 * D, LAST - 40 * D) for row in day_rows(day, source="langfuse")]
    view = ledger_of(tmp_path, rows + old)
    covered = coverage(view, Scope.of(view))
    assert covered.is_whole
    assert {s.name: (s.ended, s.silent_since) for s in covered.sources} == {
        "litellm": (False, None),
        "langfuse": (True, None),
    }


@pytest.mark.parametrize(
    ("start", "end", "says"),
    [
        (date(2026, 11, 1), date(2026, 11, 4), "in 3 days"),
        (date(2026, 11, 1), date(2026, 11, 5), "on 3 of 4 days, 4 Nov so far"),
        (date(2026, 11, 4), date(2026, 11, 5), "on 4 Nov so far"),
        (date(2026, 10, 30), date(2026, 11, 4), "on 3 of 5 days"),
        (date(2026, 11, 10), date(2026, 11, 12), "on 0 of 2 days"),
    ],
)
def test_a_title_says_what_a_sum_was_summed_over(home, start, end, says):
    rows = [row for day in days(date(2026, 11, 1), date(2026, 11, 3)) for row in day_rows(day)]
    view = ledger_of(home, [*rows, *day_rows(date(2026, 11, 4), hours=(8.0,))])
    assert coverage(view, Scope.of(view, start, end)).span == says


def test_days_that_one_source_lacks_are_in_the_sum_all_the_same(ledgers):
    """ "On 1 of 7 days" stood beside the sum of seven."""
    view = ledgers["one source stopped"]
    week = window(view, days=7)
    assert totals(view, week, ("cost_usd",))["cost_usd"] == 7 * 4 + 4
    assert coverage(view, week).span == "in 7 days, 1 of them whole"
    assert coverage(view, week.leaving_out(coverage(view, week).missing)).span == "on 1 of 7 days"


def test_a_log_inside_of_what_is_asked_is_told_in_one_word(ledgers):
    asked = Scope.of(ledgers["30 days"], date(2026, 1, 1), date(2027, 1, 1))
    assert coverage(ledgers["30 days"], asked).reason == "the log holds 22 Oct to 20 Nov 2026 only"


@pytest.mark.heavy
def test_a_year_of_holes_is_left_out_in_one_step_and_exactly(home):
    every = days(date(2026, 1, 1), date(2026, 10, 31))
    view = ledger_of(home, [row for day in every for row in day_rows(day, hours=(0.0, 23.9))])
    whole = Scope.of(view, every[0], every[-1] + D)
    left_out = [day for day in every if day.day % 3 == 0 or day.month == 5]
    some = whole.leaving_out(left_out)
    for rows in (some.usage(view).cost_usd.count(), some.days(view).attempts.sum()):
        assert int(view.frame(rows.name("n").as_table())["n"][0]) == 2 * (len(every) - len(left_out))
    one = whole.leaving_out(left_out[:1])
    assert ibis.to_sql(some.usage(view)).count("SELECT") == ibis.to_sql(one.usage(view)).count("SELECT")
