"""Rules that ask the registry: a measure beyond a line, beyond its usual band, and attempts that fail."""

from __future__ import annotations

from datetime import timedelta
from statistics import median

from analytics.alerts.lookout import Firing, Judged, Lookout
from analytics.alerts.rule import MIN_ATTEMPTS, Rule
from analytics.registry import DIMENSIONS, measure
from analytics.spend import grouped_spend
from data import wording
from data.calendar import DAYS_PER_WEEK

EARLIER, ENOUGH = 8, 4  # spans that make the band, the same weekdays each; under so many there is none
LEAST_DEVIATION = 0.05  # of the median: a series that never moves still may
TO_SIGMA = 1.4826  # from a median absolute deviation to the standard deviation of a normal


def threshold(look: Lookout, rule: Rule) -> Judged:
    """What is beyond the line; a sum over days without a whole log can be above it, but not told to be below."""
    found, chosen = look.amounts(look.last(rule.days, rule.filters), rule.measure, rule.by), measure(rule.measure)
    above = rule.side == "above"
    unsure = not found.whole and (not above or not chosen.additive)
    beyond = {k: v for k, v in found.by_value.items() if (v > rule.from_on if above else v < rule.from_on)}
    if unsure or (not found.whole and not beyond):
        return Judged(untold=f"the log does not cover its days: {found.reason}")
    limit = wording.measure(rule.limit, chosen.unit)
    return Judged(
        tuple(
            Firing(
                key,
                f"{_subject(rule, key)} {wording.measure(value, chosen.unit)} {_span(look, rule)}: {rule.side} {limit}",
                value if chosen.unit == "USD" else None,
            )
            for key, value in beyond.items()
        )
    )


def change(look: Lookout, rule: Rule) -> Judged:
    """What is beyond `from_on` deviations of the spans before it, that hold the same weekdays.

    A sum over days without a whole log can be told to have risen, not to be as usual or to have fallen.
    """
    scope, chosen = look.last(rule.days, rule.filters), measure(rule.measure)
    now = look.amounts(scope, rule.measure, rule.by)
    unlogged = "" if now.whole else f"the log does not cover its days: {now.reason}"
    if unlogged and not chosen.additive:
        return Judged(untold=unlogged)
    apart = timedelta(days=-(-rule.days // DAYS_PER_WEEK) * DAYS_PER_WEEK)
    spans = [scope.between(scope.start - n * apart, scope.end - n * apart) for n in range(1, EARLIER + 1)]
    every = [look.amounts(span, rule.measure, rule.by) for span in spans]
    before = [one.by_value for one in every if one.whole]
    if len(before) < ENOUGH:
        return Judged(untold=f"{len(before)} covered spans before it make no band; it takes {ENOUGH}")
    found = []
    for key in now.by_value.keys() | (before[0].keys() if chosen.additive else set()):
        value = now.by_value.get(key, 0.0)
        past = [one.get(key, 0.0) if chosen.additive else one[key] for one in before if chosen.additive or key in one]
        if len(past) < ENOUGH:
            continue
        usual = median(past)
        deviation = max(TO_SIGMA * median(abs(one - usual) for one in past), LEAST_DEVIATION * abs(usual))
        moved = value - usual if unlogged else abs(value - usual)
        if deviation and moved > rule.from_on * deviation:
            told = f"{_subject(rule, key)} {wording.measure(value, chosen.unit)} {_span(look, rule)}: usually about "
            usd = value - usual if chosen.unit == "USD" else None
            found.append(Firing(key, told + wording.measure(usual, chosen.unit), usd))
    return Judged(tuple(found), unlogged)


def failures(look: Lookout, rule: Rule) -> Judged:
    """Whose attempts fail too often, told from MIN_ATTEMPTS attempts on."""
    scope, keys = look.last(rule.days, rule.filters), (rule.by,) if rule.by else ()
    frame = grouped_spend(look.view, scope, keys, ("failure_rate", "attempts", "failed_cost_usd"))
    found = []
    for row in frame.dropna(subset=["failure_rate"]).to_dict("records"):
        if row["attempts"] >= MIN_ATTEMPTS and row["failure_rate"] > rule.from_on:
            key, rate = str(row.get(rule.by, "")), wording.share(row["failure_rate"])
            who = key or "all work"
            told = f"{rate} of {wording.count(row['attempts'])} attempts of {who} failed {_span(look, rule)}"
            usd = row["failed_cost_usd"]
            found.append(Firing(key, told, None if usd != usd or usd is None else float(usd)))
    if found or len(frame):
        return Judged(tuple(found))
    return Judged(untold="there are no attempts in its days")


def _subject(rule: Rule, key: str) -> str:
    """What was measured of whom, up to its value."""
    label = measure(rule.measure).label
    where = " and ".join(" or ".join(values) for values in rule.filters.values())
    who = " in ".join(part for part in (key, where) if part)
    dimension = f"{DIMENSIONS[rule.by].label.lower()} " if rule.by and key else ""
    return f"{label} of {dimension}{who} was" if who else f"{label} was"


def _span(look: Lookout, rule: Rule) -> str:
    scope = look.last(rule.days, rule.filters)
    return f"on {wording.day(scope.last)}" if rule.days == 1 else f"from {wording.days(scope.start, scope.last)}"
