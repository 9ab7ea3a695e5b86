"""What the cells and headers of a table are read as: the laws that hold for every format."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.formats import all_formats
from data.loading import table_cells
from data.loading.containers import File

HERE = Path(__file__)
CURSOR = next(form for form in all_formats() if form.name == "cursor")
POINT = {
    "1,234": "1234",
    "12,345,678.5": "12345678.5",
    "$0.10": "0.10",
    "-$3.00": "-3.00",
    "0.12 USD": "0.12",
    "US$ 1,000": "1000",
    "1 234": "1234",
    "1\u202f234.5": "1234.5",
    "1'234": "1234",
    "0,19": "0,19",  # no thousands, and the file writes points
    "1,23": "1,23",
    "€5": "€5",
    "gpt-5.1": "gpt-5.1",
    "2026-11-03": "2026-11-03",
    "1.9e-1": "1.9e-1",
    "": "",
}
COMMA = {"1.234": "1234", "0,19": "0.19", "12.345.678,5": "12345678.5", "$ 1,5": "1.5", "0.25": "0.25", "x,5": "x,5"}


def read(texts: list[str], decimals: str) -> list[str]:
    with duckdb.connect() as engine:
        rows = engine.execute(
            f"SELECT {table_cells._cell('c', decimals)} FROM (SELECT unnest($texts) AS c)", {"texts": texts}
        ).fetchall()
    return [text for (text,) in rows]


@pytest.mark.parametrize(("decimals", "table"), [("point", POINT), ("comma", COMMA)])
def test_a_number_comes_plain_and_anything_else_as_it_is(decimals, table):
    assert dict(zip(table, read(list(table), decimals), strict=True)) == table


@pytest.mark.heavy
@given(st.lists(st.integers(0, 10**15), min_size=1, max_size=20))
def test_thousands_apart_are_the_number(numbers):
    assert [int(text) for text in read([f"{n:,}" for n in numbers], "point")] == numbers
    assert [int(text) for text in read([f"{n:,}".replace(",", ".") for n in numbers], "comma")] == numbers


def spelled(header: str, semicolons: bool = False, **cells: str) -> str:
    file = File(HERE, HERE, "csv", "none", semicolons=semicolons)
    return table_cells.as_written(file, [{header: "x", **cells}], CURSOR).projection


@pytest.mark.parametrize("header", ["Cost ($)", "cost", " Cost", "COST (USD)", "Cost [US$]"])
def test_a_header_is_the_field_it_spells_otherwise(header):
    assert spelled(header).endswith('AS "Cost"')


@pytest.mark.parametrize("header", ["Cost (€)", "Costs", "Cost (cents)"])
def test_another_unit_is_another_column(header):
    assert spelled(header).endswith(f'AS "{header}"')


def test_a_column_that_is_there_is_not_taken_by_another():
    assert '"Cost ($)"' in spelled("Cost ($)", Cost="1").split(" AS ")[-2].split(", ")[0]


def test_only_semicolons_make_a_comma_of_three_digits_a_fraction():
    assert "'.'" in spelled("Cost", semicolons=True, Total="1,234")
    assert "'.'" not in spelled("Cost", semicolons=False, Total="1,234")
