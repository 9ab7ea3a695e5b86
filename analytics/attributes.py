"""What rows are split by, as expressions: their time in the reporting zone, a column, a key of their tags."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import ibis
import ibis.expr.types as ir

from analytics.local_time import local_time


def time_of(unit: str) -> Callable[[ir.Table, str], ir.Value]:
    def expression(table: ir.Table, zone: str) -> ir.Value:
        instant = table.day if "day" in table.columns else local_time(table, zone)
        return instant.truncate(unit).cast("date")

    return expression


def hour_of(table: ir.Table, zone: str) -> ir.Value:
    return local_time(table, zone).hour()


def column_of(name: str) -> Callable[[ir.Table, str], ir.Value]:
    return lambda table, zone: table[name]


# What makes two requests the same kind of work; savings are told by it.
WORK = ("provider", "model", "team", "feature", "environment", "task_type", "criticality", "data_class")


def work_of(table: ir.Table, zone: str) -> ir.Value:
    return work_name([table[name].fill_null("unknown") for name in WORK])


def work_name(values: Iterable[Any]) -> Any:
    """One name of a kind of work from the values of WORK: texts, or columns of text."""
    first, *rest = values
    for value in rest:
        first = first + " · " + value
    return first


def key_of(table: ir.Table, zone: str) -> ir.Value:
    return json_text(table.tags, "$.key_alias")


@ibis.udf.scalar.builtin(name="json_extract_string")
def json_text(document: str, path: str) -> str:  # type: ignore[empty-body]
    """DuckDB's ->>."""
