"""Silent changes: a model that answers otherwise than before although nobody here changed anything.

For each model and type of task: output tokens per request, cache share, failure rate, refusals, latency and scores,
in the two weeks from a day against the four weeks before (`model_behaviour`). A change that lies far outside of what
the measure does by itself, and matters, is told. It is called the provider's where nothing of ours explains it: no
change of the work's size or volume in the log, nothing decided here nearby, and not in one feature alone while
others stay. Where one feature does all the work, a cache share may be its prompt's doing: the log cannot tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analytics.anomalies.model_behaviour import (
    AFTER_DAYS,
    BEFORE_DAYS,
    MEASURES,
    MIN_REQUESTS,
    Work,
    day_of_change,
    judged_days,
    works,
)
from analytics.answers_by_version import remember
from analytics.history import through
from analytics.list_prices import per_token
from analytics.registry import DIMENSIONS
from analytics.scope import UNKNOWN, Scope
from data import wording
from data.calendar import DAYS_PER_MONTH
from data.ledger import Ledger
from data.state import State

OURS_DAYS = 7  # something decided here this near may be the cause
MOVED = 0.15  # a change of input per request or of volume that points at our own work, as a share
STAYED = 1 / 3  # a feature that moved by less of the whole change did not move with it
OUR_EVENTS = ("policy", "in force", "action", "alias", "rule", "route")
WHOSE = {  # what the log points to; nobody has said so
    "provider": "likely the provider's change",
    "ours": "likely a change of ours",
    "not known": "whose change is not known",
}

Of = tuple[str, str, str]  # provider, model, task type


class SilentChange(NamedTuple):
    """One measure of a model on a type of task that moved on a day, and whose change it is taken for.

    `usd_month` is what it costs a month at the present volume, None where the measure has no price; `work_usd_month`
    is what that model's tasks of the type cost a month since. `whose` is one of WHOSE, and
    `why` says by what.
    """

    provider: str
    model: str
    task_type: str
    measure: str
    on: date
    before: float
    after: float
    usd_month: float | None
    work_usd_month: float
    whose: str
    why: str

    @property
    def is_worse(self) -> bool:
        """Whether more of the work fails, is refused or is answered badly."""
        return self.measure in ("failure_rate", "refusal_rate", "score") and (self.after < self.before) == (
            self.measure == "score"
        )

    @property
    def at_stake_usd(self) -> float:
        """USD a month: what it costs, else the part of the work whose outcome is another; 0 for latency."""
        if self.usd_month is not None:
            return self.usd_month
        return abs(self.after - self.before) * self.work_usd_month if MEASURES[self.measure].in_points else 0.0

    @property
    def title(self) -> str:
        """The finding in a sentence without its end."""
        told = MEASURES[self.measure]
        other = wording.milliseconds if self.measure == "latency_ms" else wording.count
        written = wording.share if told.in_points else other
        cost = f", of {wording.usd(self.work_usd_month)} a month"
        if self.usd_month is not None:
            cost = f", {wording.usd_change(self.usd_month)} a month"
        return (
            f"{self.model} at {self.provider}, {self.task_type}: {told.label} {written(self.before)} to "
            f"{written(self.after)} from {wording.day(self.on)}{cost}; {WHOSE[self.whose]}"
        )


def silent_changes(view: Ledger, state: State, until: date | None = None) -> list[SilentChange]:
    """What changed in the quarter before `until`, the dearest first; `whose` says if something of ours explains it."""
    ours = _our_days(state)
    found = []
    for change in _looked_at(view, _before(view, until))[0]:
        near = [text for day, text in ours if abs((day - change.on).days) <= OURS_DAYS]
        if near and change.whose != "ours":
            change = change._replace(whose="ours", why=f"{near[0]} nearby")
        found.append(change)
    return sorted(found, key=lambda one: (-abs(one.at_stake_usd), one.model, one.task_type, one.measure))


def _before(view: Ledger, until: date | None) -> date:
    """The first day that is not looked at: whole days alone are."""
    return min(until or date.max, through(view).complete_until)


def none_found(view: Ledger, until: date | None = None) -> str:
    """What to say where there is no such change: what was compared stayed, or nothing could be compared."""
    _, models = _looked_at(view, _before(view, until))
    if not models:
        return (
            "Not checked whether a model answers otherwise than before: no model has enough weeks with "
            f"{MIN_REQUESTS} requests and more."
        )
    return "No model answers otherwise than before by more than it changes by itself."


@remember
def _looked_at(view: Ledger, until: date) -> tuple[tuple[SilentChange, ...], frozenset[str]]:
    """What moved before `until`, and the models that have the history to be judged."""
    moved: list[tuple[Work, Of, str, date]] = []
    models = set()
    for (provider, model, task), work in works(view, Scope.of(view, None, until), ("provider", "model", "task_type")):
        for name, measure in MEASURES.items():
            if days := judged_days(work, measure):
                models.add(model)
            if (on := day_of_change(days, measure)) is not None:
                moved.append((work, (provider, model, task), name, on))
    if not moved:
        return (), frozenset(models)
    near = _Near.these(view, {of[1] for _, of, _, _ in moved}, [on for *_, on in moved])
    return tuple(_change_on(near, *one) for one in moved), frozenset(models)


class _Near(NamedTuple):
    """What the log has of the models that changed, around all of their days at once: their work by feature, and how
    often it called them by which name (model, task_type, day, name, n).
    """

    works: Mapping[tuple[str, ...], Work]
    names: pd.DataFrame

    @classmethod
    def these(cls, view: Ledger, models: Iterable[str], days: Sequence[date]) -> _Near:
        start, end = min(days) - timedelta(days=BEFORE_DAYS), max(days) + timedelta(days=AFTER_DAYS)
        scope = Scope.of(view, start, end, model=sorted(models))
        rows = scope.usage(view)
        day = DIMENSIONS["day"].expression(rows, scope.time_zone)
        names = rows.group_by(
            model=rows.model, task_type=rows.task_type.fill_null(UNKNOWN), day=day, name=rows.model_raw
        ).aggregate(n=rows.count())
        frame = view.frame(names)
        frame["day"] = pd.to_datetime(frame["day"])
        return cls(dict(works(view, scope, ("provider", "model", "task_type", "feature"))), frame)

    def by_feature(self, of: Of) -> dict[str, Work]:
        return {names[3]: work for names, work in self.works.items() if names[:3] == of}

    def name_of(self, of: Of, start: date, days: int) -> str:
        """The log's own commonest name of the model over `days` from a day, "" where it asked nothing of it."""
        first, names = pd.Timestamp(start), self.names
        inside = (names["day"] >= first) & (names["day"] < first + timedelta(days=days))
        part = names[inside & (names["model"] == of[1]) & (names["task_type"] == of[2])]
        asked = part.groupby("name")["n"].sum()
        return "" if asked.empty else str(asked.idxmax())


