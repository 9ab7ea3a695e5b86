"""When the work really came: the ledger's requests per minute, and request by request where it matters.

Reasoning counts as output. Rows that failed, that a gateway answered from its cache, or whose tokens nobody knows
place no load.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from analytics.scope import Scope
from data.calendar import DAYS_PER_MONTH, MINUTES_PER_DAY
from data.errors import BadInput, NoData, Refused
from data.ledger import Ledger
from data.schema import INPUT_TOKENS, OUTPUT_TOKENS, UNCACHED_INPUT_TOKENS

MINUTE_S = 60.0
MOST_FOLLOWED = 250_000  # requests of one hour that are held one by one
CACHED = tuple(name for name in INPUT_TOKENS if name not in UNCACHED_INPUT_TOKENS)


class Requests(NamedTuple):
    """Requests in order of arrival: seconds since the first, tokens to prefill, tokens cached, tokens to write.

    Of so many requests that nobody can follow each, these are a random `share`.
    """

    at_s: np.ndarray
    fresh_tokens: np.ndarray
    cached_tokens: np.ndarray
    output_tokens: np.ndarray
    share: float = 1.0

    @property
    def in_all(self) -> int:
        """How many there really are."""
        return round(len(self.at_s) / self.share)

    def only(self, which: np.ndarray) -> Requests:
        """Those of a mask or of positions in order, time counted as before."""
        at_s, fresh, cached, output = (series[which] for series in self[:4])
        return Requests(at_s, fresh, cached, output, self.share)

    def from_zero(self) -> Requests:
        """The same with time counted from the first."""
        return requests_in_order(*self[:4])._replace(share=self.share)


class Demand(NamedTuple):
    """Traffic folded to minutes (every minute of the span, quiet ones too): one value a minute each."""

    start: datetime
    requests: np.ndarray
    fresh_tokens: np.ndarray
    cached_tokens: np.ndarray
    output_tokens: np.ndarray

    @property
    def days(self) -> float:
        """Length of the span."""
        return len(self.requests) / MINUTES_PER_DAY

    def mean(self, tokens: np.ndarray) -> float:
        """Tokens of a mean request."""
        return float(tokens.sum() / self.requests.sum())

    def peak_to_mean(self) -> float:
        """Requests of the busiest minute over those of a mean one."""
        return float(self.requests.max() / self.requests.mean())

    def per_month(self, *, accept_short: bool = False) -> float:
        """Requests a month; raises Refused for less than a day of log unless told that it will do."""
        if self.days < 1 and not accept_short:
            raise Refused(
                f"The log covers {len(self.requests):,} minutes; a month cannot be told from them. Load at least a "
                "day, better four weeks, or say that it will do."
            )
        return float(self.requests.sum() / self.days * DAYS_PER_MONTH)

    def warnings(self) -> list[str]:
        """What the span cannot show."""
        if self.days < 7:
            return [
                f"The log covers {self.days:.1f} days: no weekend, no month end. A longer log may change the answer."
            ]
        return [f"The log covers {self.days:.0f} days: less than four weeks of pattern."] if self.days < 27 else []


def demand(ledger: Ledger, scope: Scope) -> Demand:
    """The scope's traffic per minute, folded in the engine; raises NoData where nothing places load."""
    rows = _served(scope.usage(ledger))
    columns = ("requests", "fresh_tokens", "cached_tokens", "output_tokens")
    folded = (
        rows.group_by(minute=rows.requested_at.truncate("minute"))
        .aggregate(**{c: rows[c].sum() for c in columns})
        .order_by("minute")
    )
    frame = ledger.frame(folded)
    if frame.empty:
        raise NoData("No successful request with known tokens is in this choice; widen the span or the filters.")
    minutes = pd.to_datetime(frame["minute"])
    place = ((minutes - minutes.iloc[0]) // pd.Timedelta(minutes=1)).to_numpy()
    series = []
    for column in columns:
        values = np.zeros(place[-1] + 1)
        values[place] = frame[column].to_numpy(dtype=float)
        series.append(values)
    return Demand(minutes.iloc[0].to_pydatetime(), *series)


def requests(ledger: Ledger, scope: Scope, start: datetime, end: datetime) -> Requests:
    """Every request of [start, end) UTC in order of arrival; raises NoData for an empty window."""
    rows = _served(scope.usage(ledger))
    window = rows.filter((rows.requested_at >= ibis.literal(start)) & (rows.requested_at < ibis.literal(end)))
    frame = ledger.frame(
        window.select("requested_at", "fresh_tokens", "cached_tokens", "output_tokens").order_by("requested_at")
    )
    at = (pd.to_datetime(frame["requested_at"]) - pd.Timestamp(start)).dt.total_seconds().to_numpy(dtype=float)
    if not len(at):
        raise NoData(f"No request came between {start} and {end}; choose another window.")
    return requests_in_order(
        at, *(frame[c].to_numpy(dtype=float) for c in ("fresh_tokens", "cached_tokens", "output_tokens"))
    )


def times(requests: Requests, multiple: float, seed: int = 0) -> Requests:
    """The same hour at another volume: a random part of the requests, or each as often, moved within a minute.

    A burst grows with the volume, which errs on the safe side: independent users would even some of it out.
    """
    rng = np.random.default_rng(seed)
    share = min(1.0, MOST_FOLLOWED / (multiple * len(requests.at_s)))
    count = np.floor(multiple * share + rng.random(len(requests.at_s))).astype(int)
    if not count.any():
        count[0] = 1
    copies = requests.only(np.repeat(np.arange(len(count)), count))
    first = np.concatenate([[True], np.diff(np.repeat(np.arange(len(count)), count)) > 0])
    moved = np.where(first, 0.0, rng.uniform(0.0, MINUTE_S, len(first)))
    return requests_in_order(copies.at_s + moved, *copies[1:4])._replace(share=requests.share * share)


def requests_in_order(at_s: np.ndarray, fresh: np.ndarray, cached: np.ndarray, output: np.ndarray) -> Requests:
    """Requests sorted by arrival, time counted from the first, every request with at least one token out."""
    order = np.argsort(at_s, kind="stable")
    at = np.asarray(at_s, dtype=float)[order]
    return Requests(
        at - at[0],
        np.asarray(fresh, dtype=float)[order],
        np.asarray(cached, dtype=float)[order],
        np.maximum(np.rint(np.asarray(output, dtype=float)[order]), 1),
    )


SHAPES = {
    "daily": "one peak a day",
    "flat": "every minute alike",
    "office": "weekdays from 8 to 18, a twentieth outside",
    "bursty": "bursts of a quarter of an hour, half the mean between them",
}
OFFICE_SHARE, BURST_MINUTES, BETWEEN_BURSTS = 0.95, 15, 0.5


def stated_demand(
    requests_per_month: float,
    input_tokens: float,
    cached_tokens: float,
    output_tokens: float,
    peak_to_mean: float,
    shape: str = "daily",
) -> Demand:
    """A typed volume over one week of a stated shape (see `SHAPES`).

    `peak_to_mean` is that of a daily or bursty one.
    """
    if requests_per_month <= 0 or peak_to_mean < 1:
        raise BadInput(
            f"{requests_per_month:g} requests a month with a peak of {peak_to_mean:g} times the mean is no traffic; "
            "give more than 0 and at least 1."
        )
    if shape not in SHAPES:
        raise BadInput(f"{shape} is no shape of traffic; use one of: {', '.join(SHAPES)}.")
    minute = np.arange(7 * MINUTES_PER_DAY)
    weight = {"daily": _daily, "flat": lambda m, _: np.ones(len(m)), "office": _office, "bursty": _bursty}[shape](
        minute, peak_to_mean
    )
    per_minute = requests_per_month / (DAYS_PER_MONTH * MINUTES_PER_DAY) * weight / weight.mean()
    sizes = (input_tokens - cached_tokens, cached_tokens, output_tokens)
    monday = datetime(2026, 1, 5)  # noqa: DTZ001 - naive UTC, as everywhere
    return Demand(monday, per_minute, *(per_minute * size for size in sizes))


def _daily(minute: np.ndarray, peak_to_mean: float) -> np.ndarray:
    """A day's cosine whose peak is `peak_to_mean` times its mean (the rest of a peak beyond 2 is narrower)."""
    phase = np.cos(2 * np.pi * (minute / MINUTES_PER_DAY - 0.6))
    low, high = 0.0, 1024.0
    for _ in range(60):  # exp(k cos) is flat at k = 0 and ever narrower above
        middle = (low + high) / 2
        shape = np.exp(middle * (phase - 1))
        low, high = (middle, high) if shape.max() / shape.mean() < peak_to_mean else (low, middle)
    return np.exp(low * (phase - 1))


def _office(minute: np.ndarray, _: float) -> np.ndarray:
    open_ = (
        (minute // MINUTES_PER_DAY < 5) & (minute % MINUTES_PER_DAY // 60 >= 8) & (minute % MINUTES_PER_DAY // 60 < 18)
    )
    return np.where(open_, OFFICE_SHARE / open_.sum(), (1 - OFFICE_SHARE) / (~open_).sum())


def _bursty(minute: np.ndarray, peak_to_mean: float) -> np.ndarray:
    """Bursts at the stated peak, evenly over the week, as many as leave half the mean between them."""
    if peak_to_mean <= 1:
        return np.ones(len(minute))
    bursts = max(1, round((1 - BETWEEN_BURSTS) / (peak_to_mean - BETWEEN_BURSTS) * len(minute) / BURST_MINUTES))
    starts = np.arange(bursts) * len(minute) // bursts
    inside = np.zeros(len(minute), bool)
    for start in starts:
        inside[start : start + BURST_MINUTES] = True
    quiet = max(0.0, (len(minute) - peak_to_mean * inside.sum()) / max(1, (~inside).sum()))
    return np.where(inside, peak_to_mean, quiet)


def draw_requests(window: Demand, *, dispersion: float = 1.0, seed: int = 0) -> Requests:
    """Requests drawn from minutes.

    Poisson counts (bursts of mean size `dispersion`), mean sizes, even within the minute; of more than
    MOST_FOLLOWED a share.
    """
    rng = np.random.default_rng(seed)
    share = min(1.0, MOST_FOLLOWED / window.requests.sum())
    bursts = rng.poisson(window.requests * share / dispersion)
    counts = np.rint(bursts * dispersion).astype(int)
    minute = np.repeat(np.arange(len(counts)), counts)
    if not len(minute):
        raise NoData("The drawn window holds no request; raise the volume.")
    at = minute * 60.0 + rng.uniform(0, 60, len(minute))
    with np.errstate(invalid="ignore", divide="ignore"):
        sizes = [
            np.nan_to_num(series / window.requests)[minute]
            for series in (window.fresh_tokens, window.cached_tokens, window.output_tokens)
        ]
    return requests_in_order(at, *sizes)._replace(share=share)


def _served(table: ir.Table) -> ir.Table:
    """Rows that placed load, with their token sums."""
    served = table.filter(
        (table.status == "success") & (table.fresh_input_tokens.notnull() | table.output_tokens.notnull())
    )

    def total(columns: tuple[str, ...]) -> ir.NumericValue:
        return sum((served[c].fill_null(0) for c in columns[1:]), served[columns[0]].fill_null(0)).cast("float64")

    return served.mutate(
        requests=ibis.literal(1.0),
        fresh_tokens=total(UNCACHED_INPUT_TOKENS),
        cached_tokens=total(CACHED),
        output_tokens=total(OUTPUT_TOKENS),
    ).select("requested_at", "requests", "fresh_tokens", "cached_tokens", "output_tokens")
