"""What went wrong, told by its cause: anomalies and savings that one cause explains are one item.

A model that fails sends its work to a fallback, so another model, team or feature costs more: that is one
incident, with its chain in words and its dollars counted once. A saving belongs to an incident where the same
driver moved the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

import pandas as pd

from analytics import list_prices
from analytics.anomalies import anomaly_search
from analytics.anomalies.anomalies import Anomaly
from analytics.paid_prices import KINDS
from analytics.savings import work_cells
from analytics.savings.savings import Finding
from analytics.scope import ClosedScope
from analytics.silences import Silence
from analytics.spend import totals
from data import wording
from data.calendar import DAYS_PER_MONTH
from data.ledger import Ledger
from data.state import State

HALF = 0.5  # of its dollars: then the cause explains it
# The bridge's driver of a change -> the finding that saves what it cost.
SAVED_BY = {
    "cache": "missed cache",
    "retries": "failures",
    "mix": "cheaper model",
    "output": "long answers",
    "input": "context",
}


class Fallback(NamedTuple):
    """Second attempts on `model` after a first one elsewhere failed: what they cost, and what of it is `premium_usd`,
    beyond the price of the first choice (None where that has no price)."""

    model: str
    attempts: int
    cost_usd: float
    premium_usd: float | None


class Incident(NamedTuple):
    """One cause over [start, end), and what it led to.

    `usd` is what it cost above expectation in those days (negative below), `usd_in_scope` the part of it within the
    days asked about. `members` are its anomalies, the cause first; `savings` the titles of findings that would mend
    it, `saves_usd_month` what those save.
    """

    title: str
    chain: tuple[str, ...]
    start: date
    end: date
    usd: float
    usd_in_scope: float
    members: tuple[Anomaly, ...]
    savings: tuple[str, ...] = ()
    saves_usd_month: float = 0.0

    @property
    def key(self) -> str:
        """Identity of its cause: a note stays with it."""
        return self.members[0].key

    @property
    def kind(self) -> str:
        return self.members[0].kind

    @property
    def period(self) -> str:
        """The days its dollars belong to."""
        return Silence(self.start, self.end).text

    @property
    def story(self) -> str:
        """What it led to, in one line; empty where nothing is known."""
        return "; ".join(self.chain)


def incidents(
    view: Ledger, scope: ClosedScope, anomalies: Sequence[Anomaly], findings: Sequence[Finding] = ()
) -> tuple[Incident, ...]:
    """The anomalies of a scope by cause, largest dollars first, each with the findings that would mend it."""
    left = list(anomalies)
    found = []
    for cause in [one for one in anomalies if one.kind == "failures"]:
        left.remove(cause)
        made, explained = _failing(view, scope, cause, left)
        found.append(made)
        left = [one for one in left if one not in explained]
    found += [_alone(one) for one in left]
    return tuple(sorted((_mended(one, findings) for one in found), key=lambda one: -abs(one.usd)))


def _alone(one: Anomaly) -> Incident:
    chain = (one.driver,) if one.driver else ()
    return Incident(one.title, chain, one.start, one.end, one.usd, one.usd_in_scope, (one,))


def _failing(
    view: Ledger, scope: ClosedScope, cause: Anomaly, others: Sequence[Anomaly]
) -> tuple[Incident, list[Anomaly]]:
    """A failing model with what its work cost elsewhere, and the anomalies that this explains."""
    days = scope.between(cause.start, cause.end)
    inside = scope.between(max(cause.start, scope.start), min(cause.end, scope.end))
    repeats = _second_attempts(view, days, cause.value)
    fallbacks = _fallbacks(repeats, cause)
    led = [one for one in others if _explains(view, scope, cause, one)]
    chain = [cause.driver]
    for one in fallbacks[:2]:
        more = "" if one.premium_usd is None else f", {wording.usd(one.premium_usd)} more than {cause.value} would take"
        chain.append(f"{wording.count(one.attempts)} second attempts went to {one.model}{more}")
    chain += [f"so {_effect(one)}" for one in led]
    usd, usd_inside = (
        _failed_usd(view, span, cause.value) + _premium(_fallbacks(_second_attempts(view, span, cause.value), cause))
        for span in (days, inside)
    )
    made = Incident(cause.title, tuple(chain), cause.start, cause.end, usd, usd_inside, (cause, *led))
    return made, led


def _effect(one: Anomaly) -> str:
    if one.kind == "outgrown":
        return f"the cost of {one.value} grows faster than its usage"
    return one.title[0].lower() + one.title[1:] if one.dimension == "total" else one.title


def _second_attempts(view: Ledger, days: ClosedScope, model: str) -> pd.DataFrame:
    """The rows of `work_cells.repeats` that a failed first attempt of the model caused, with CELL as columns."""
    frame = work_cells.repeats(view, days).reset_index()
    return frame[(frame["first_model"] == model) & ~frame["first_answered"].astype(bool)]


def _fallbacks(repeats: pd.DataFrame, cause: Anomaly) -> list[Fallback]:
    """Where the second attempts went, other models only, the dearest first."""
    found = []
    noon = datetime.combine(cause.start, time(12)).date()
    for name, part in repeats[repeats["model"] != cause.value].groupby("model"):
        first = list_prices.per_token(str(part["first_provider"].iloc[0]), cause.value, noon)
        cost = float(part["cost_usd"].sum())
        instead = sum(float(part[kind].sum()) * price for kind, price in zip(KINDS, first, strict=True)) if first else 0
        premium = max(0.0, cost - instead) if first else None
        found.append(Fallback(str(name), int(part["attempts"].sum()), cost, premium))
    return sorted(found, key=lambda one: -one.cost_usd)


def _premium(fallbacks: Sequence[Fallback]) -> float:
    return sum(one.premium_usd or 0.0 for one in fallbacks)


def _failed_usd(view: Ledger, days: ClosedScope, model: str) -> float:
    """What the failed attempts of a model cost by themselves."""
    return float(totals(view, days.with_filter("model", model), ("failed_cost_usd",))["failed_cost_usd"] or 0)


def _explains(view: Ledger, scope: ClosedScope, cause: Anomaly, one: Anomaly) -> bool:
    """Whether the work that fell back makes at least half of another rise in the days they share."""
    if one.usd <= 0 or one.kind in ("failures", "silence") or one.dimension not in ("total", *work_cells.CELL):
        return False
    start, end = max(cause.start, one.start), min(cause.end, one.end)
    if start >= end:
        return False
    rows = _second_attempts(view, scope.between(start, end), cause.value)
    if one.dimension != "total":
        rows = rows[rows[one.dimension] == one.value]
    return float(rows["cost_usd"].sum()) >= HALF * one.usd


def _mended(incident: Incident, findings: Sequence[Finding]) -> Incident:
    """The incident with the findings that have its cause."""
    same = [finding for finding in findings if any(_same_cause(one, finding) for one in incident.members)]
    saved = sum(finding.usd_month for finding in same)
    return incident._replace(savings=tuple(finding.title for finding in same), saves_usd_month=saved)


def _same_cause(one: Anomaly, finding: Finding) -> bool:
    """Whether a finding saves what this driver cost, mostly on the series' own rows."""
    cause = "retries" if one.kind == "failures" else one.cause
    if one.usd <= 0 or SAVED_BY.get(cause) != finding.kind:
        return False
    if one.kind == "failures":
        monthly = one.usd / max((one.end - one.start).days, 1) * DAYS_PER_MONTH
        return monthly >= HALF * finding.gross_usd_month
    if one.dimension not in finding.cells:
        return one.dimension == "total"
    own = finding.cells.loc[finding.cells[one.dimension] == one.value, "saves_usd_month"].sum()
    return float(own) >= HALF * finding.usd_month


def note_on(state: State, incident: Incident) -> dict[str, str]:
    """Status, owner and note: of the cause, else of the first member that somebody wrote about."""
    notes = (anomaly_search.NOTES.get(state, one.key) for one in incident.members)
    known = next((note for note in notes if note), None)
    return (known or anomaly_search.Note()).model_dump()


def json_form(incident: Incident) -> dict[str, Any]:
    """The JSON form."""
    members = [one.title for one in incident.members]
    return incident._asdict() | {
        "key": incident.key,
        "kind": incident.kind,
        "period": incident.period,
        "days": (incident.end - incident.start) // timedelta(days=1),
        "story": incident.story,
        "members": members,
    }