def _change_on(near: _Near, work: Work, of: Of, name: str, on: date) -> SilentChange:
    measure, start = MEASURES[name], on - timedelta(days=BEFORE_DAYS)
    before = work.ratio(measure, start, BEFORE_DAYS) or 0.0
    after = work.ratio(measure, on, AFTER_DAYS) or 0.0
    whose, why = _whose(near, work, of, name, on)
    if versions := _versions(near, of, on):
        why += f"; the log's model went from {versions[0]} to {versions[1]}"
    usd = work.total("usd", on, AFTER_DAYS) / AFTER_DAYS * DAYS_PER_MONTH
    return SilentChange(*of, name, on, before, after, _cost(work, of, name, on, after - before), usd, whose, why)


def _whose(near: _Near, work: Work, of: Of, name: str, on: date) -> tuple[str, str]:
    """Whose change the log takes it for, and by what."""
    sizes = [] if name in ("failure_rate", "refusal_rate") else [("input per request", "input")]  # a failure has none
    for label, column in (*sizes, ("requests a day", None)):
        moved = _moved_by(work, on, column)
        if abs(moved) >= np.log1p(MOVED) * (1 if column else 4):
            return "ours", f"{label} moved by {wording.share_change(np.expm1(moved))} at the same time"
    features = _features(near, of, name, on)
    whole = work.change(MEASURES[name], on) or 0.0
    stayed = [feature for feature, moved in features.items() if moved / whole < STAYED]
    if stayed and len(stayed) < len(features):
        alone = ", ".join(feature for feature in features if feature not in stayed)
        return "ours", f"only {alone} moved, {', '.join(stayed)} did not"
    if name == "cache_share" and len(features) < 2:
        return "not known", "one feature does this work, and its prompt decides what a cache can serve"
    return "provider", "nothing of ours changed near it"


def _features(near: _Near, of: Of, name: str, on: date) -> dict[str, float]:
    """By how much the measure moved in each feature that asked enough of the model before and after."""
    parts = {feature: work.change(MEASURES[name], on) for feature, work in near.by_feature(of).items()}
    return {feature: moved for feature, moved in parts.items() if moved is not None}


def _moved_by(work: Work, on: date, column: str | None) -> float:
    """The log of how the input of a request, or the requests of a day (None), moved at a day."""
    sides = []
    for start, days in ((on - timedelta(days=BEFORE_DAYS), BEFORE_DAYS), (on, AFTER_DAYS)):
        attempts = work.total("attempts", start, days)
        sides.append(work.total(column, start, days) / max(attempts, 1.0) if column else attempts / days)
    return float(np.log(sides[1] / sides[0])) if min(sides) > 0 else 0.0


def _cost(work: Work, of: Of, name: str, on: date, moved: float) -> float | None:
    """USD a month of more output, or of input that is read from the cache no more, at the list price of the day."""
    prices = per_token(of[0], of[1], on)
    if prices is None:
        return None
    if name == "output_tokens":
        return moved * work.total("answered", on, AFTER_DAYS) / AFTER_DAYS * DAYS_PER_MONTH * prices[4]
    if name == "cache_share":
        return -moved * work.total("input", on, AFTER_DAYS) / AFTER_DAYS * DAYS_PER_MONTH * (prices[0] - prices[1])
    return None


def _versions(near: _Near, of: Of, on: date) -> tuple[str, str] | None:
    """The log's own commonest name of the model before and after a day, where they differ."""
    before = near.name_of(of, on - timedelta(days=BEFORE_DAYS), BEFORE_DAYS)
    after = near.name_of(of, on, AFTER_DAYS)
    return (before, after) if before and after and before != after else None


def _our_days(state: State) -> list[tuple[date, str]]:
    """Days on which something was decided here that changes how models are asked, by the audit trail."""
    found = []
    for entry in state.audit():
        if entry.event.startswith(OUR_EVENTS):
            name = entry.detail.get("name", "") if isinstance(entry.detail, Mapping) else ""
            found.append((date.fromisoformat(str(entry.at)[:10]), f"{entry.event} {name}".strip()))
    return found


def json_form(one: SilentChange) -> dict[str, Any]:
    """The JSON form."""
    return one._asdict() | {"title": one.title}
