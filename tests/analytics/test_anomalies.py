from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from analytics.anomalies import anomalies, anomalies_command, anomaly_search
from analytics.anomalies.anomalies import Anomaly, failing_since, keep_narrowest, outgrown, unusual_days
from analytics.anomalies.day_patterns import _Latest, learn, pattern
from analytics.scope import Scope
from data.errors import BadInput
from tests.analytics import planted
from tests.analytics.commands import run

WEEK = np.array([1.1, 1.15, 1.1, 1.05, 1.0, 0.35, 0.25])


def calm(days=120, noise=0.05, seed=3, level=1000.0):
    steps = np.arange(days)
    values = level * WEEK[steps % 7] * np.exp(np.random.default_rng(seed).normal(0, noise, days))
    return pd.Series(values, index=pd.date_range("2026-01-05", periods=days))


def test_a_day_three_times_its_weekday_is_flagged_with_its_dollars():
    spend = calm()
    spend.iloc[100] *= 3
    (run_,) = unusual_days(spend, 20.0, spend.index[28])
    assert (run_.start, run_.end) == (date(2026, 4, 15), date(2026, 4, 16))
    assert run_.usd == pytest.approx(spend.iloc[100] * 2 / 3, rel=0.15)


def test_a_quiet_weekend_is_not_compared_with_a_working_day():
    known = pattern(calm(noise=0.0), calm() * 0.02).expected.iloc[60:67]
    assert known.to_numpy() == pytest.approx(1000 * WEEK[(60 + np.arange(7)) % 7])


def test_calm_noisy_and_growing_years_raise_next_to_no_alarm():
    growth = np.exp(0.002 * np.arange(365))
    alarms = [
        len(unusual_days(calm(365, noise, seed) * growth, 20.0, pd.Timestamp("2026-02-02")))
        for noise in (0.03, 0.15)
        for seed in range(10)
    ]
    assert sum(alarms) <= 6  # in 20 years


def test_a_price_rise_shows_in_the_cost_per_request_before_it_shows_in_the_total():
    requests = calm(noise=0.3, level=5000)
    spend = requests * 0.02
    spend.iloc[-3:] *= 1.35
    assert not unusual_days(spend, 5.0, spend.index[28])
    (run_,) = unusual_days(spend, 5.0, spend.index[28], requests)
    assert (run_.end - run_.start).days == 3


def test_days_without_any_log_are_no_anomaly_and_break_nothing():
    spend = calm()
    spend.iloc[80:84] = np.nan
    assert unusual_days(spend, 20.0, spend.index[28]) == []


def test_too_little_history_expects_nothing():
    assert pattern(calm(20), calm(20) * 0.02).expected.isna().all()


@pytest.mark.parametrize("length", [7, 14, 28])
def test_the_pattern_does_not_learn_from_what_it_flags(length):
    """Methods 4: a doubling of two weeks said 37 % of its dollars and looked over after five days."""
    said, true = [], []
    for seed in range(12):
        usual = calm(120, 0.08, seed)
        spend = usual.copy()
        spend.iloc[80 : 80 + length] *= 2
        (event,) = unusual_days(spend, 20.0, spend.index[40])
        assert event.start == spend.index[80].date()
        assert abs((event.end - spend.index[80 + length].date()).days) <= 1  # the day after may be high by chance
        said.append(event.usd)
        true.append(float((spend - usual).sum()))
    assert sum(said) == pytest.approx(sum(true), rel=0.1)
    assert said == pytest.approx(true, rel=0.25)  # a single one is as good as a noisy week's level


def test_a_step_that_stays_becomes_the_level():
    spend = calm(200, 0.05)
    spend.iloc[80:] *= 2
    (event,) = unusual_days(spend, 20.0, spend.index[40])
    assert (event.end - event.start).days == 42


def test_traffic_that_halves_is_news_and_its_return_is_none():
    spend = calm(160, 0.05)
    spend.iloc[80:101] *= 0.4
    (event,) = unusual_days(spend, 20.0, spend.index[40])
    assert event.usd < 0 and (event.end - event.start).days == 21
    holiday = calm(160, 0.05)
    holiday.iloc[80] *= 0.2
    assert unusual_days(holiday, 20.0, holiday.index[40]) == []


