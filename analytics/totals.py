"""Additive totals as expressions, on ledger rows and on the daily roll-up alike, and the ratios made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import ibis.expr.types as ir

from data.schema import INPUT_TOKENS, MEDIA_TOKENS, OUTPUT_TOKENS, TOKENS

MEDIA_INPUT_TOKENS = tuple(name for name in INPUT_TOKENS if name in MEDIA_TOKENS)


MEDIA_OUTPUT_TOKENS = tuple(name for name in OUTPUT_TOKENS if name in MEDIA_TOKENS)


def sum_of(name: str) -> Callable[[ir.Table], ir.Value]:
    return lambda table: table[name].sum()


ROW_TOTALS: dict[str, Callable[[ir.Table], ir.Value]] = {
    "attempts": lambda t: t.count(),
    "calls": lambda t: (t.attempt == 1).sum(),
    "priced_attempts": lambda t: t.cost_usd.count(),
    "cost_usd": lambda t: t.cost_usd.sum(),
    "caveat_cost_usd": lambda t: t.cost_usd.sum(where=t.caveats.notnull()),
    "list_cost_usd": lambda t: t.list_cost_usd.sum(),
    "reported_cost_usd": lambda t: t.reported_cost_usd.sum(),
    "tool_fees_usd": lambda t: t.tool_fees_usd.sum(),
    "retries": lambda t: (t.attempt > 1).sum(),
    "failed": lambda t: (t.status == "error").sum(),
    "failed_cost_usd": lambda t: t.cost_usd.sum(where=t.status == "error"),
    "retry_cost_usd": lambda t: t.cost_usd.sum(where=t.attempt > 1),
    "latency_ms_sum": lambda t: t.latency_ms.sum(),
    "latency_count": lambda t: t.latency_ms.count(),
    **{name: sum_of(name) for name in TOKENS},
}


def total(table: ir.Table, name: str) -> ir.Value:
    """One additive total, on ledger rows or on `spend_by_day`."""
    return table[name].sum() if "attempts" in table.columns else ROW_TOTALS[name](table)


def total_of(name: str) -> Callable[[ir.Table], ir.Value]:
    return lambda table: total(table, name)


def input_of(table: ir.Table) -> ir.Value:
    return sum_over(table, INPUT_TOKENS)


def output_of(table: ir.Table) -> ir.Value:
    return sum_over(table, OUTPUT_TOKENS)


def sum_over(table: ir.Table, names: Iterable[str]) -> ir.Value:
    return sum(total(table, name).fill_null(0) for name in names)


def ratio(top: ir.Value, bottom: ir.Value, scale: float = 1.0) -> ir.Value:
    return top.cast("float64") * scale / bottom.cast("float64").nullif(0.0)
