"""One text for questions that differ in tables, days and values alone: filled in, it is what ibis writes itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime
from uuid import UUID

import ibis
import ibis.expr.types as ir
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import sql_shapes
from data.sql_shapes import shaped_text, unmistakable_text

COLUMNS = {"at": "timestamp", "day": "date", "model": "string", "team": "string", "usd": "decimal(18, 9)", "n": "int64"}


def table(name: str = "usage", catalog: str | None = "lake_at_7") -> ir.Table:
    return ibis.table(COLUMNS, name=name, catalog=catalog, database="main" if catalog else None)


def by_model(rows: ir.Table) -> ir.Table:
    kept = rows.mutate(size=ibis.ifelse(rows.n > 10, "large", "small"))
    sums = kept.group_by("model", "size").aggregate(usd=kept.usd.sum(), n=kept.n.sum(where=kept.team == "a"))
    return sums.order_by("model", ibis.desc("usd"))


def with_window(rows: ir.Table) -> ir.Table:
    around = ibis.window(group_by=rows.model, order_by=rows.at)
    return rows.mutate(last=rows.n.lag().over(around)).filter(lambda t: t.last < t.n)


def joined(rows: ir.Table) -> ir.Table:
    return rows.inner_join(by_model(rows).select("model", whole="usd"), "model")


ASKED: tuple[Callable[[ir.Table], ir.Table], ...] = (by_model, with_window, joined)
AWKWARD = ("it's", '"', "MAKE_DATE(9001, 1, 1)", "place 0 of baton", "\\", "null", "", "ü\n--", "'; DROP TABLE t; --")
texts = st.one_of(st.sampled_from(AWKWARD), st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=5))


def own_text(asked: ir.Table) -> str:
    return str(ibis.to_sql(asked, dialect="duckdb", pretty=False))


@given(
    asked=st.sampled_from(ASKED),
    since=st.datetimes(),
    day=st.dates(),
    chosen=st.lists(texts, min_size=1, max_size=3),
    excluded=st.lists(texts, max_size=2),
    name=st.sampled_from(["usage", "kept_3", 'odd "name"', "place 1 of baton"]),
    catalog=st.sampled_from([None, "lake_at_7", "memory"]),
)
def test_a_text_with_its_places_filled_in_is_ibis_own(asked, since, day, chosen, excluded, name, catalog):
    rows = table(name, catalog)
    rows = rows.filter(rows.at >= ibis.literal(since), rows.day < ibis.literal(day), rows.model.isin(chosen))
    rows = rows.filter(~rows.team.isin(excluded)) if excluded else rows
    question = asked(rows)
    assert shaped_text(question.op()) == own_text(question)


@pytest.mark.parametrize("asked", ASKED, ids=lambda one: one.__name__)
def test_other_tables_days_and_values_are_not_written_anew(asked, monkeypatch):
    def question(name: str, since: datetime, models: list[str]) -> ir.Table:
        rows = table(name)
        return asked(rows.filter(rows.at >= ibis.literal(since), rows.model.isin(models)))

    shaped_text(question("usage", datetime.fromisoformat("2026-01-01"), ["x", "y"]).op())
    other = question("kept_1", datetime.fromisoformat("2026-02-03T04:05:06.000007"), ["it's", "d"])
    expected = own_text(other)
    monkeypatch.setattr(sql_shapes, "_written", lambda node: pytest.fail("written anew"))
    assert shaped_text(other.op()) == expected


CHANGES: tuple[Callable[[ir.Table], ir.Table], ...] = (
    lambda rows: by_model(rows.filter(rows.model.isin(["a", "b"]))),
    lambda rows: by_model(rows.filter(rows.model.isin(["a", "a"]))),
    lambda rows: by_model(rows.filter(rows.model.isin(["a"]) & rows.team.isin(["a"]))),
    lambda rows: by_model(rows.filter(rows.model.isin(["a"]) & rows.team.isin(["b"]))),
    lambda rows: by_model(rows.filter(rows.n > 5)),
    lambda rows: by_model(rows.filter(rows.n > 6)),
    lambda rows: by_model(rows.filter(rows.team == "b")),
    lambda rows: by_model(rows.filter(rows.at > ibis.null("timestamp"))),
    lambda rows: by_model(rows.filter(rows.day > ibis.literal(date(2026, 1, 1)))),
    lambda rows: by_model(rows.filter(rows.at > ibis.literal(date(2026, 1, 1)))),
    lambda rows: joined(rows.semi_join(table("other"), "model")),
    lambda rows: joined(rows.semi_join(table("usage"), "model")),
)


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_no_place_makes_another_text(change):
    """Asked one after the other, so that a text kept for one would be given for the next where their keys are equal."""
    question = change(table())
    assert shaped_text(question.op()) == own_text(question)


def test_what_is_told_of_a_question_is_told_of_no_other():
    told_of = [unmistakable_text(change(table()).op()) for change in CHANGES]
    assert len(set(told_of)) == len(CHANGES)
    assert told_of == [unmistakable_text(change(table()).op()) for change in CHANGES]
    days = [
        unmistakable_text(table(name).filter(table(name).day < day).op())
        for name in "ab"
        for day in (date.min, date.max)
    ]
    assert len(set(days)) == 4


@given(
    st.lists(
        st.tuples(st.sampled_from(ASKED), st.dates(), texts, st.integers(0, 1), st.sampled_from(["usage", "kept_3"])),
        min_size=2,
        max_size=2,
    )
)
def test_questions_told_alike_have_the_same_text(asked):
    one, other = (
        ask(rows.filter(rows.day < ibis.literal(day), rows.model.isin([model]), rows.n > least))
        for ask, day, model, least, rows in ((*drawn[:4], table(drawn[4])) for drawn in asked)
    )
    assert (unmistakable_text(one.op()) == unmistakable_text(other.op())) == (own_text(one) == own_text(other))


def test_a_question_is_told_alike_in_every_process():
    def elsewhere(seed: str) -> str:
        code = "from tests.data.test_sql_shapes import *; print(unmistakable_text(joined(table()).op()))"
        seeded = os.environ | {"PYTHONHASHSEED": seed}
        return subprocess.check_output([sys.executable, "-c", code], text=True, env=seeded)

    assert elsewhere("1") == elsewhere("2") == unmistakable_text(joined(table()).op()) + "\n"


def test_what_nobody_knows_how_to_tell_is_told_by_its_text():
    question = table().mutate(one=ibis.literal(UUID(int=7)))
    assert unmistakable_text(question.op()) == own_text(question)


def test_rows_held_in_memory_are_a_place_and_are_not_kept():
    def question(models: list[str]) -> ir.Table:
        return table().semi_join(ibis.memtable(pd.DataFrame({"model": models})), "model")

    one, other = question(["a"]), question(["b", "c"])
    assert (shaped_text(one.op()), shaped_text(other.op())) == (own_text(one), own_text(other))
    assert sql_shapes.Shape(one.op()).key == sql_shapes.Shape(other.op()).key


def test_only_so_many_shapes_are_kept(monkeypatch):
    monkeypatch.setattr(sql_shapes, "MOST_SHAPES", 3)
    monkeypatch.setattr(sql_shapes, "_texts", {})
    for number in range(5):
        question = table().filter(table().n > number)
        assert shaped_text(question.op()) == own_text(question)
    assert len(sql_shapes._texts) == 3
