"""What the engine's compiler writes alone is what ibis writes with all of them, and is kept for who asks again."""

from __future__ import annotations

import subprocess
import sys

import ibis
import pandas as pd

from data import engine_sql
from data.engine_sql import sql_text

TABLE = ibis.table({"day": "date", "model": "string", "cost_usd": "decimal(18, 9)"}, name="days")
ALONE = """
import sys
from tests.data.test_engine_sql import question
from data.engine_sql import COMPILERS, sql_text
text = sql_text(question())
assert f"{COMPILERS}.duckdb" in sys.modules and f"{COMPILERS}.athena" not in sys.modules
import ibis
assert text == ibis.to_sql(question(), dialect="duckdb", pretty=False)
assert ibis.to_sql(question(), dialect="sqlite")
"""


def question() -> ibis.Table:
    by_model = TABLE.group_by("model").aggregate(usd=TABLE.cost_usd.sum(), days=TABLE.day.nunique())
    return by_model.filter(by_model.usd > 1).order_by(ibis.desc("usd"))


def test_the_text_is_ibis_own_and_other_compilers_are_there_for_who_asks():
    """In a process of its own: this one may have loaded them all."""
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_expression_is_written_once_and_rows_are_not_kept():
    engine_sql._text.cache_clear()
    assert sql_text(question()) == sql_text(question())
    assert engine_sql._text.cache_info()[:2] == (1, 1)
    held = ibis.memtable(pd.DataFrame({"model": ["a"]}))
    assert "SELECT" in sql_text(TABLE.semi_join(held, "model"))
    assert engine_sql._text.cache_info().currsize == 1
