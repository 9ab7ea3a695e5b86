"""Ibis and the engine: its types in ibis' words, expressions as its SQL, frames as its tables."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa

from data.sql_shapes import shaped_text, unmistakable_text

if TYPE_CHECKING:
    import pandas as pd

    from data.ledger import Cursor

MOST_TEXTS = 256


def sql_text(expr: ir.Expr) -> str:
    """The SQL of an expression. The same one is asked for again with every what-if; one that holds rows of its own
    never is, and its rows are not kept.
    """
    node = expr.as_table().op()
    return shaped_text(node) if node.find(ops.InMemoryTable) else _text(node)


def question_text(expr: ir.Expr) -> str:
    """What tells a question from every other one, in every process: what its answer is kept under."""
    return unmistakable_text(expr.as_table().op())


_text = lru_cache(maxsize=MOST_TEXTS)(shaped_text)


@cache
def column_type(kind: str) -> Any:
    """A type of the engine in ibis' words; kept, since each takes a parse and a store's 170 columns have ten."""
    from ibis.backends.sql.datatypes import DuckDBType

    return "string" if kind in ("VARCHAR", "JSON") else DuckDBType.from_string(kind)


def schema_of(columns: Mapping[str, str]) -> ibis.Schema:
    """The schema of a table with columns of these types of the engine."""
    return ibis.schema({name: column_type(kind) for name, kind in columns.items()})


def run(cursor: Cursor, table: ir.Table) -> pa.Table:
    """The rows of an expression."""
    for memtable in table.op().find(ops.InMemoryTable):
        cursor.register(memtable.name, memtable.data.to_pyarrow(memtable.schema))
    return cursor.execute(sql_text(table)).to_arrow_table()


def exact(frame: pd.DataFrame) -> pa.Table:
    """A small frame as a table of the engine's: all of its decimals are looked at for what they need, not a sample."""
    return pa.Table.from_pandas(frame, preserve_index=False)
