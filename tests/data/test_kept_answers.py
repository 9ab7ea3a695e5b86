"""Answers that are kept say what a fresh look says, whatever happened to the rows since."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import ibis
import pandas as pd
import pytest

from analytics.scope import Scope
from analytics.totals import ROW_TOTALS
from data import erasure, kept_answers, upkeep
from data.dialect import local_time
from data.erasure_proof import look_through
from data.facts.models import shipped_catalog
from data.held_view import restrict_to_teams
from data.ledger import Ledger
from data.prices.book import PriceBook
from data.state import State
from routing.policies.policy import Policy, Rule
from simulations.hosting.arrivals import demand
from simulations.replay.replay import replay
from simulations.replay.repricing import Market
from simulations.replay.traffic import Folding, fold
from tests.data.test_upkeep import load, replace, say
from tests.stores import new_ledger


def ask_sums(view: Ledger) -> pd.DataFrame:
    rows = view.usage.filter(view.usage.output_tokens > 100)
    sums = {name: made(rows) for name, made in ROW_TOTALS.items()}
    sums |= {"first": rows.requested_at.min(), "dearest": rows.cost_usd.max(), "score": rows.quality_score.mean()}
    sums["odd"] = rows.cost_usd.sum(where=rows.attempt == 1).cast("float64").fill_null(0) + rows.count()
    return view.frame(rows.group_by(team=rows.team, user=rows.user_id.fill_null("nobody")).aggregate(**sums))


def ask_one(view: Ledger) -> pd.DataFrame:
    return view.frame(view.usage.aggregate(n=view.usage.count(), usd=view.usage.cost_usd.sum()))


def ask_distinct(view: Ledger) -> pd.DataFrame:
    """Nothing that adds up: kept for its version alone."""
    rows = view.usage
    return view.frame(
        rows.group_by("model").aggregate(users=rows.user_id.nunique(), p95=rows.latency_ms.quantile(0.95))
    )


def ask_joined(view: Ledger) -> pd.DataFrame:
    """A sum over rows that are chosen by other rows."""
    rows = view.usage
    failed = rows.filter(rows.status == "error").select("call_id").distinct()
    again = rows.semi_join(failed, "call_id")
    return view.frame(again.group_by("provider").aggregate(n=again.count()))


def ask_folded(view: Ledger) -> pd.DataFrame:
    by_hour = view.usage.group_by(hour=view.usage.requested_at.hour(), model=view.usage.model).aggregate(
        n=view.usage.count()
    )
    window = ibis.window(group_by=by_hour.model)
    return view.frame(by_hour.mutate(share=by_hour.n / by_hour.n.sum().over(window)))


def ask_traffic(view: Ledger) -> pd.DataFrame:
    return fold(view, Scope.of(view), Folding(by=("team",))).drop(columns="place")


def ask_arrivals(view: Ledger) -> pd.DataFrame:
    found = demand(view, Scope.of(view))
    return pd.DataFrame({name: value for name, value in found._asdict().items() if name != "start"})


def ask_lost_reads(view: Ledger) -> pd.DataFrame:
    """What is worked out by more than one expression: the caches that conversations lose when half of them move."""
    halves = Policy(name="halves", rules=(Rule(split={"gpt-5.2": 0.5, "minimax-m2": 0.5}),))
    market = Market(PriceBook(), shipped_catalog(), datetime.fromisoformat("2026-11-20"))
    flows = replay(view, Scope.of(view), halves, market).flows
    return flows[["group", "target", "reads", "lost_reads", "by_user_reads"]]


QUESTIONS: tuple[Callable[[Ledger], pd.DataFrame], ...] = (
    *(ask_sums, ask_one, ask_distinct, ask_joined, ask_folded, ask_traffic, ask_arrivals, ask_lost_reads),
)


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    columns = list(one.columns)
    texts = [frame.sort_values(columns, ignore_index=True, key=lambda c: c.astype(str)) for frame in (one, other)]
    pd.testing.assert_frame_equal(*texts, check_exact=False, rtol=1e-12, atol=0)


def check_all(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every question of the newest version, as it is kept and worked out anew."""
    view = ledger.at(ledger.snapshot())
    for ask in QUESTIONS:
        kept = ask(view)
        with monkeypatch.context() as none_kept:
            none_kept.setattr(kept_answers, "FROM_ROWS", 10**9)
            same(kept, ask(view))


@pytest.fixture
def store(home, monkeypatch) -> Ledger:
    monkeypatch.setattr(kept_answers, "FROM_ROWS", 0)
    ledger = new_ledger(home)
    load(ledger, 0, 400)
    return ledger


CHANGES: dict[str, Callable[[Ledger, int], object]] = {
    "a load": lambda ledger, n: load(ledger, 1000 * (n + 1), 40),
    "a load of few rows": lambda ledger, n: load(ledger, 1000 * (n + 1), 3),
    "a large load": lambda ledger, n: load(ledger, 1000 * (n + 1), 300),
    "rows that say otherwise": lambda ledger, n: replace(ledger, f"record_no % 97 = {n}"),
    "upkeep": lambda ledger, n: upkeep.maintain(ledger, State.open(ledger.home), say),
}


