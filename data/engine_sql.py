"""Ibis and the engine: its types in ibis' words, and expressions as its SQL, written once by its own compiler alone."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import ibis
import ibis.backends.sql
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa

if TYPE_CHECKING:
    from data.engine import Cursor

COMPILERS = "ibis.backends.sql.compilers"
MOST_TEXTS = 256
_LOADING = threading.Lock()


def sql_text(expr: ir.Expr) -> str:
    """The SQL of an expression. The same one is asked for again with every what-if, and takes a tenth of a second; one
    that holds rows of its own is never asked for again, and its rows are not kept.
    """
    node = expr.as_table().op()
    return _written(node) if node.find(ops.InMemoryTable) else _text(node)


def _written(node: ops.Node) -> str:
    compiler = _compiler()
    return compiler.to_sqlglot(node.to_expr().unbind()).sql(dialect=compiler.dialect)


_text = lru_cache(maxsize=MOST_TEXTS)(_written)


@lru_cache(maxsize=1)
def _compiler() -> Any:
    """The engine's own. Ibis would load those of twenty engines with it, a quarter of what a command takes: a package
    that loads each as it is asked for stands in for theirs.
    """
    with _LOADING:
        if COMPILERS not in sys.modules:
            package = ModuleType(COMPILERS)
            package.__path__ = [str(Path(folder) / "compilers") for folder in ibis.backends.sql.__path__]
            package.__getattr__ = _compiler_module  # type: ignore[method-assign]
            sys.modules[COMPILERS] = package
    return _compiler_module("duckdb").compiler


def _compiler_module(name: str) -> Any:
    try:
        return import_module(f"{COMPILERS}.{name}")
    except ModuleNotFoundError as error:
        raise AttributeError(f"{COMPILERS} has no {name}") from error


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
