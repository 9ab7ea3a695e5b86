"""Silent changes: a model that answers otherwise than before although nobody here changed anything.

For each model and type of task: output tokens per request, cache share, failure rate, refusals, latency and scores,
in the two weeks from a day against the four weeks before. How far each moves by itself is learned from the same
comparison at earlier weeks; only what lies far outside of that, and matters, is told. It is called the provider's
where nothing of ours explains it: no change of the work's size or volume in the log, nothing decided here nearby.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

import ibis
import numpy as np
import pandas as pd
from scipy.stats import t as student

from analytics.answers_by_version import kept
from analytics.command_options import view_of
from analytics.history import through
from analytics.list_prices import per_token
from analytics.registry import DIMENSIONS
from analytics.scope import UNKNOWN, Scope
from analytics.totals import input_of
from data import console, wording
from data.calendar import DAYS_PER_MONTH, DAYS_PER_WEEK
from data.ledger import Ledger
from data.schema import OUTPUT_TOKENS
from data.state import State

BEFORE_DAYS, AFTER_DAYS = 28, 14
LOOK_BACK_WEEKS = 13  # days of change that are looked at
MIN_EARLIER = 6  # earlier weeks that tell how far a measure moves by itself
MIN_REQUESTS = 50  # on either side
ALARM = 1e-4  # two-sided chance of one comparison to lie so far out by itself; some thousand are made
OURS_DAYS = 7  # something decided here this near may be the cause
MOVED = 0.15  # a change of input per request or of volume that points at our own work, as a share
OUR_EVENTS = ("policy", "in force", "action", "alias", "rule", "route")


class Measure(NamedTuple):
    """What is watched: a ratio of two daily sums, and how much of a change matters (share of it, or points)."""

    label: str
    top: str
    bottom: str
    least: float
    in_points: bool = False


MEASURES = {
    "output_tokens": Measure("output tokens per request", "output", "answered", 0.10),
    "cache_share": Measure("cache share", "cache_read", "input", 0.05, True),
    "failure_rate": Measure("failure rate", "failed", "attempts", 0.03, True),
    "refusal_rate": Measure("refusals", "refused", "attempts", 0.02, True),
    "latency_ms": Measure("latency", "latency", "latency_n", 0.20),
    "score": Measure("score", "score", "score_n", 0.03, True),
}


class SilentChange(NamedTuple):
    """One measure of a model on a type of task that moved on a day, and whose change it is taken for.

    `usd_month` is what it costs a month at the present volume, None where the measure has no price. `whose` is
    provider or ours; `why` says by what.
    """

    provider: str
    model: str
    task_type: str
    measure: str
    on: date
    before: float
    after: float
    usd_month: float | None
    whose: str
    why: str

    @property
    def title(self) -> str:
        """The finding in a sentence without its end."""
        told = MEASURES[self.measure]
        other = wording.milliseconds if self.measure == "latency_ms" else wording.count
        written = wording.share if told.in_points else other
        cost = f", {wording.usd_change(self.usd_month)} a month" if self.usd_month is not None else ""
        owner = "the provider's change" if self.whose == "provider" else "a change of ours"
        return (
            f"{self.model}, {self.task_type}: {told.label} {written(self.before)} to {written(self.after)} from "
            f"{wording.day(self.on)}{cost}; {owner}"
        )


def silent_changes(view: Ledger, state: State) -> list[SilentChange]:
    """What changed in the last quarter, the dearest first; `whose` says if something of ours explains it."""
    ours = _our_days(state)
    found = []
    for change in _moved(view):
        near = [text for day, text in ours if abs((day - change.on).days) <= OURS_DAYS]
        if near and change.whose == "provider":
            change = change._replace(whose="ours", why=f"{near[0]} nearby")
        found.append(change)
    return sorted(found, key=lambda one: (-abs(one.usd_month or 0.0), one.model, one.task_type, one.measure))


@kept
def _moved(view: Ledger) -> tuple[SilentChange, ...]:
    rows = _daily(view)
    found = []
    for (provider, model, task), part in rows.groupby(["provider", "model", "task_type"]):
        daily = part.set_index("day").drop(columns=["provider", "model", "task_type"])
        daily = daily.reindex(pd.date_range(rows["day"].min(), rows["day"].max())).fillna(0.0)
        for name, measure in MEASURES.items():
            if (on := _day_of_change(daily, measure)) is not None:
                found.append(_told(view, daily, (str(provider), str(model), str(task)), name, on))
    return tuple(found)


def _daily(view: Ledger) -> pd.DataFrame:
    """Sums a day, model and type of task, up to the last whole day; a row for each."""
    scope = Scope.of(view, None, through(view).complete_until)
    table = scope.usage(view)
    answered = table.status == "success"
    frame = view.frame(
        table.group_by(
            day=DIMENSIONS["day"].expression(table, scope.time_zone),
            provider=table.provider.fill_null(UNKNOWN),
            model=table.model.fill_null(UNKNOWN),
            task_type=table.task_type.fill_null(UNKNOWN),
        ).aggregate(
            attempts=table.count(),
            answered=answered.sum(),
            failed=(table.status == "error").sum(),
            refused=(table.error_class == "content_filter").sum(),
            output=sum(table[name].sum(where=answered).fill_null(0) for name in OUTPUT_TOKENS),
            input=input_of(table),
            cache_read=table.cache_read_tokens.sum(),
            latency=table.latency_ms.sum(where=answered),
            latency_n=table.latency_ms.count(where=answered),
            score=table.quality_score.sum(),
            score_n=table.quality_score.count(),
        )
    )
    frame["day"] = pd.to_datetime(frame["day"])
    numbers = frame.columns.drop(["day", "provider", "model", "task_type"])
    return frame.astype(dict.fromkeys(numbers, float)).fillna(dict.fromkeys(numbers, 0.0))


def _ratio(daily: pd.DataFrame, measure: Measure, start: date, days: int) -> float | None:
    """The measure over `days` from a day; None with too few requests under it."""
    span = (daily.index >= pd.Timestamp(start)) & (daily.index < pd.Timestamp(start + timedelta(days=days)))
    part = daily[span]
    if part["attempts"].sum() < MIN_REQUESTS or part[measure.bottom].sum() < MIN_REQUESTS / 2:
        return None
    return float(part[measure.top].sum() / part[measure.bottom].sum())


def _change(daily: pd.DataFrame, measure: Measure, on: date) -> float | None:
    """From the four weeks before a day to the two from it: a share (as its log), or points."""
    before = _ratio(daily, measure, on - timedelta(days=BEFORE_DAYS), BEFORE_DAYS)
    after = _ratio(daily, measure, on, AFTER_DAYS)
    if before is None or after is None:
        return None
    if measure.in_points:
        return after - before
    return float(np.log(after / before)) if before > 0 and after > 0 else None


def _day_of_change(daily: pd.DataFrame, measure: Measure) -> date | None:
    """The day on which the measure moved most, where that is far outside of how it moves by itself."""
    first, end = daily.index[0].date(), daily.index[-1].date() + timedelta(days=1)
    last = end - timedelta(days=AFTER_DAYS)
    since = last - timedelta(weeks=LOOK_BACK_WEEKS)
    weeks = [last - timedelta(days=DAYS_PER_WEEK * n) for n in range((last - first).days // DAYS_PER_WEEK)]
    changes = {on: moved for on in weeks if (moved := _change(daily, measure, on)) is not None}
    best, furthest = None, 0.0
    for on, moved in changes.items():
        # Only windows that end before the change know nothing of it.
        usual = [value for day, value in changes.items() if day + timedelta(days=AFTER_DAYS) <= on]
        if on < since or len(usual) < MIN_EARLIER or abs(moved) < _least(measure):
            continue
        apart = max(2.0, (len(usual) - 1) * DAYS_PER_WEEK / AFTER_DAYS + 1)
        scale = max(float(np.std(usual, ddof=1)), _least(measure) / 8) * np.sqrt(1 + 1 / apart)
        outside = abs(moved - float(np.mean(usual))) / scale / float(student.ppf(1 - ALARM / 2, apart - 1))
        if outside > 1 and abs(moved) > furthest:
            best, furthest = on, abs(moved)
    return best


def _least(measure: Measure) -> float:
    return measure.least if measure.in_points else float(np.log1p(measure.least))


def _told(view: Ledger, daily: pd.DataFrame, of: tuple[str, str, str], name: str, on: date) -> SilentChange:
    measure, start = MEASURES[name], on - timedelta(days=BEFORE_DAYS)
    before = _ratio(daily, measure, start, BEFORE_DAYS) or 0.0
    after = _ratio(daily, measure, on, AFTER_DAYS) or 0.0
    whose, why = "provider", "nothing of ours changed near it"
    sizes = [] if measure.top in ("failed", "refused") else [("input per request", "input")]  # a failure has none
    for label, column in (*sizes, ("requests a day", None)):
        moved = _moved_by(daily, on, column)
        if abs(moved) >= np.log1p(MOVED) * (1 if column else 4):
            whose, why = "ours", f"{label} moved by {wording.share_change(np.expm1(moved))} at the same time"
            break
    versions = _versions(view, of, on)
    if versions:
        why += f"; the log's model went from {versions[0]} to {versions[1]}"
    return SilentChange(*of, name, on, before, after, _cost(daily, of, name, on, after - before), whose, why)


def _moved_by(daily: pd.DataFrame, on: date, column: str | None) -> float:
    """The log of how the input of a request, or the requests of a day (None), moved at a day."""
    sides = []
    for start, days in ((on - timedelta(days=BEFORE_DAYS), BEFORE_DAYS), (on, AFTER_DAYS)):
        part = daily[(daily.index >= pd.Timestamp(start)) & (daily.index < pd.Timestamp(start + timedelta(days=days)))]
        attempts = part["attempts"].sum()
        sides.append(part[column].sum() / max(attempts, 1.0) if column else attempts / days)
    return float(np.log(sides[1] / sides[0])) if min(sides) > 0 else 0.0


def _cost(daily: pd.DataFrame, of: tuple[str, str, str], name: str, on: date, moved: float) -> float | None:
    """USD a month of more output, or of input that is read from the cache no more, at the list price of the day."""
    prices = per_token(of[0], of[1], on)
    part = daily[(daily.index >= pd.Timestamp(on)) & (daily.index < pd.Timestamp(on + timedelta(days=AFTER_DAYS)))]
    if prices is None:
        return None
    if name == "output_tokens":
        return moved * part["answered"].sum() / AFTER_DAYS * DAYS_PER_MONTH * prices[4]
    if name == "cache_share":
        return -moved * part["input"].sum() / AFTER_DAYS * DAYS_PER_MONTH * (prices[0] - prices[1])
    return None


def _versions(view: Ledger, of: tuple[str, str, str], on: date) -> tuple[str, str] | None:
    """The log's own commonest name of the model before and after a day, where they differ."""
    names = []
    for start, days in ((on - timedelta(days=BEFORE_DAYS), BEFORE_DAYS), (on, AFTER_DAYS)):
        scope = Scope.of(view, start, start + timedelta(days=days), model=of[1], task_type=of[2])
        rows = scope.usage(view)
        top = rows.group_by("model_raw").aggregate(n=rows.count()).order_by(ibis.desc("n"), "model_raw").limit(1)
        frame = view.frame(top)
        names.append("" if frame.empty else str(frame["model_raw"][0]))
    return (names[0], names[1]) if all(names) and names[0] != names[1] else None


def _our_days(state: State) -> list[tuple[date, str]]:
    """Days on which something was decided here that changes how models are asked, by the audit trail."""
    found = []
    for entry in state.audit():
        if entry.event.startswith(OUR_EVENTS):
            name = entry.detail.get("name", "") if isinstance(entry.detail, Mapping) else ""
            found.append((date.fromisoformat(str(entry.at)[:10]), f"{entry.event} {name}".strip()))
    return found


def described(one: SilentChange) -> dict[str, Any]:
    """The JSON form."""
    return one._asdict() | {"title": one.title}


def register(subparsers: Any) -> None:
    """Add `silent-changes` to `python -m analytics`."""
    sub = console.command(
        subparsers, "silent-changes", _command, "models that answer otherwise than before, and whose change that is"
    )
    sub.add_argument("--as-of", type=int, metavar="N", help="data version to read (default: the newest)")


def _command(args: argparse.Namespace) -> None:
    view = view_of(args)
    found = silent_changes(view, State.open(args.home))
    if args.json:
        console.emit_json({"changes": [described(one) for one in found], "snapshot": view.snapshot()})
        return
    for one in found:
        console.say(f"{one.title} ({one.why}).")
    if not found:
        console.say("No model changed by more than it does by itself in the last quarter.")
