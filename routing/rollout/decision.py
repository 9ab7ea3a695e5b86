"""Go on, hold or roll back: what the two arms of a stage show, at looks that were fixed before it began.

A look takes the first so many requests of the candidate and the control's of the same time, so that asking more often
never raises the odds of a false alarm: those are divided over stages, looks and guardrails (Bonferroni). At each look
a guardrail is breached where the one-sided interval of the difference lies beyond its margin, held where it lies
within. What is unknown is neither. Failures and slow answers: Newcombe's interval of two shares (1998, Statistics in
Medicine 17, 873); cost and quality: Welch's t on means.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from scipy.stats import binomtest, ttest_ind_from_stats
from statsmodels.stats.proportion import confint_proportions_2indep

from data import wording
from routing.rollout.plan import LOOKS, Rollout

GO_ON, HOLD, ROLL_BACK = "go on", "hold", "roll back"
UNEVEN = 0.001  # odds below which the shares of the arms are not those of the stage
WORDS = {
    "errors_points": "failures",
    "cost_ratio": "cost a request",
    "slow_points": "slow answers",
    "quality_points": "quality",
}


class Arm(NamedTuple):
    """One policy's requests up to a look: how many failed, have a cost, a time, a score; costs in USD and scores (0 to
    1) as sums and sums of squares; `late` are later than the control's P95.
    """

    requests: int
    failed: int
    priced: int = 0
    cost: float = 0.0
    cost_squares: float = 0.0
    timed: int = 0
    late: int = 0
    graded: int = 0
    score: float = 0.0
    score_squares: float = 0.0


class Look(NamedTuple):
    """What stood in the log at one look."""

    candidate: Arm
    control: Arm


class Seen(NamedTuple):
    """The evidence of a stage: the looks that are due (each longer than the one before), all requests so far, failures
    of all traffic before the rollout (failed, requests), and the instant of the log's last record.
    """

    looks: Sequence[Look]
    candidate: int
    control: int
    before: tuple[int, int]
    last: datetime | None


class Judged(NamedTuple):
    """One guardrail at the latest look: `state` is within, beyond or open; what was seen, in words."""

    rail: str
    state: str
    words: str


class Decision(NamedTuple):
    """The word, the reasons for it, and each guardrail."""

    word: str
    reasons: tuple[str, ...]
    judged: tuple[Judged, ...]


def decide(plan: Rollout, seen: Seen, now: datetime) -> Decision:
    """What to do with the stage a plan is in, at `now` (UTC)."""
    if plan.since is None:
        return Decision(HOLD, ("the first stage has not begun",), ())
    alpha = plan.level_of_a_look
    judged = [[judge(plan, rail, look, alpha) for rail in plan.guardrails.named] for look in seen.looks]
    breached = [one for at_look in judged for one in at_look if one.state == "beyond"]
    latest = tuple(judged[-1]) if judged else ()
    if breached:
        reasons = dict.fromkeys(f"{WORDS[one.rail]} beyond the guardrail: {one.words}" for one in breached)
        return Decision(ROLL_BACK, tuple(reasons), latest)
    holds = [*_log_stands_still(plan, seen, now), *_not_comparable(plan, seen), *_too_short(plan, seen, now)]
    if seen.looks:
        holds += _unknown(plan, seen.looks[-1])
        unsure = [one for one in latest if one.state == "open"]
        holds += [f"{WORDS[one.rail]} not shown within the guardrail yet: {one.words}" for one in unsure]
        if len(seen.looks) == len(LOOKS) and unsure:
            holds.append("twice the planned requests did not show it; widen the margin in a new plan, or roll back")
    if holds:
        return Decision(HOLD, tuple(dict.fromkeys(holds)), latest)
    return Decision(GO_ON, tuple(f"{WORDS[one.rail]}: {one.words}" for one in latest), latest)


def judge(plan: Rollout, rail: str, look: Look, alpha: float) -> Judged:
    """One guardrail at one look, each side at `alpha`."""
    margin = plan.guardrails.named[rail]
    if rail in ("errors_points", "slow_points"):
        return _shares(rail, look, margin, alpha)
    ratio = rail == "cost_ratio"
    return _means(rail, look, margin, alpha, ratio)


def _shares(rail: str, look: Look, margin: float, alpha: float) -> Judged:
    new, old = look
    failed = rail == "errors_points"
    bad, of = (new.failed, new.requests) if failed else (new.late, new.timed)
    bad_old, of_old = (old.failed, old.requests) if failed else (old.late, old.timed)
    if not of or not of_old:
        return Judged(rail, "open", "nothing is known of it")
    low, high = confint_proportions_2indep(bad, of, bad_old, of_old, method="newcomb", alpha=2 * alpha)
    words = (
        f"{wording.share(bad / of)} against {wording.share(bad_old / of_old)}, difference {100 * low:+.2f} to "
        f"{100 * high:+.2f} points, allowed {100 * margin:+.2f}"
    )
    return Judged(rail, "beyond" if low > margin else "within" if high <= margin else "open", words)


def _means(rail: str, look: Look, margin: float, alpha: float, ratio: bool) -> Judged:
    """Means by Welch's t: of cost against the control's times the ratio, of quality against the control's less the
    margin."""
    new, old = (_moments(arm, ratio) for arm in look)
    if min(new[2], old[2]) < 2 or (ratio and old[0] <= 0):
        return Judged(rail, "open", f"known of {new[2]:,} and {old[2]:,} requests")
    scale, shift = (margin, 0.0) if ratio else (1.0, -margin)
    other = (old[0] * scale + shift, old[1] * scale, old[2])
    flat = new[1] == other[1] == 0
    worse, better = (
        (float(sign * (new[0] - other[0]) <= 0) if flat else _one_sided(new, other, way))
        for way, sign in (("greater", 1), ("less", -1))
    )
    if not ratio:  # of quality, less is worse
        worse, better = better, worse
    if ratio:
        seen = f"{wording.usd(new[0])} against {wording.usd(old[0])}, {new[0] / old[0]:.2f} times, allowed {margin:.2f}"
    else:
        seen = f"{new[0]:.3f} against {old[0]:.3f} on {new[2]:,} and {old[2]:,} scores, {100 * margin:g} points allowed"
    return Judged(rail, "beyond" if worse < alpha else "within" if better < alpha else "open", seen)


def _one_sided(new: tuple[float, float, int], old: tuple[float, float, int], way: str) -> float:
    return float(ttest_ind_from_stats(*new, *old, equal_var=False, alternative=way).pvalue)


def _moments(arm: Arm, cost: bool) -> tuple[float, float, int]:
    """(mean, standard deviation, count) of an arm's costs or scores."""
    count, total, squares = (
        (arm.priced, arm.cost, arm.cost_squares) if cost else (arm.graded, arm.score, arm.score_squares)
    )
    if count < 2:
        return (total / count if count else 0.0, 0.0, count)
    mean = total / count
    return mean, math.sqrt(max(0.0, squares - count * mean * mean) / (count - 1)), count


