"""An alert rule: what to watch, from where on it is told, to whom, and when it keeps quiet."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from analytics.registry import DIMENSIONS, MEASURES, measure
from data import owner, wording
from data.documents import Documents
from data.state import State

Kind = Literal[
    "threshold", "change", "failures", "budget", "forecast", "anomaly", "silence", "caveats", "ahead", "promise"
]


class KindOf(NamedTuple):
    """What a kind of rule watches: `limit` is where it starts to tell unless the rule says otherwise, in `unit`
    (None: it has none); `over` is said when it is so no longer."""

    label: str
    limit: float | None
    unit: str
    over: str


KINDS: dict[str, KindOf] = {
    "threshold": KindOf("A measure crosses a line", None, "the measure's unit", "it is back on the right side"),
    "change": KindOf("A measure leaves its usual band", 4.0, "times the usual deviation", "it is back in its band"),
    "failures": KindOf("Attempts fail", 0.1, "share of attempts", "fewer fail"),
    "budget": KindOf("A budget is used up", 1.0, "share of the budget", "a new period began or the budget was raised"),
    "forecast": KindOf("A budget will not be enough", 0.5, "chance of overrun", "it is expected to be enough"),
    "anomaly": KindOf("Spend is unusual", 0.0, "USD above or below", "its days are past, or somebody settled it"),
    "silence": KindOf("A source has gone quiet", 2.0, "days without a record", "it logs again, or has ended for good"),
    "caveats": KindOf("More dollars carry a caveat", 0.0, "USD more than before", "the share is as before"),
    "ahead": KindOf("A price change or a retirement is ahead", 30.0, "days ahead", "its day has come"),
    "promise": KindOf("A promised saving was missed", None, "", "it is not missed any more"),
}
MEASURED = ("threshold", "change", "failures")  # kinds that ask the registry
WINDOWED = (*MEASURED, "anomaly", "caveats")
MOST = {"failures": 1.0, "budget": 10.0, "forecast": 1.0}  # of limits that are shares
MIN_ATTEMPTS = 50  # under it a share of failures is chance


class Rule(BaseModel):
    """One rule. `days` is the span that a measured kind looks at, `by` the dimension whose values are judged singly,
    `limit` where it starts to tell (None: the kind's own), `side` of the line for a threshold.

    `channels` are names of environment variables that hold the addresses. Hours of quiet are of the reporting zone,
    from `quiet_from` up to `quiet_until`; what begins then is told afterwards if it is still so, by an `urgent` rule
    at once.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    channels: tuple[str, ...] = ()
    measure: str = "cost_usd"
    side: Literal["above", "below"] = "above"
    limit: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    days: int = Field(default=1, ge=1, le=90)
    by: str = ""
    filters: dict[str, tuple[str, ...]] = {}
    budget: str = ""
    quiet_from: int | None = Field(default=None, ge=0, le=23)
    quiet_until: int | None = Field(default=None, ge=0, le=23)
    urgent: bool = False
    silenced_until: date | None = None
    note: str = Field(default="", max_length=400)

    @model_validator(mode="after")
    def _consistent(self) -> Rule:
        if self.kind == "threshold" and self.limit is None:
            raise ValueError("a threshold needs its limit")
        if self.limit is not None and self.limit > MOST.get(self.kind, self.limit):
            raise ValueError(
                f"limit {self.limit:g} is a {KINDS[self.kind].unit}, at most {MOST[self.kind]:g}; 80 % is 0.8"
            )
        if self.kind in ("silence", "ahead") and self.limit == 0:
            raise ValueError("limit 0 would always tell; use a number of days, or a part of one such as 0.5")
        if self.measure not in MEASURES:
            raise ValueError(f"{self.measure} is no measure; `python -m analytics measures` lists them")
        for name in (*self.filters, *((self.by,) if self.by else ())):
            if name not in DIMENSIONS or DIMENSIONS[name].is_time:
                raise ValueError(f"{name} is no dimension to choose by; `python -m analytics measures` lists them")
        if self.kind == "caveats" and set(self.filters) - {"provider", "model"}:
            raise ValueError("a caveat is known by provider and model only; take the other filters away")
        if self.kind in ("budget", "forecast", "promise") and self.filters:
            raise ValueError("budgets and promises have filters of their own; take those of the rule away")
        if (self.quiet_from is None) != (self.quiet_until is None):
            raise ValueError("quiet hours need both quiet_from and quiet_until")
        for name in self.channels:
            if not owner.channel_allowed(name):
                raise ValueError(
                    f"{name} may not be used as a channel; the owner of this machine names it BATON_ALERT_... or lists "
                    f"it in {owner.CHANNELS}"
                )
        return self

    @property
    def from_on(self) -> float:
        """Where it starts to tell."""
        return self.limit if self.limit is not None else KINDS[self.kind].limit or 0.0

    def holds_back(self, local: datetime) -> bool:
        """Whether nothing is told now (a time of the reporting zone): silenced, or in hours of quiet."""
        if self.silenced_until and local.date() < self.silenced_until:
            return True
        if self.urgent or self.quiet_from is None or self.quiet_until is None:
            return False
        first, after, hour = self.quiet_from, self.quiet_until, local.hour
        return first <= hour < after if first < after else hour >= first or hour < after

    @property
    def words(self) -> str:
        """The rule in a sentence without its full stop."""
        told = f"{_WORDS[self.kind](self)}{_where(self)}"
        told += f", to {' and '.join(self.channels)}" if self.channels else ", to nobody yet"
        if self.quiet_from is not None:
            told += f", not from {self.quiet_from}:00 to {self.quiet_until}:00"
        return told + (f"; silenced until {wording.day(self.silenced_until)}" if self.silenced_until else "")


def _measured(rule: Rule) -> str:
    chosen = measure(rule.measure)
    return (
        f"{chosen.label} of {wording.count_of(rule.days, 'day')} {rule.side} {wording.measure(rule.limit, chosen.unit)}"
    )


_WORDS = {
    "threshold": _measured,
    "change": lambda r: (f"{measure(r.measure).label} of {_days(r)} beyond {r.from_on:g} times its usual deviation"),
    "failures": lambda r: f"more than {wording.share(r.from_on)} of the attempts of {_days(r)} fail",
    "budget": lambda r: f"{_budget(r)} is {wording.share(r.from_on)} spent",
    "forecast": lambda r: f"{_budget(r)} is overrun with a chance of {wording.share(r.from_on)} or more",
    "anomaly": lambda r: f"something unusual of {wording.usd(r.from_on)} or more in the last {_days(r)}",
    "silence": lambda r: f"a source or the whole log is silent for {_limit_days(r)}",
    "caveats": lambda r: f"caveats on {wording.usd(r.from_on)} more than in the {_days(r)} before",
    "ahead": lambda r: f"a price change or retirement within {_limit_days(r)}",
    "promise": lambda r: "a promised saving is measured and missed",
}


def _days(rule: Rule) -> str:
    return wording.count_of(rule.days, "day")


def _limit_days(rule: Rule) -> str:
    """The limit in days; a part of one is said as it was typed."""
    return wording.count_of(int(rule.from_on), "day") if rule.from_on.is_integer() else f"{rule.from_on:g} days"


def _budget(rule: Rule) -> str:
    return f"the budget “{rule.budget}”" if rule.budget else "any budget"


def _where(rule: Rule) -> str:
    told = "".join(f", {name} {' or '.join(values)}" for name, values in rule.filters.items())
    return told + (f", for each {DIMENSIONS[rule.by].label.lower()}" if rule.by and rule.kind in MEASURED else "")


RULES = Documents("alert", Rule, about=lambda rule: rule.filters.get("team", ()))
STARTERS: dict[str, Rule] = {
    "Budget nearly spent": Rule(kind="budget", limit=0.8),
    "Budget will not do": Rule(kind="forecast"),
    "Unusual spend": Rule(kind="anomaly", days=7, limit=50),
    "A model fails": Rule(kind="failures", by="model"),
    "A source is silent": Rule(kind="silence"),
    "Change ahead": Rule(kind="ahead"),
}


def silence(state: State, name: str, until: date | None) -> Rule:
    """Keep a rule from telling before a day; None lets it tell again."""
    return RULES.save(state, name, RULES.find(state, name).model_copy(update={"silenced_until": until}))


KIND_NAMES: tuple[str, ...] = get_args(Kind)
