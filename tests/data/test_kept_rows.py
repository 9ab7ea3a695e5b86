"""Rows that many questions start from are worked out once per version, and let go when nobody needs them."""

from __future__ import annotations

from contextlib import ExitStack

from data import pinned_views
from data.kept_rows import KEPT_TABLES, keeping
from tests.simulations.ledgers import ledger_of


def kept_tables(view):
    return set(view.sql("SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'kept_%'")["table_name"])


def test_rows_are_held_once_and_the_oldest_are_let_go_unless_in_use(home):
    ledger = ledger_of(home, [{"output_tokens": 100 * n} for n in range(10)])
    view = ledger.at(ledger.snapshot())
    before = kept_tables(view)
    many = [view.usage.filter(view.usage.output_tokens > 100 * n).select("call_id") for n in range(KEPT_TABLES + 2)]
    with keeping(view, many[0]) as first:
        for rows in many:
            with keeping(view, rows) as held, keeping(view, rows) as again:
                assert held.equals(again) and len(view.frame(held)) == len(view.frame(rows))
        assert len(view.frame(first)) == 9  # in use all the time, so still there
    assert len(kept_tables(view) - before) <= KEPT_TABLES


def test_a_held_table_lives_as_long_as_somebody_reads_it(home):
    ledger = ledger_of(home, [{}] * 5)
    view = ledger.at(ledger.snapshot())
    rows = [view.usage.filter(view.usage.attempt >= -n).select("call_id") for n in range(2 * KEPT_TABLES)]
    with ExitStack() as stack:
        held = [stack.enter_context(keeping(view, one)) for one in rows]
        assert [len(view.frame(one)) for one in held] == [5] * len(rows)


def test_older_versions_hold_no_rows_once_a_newer_is_read_but_those_in_use(home):
    ledger = ledger_of(home, [{}, {}, {"attempt": 9}])
    old = ledger.at(ledger.snapshot())
    used, unused = (old.usage.filter(old.usage.attempt >= -n).select("call_id") for n in (1, 2))
    with keeping(old, unused):
        pass
    with keeping(old, used) as held:
        with ledger.write() as cursor:
            cursor.execute("DELETE FROM lake.main.usage WHERE attempt = 9")
        new = ledger.at(ledger.snapshot())
        assert new.snapshot() > old.snapshot() and len(old.frame(held)) == 3
        assert len(kept_tables(new)) == 1
    with keeping(old, unused) as again:
        assert len(old.frame(again)) == 3


def test_a_version_that_nobody_asks_for_is_let_go(home, monkeypatch):
    ledger = ledger_of(home, [{}, {"attempt": 9}])
    first = ledger.snapshot()
    assert len(ledger.at(first).frame(ledger.at(first).usage)) == 2
    with ledger.write() as cursor:
        cursor.execute("DELETE FROM lake.main.usage WHERE attempt = 9")
    ledger.at(ledger.snapshot())
    assert ledger._views.versions == {first, ledger.snapshot()}
    monkeypatch.setattr(pinned_views, "IDLE_S", 0.0)
    ledger.at(ledger.snapshot())
    assert ledger._views.versions == {ledger.snapshot()}
    assert len(ledger.at(first).frame(ledger.at(first).usage)) == 2, "and comes back when it is asked for"


def test_what_may_still_change_is_not_held(home):
    ledger = ledger_of(home, [{}] * 3)
    with keeping(ledger, ledger.usage) as rows:
        assert rows.equals(ledger.usage)