def _log_stands_still(plan: Rollout, seen: Seen, now: datetime) -> list[str]:
    """A log that stopped says nothing about today."""
    if seen.last is None:
        return ["the ledger holds no record of this time"]
    hours = (now - seen.last).total_seconds() / 3600
    return [f"the log stops {hours:,.0f} hours ago, at {seen.last:%d %b %H:%M} UTC"] if hours > plan.stale_hours else []


def _too_short(plan: Rollout, seen: Seen, now: datetime) -> list[str]:
    stage, since = plan.now, plan.since
    due = [share for share in LOOKS if seen.candidate >= math.ceil(share * stage.requests)]
    if not seen.candidate:
        return ["no request of the candidate is in the log: the stage has no traffic"]
    short = []
    if 1.0 not in due:
        short.append(f"{seen.candidate:,} of {stage.requests:,} requests of the candidate so far")
    days = (now - since).total_seconds() / 86400 if since else 0.0
    if days < stage.days:
        short.append(f"{days:.1f} of {stage.days:g} days")
    return short


def _not_comparable(plan: Rollout, seen: Seen) -> list[str]:
    """Arms that do not get the stage's shares are not the same work; a control that changed is no yardstick."""
    told, whole = [], seen.candidate + seen.control
    if not seen.control:
        told.append("no request of the control is in the log")
    elif plan.now.share and whole and binomtest(seen.candidate, whole, plan.now.share).pvalue < UNEVEN:
        told.append(
            f"the candidate got {wording.share(seen.candidate / whole)} of the requests, not {plan.now.name}: the arms "
            "are not split as planned"
        )
    failed, before = seen.before
    if seen.looks and before and plan.guardrails.errors_points is not None:
        control = seen.looks[-1].control
        low, _ = confint_proportions_2indep(
            control.failed, control.requests, failed, before, method="newcomb", alpha=2 * plan.level_of_a_look
        )
        if low > plan.guardrails.errors_points:
            now, then = wording.share(control.failed / control.requests), wording.share(failed / before)
            told.append(
                f"the control itself fails more than before the rollout ({now} against {then}): wait until that is over"
            )
    return told


def _unknown(plan: Rollout, look: Look) -> list[str]:
    """Guardrails about which too few requests say anything."""
    told = []
    for rail in plan.guardrails.named:
        for name, arm in (("candidate", look.candidate), ("control", look.control)):
            known, could = _known(arm, rail)
            if known == 0 or known < plan.known_share * could:
                of = f"{known:,} of {max(could, arm.requests):,} requests"
                told.append(f"{WORDS[rail]} of the {name} is known of {of} only")
    return told


def _known(arm: Arm, rail: str) -> tuple[int, int]:
    """(requests that say something about a guardrail, those that could); quality is never scored for all."""
    return {
        "errors_points": (arm.requests, arm.requests),
        "cost_ratio": (arm.priced, arm.requests),
        "slow_points": (arm.timed, arm.requests - arm.failed),
        "quality_points": (arm.graded, arm.graded),
    }[rail]