def test_noisy_near_empty_weekends_are_judged_by_weekends():
    """Methods 13: 14 alarms a year, since one scale was used for every weekday."""
    steps, rng = np.arange(365), np.random.default_rng(5)
    alarms = 0
    for _ in range(6):
        weekend = 30 * np.exp(rng.normal(0, 1, 365))
        values = np.where(steps % 7 < 5, 1000 * np.exp(rng.normal(0, 0.1, 365)), weekend)
        alarms += len(unusual_days(calm(365) * 0 + values, 20.0, pd.Timestamp("2026-03-02")))
    assert alarms <= 18


def test_a_model_that_begins_to_fail_is_dated():
    attempts, failed = calm(60, level=300), calm(60, level=2)
    failed.iloc[-10:] = attempts.iloc[-10:] * 0.15
    since, rate = failing_since(attempts, failed)
    assert since in pd.date_range(attempts.index[-10], periods=3)
    assert rate == pytest.approx(0.15, abs=0.02)
    assert failing_since(attempts, attempts * 0.15) is None  # it always did
    failed.iloc[-3:] = 0
    assert failing_since(attempts, failed) is None  # it is over


def test_the_first_day_of_failures_and_their_rate_by_hand():
    """Seven days are enough to tell; a day on which most fails is the first, not the one before it."""
    attempts = pd.Series(100.0, index=pd.date_range("2026-01-05", periods=7))
    failed = pd.Series([0.0, 0, 0, 0, 0, 60, 40], index=attempts.index)
    assert failing_since(attempts, failed) == (pd.Timestamp("2026-01-10"), 0.5)
    assert failing_since(attempts.iloc[:6], failed.iloc[-6:]) is None
    few = attempts / 100  # ten failures in all are an event, nine are none
    assert failing_since(few * 10, pd.Series([0.0, 0, 0, 0, 0, 5, 5], index=few.index)) == (few.index[5], 0.5)
    assert failing_since(few * 10, pd.Series([0.0, 0, 0, 0, 0, 5, 4], index=few.index)) is None


def test_cost_that_outgrows_usage_is_priced():
    requests = calm(60)
    spend = requests * 0.01
    spend.iloc[-28:] *= 1.5
    share, usd = outgrown(spend, requests)
    assert share == pytest.approx(0.5)
    assert usd == pytest.approx(spend.iloc[-28:].sum() / 3)
    assert outgrown(requests * 0.01, requests) is None
    assert outgrown(spend.iloc[:40], requests.iloc[:40]) is None


def test_a_cost_per_request_and_its_error_by_hand():
    """Means of 2; days stray by 1, -1 and nothing: the root of 2 x 3 / 2, over 6 requests."""
    spend, requests = pd.Series([5.0, 3.0, 4.0]), pd.Series([2.0, 2.0, 2.0])
    assert anomalies._cost_per_request(spend, requests) == pytest.approx((2.0, 3**0.5 / 6))
    spend.iloc[2] = requests.iloc[2] = np.nan
    assert anomalies._cost_per_request(spend, requests) == pytest.approx((2.0, 4**0.5 / 4))


def test_a_few_dear_requests_are_no_growth():
    """Methods 13: of features with ten calls a day whose costs scatter, 11 % were said to have outgrown their usage."""
    rng, said = np.random.default_rng(13), {1.0: 0, 1.5: 0}
    for times in said:
        for _ in range(200):
            calls = rng.poisson(10, 56)
            spend = pd.Series([rng.lognormal(0, 1, count).sum() for count in calls])
            spend.iloc[28:] *= times
            said[times] += outgrown(spend, pd.Series(calls, dtype=float)) is not None
    assert said[1.0] <= 6 and said[1.5] >= 170


def anomaly(dimension, value, usd, expected, kind="spend"):
    return Anomaly(kind, dimension, value, date(2026, 5, 4), date(2026, 5, 6), usd, expected, "")


def test_one_event_is_told_once_and_two_events_twice():
    belongs = {("feature", "team"): 1.0, ("feature", "total"): 1.0, ("team", "total"): 1.0}
    share = lambda narrow, wide: belongs.get((narrow.dimension, wide.dimension), 0.0)  # noqa: E731
    found = [
        anomaly("total", "total", 110, 1000),
        anomaly("team", "a", 105, 300),
        anomaly("feature", "x", 100, 50),
        anomaly("feature", "y", 90, 60),
    ]
    assert [a.value for a in keep_narrowest(found, share)] == ["x", "y"]


