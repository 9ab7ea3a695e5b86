"""What a question is about: a span of days in the reporting zone and a choice of dimension values."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Self, overload
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
from pydantic import BaseModel, ConfigDict

from analytics.registry import DIMENSIONS

if TYPE_CHECKING:
    from data.ledger import Ledger

UNKNOWN = "unknown"  # how a missing dimension value is shown and filtered
Values = tuple[str, ...] | list[str] | str


class Scope(BaseModel):
    """Half-open days [start, end) of `time_zone` less `without`, and allowed and excluded values per dimension.

    Values of one dimension are alternatives, dimensions narrow each other; `unknown` stands for a
    missing value. Frozen and hashable, so it serves as a cache key. A scope that has both ends is a
    `ClosedScope`, whichever way it was made.
    """

    model_config = ConfigDict(frozen=True)

    start: date | None = None
    end: date | None = None
    filters: tuple[tuple[str, tuple[str, ...]], ...] = ()
    excluded: tuple[tuple[str, tuple[str, ...]], ...] = ()
    time_zone: str = "UTC"
    without: tuple[date, ...] = ()

    @overload
    @classmethod
    def of(cls, ledger: Ledger, start: date, end: date, **filters: Values) -> ClosedScope: ...
    @overload
    @classmethod
    def of(cls, ledger: Ledger, start: date | None = None, end: date | None = None, **filters: Values) -> Scope: ...

    @classmethod
    def of(cls, ledger: Ledger, start: date | None = None, end: date | None = None, **filters: Values) -> Scope:
        """A scope in the ledger's reporting zone; empty filters are dropped."""
        chosen = tuple((k, (v,) if isinstance(v, str) else tuple(v)) for k, v in sorted(filters.items()) if v)
        zone = ledger.time_zone
        if start and end:
            return ClosedScope(start=start, end=end, filters=chosen, time_zone=zone)
        return Scope(start=start, end=end, filters=chosen, time_zone=zone)

    def between(self, start: date, end: date) -> ClosedScope:
        """The same choice of values over the days [start, end)."""
        return ClosedScope(start=start, end=end, filters=self.filters, excluded=self.excluded, time_zone=self.time_zone)

    def at_any_time(self) -> Scope:
        """The same choice of values over every day of the ledger."""
        return Scope(filters=self.filters, excluded=self.excluded, time_zone=self.time_zone)

    def with_filter(self, dimension: str, *values: str) -> Self:
        """This scope narrowed to `values` of one more dimension (replacing an earlier choice)."""
        kept = tuple(f for f in self.filters if f[0] != dimension)
        return self.model_copy(update={"filters": tuple(sorted((*kept, (dimension, values))))})

    def excluding(self, dimension: str, *values: str) -> Self:
        """This scope less the rows with any of `values` of one dimension (replacing an earlier exclusion)."""
        kept = tuple(f for f in self.excluded if f[0] != dimension)
        return self.model_copy(update={"excluded": tuple(sorted((*kept, (dimension, values))))})

    @property
    def is_narrowed(self) -> bool:
        """Whether it asks about a part of the work, not all of it."""
        return bool(self.filters or self.excluded)

    def usage(self, ledger: Ledger) -> ir.Table:
        """The ledger's rows in scope (an expression; run it with `ledger.frame`)."""
        table = ledger.usage
        if self.start:
            table = table.filter(table.requested_at >= ibis.literal(self._utc(self.start)))
        if self.end:
            table = table.filter(table.requested_at < ibis.literal(self._utc(self.end)))
        # One filter of runs: a SELECT for each day takes ibis a minute to write where a year has holes.
        if left_out := [
            (table.requested_at < ibis.literal(self._utc(first)))
            | (table.requested_at >= ibis.literal(self._utc(after)))
            for first, after in _runs(self.without)
        ]:
            table = table.filter(*left_out)
        return self._narrow(table)

    def days(self, ledger: Ledger) -> ir.Table:
        """The `spend_by_day` roll-up in scope; only for filters on roll-up dimensions (see `fits_rollup`)."""
        return self.of_days(ledger.spend_by_day)

    def of_days(self, table: ir.Table) -> ir.Table:
        """The rows in scope of a roll-up by `day` that has the columns of its filters."""
        if self.start:
            table = table.filter(table.day >= ibis.literal(self.start))
        if self.end:
            table = table.filter(table.day < ibis.literal(self.end))
        if left_out := [
            (table.day < ibis.literal(first)) | (table.day >= ibis.literal(after))
            for first, after in _runs(self.without)
        ]:
            table = table.filter(*left_out)
        return self._narrow(table)

    def fits_rollup(self, *dimensions: str) -> bool:
        """Whether the roll-up can answer for this scope's filters and `dimensions`."""
        asked = (name for name, _ in (*self.filters, *self.excluded))
        return all(DIMENSIONS[name].in_rollup for name in (*dimensions, *asked))

    def _narrow(self, table: ir.Table) -> ir.Table:
        asked = conditions(table, self.filters, self.time_zone)
        asked += [~match for match in conditions(table, self.excluded, self.time_zone)]
        return table.filter(*asked) if asked else table

    def _utc(self, day: date) -> datetime:
        local = datetime.combine(day, time(), tzinfo=ZoneInfo(self.time_zone))
        return local.astimezone(UTC).replace(tzinfo=None)


class ClosedScope(Scope):
    """A scope with both ends: what a number per day, a comparison or a forecast stands on."""

    start: date
    end: date

    @property
    def length_days(self) -> int:
        """Days in the span, those left out not counted."""
        return (self.end - self.start).days - len(self.without)

    @property
    def last(self) -> date:
        """The last day that belongs to it."""
        return self.end - timedelta(days=1)

    def before(self) -> ClosedScope:
        """The span of the same length that ends where this one starts, the same places in it left out."""
        length = self.end - self.start
        return self.between(self.start - length, self.start).leaving_out(day - length for day in self.without)

    def without_empty_ends(self) -> Self:
        """The same days, with those left out at its ends cut off: its first and last day are days of it."""
        start, end, out = self.start, self.end, set(self.without)
        while start in out:
            start += timedelta(days=1)
        while end - timedelta(days=1) in out:
            end -= timedelta(days=1)
        return self.model_copy(update={"start": start, "end": end}).leaving_out(self.without)

    def leaving_out(self, days: Iterable[date]) -> Self:
        """The same span without these days."""
        inside = {day for day in days if self.start <= day < self.end}
        return self.model_copy(update={"without": tuple(sorted(inside))})


def conditions(table: ir.Table, filters: Iterable[tuple[str, Iterable[str]]], zone: str) -> list[ir.BooleanValue]:
    """Which rows have these values, an expression per dimension; `unknown` stands for a missing value.

    Never null, so that it may be turned round.
    """
    found = []
    for name, values in filters:
        column = DIMENSIONS[name].expression(table, zone).cast("string")  # a link may ask for the hour "abc"
        known = [value for value in values if value != UNKNOWN and "\0" not in value]  # no text in the ledger has a NUL
        match = column.isin(known).fill_null(False) if known else ibis.literal(False)
        found.append(match | column.isnull() | (column == UNKNOWN) if UNKNOWN in values else match)
    return found


def _runs(days: Iterable[date]) -> list[tuple[date, date]]:
    """Ordered days as runs: first day, and the day after the last."""
    runs: list[tuple[date, date]] = []
    for day in days:
        if runs and runs[-1][1] == day:
            runs[-1] = (runs[-1][0], day + timedelta(days=1))
        else:
            runs.append((day, day + timedelta(days=1)))
    return runs
