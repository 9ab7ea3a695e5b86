"""Rules that ask other parts of Baton: budgets, unusual spend, silent sources, caveats, what is ahead, promises."""

from __future__ import annotations

from datetime import date, timedelta

from analytics.alerts.lookout import Firing, Judged, Lookout
from analytics.alerts.rule import Rule
from data import wording

DONE = ("ended", "not started")
THE_LOG = "the whole log"


def budget(look: Lookout, rule: Rule) -> Judged:
    """Budgets that are spent as far as the rule says."""
    found = []
    unlogged = [one.budget.name for one in _statuses(look, rule) if one.spent_share is None]
    for one in _statuses(look, rule):
        if one.spent_share is not None and one.spent_share >= rule.from_on:
            told = (
                f"the {one.budget.period} budget “{one.budget.name}” is {wording.share(one.spent_share)} spent: "
                f"{wording.usd(one.spent_usd)} of {wording.usd(one.budget.amount_usd)}, "
                f"{wording.count_of(one.outlook.days_left, 'day')} left"
            )
            found.append(Firing(f"{one.budget.name} from {one.outlook.start}", told, one.spent_usd))
    return Judged(tuple(found), f"no log in the period of {', '.join(unlogged)}" if unlogged and not found else "")


def forecast(look: Lookout, rule: Rule) -> Judged:
    """Budgets that are likely to be overrun."""
    found, unknown = [], [one.budget.name for one in _statuses(look, rule) if one.chance_of_overrun is None]
    for one in _statuses(look, rule):
        if one.chance_of_overrun is not None and one.chance_of_overrun >= rule.from_on:
            over = one.variance_usd or 0.0
            told = (
                f"the {one.budget.period} budget “{one.budget.name}” is overrun with a chance of "
                f"{wording.odds(one.chance_of_overrun)}: {wording.usd(one.outlook.p50)} expected of "
                f"{wording.usd(one.budget.amount_usd)}"
            )
            found.append(Firing(f"{one.budget.name} from {one.outlook.start}", told, over))
    return Judged(tuple(found), f"no forecast for {', '.join(unknown)}" if unknown and not found else "")


def _statuses(look: Lookout, rule: Rule) -> list:
    """The running budgets that a rule is about."""
    return [
        one for one in look.budgets if one.state not in DONE and (not rule.budget or one.budget.name == rule.budget)
    ]


def anomaly(look: Lookout, rule: Rule) -> Judged:
    """Incidents of the last days that nobody has settled; sources that are silent have a kind of their own."""
    found, untold = unusual(look, rule, rule.days)
    return Judged(tuple(firing for _, firing in found), untold)


def unusual(look: Lookout, rule: Rule, days: int) -> tuple[list[tuple[date, Firing]], str]:
    """What was unusual in the last days by the day it began on, and why that cannot be told."""
    found, untold = look.unusual(look.last(days, rule.filters))
    return [
        (one.start, Firing(one.key, f"{one.title}, {_more(one.usd_in_scope)}{_story(one.story)}", one.usd))
        for one in found
        if one.kind != "silence" and abs(one.usd_in_scope) >= rule.from_on
    ], untold


def _story(story: str) -> str:
    return f": {story}" if story else ""


def _more(usd: float) -> str:
    return f"{wording.usd(abs(usd))} {'above' if usd >= 0 else 'below'} the usual"


def silence(look: Lookout, rule: Rule) -> Judged:
    """Sources without a record for as many days, on days that should have had some; and the whole log, by the clock."""
    days, found = timedelta(days=rule.from_on), []
    asked = rule.filters.get("source")
    for log in look.sources:
        for gap in log.gaps:
            is_over = look.now is not None and log.last >= gap.end  # it logs again, on a day that is not over yet
            if gap.start + days <= look.until <= gap.end and not is_over and (not asked or log.name in asked):
                told = f"no log from {log.name} since {wording.day(gap.start)}; every number since is without it"
                found.append(Firing(log.name, told))
    if look.unlogged_days >= rule.from_on and look.unlogged_days and not asked:
        told = f"no record of any source for {wording.count_of(look.unlogged_days, 'day')}: nothing is being loaded"
        found.append(Firing(THE_LOG, told))
    for name, since, problem in look.pulls_behind if not asked else ():
        why = f" ({problem.rstrip('.')})" if problem else ""
        if since is None and problem:
            found.append(Firing(f"pull of {name}", f"nothing was ever pulled from {name}{why}"))
        elif since and look.now and look.now - since >= days:
            found.append(Firing(f"pull of {name}", f"nothing was pulled from {name} since {wording.day(since)}{why}"))
    return Judged(tuple(found))


def caveats(look: Lookout, rule: Rule) -> Judged:
    """Caveats on more of the dollars than in the days before."""
    grown, untold = look.caveats(look.last(rule.days, rule.filters))
    return Judged(tuple(Firing(one.subject, one.text, one.usd) for one in grown if one.usd >= rule.from_on), untold)


def ahead(look: Lookout, rule: Rule) -> Judged:
    """Price changes and ends of models in use that come within as many days."""
    changes, ends = look.ahead(rule.filters)
    horizon = look.until + timedelta(days=rule.from_on)
    found = [
        Firing(f"price of {one.model} at {one.provider} on {one.on}", one.text, one.usd_month)
        for one in changes
        if not one.successor and one.on <= horizon
    ]
    found += [
        Firing(f"end of {one.model} at {one.provider} on {one.on}", one.text, one.usd_month)
        for one in ends
        if one.on <= horizon
    ]
    return Judged(tuple(found))


def promise(look: Lookout, rule: Rule) -> Judged:
    """Promises that were acted on and missed."""
    return Judged(
        tuple(
            Firing(
                f"{one.action.name} done {one.action.done or one.action.decided}",
                f"the promise “{one.action.name}” is missed. {one.sentence}",
                one.saved_usd_month,
            )
            for one in look.promises
            if one.verdict == "missed"
        )
    )
