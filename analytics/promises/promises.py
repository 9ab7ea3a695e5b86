"""The promise ledger: what was promised when somebody acted, and what came of it.

A promise is an action (`promises.actions`) that is done. What it saved is measured against what would have been:
cost per request in the four weeks before the day it was done, carried on as it used to move, times the requests
since; list prices are held (`request_cost`), so that neither volume nor a price list is anybody's merit. How much
that statistic moves by itself is learned by taking it at earlier weeks, before anything was done.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np
from scipy.special import stdtrit

from analytics.coverage import coverage
from analytics.history import through
from analytics.promises.actions import ACTIONS, Action
from analytics.promises.request_cost import WINDOW_DAYS, change, constant_prices, cost_and_volume, earlier_changes
from analytics.scope import ClosedScope, Scope
from analytics.spend import totals
from data import wording
from data.calendar import DAYS_PER_MONTH, DAYS_PER_WEEK
from data.ledger import Ledger
from data.state import State

MIN_EARLIER = 3  # earlier windows after the day that do not overlap: fewer tell no spread
SURE = 0.975  # of the two-sided band of 95 %
FORECAST_LOG_DAYS = 182  # of the log before a forecast, which it was told from
VERDICTS = {
    "kept": "it saved at least the low end of what was promised",
    "within noise": "what changed is no more than what changes by itself",
    "missed": "it saved less than promised, or cost more, beyond what changes by itself",
    "not told": "too little log before or after to say",
}
CLEAR = ("kept", "missed")  # verdicts on a number that stands out of the noise
READS = ("action",)


class Measured(NamedTuple):
    """What came of a promise: USD a month saved at the present volume, its 95 % band, and the verdict in VERDICTS.

    `changed` says what became of the rows it was told from; empty where they are as they were.
    """

    action: Action
    verdict: str
    saved_usd_month: float | None
    low_usd_month: float | None
    high_usd_month: float | None
    earlier: int
    why: str
    changed: str

    @property
    def sentence(self) -> str:
        """The outcome in a sentence."""
        if self.saved_usd_month is None or self.low_usd_month is None:
            return self.why
        what = "Cost" if self.action.kind == "forecast" else "Saved"
        band = f"{wording.usd(self.low_usd_month)} to {wording.usd(self.high_usd_month)}"
        return f"{what} {wording.usd(self.saved_usd_month)} a month ({band}); {self.why}"


def measure(view: Ledger, action: Action, others: tuple[date, ...] = (), until: date | None = None) -> Measured:
    """What came of one action that is done, as of `until`; `others` are the days on which other things were done to
    the same rows."""
    until = min(until or date.max, through(view).complete_until)
    changed = _changed(view, action)
    if action.kind == "forecast":
        return _of_forecast(view, action, until, changed)

    def untold(why: str) -> Measured:
        return Measured(action, "not told", None, None, None, 0, why, changed)

    done = action.done or action.decided
    if not _names_rows(action):
        return untold("it names no rows")
    weeks = min((until - done).days, WINDOW_DAYS) // DAYS_PER_WEEK
    if weeks < 1:
        return untold("it needs a whole week since the day it was done")
    days = weeks * DAYS_PER_WEEK
    daily = constant_prices(view, Scope.of(view, None, None, **action.filters))
    now = change(daily, done, days)
    if now is None:
        return untold("its rows have no covered week with requests before or since")
    before = earlier_changes(daily, done, days, others)
    apart = (len(before) - 1) * DAYS_PER_WEEK / max(days, WINDOW_DAYS) + 1  # windows that do not share days
    if apart < MIN_EARLIER:
        return untold(f"{len(before)} earlier weeks to compare with are too few to know what changes by itself")
    usual, spread = float(np.mean(before)), float(np.std(before, ddof=1))
    width = float(stdtrit(apart - 1, SURE)) * spread * np.sqrt(1 + 1 / apart)
    base, volume = cost_and_volume(daily, done, days)
    saved, low, high = (
        (np.exp(usual + z * width) - np.exp(now)) * base * volume * DAYS_PER_MONTH for z in (0.0, -1.0, 1.0)
    )
    promised = action.expected_usd_month if action.low_usd_month is None else action.low_usd_month
    if promised < 0:  # it was said to cost more, and how much at most
        verdict = "kept" if high >= promised else "missed"
        why = f"{wording.usd(-promised)} more were promised at most"
    elif low <= 0 <= high:
        verdict = "within noise"
        why = f"{len(before)} earlier weeks moved as much by themselves"
        if high < promised:
            why += f"; the {wording.usd(action.expected_usd_month)} promised lie above it"
    else:
        verdict = "kept" if high >= promised and saved > 0 else "missed"
        why = f"{wording.usd(action.expected_usd_month)} were promised"
    return Measured(action, verdict, float(saved), float(low), float(high), len(before), why, changed)


def _of_forecast(view: Ledger, action: Action, until: date, changed: str) -> Measured:
    """A forecast is kept where what its days cost lies in its band; it is a month's sum, told as such."""
    if action.told_from is None or action.told_to is None or action.told_to > until:
        return Measured(action, "not told", None, None, None, 0, "its days are not over", changed)
    scope = Scope.of(view, action.told_from, action.told_to, **action.filters)
    if not (covered := coverage(view, scope)).is_whole:
        why = f"the log covers {covered.basis} of it: {covered.reason}"
        return Measured(action, "not told", None, None, None, 0, why, changed)
    paid = float(totals(view, scope, ("cost_usd",))["cost_usd"] or 0)
    low = action.expected_usd_month if action.low_usd_month is None else action.low_usd_month
    high = action.expected_usd_month if action.high_usd_month is None else action.high_usd_month
    verdict = "kept" if low <= paid <= high else "missed"
    why = f"{wording.usd(low)} to {wording.usd(high)} were promised"
    return Measured(action, verdict, paid, paid, paid, 0, why, changed)


