"""What a reader must know first, of a week or of any span: by dollars, novelty and risk, and the rule in words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, NamedTuple

from analytics.anomalies.incidents import Incident
from analytics.anomalies.model_behaviour import AFTER_DAYS, BEFORE_DAYS
from analytics.anomalies.silent_changes import SilentChange
from analytics.forecasts.price_changes import PriceChange
from analytics.forecasts.retirements import Ending
from data import wording
from data.calendar import DAYS_PER_WEEK

RULE = (
    "The news of the week is what weighs most: its dollars, twice where it began in the week, twice where it stops "
    "work or breaks a budget."
)
SETTLED = ("expected", "fixed")  # statuses of what is no news any more
SOON_DAYS = 60  # an announced change further ahead is no news of this week
LIKELY = 0.5
TOLD = 0.0005  # a change of spend under this share is none


class News(NamedTuple):
    """One thing to know about a span: `text` says it, `usd` are the dollars of `period`, `on` a day it is
    about, `subject` the code of a caveat."""

    kind: str  # incident | silence | budget | price change | ending | model change | caveat | change
    text: str
    usd: float
    period: str
    on: date | None = None
    is_new: bool = False
    is_risk: bool = False
    subject: str = ""

    @property
    def sentence(self) -> str:
        """The text on its own: it begins with a capital unless it begins with a name from the log."""
        own = self.text.startswith(("the ", "no log ", "total "))
        return f"{self.text[0].upper() if own else self.text[0]}{self.text[1:]}."

    @property
    def weight(self) -> float:
        return abs(self.usd) * (2 if self.is_new else 1) * (2 if self.is_risk else 1)


def rank(news: Iterable[News]) -> tuple[News, ...]:
    """By weight, what weighs nothing left out."""
    return tuple(sorted((one for one in news if one.weight), key=lambda one: (-one.weight, one.text)))


def of_incidents(incidents: Iterable[tuple[Incident, str]], since: date, span: str = "this week") -> list[News]:
    """Incidents with their status, unless somebody settled them; those that began on or after `since` are new."""
    found = []
    for one, status in incidents:
        if status in SETTLED:
            continue
        if one.kind == "silence":
            cost = f"about {wording.usd(-one.usd_in_scope)} is not in the log"
        elif one.usd_in_scope >= 0:
            cost = f"{wording.usd(one.usd_in_scope)} above the usual {span}"
        else:
            cost = f"{wording.usd(-one.usd_in_scope)} less {span}"
        kind = "silence" if one.kind == "silence" else "incident"
        risk, last = one.kind in ("failures", "silence"), one.end - timedelta(days=1)
        title = (
            one.title[0].lower() + one.title[1:]
            if one.members[0].value in ("total", "") or kind == "silence"
            else one.title
        )
        found.append(News(kind, f"{title}: {cost}", one.usd_in_scope, span, last, one.start >= since, risk))
    return found


def of_budgets(budgets: Iterable[dict[str, Any]]) -> list[News]:
    """Budgets (`budgets.json_form`) that are more likely broken than kept."""
    found = []
    for one in budgets:
        chance, spent = one["chance_of_overrun"], one["spent_usd"] or 0.0
        over = max(one["p50"] or 0.0, spent) - one["amount_usd"]
        if chance is None or chance < LIKELY or over <= 0 or one["state"] in ("ended", "not started"):
            continue
        name = f" “{one['name']}”" if one["filters"] else ""
        told = f"the {one['period']} budget{name} is on course to end {wording.usd(over)} over"
        if spent > one["amount_usd"]:
            told = f"the {one['period']} budget {one['name']} is {wording.usd(spent - one['amount_usd'])} over"
        found.append(News("budget", told, over, "its period", is_risk=True))
    return found


def of_what_is_ahead(
    changes: Iterable[PriceChange], ends: Iterable[Ending], day: date, days: int = SOON_DAYS
) -> list[News]:
    """Announced changes of the next `days`."""
    found = [
        News("price change", change.text, change.usd_month, "a month", change.on)
        for change in changes
        if not change.successor and (change.on - day).days <= days
    ]
    for one in ends:
        if (one.on - day).days <= days:
            usd = one.usd_month if one.is_at_risk else one.change_usd_month or 0.0
            found.append(News("ending", one.text, usd, "a month", one.on, is_risk=one.is_at_risk))
    return found


def of_model_changes(changes: Iterable[SilentChange], until: date, told: Iterable[Incident] = ()) -> list[News]:
    """What changed without us in the last weeks before `until`; a change shows two weeks after it at the earliest, and
    is new then. A failing model that is an incident already is not told twice."""
    first = until - timedelta(days=AFTER_DAYS + DAYS_PER_WEEK)
    failing = {member.value for one in told for member in one.members if member.kind == "failures"}
    return [
        News("model change", one.title, one.at_stake_usd, "a month", one.on, one.on >= first, one.is_worse)
        for one in changes
        if one.whose != "ours"
        and one.on >= until - timedelta(days=BEFORE_DAYS)
        and not (one.measure == "failure_rate" and one.model in failing)
    ]


def of_change(bridge: dict[str, Any] | None) -> list[News]:
    """The change of spend itself (`bridge.json_form`), by the largest driver that points its way; none where nothing
    is compared or it is as before."""
    if not bridge or not bridge["start_usd"]:
        return []
    moved = float(bridge["end_usd"] - bridge["start_usd"])
    if abs(moved) < TOLD * float(bridge["start_usd"]):
        return []
    agreeing = [driver for driver in bridge["drivers"] if float(driver["usd"]) * moved > 0]
    main = max(agreeing or bridge["drivers"], key=lambda driver: abs(driver["usd"]))
    told = f"mainly {main['label'].lower()} ({wording.usd_change(main['usd'])})"
    return [News("change", told, moved, "this week")]
