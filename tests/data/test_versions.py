"""Which data versions are kept, and what is told of one that is not."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import versions
from data.errors import BadInput, NoData
from data.held_versions import HELD, held_numbers, hold
from data.state import State
from data.versions import VersionGivenUp, superfluous_versions
from tests.simulations.ledgers import ledger_of

NOW = datetime.fromisoformat("2026-11-28T12:00")
times = st.lists(st.floats(-48, 24 * 90), min_size=1, max_size=40).map(
    lambda hours: {number: NOW - timedelta(hours=age) for number, age in enumerate(sorted(hours, reverse=True))}
)


@given(times, st.sets(st.integers(0, 50)), st.integers(0, 60))
def test_the_newest_the_young_the_held_and_one_a_day_stay(there, held, days):
    gone = set(superfluous_versions(there, held, NOW, days))
    left = {number: at for number, at in there.items() if number not in gone}
    assert gone <= set(there) and not gone & held and max(there) in left
    assert all(NOW - there[number] >= versions.ALL_FOR for number in gone)
    for number in gone:
        of_the_day = [n for n, at in left.items() if at.date() == there[number].date() and n > number]
        assert of_the_day or there[number] <= NOW - timedelta(days=days)
    unheld = [at.date() for number, at in left.items() if number not in held and number != max(there)]
    old = [day for day in unheld if day < (NOW - versions.ALL_FOR).date()]
    assert len(old) == len(set(old)), "two of one day"


def test_of_a_day_the_last_version_stays():
    there = {1: NOW - timedelta(days=5, hours=3), 2: NOW - timedelta(days=5), 3: NOW - timedelta(days=40), 4: NOW}
    assert superfluous_versions(there, (), NOW, 30) == [1, 3]
    assert superfluous_versions(there, (1,), NOW, 0) == [2, 3]


def test_links_reports_and_promises_hold_their_version(home):
    state = State.open(home)
    hold(state, 7, "link")
    hold(state, 7, "report")
    state.put("action", "use the cache", {"told_version": 4, "name": "use the cache"})
    state.put("action", "before versions were told", {"name": "x"})
    assert held_numbers(state) == {4, 7}
    assert state.get(HELD.kind, "7")["reason"] == "link"
    state.delete(HELD.kind, "7")
    assert held_numbers(state) == {4}


def test_a_version_that_is_no_longer_kept_says_so_and_names_the_nearest(home):
    ledger = ledger_of(home, [{}] * 3)
    newest = ledger.snapshot()
    old = ledger.at(newest - 1)
    old.name("spend_by_day")
    ledger.cursor().execute(f"CALL ducklake_expire_snapshots('lake', versions => [{newest - 1}, {newest - 2}])")
    with pytest.raises(VersionGivenUp, match=f"Data version {newest - 1} is no longer kept") as told:
        ledger.at(newest - 1)
    assert told.value.nearest == newest and "later" in str(told.value)
    with pytest.raises(VersionGivenUp) as told:
        ledger.at(newest - 2)
    assert told.value.nearest == newest - 3 and "earlier" in str(told.value)
    # The one that was attached is let go, and every other answers as before.
    assert len(ledger.at(newest).sql(f"SELECT * FROM {ledger.at(newest).name('usage')}")) == 3
    for never in (newest + 1, -1):
        with pytest.raises(NoData, match="not in this ledger"):
            ledger.at(never)


@pytest.mark.parametrize("text", ["soon", "-1", "99999", "²", "1.5"])
def test_a_setting_that_is_no_number_of_days_is_refused(monkeypatch, text):
    monkeypatch.setenv(versions.KEEP_VARIABLE, text)
    with pytest.raises(BadInput, match="no number of days"):
        versions.keep_days()
