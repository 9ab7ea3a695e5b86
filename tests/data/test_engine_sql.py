"""An expression's SQL is written once, for whoever asks again."""

from __future__ import annotations

import ibis
import pandas as pd

from data import engine_sql
from data.engine_sql import sql_text

TABLE = ibis.table({"day": "date", "model": "string", "cost_usd": "decimal(18, 9)"}, name="days")


def question() -> ibis.Table:
    by_model = TABLE.group_by("model").aggregate(usd=TABLE.cost_usd.sum(), days=TABLE.day.nunique())
    return by_model.filter(by_model.usd > 1).order_by(ibis.desc("usd"))


def test_the_text_is_ibis_own():
    assert sql_text(question()) == ibis.to_sql(question(), dialect="duckdb", pretty=False)


def test_an_expression_is_written_once_and_rows_are_not_kept():
    engine_sql._text.cache_clear()
    assert sql_text(question()) == sql_text(question())
    assert engine_sql._text.cache_info()[:2] == (1, 1)
    held = ibis.memtable(pd.DataFrame({"model": ["a"]}))
    assert "SELECT" in sql_text(TABLE.semi_join(held, "model"))
    assert engine_sql._text.cache_info().currsize == 1