def test_what_is_carried_on_is_what_a_fresh_look_gives(store, monkeypatch):
    check_all(store, monkeypatch)
    for number, change in enumerate(random.Random(3).sample(list(CHANGES.values()), k=len(CHANGES))):
        change(store, number)
        check_all(store, monkeypatch)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The SQL that runs over all rows of usage from here on."""
    ran: list[str] = []
    run = Ledger._run

    def listening(self: Ledger, table):
        text = ibis.to_sql(table, dialect="duckdb")
        ran.extend([text] if f'"{self.catalog}"' in text else [])
        return run(self, table)

    monkeypatch.setattr(Ledger, "_run", listening)
    return ran


def test_after_a_load_and_upkeep_and_in_another_process_no_row_is_read_again(store, home, monkeypatch):
    ask_sums(store.at(store.snapshot()))
    ask_distinct(store.at(store.snapshot()))
    load(store, 1000, 40)
    upkeep.maintain(store, State.open(home), say)
    ran = counted(monkeypatch)
    found = ask_sums(store.at(store.snapshot()))
    assert not ran and found["attempts"].sum() > 300
    ask_distinct(store.at(store.snapshot()))
    assert len(ran) == 1
    other = Ledger.open(home)
    view = other.at(other.snapshot())
    same(found, ask_sums(view))
    ask_distinct(view)
    assert len(ran) == 1
    replace(store, "record_no = 5")
    ask_sums(store.at(store.snapshot()))
    assert len(ran) == 2, "a row says otherwise: worked out anew"


def test_another_catalogue_with_the_same_number_is_not_believed(store, monkeypatch):
    view = store.at(store.snapshot())
    ask_one(view)
    for path in kept_files(store.home):
        path.rename(path.with_name(f"{view.pinned}-1.parquet"))
    ran = counted(monkeypatch)
    load(store, 1000, 40)
    assert ask_one(store.at(store.snapshot()))["n"][0] == 440 and len(ran) == 1


def kept_files(home: Path) -> list[Path]:
    return list((home / kept_answers.FOLDER).rglob("*.parquet"))


def test_a_hurt_file_is_no_answer(store):
    view = store.at(store.snapshot())
    found = ask_sums(view)
    for path in kept_files(store.home):
        body = bytearray(path.read_bytes())
        body[len(body) // 3] ^= 1
        path.write_bytes(body)
    same(found, ask_sums(view))
    for path in kept_files(store.home):
        path.write_bytes(b"PAR1")
    same(found, ask_sums(view))


def test_there_is_no_more_than_there_is_room_for_and_small_stores_keep_nothing(store, monkeypatch):
    view = store.at(store.snapshot())
    ask_sums(view)
    monkeypatch.setattr(kept_answers, "MOST_BYTES", 1)
    ask_distinct(view)
    assert not kept_files(store.home)
    monkeypatch.undo()
    ask_one(view)
    assert not kept_files(store.home)


def test_no_forgotten_name_is_left_in_an_answer(store, monkeypatch):
    ledger, name = store, "ann@example.org"
    assert name in set(ask_sums(ledger.at(ledger.snapshot()))["user"])
    old = ledger.at(ledger.snapshot())
    asked = old.usage.group_by("user_id").aggregate(n=old.usage.count())
    answer = ledger._run(asked)
    erasure.erase(ledger, State.open(ledger.home), erasure.Wish((name,)))
    # A question of the version before, which ends only now, is not written down.
    kept = kept_answers._Kept(old, kept_answers.Version(old.pinned, 1, 400), ledger._run)
    kept._keep(ledger.home / kept_answers.FOLDER / "late", answer)
    assert not look_through(ledger, [name]).found and not kept_files(ledger.home)
    check_all(ledger, monkeypatch)
    assert name not in set(ask_sums(ledger.at(ledger.snapshot()))["user"])


def test_somebody_held_to_teams_is_given_no_answer_about_all(store):
    view = store.at(store.snapshot())
    found = ask_sums(view)
    held = restrict_to_teams(view, frozenset({"core"}))
    assert set(ask_sums(held)["team"]) == {"core"} < set(found["team"])
    assert ask_one(held)["n"][0] < ask_one(view)["n"][0]


def test_hours_of_another_zone_are_another_question(store):
    view = store.at(store.snapshot())

    def busiest(zone: str) -> int:
        rows = Scope(time_zone=zone).usage(view)
        hours = view.frame(rows.group_by(hour=local_time(rows, zone).hour()).aggregate(n=rows.count()))
        return int(hours.set_index("hour")["n"].idxmax())

    with store.write() as cursor:
        cursor.execute("DELETE FROM lake.main.usage WHERE hour(requested_at) <> 3")
    view = store.at(store.snapshot())
    assert (busiest("UTC"), busiest("Asia/Shanghai")) == (3, 11)
