"""Every rule judged once; a rule that cannot be judged says why and keeps what it knew."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from analytics.alerts import measured, watched
from analytics.alerts.lookout import Judged, Lookout
from analytics.alerts.rule import Rule
from data.errors import BatonError

JUDGES: dict[str, Callable[[Lookout, Rule], Judged]] = {
    "threshold": measured.threshold,
    "change": measured.change,
    "failures": measured.failures,
    "budget": watched.budget,
    "forecast": watched.forecast,
    "anomaly": watched.anomaly,
    "silence": watched.silence,
    "caveats": watched.caveats,
    "ahead": watched.ahead,
    "promise": watched.promise,
}


def judge(look: Lookout, rule: Rule) -> Judged:
    """What a rule finds; one that the ledger cannot answer is not judged, which is never taken for quiet."""
    try:
        return JUDGES[rule.kind](look, rule)
    except BatonError as error:
        return Judged(untold=str(error).rstrip("."))


def judge_all(look: Lookout, rules: Mapping[str, Rule]) -> dict[str, Judged]:
    """Every rule by name."""
    return {name: judge(look, rule) for name, rule in rules.items()}
