"""What a question is about: a span of days in the reporting zone and a choice of dimension values."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
from pydantic import BaseModel, ConfigDict

from analytics.registry import DIMENSIONS

if TYPE_CHECKING:
    from data.ledger import Ledger

UNKNOWN = "unknown"  # how a missing dimension value is shown and filtered


@ibis.udf.scalar.builtin(name="timezone")
def _in_zone(zone: str, instant: ibis.dtype("timestamp('UTC')")) -> ibis.dtype("timestamp"):
    """DuckDB's timezone(): wall clock of an instant in a zone."""


@ibis.udf.scalar.builtin(name="timezone")
def _as_instant(zone: str, wall: ibis.dtype("timestamp")) -> ibis.dtype("timestamp('UTC')"):
    """DuckDB's timezone() the other way: the instant a wall clock shows in a zone."""


class Scope(BaseModel):
    """Half-open days [start, end) of `time_zone`, and allowed values per dimension.

    Values of one dimension are alternatives, dimensions narrow each other; `unknown` stands for a
    missing value. Frozen and hashable, so it serves as a cache key.
    """

    model_config = ConfigDict(frozen=True)

    start: date | None = None
    end: date | None = None
    filters: tuple[tuple[str, tuple[str, ...]], ...] = ()
    time_zone: str = "UTC"

    @classmethod
    def of(
        cls,
        ledger: Ledger,
        start: date | None = None,
        end: date | None = None,
        **filters: tuple[str, ...] | list[str] | str,
    ) -> Scope:
        """A scope in the ledger's reporting zone; empty filters are dropped."""
        chosen = tuple((k, (v,) if isinstance(v, str) else tuple(v)) for k, v in sorted(filters.items()) if v)
        return cls(start=start, end=end, filters=chosen, time_zone=ledger.time_zone)

    @property
    def length_days(self) -> int | None:
        """Days in the span, or None when it is open."""
        return (self.end - self.start).days if self.start and self.end else None

    def before(self) -> Scope:
        """The span of the same length that ends where this one starts."""
        if not (self.start and self.end):
            raise ValueError("an open span has no span before it")
        return self.model_copy(update={"start": self.start - (self.end - self.start), "end": self.start})

    def with_filter(self, dimension: str, *values: str) -> Scope:
        """This scope narrowed to `values` of one more dimension (replacing an earlier choice)."""
        kept = tuple(f for f in self.filters if f[0] != dimension)
        return self.model_copy(update={"filters": tuple(sorted((*kept, (dimension, values))))})

    def usage(self, ledger: Ledger) -> ir.Table:
        """The ledger's rows in scope (an expression; run it with `ledger.frame`)."""
        table = ledger.usage
        if self.start:
            table = table.filter(table.requested_at >= ibis.literal(self._utc(self.start)))
        if self.end:
            table = table.filter(table.requested_at < ibis.literal(self._utc(self.end)))
        return self._narrow(table)

    def days(self, ledger: Ledger) -> ir.Table:
        """The `spend_by_day` roll-up in scope; only for filters on roll-up dimensions (see `fits_rollup`)."""
        table = ledger.spend_by_day
        if self.start:
            table = table.filter(table.day >= ibis.literal(self.start))
        if self.end:
            table = table.filter(table.day < ibis.literal(self.end))
        return self._narrow(table)

    def fits_rollup(self, *dimensions: str) -> bool:
        """Whether the roll-up can answer for this scope's filters and `dimensions`."""
        return all(DIMENSIONS[name].in_rollup for name in (*dimensions, *(f[0] for f in self.filters)))

    def _narrow(self, table: ir.Table) -> ir.Table:
        for name, values in self.filters:
            column = DIMENSIONS[name].expression(table, self.time_zone)
            known = [v for v in values if v != UNKNOWN]
            match = column.isin(known) if known else ibis.literal(False)
            if UNKNOWN in values:
                match = match | column.isnull() | (column == UNKNOWN)
            table = table.filter(match)
        return table

    def _utc(self, day: date) -> datetime:
        local = datetime.combine(day, time(), tzinfo=ZoneInfo(self.time_zone))
        return local.astimezone(UTC).replace(tzinfo=None)


def local_time(table: ir.Table, zone: str) -> ir.TimestampValue:
    """`requested_at` as the wall clock of the reporting zone."""
    if zone == "UTC":
        return table.requested_at
    return _in_zone(zone, _as_instant("UTC", table.requested_at))


def days_of(scope: Scope) -> list[date]:
    """Every day of a closed span."""
    return [scope.start + timedelta(days=i) for i in range(scope.length_days or 0)]