def add_witness(view: Ledger, state: State, action: Action) -> Action:
    """The action with who made it and what the rows were that its number was told from."""
    seen = _rows(view, action)
    told = {} if seen is None else {"told_usd": seen[0], "told_attempts": seen[1], "told_version": view.snapshot()}
    return action.model_copy(update={"by": state.actor, **told})


def _names_rows(action: Action) -> bool:
    """Whether it is about rows: a mix, a policy or a forecast without filters is about all of them."""
    return bool(action.filters) or action.kind != "saving"


def _rows_behind(view: Ledger, action: Action) -> ClosedScope | None:
    """The rows that its number was told from."""
    if action.told_from is None or action.told_to is None or not _names_rows(action):
        return None
    if action.kind == "forecast":
        start = action.decided - timedelta(days=FORECAST_LOG_DAYS)
        return Scope.of(view, start, action.decided, **action.filters)
    return Scope.of(view, action.told_from, action.told_to, **action.filters)


def _rows(view: Ledger, action: Action) -> tuple[float, int] | None:
    scope = _rows_behind(view, action)
    if scope is None:
        return None
    found = totals(view, scope, ("cost_usd", "attempts"))
    return round(float(found["cost_usd"] or 0), 6), int(found["attempts"] or 0)


def _changed(view: Ledger, action: Action) -> str:
    seen = _rows(view, action) if action.told_attempts is not None else None
    if seen is None or action.told_usd is None or action.told_attempts is None:
        return ""
    usd, attempts = seen
    if attempts != action.told_attempts:
        word = "deleted" if attempts < action.told_attempts else "added"
        return f"rows were {word} since: {action.told_attempts:,} attempts then, {attempts:,} now"
    if abs(usd - action.told_usd) > max(1e-6, 1e-6 * action.told_usd):
        return f"its rows were repriced since: {wording.usd(action.told_usd)} then, {wording.usd(usd)} now"
    return ""


def ledger_of_promises(view: Ledger, state: State, until: date | None = None) -> list[Measured]:
    """Every promise acted on, the latest done first."""
    done = [one for one in ACTIONS.all(state).values() if one.status == "done" or one.kind == "forecast"]
    found = []
    for one in sorted(done, key=lambda action: (action.done or action.decided, action.name), reverse=True):
        others = tuple(
            other.done or other.decided
            for other in done
            if other is not one and other.kind != "forecast" and _meet(one.filters, other.filters)
        )
        found.append(measure(view, one, others, until))
    return found


def outcome(view: Ledger, action: Action, until: date) -> dict[str, Any]:
    """What a report says of an action: `verdict` and `saved_usd_month`; nothing before it is done, no sum in noise."""
    if action.status != "done":
        return {"verdict": "", "saved_usd_month": None}
    found = measure(view, action, until=until)
    return {"verdict": found.verdict, "saved_usd_month": found.saved_usd_month if found.verdict in CLEAR else None}


def _meet(one: dict[str, tuple[str, ...]], other: dict[str, tuple[str, ...]]) -> bool:
    """Whether two choices of rows may have rows in common."""
    return all(set(one[name]) & set(other[name]) for name in one.keys() & other.keys())


def score(found: list[Measured]) -> dict[str, Any]:
    """The running score: promises by verdict, and USD a month promised and measured of those that were judged."""
    judged = [one for one in found if one.verdict != "not told" and one.action.kind != "forecast"]
    return {
        **{verdict.replace(" ", "_"): sum(one.verdict == verdict for one in found) for verdict in VERDICTS},
        "promised_usd_month": sum(one.action.expected_usd_month for one in judged),
        "measured_usd_month": sum(one.saved_usd_month or 0.0 for one in judged),
        "changed": sum(bool(one.changed) for one in found),
    }


def waiting(state: State) -> int:
    """How many promises nobody has acted on yet."""
    return sum(one.status == "open" and one.kind != "forecast" for one in ACTIONS.all(state).values())


def score_sentence(found: list[Measured], waits: int = 0) -> str:
    """The score in a sentence; `waits` promises are not done yet."""
    if not found:
        return f"Nothing that was promised is done yet{f': {waits} open' if waits else ''}."
    counted = score(found)
    parts = [f"{counted[name.replace(' ', '_')]} {name}" for name in VERDICTS if counted[name.replace(" ", "_")]]
    text = f"Of {wording.count_of(len(found), 'promise')} acted on: {', '.join(parts)}"
    if counted["promised_usd_month"]:
        text += (
            f"; {wording.usd(counted['measured_usd_month'])} a month measured of "
            f"{wording.usd(counted['promised_usd_month'])} promised"
        )
    return f"{text}{f'; {waits} open' if waits else ''}."


def json_form(one: Measured) -> dict[str, Any]:
    """The JSON form."""
    kept_fields = (
        "name",
        "kind",
        "owner",
        "by",
        "decided",
        "done",
        "filters",
        "expected_usd_month",
        "told_from",
        "told_to",
    )
    action = one.action.model_dump(mode="json")
    return {name: action[name] for name in kept_fields} | {
        "promised_low_usd_month": one.action.low_usd_month,
        "promised_high_usd_month": one.action.high_usd_month,
        "verdict": one.verdict,
        "saved_usd_month": one.saved_usd_month,
        "saved_low_usd_month": one.low_usd_month,
        "saved_high_usd_month": one.high_usd_month,
        "earlier_weeks": one.earlier,
        "why": one.why,
        "rows_changed": one.changed,
    }
