"""Aggregations of rows as bare sums: what can be told of rows that came later by adding to what was told before."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import ibis.expr.operations as ops
import ibis.expr.types as ir

# How what two parts of the rows say of a column becomes what both say.
ADDED_UP: dict[type[ops.Node], Callable[[ir.Column], ir.Value]] = {
    ops.CountStar: lambda column: column.sum(),
    ops.Count: lambda column: column.sum(),
    ops.Sum: lambda column: column.sum(),
    ops.Min: lambda column: column.min(),
    ops.Max: lambda column: column.max(),
}


def consists_of_sums(part: ops.Aggregate, usage: ops.Node) -> bool:
    """Whether an aggregation of rows, chosen one by one, is made of sums that can be added to."""
    below = part.parent.find(ops.Relation)
    if not all(isinstance(one, ops.Filter | ops.Project) or one == usage for one in below):
        return False
    if part.find((ops.WindowFunction, ops.Subquery)):
        return False
    reductions = [node for value in part.metrics.values() for node in value.find(ops.Reduction)]
    return bool(reductions) and all(type(node) in (*ADDED_UP, ops.Mean) for node in reductions)


def split_into_sums(part: ops.Aggregate) -> tuple[ops.Aggregate, dict[ops.Node, Callable[[ops.Relation], ops.Value]]]:
    """An aggregation of the bare sums of another, and how each reduction is made of its columns."""
    sums: dict[str, ops.Value] = {}
    made: dict[ops.Node, Callable[[ops.Relation], ops.Value]] = {}

    def column(value: ops.Value) -> str:
        name = f"sum of rows {len(sums)}"
        sums[name] = value
        return name

    for reduction in dict.fromkeys(node for value in part.metrics.values() for node in value.find(ops.Reduction)):
        if isinstance(reduction, ops.Mean):
            arg = reduction.arg.to_expr().cast("float64").op()
            top = column(ops.Sum(arg, where=reduction.where))
            bottom = column(ops.Count(reduction.arg, where=reduction.where))
            made[reduction] = partial(_mean, top=top, bottom=bottom)
        else:
            made[reduction] = partial(ops.Field, name=column(reduction))
    return ops.Aggregate(part.parent, part.groups, sums), made


def _mean(held: ops.Relation, top: str, bottom: str) -> ops.Value:
    table = held.to_expr()
    return (table[top] / table[bottom].nullif(0)).op()
