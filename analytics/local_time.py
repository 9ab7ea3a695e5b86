"""Instants as the reporting zone's wall clock shows them, inside the engine."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir


@ibis.udf.scalar.builtin(name="timezone")
def _in_zone(zone: str, instant: ibis.dtype("timestamp('UTC')")) -> ibis.dtype("timestamp"):  # type: ignore[valid-type]
    """DuckDB's timezone(): wall clock of an instant in a zone."""


@ibis.udf.scalar.builtin(name="timezone")
def _as_instant(zone: str, wall: ibis.dtype("timestamp")) -> ibis.dtype("timestamp('UTC')"):  # type: ignore[valid-type]
    """DuckDB's timezone() the other way: the instant a wall clock shows in a zone."""


def local_time(table: ir.Table, zone: str) -> ir.TimestampValue:
    """`requested_at` as the wall clock of the reporting zone."""
    if zone == "UTC":
        return table.requested_at
    return _in_zone(zone, _as_instant("UTC", table.requested_at))