def test_events_that_follow_each_other_are_two():
    whole = lambda narrow, wide: 1.0  # noqa: E731
    first, second = anomaly("feature", "x", 100, 50), anomaly("total", "total", 100, 1000)
    assert len(keep_narrowest([first, second], whole)) == 1
    after = second._replace(start=first.end, end=date(2026, 5, 8))
    before = second._replace(start=date(2026, 5, 2), end=first.start)
    assert len(keep_narrowest([first, after], whole)) == len(keep_narrowest([first, before], whole)) == 2


def test_an_hour_is_no_news_on_a_day_that_is_unusual_and_news_on_any_other():
    whole = lambda narrow, wide: 1.0  # noqa: E731
    day = anomaly("feature", "x", 100, 50)
    hour = anomaly("team", "a", 30, 40, kind="hour")
    assert [a.kind for a in keep_narrowest([day, hour], whole)] == ["spend"]
    elsewhere = hour._replace(start=date(2026, 5, 9), end=date(2026, 5, 10))
    assert [a.kind for a in keep_narrowest([day, elsewhere], whole)] == ["spend", "hour"]


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    ledger = planted.build(tmp_path_factory.mktemp("watch"), "mix shift", days=60)
    return ledger.at(ledger.snapshot())


@pytest.mark.heavy
def test_the_ledgers_event_is_found_with_its_series_and_driver(view):
    seen = anomaly_search.findings(view, Scope.of(view, planted.END - timedelta(days=28), planted.END))
    first = seen.anomalies[0]
    assert (first.dimension, first.value) == ("feature", "ranking")
    assert first.driver.startswith("Model mix")
    assert seen.checked >= 8
    assert "claude-opus-4-6" not in seen.note


@pytest.mark.heavy
def test_a_finding_keeps_its_note(view, state, capsys):
    first = anomaly_search.findings(view, Scope.of(view, planted.END - timedelta(days=28), planted.END)).anomalies[0]
    anomaly_search.NOTES.save(state, first.key, {"status": "investigating", "owner": "Ada", "note": "asked the team"})
    assert anomaly_search.note_on(state, first)["owner"] == "Ada"
    with pytest.raises(BadInput, match="status: use one of: open"):
        anomaly_search.NOTES.save(state, first.key, {"status": "done"})
    assert run(anomalies_command, "anomalies", "--home", view.home, "--keys") == 0
    assert "ranking" in capsys.readouterr().out


@pytest.mark.parametrize("seed", range(12))
def test_a_series_told_from_a_longer_one_is_as_if_it_was_learned_by_itself(seed):
    rng = np.random.default_rng(seed)
    spend = calm(days=300, noise=0.3, seed=seed)
    spend.iloc[150:158] *= 3
    spend[rng.random(300) < 0.05] = np.nan
    pattern(spend, calm(days=300) * 0.02)
    for days, share in ((300, 0.02), (272, 0.021), (190, 0.5), (152, 5.0), (25, 0.02), (9, 0.02)):
        part, floor = spend.iloc[:days], calm(days=300).iloc[:days] * share
        told = pattern(part, floor)
        told.expected.iloc[:] += 0  # a caller's own copy
        plain = learn(part.index.to_numpy().astype("datetime64[D]"), part.to_numpy(), floor.to_numpy()).parts
        for kept, learned in zip(told, plain, strict=True):
            np.testing.assert_array_equal(kept, learned)


def test_what_is_learned_tells_only_days_and_floors_that_it_answers():
    spend, floor = calm(days=200, noise=0.1), calm(days=200) * 0.02
    spend.iloc[120] *= 3
    days, values = spend.index.to_numpy().astype("datetime64[D]"), spend.to_numpy()
    known, least = learn(days, values, floor.to_numpy()), floor.to_numpy()
    assert known.says(days.tobytes(), values.tobytes(), least)
    assert known.says(days[:150].tobytes(), values[:150].tobytes(), least[:150] * 1.01)
    assert not known.says(days.tobytes(), values.tobytes(), least * 1e6), "the day would be under this floor"
    assert known.says(days[:110].tobytes(), values[:110].tobytes(), least[:110])
    other = values.copy()
    other[60] += 1e-9
    assert not known.says(days.tobytes(), other.tobytes(), least)
    assert not known.says((days + 7).tobytes(), values.tobytes(), least)


def test_the_latest_misses_stand_in_order_as_if_they_were_sorted_anew():
    rng, latest, came = np.random.default_rng(5), _Latest(12), []
    for value in rng.integers(0, 9, 60) / 4:
        latest.add(float(value))
        came.append(float(value))
        assert latest.ordered == sorted(came[-12:])
