"""What is out, from when to when, and what a policy has left then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
import pandas as pd
from pydantic import Field, model_validator

from analytics.scope import ClosedScope, Scope
from data.errors import BadInput, NoData
from data.facts.models import Catalog
from data.ledger import Ledger
from routing.policies.choice import Candidate, Choice, resolve
from routing.policies.policy import CURRENT
from simulations.scenario import Scenario

LONGEST_HOURS = 24 * 14


class Outage(Scenario):
    """A provider, or a model, cannot be reached for some hours.

    `start` is a local time of the reporting zone; left out, the hours in which the log asked it most. `fallback`
    are the models that answer instead, in order, where no policy says. `limits` are requests a minute by model;
    a request waits up to `patience_minutes` for its turn.
    """

    kind: Literal["drill"]
    provider: str | None = Field(None, min_length=1)
    model: str | None = Field(None, min_length=1)
    start: datetime | None = None
    hours: float = Field(4, gt=0, le=LONGEST_HOURS)
    fallback: tuple[str, ...] = ()
    limits: dict[str, float] = {}
    patience_minutes: float = Field(1, ge=0, le=60)

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if (self.provider is None) == (self.model is None):
            raise ValueError("give provider or model, one of them")
        low = next((name for name, limit in self.limits.items() if limit <= 0), None)
        if low:
            raise ValueError(f"the limit of {low} is {self.limits[low]:g} requests a minute; give more than 0")
        return self

    @property
    def what(self) -> str:
        """The name of what is out."""
        return self.provider or self.model or ""

    def hits(self, candidate: Candidate, provider: str | None, catalog: Catalog) -> bool:
        """Whether a candidate cannot answer; `provider` is the one that answered the logged request."""
        if self.model is not None:
            facts = catalog.get(self.model)
            return candidate.model == (facts.name if facts else self.model)
        if candidate.target == CURRENT:
            return provider == self.provider
        facts = catalog.get(candidate.model)
        return candidate.hosting in (None, "api") and facts is not None and facts.provider == self.provider

    def without_outage(self, choice: Choice, provider: str | None, catalog: Catalog) -> Choice:
        """The decision for a request without what is out: its other candidates, else the first fallback, else none."""
        alive = [c for c in choice.candidates if not self.hits(c, provider, catalog)]
        spare = tuple(c for c in choice.fallback if not self.hits(c, provider, catalog))
        if len(alive) == len(choice.candidates):
            return replace(choice, fallback=spare)
        whole = sum(c.share for c in alive)
        if alive and whole > 0:
            # A split's shares are of all requests; what is left of it takes them over in proportion.
            kept = [replace(c, share=c.share / whole) for c in alive] if choice.way == "split" else alive
            way = "use" if len(kept) == 1 and choice.way in ("cascade", "cross_check") else choice.way
            return replace(choice, way=way, candidates=tuple(kept), fallback=spare)
        if spare:
            return replace(choice, way="fallback", candidates=spare[:1], fallback=spare[1:])
        return replace(choice, way="refused", candidates=(), fallback=())

    def share_out(self, choice: Choice, provider: str | None, catalog: Catalog) -> float:
        """The share of these requests whose first answer cannot come: of a split its part, else all or nothing."""
        out = [self.hits(c, provider, catalog) for c in choice.candidates]
        if choice.way == "split":
            return sum(c.share for c, hit in zip(choice.candidates, out, strict=True) if hit)
        return float(bool(out) and out[0])


def as_it_was(choice: Choice, request: Mapping[str, Any], catalog: Catalog) -> Choice:
    """The logged model answers, whatever constraints say of it; what they allow besides are its fallbacks."""
    if [c.target for c in choice.candidates] == [CURRENT]:
        return choice
    logged = resolve(CURRENT, request, catalog)
    return replace(choice, way="use", candidates=(logged,), fallback=(*choice.candidates, *choice.fallback))


class Hours(ClosedScope):
    """A scope narrowed to the instants [since, until), naive UTC."""

    since: datetime
    until: datetime

    def usage(self, ledger: Ledger) -> ir.Table:
        """The rows of these hours."""
        rows = super().usage(ledger)
        return rows.filter(
            (rows.requested_at >= ibis.literal(self.since)) & (rows.requested_at < ibis.literal(self.until))
        )


def hours_of(view: Ledger, scope: Scope, outage: Outage) -> Hours:
    """The hours of the outage. Raises BadInput for hours outside the log, NoData for an empty or a shorter one."""
    rows = scope.usage(view)
    seen = view.frame(rows.aggregate(first=rows.requested_at.min(), last=rows.requested_at.max())).iloc[0]
    if pd.isna(seen["first"]):
        raise NoData("There are no requests in this scope; choose another span or filter, or load a log.")
    first, last = seen["first"].to_pydatetime(), seen["last"].to_pydatetime()
    length = timedelta(hours=outage.hours)
    since = _utc(outage.start, scope.time_zone) if outage.start else _busiest(view, scope, outage)
    if length > last - first + timedelta(hours=1):
        reach = (last - first) / timedelta(hours=1)
        covered = f"only {reach:.1f}" if reach >= 0.1 else "of these days not one"
        raise NoData(
            f"The drill lasts {outage.hours:g} hours, the log {covered}; make it shorter, or load a longer log."
        )
    if outage.start and (since < first - timedelta(hours=1) or since + length > last + timedelta(hours=1)):
        raise BadInput(
            f"The drill runs from {_words(since)} to {_words(since + length)} UTC, the log only from "
            f"{_words(first)} to {_words(last)} UTC; choose hours inside it."
        )
    around = {"start": since.date() - timedelta(days=1), "end": (since + length).date() + timedelta(days=2)}
    told = scope.model_dump(include={"filters", "excluded", "time_zone", "without"})
    return Hours(since=since, until=since + length, **around, **told)


def rows_to(rows: ir.Table, provider: str | None, model: str | None) -> ir.BooleanValue:
    """Rows of the log that went to this provider, or to this model."""
    return (rows.model == model if provider is None else rows.provider == provider).fill_null(False)


def _busiest(view: Ledger, scope: Scope, outage: Outage) -> datetime:
    """The hour from which the log asked it most for as long as the outage lasts."""
    rows = scope.usage(view)
    mine = rows.filter(rows_to(rows, outage.provider, outage.model))
    counted = view.frame(mine.group_by(hour=mine.requested_at.truncate("h")).aggregate(n=mine.count()))
    if counted.empty:
        raise NoData(f"The log never asked {outage.what} in this scope; choose what it did ask.")
    hourly = counted.set_index(pd.to_datetime(counted["hour"]))["n"].sort_index().asfreq("h", fill_value=0)
    span = max(1, round(outage.hours))
    summed = hourly.rolling(span, min_periods=1).sum()
    end: Any = summed.idxmax()
    return max(hourly.index[0], end - pd.Timedelta(hours=span - 1)).to_pydatetime()


def _utc(local: datetime, zone: str) -> datetime:
    if local.tzinfo is not None:
        return local.astimezone(UTC).replace(tzinfo=None)
    return local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)


def _words(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M}"
