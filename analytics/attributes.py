"""What rows are split by, as expressions: their time in the reporting zone, a column, a declared key of their tags."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir

from data.dialect import local_time
from data.dimensions import COLUMN, PREFIX
from data.errors import BadInput


@dataclass(frozen=True)
class Dimension:
    """A way to split a number. `expression(table, zone)` works on rows and, if `in_rollup`, on the roll-up."""

    name: str
    label: str
    meaning: str
    in_rollup: bool
    expression: Callable[[ir.Table, str], ir.Value]
    is_time: bool = False


def time_of(unit: str) -> Callable[[ir.Table, str], ir.Value]:
    def expression(table: ir.Table, zone: str) -> ir.Value:
        instant = table.day if "day" in table.columns else local_time(table, zone)
        return instant.truncate(unit).cast("date")

    return expression


def hour_start_of(table: ir.Table, zone: str) -> ir.Value:
    return local_time(table, zone).truncate("h")


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


def free_column_of(name: str) -> Callable[[ir.Table, str], ir.Value]:
    """A dimension of the operator's own; BadInput in a ledger that has not declared it."""

    def expression(table: ir.Table, zone: str) -> ir.Value:
        if (column := COLUMN + name) in table.columns:
            return table[column]
        raise BadInput(
            f"This ledger has no dimension {PREFIX}{name}; "
            f"declare it with `python -m data dimensions add {name} --from tag:KEY`."
        )

    return expression


class Dimensions(dict[str, Dimension]):
    """The declared ones; `tag:NAME`, an operator's own, is made when it is asked for (its ledger says if it has it)."""

    def __init__(self, every: Iterable[Dimension]) -> None:
        super().__init__((one.name, one) for one in every)

    def __missing__(self, name: str) -> Dimension:
        if name not in self:
            raise KeyError(name)
        own = name[len(PREFIX) :]
        meaning = "the operator's own, from the log's tags (`python -m data dimensions`)"
        return Dimension(name, f"{own} (tag)", meaning, False, free_column_of(own))

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (
            isinstance(name, str) and name.startswith(PREFIX) and len(name) > len(PREFIX)
        )
