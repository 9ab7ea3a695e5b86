"""Cells that hold objects as Python writes them become the JSON they stand for, or stay as they are."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.loading import python_literals

TEXTS = st.text(st.characters(codec="utf-8", max_codepoint=0xFFFF), max_size=12)
LEAVES = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(-1e6, 1e6, allow_subnormal=False) | TEXTS
KEYS = st.from_regex(r"[a-zA-Z_ ]{1,8}", fullmatch=True)
OBJECTS = st.dictionaries(
    KEYS,
    st.recursive(
        LEAVES, lambda held: st.lists(held, max_size=3) | st.dictionaries(KEYS, held, max_size=3), max_leaves=8
    ),
    min_size=1,
)


@pytest.fixture(scope="module")
def engine():
    with duckdb.connect() as found:
        yield found


def told(engine: duckdb.DuckDBPyConnection, cell: str) -> str:
    [[found]] = engine.execute(f"SELECT {python_literals.as_json('cell')} FROM (SELECT ? AS cell)", [cell]).fetchall()
    return found


@given(value=OBJECTS)
@settings(max_examples=60)
def test_what_python_writes_is_read_back_whole(engine, value):
    assert json.loads(told(engine, repr(value))) == value


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (
            {"cost": Decimal("0.003"), "at": datetime.datetime(2026, 1, 5, tzinfo=datetime.UTC)},
            {"cost": 0.003, "at": None},
        ),
        ({"pair": (1, (2,)), "odd": float("nan")}, {"pair": [1, [2]], "odd": None}),
        ({"one": "\U000e0001|", "two": r"\x41 \U0001"}, {"one": "\ufffd|", "two": r"\x41 \U0001"}),
        ([{"said": 'None, (5) it\'s "so" \\ \x07'}], [{"said": 'None, (5) it\'s "so" \\ \x07'}]),
    ],
)
def test_what_json_has_no_word_for(engine, value, wanted):
    assert json.loads(told(engine, repr(value))) == wanted


@pytest.mark.parametrize(
    "cell", ["{'a': 1", "{'a': <X: 1>}", "{'a': Usage(b=1)}", "[note] it's", "plain", '{"a": 1}', "('x') is it", ""]
)
def test_what_is_no_literal_stays_as_it_is(engine, cell):
    assert told(engine, cell) == cell
