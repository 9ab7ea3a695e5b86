"""Functions of the engine that ibis has no word for: what another engine would have to be told in words of its own.

Expressions over rows use these and ibis's own; nothing else keeps a question within DuckDB (`tests/test_house.py`).
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir


@ibis.udf.scalar.builtin(name="timezone")
def _in_zone(zone: str, instant: ibis.dtype("timestamp('UTC')")) -> ibis.dtype("timestamp"):  # type: ignore[valid-type]
    """DuckDB's timezone(): wall clock of an instant in a zone."""


@ibis.udf.scalar.builtin(name="timezone")
def _as_instant(zone: str, wall: ibis.dtype("timestamp")) -> ibis.dtype("timestamp('UTC')"):  # type: ignore[valid-type]
    """DuckDB's timezone() the other way: the instant a wall clock shows in a zone."""


@ibis.udf.scalar.builtin(name="json_extract_string")
def json_text(document: str, path: str) -> str:  # type: ignore[empty-body]  # the body is the engine's
    """DuckDB's ->>: the text of a JSON document at a path, NULL where there is none."""


def local_time(table: ir.Table, zone: str) -> ir.TimestampValue:
    """`requested_at` as the wall clock of the reporting zone."""
    if zone == "UTC":
        return table.requested_at
    return _in_zone(zone, _as_instant("UTC", table.requested_at))
