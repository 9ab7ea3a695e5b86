"""What to do with a triage: the 48 hours by the clock, and the letter to the chief executive."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from data import wording

STEPS = (
    (0, 2, "Facts", "price, context window, hosting, residency and eligibility of the new model, each with its source"),
    (
        2,
        6,
        "Triage",
        "100 production samples graded for both models: capability ratio, cost at the real volume, compliance",
    ),
    (6, 20, "Own tasks", "the task set of every task type it would take over, in the live lab, under a spend cap"),
    (20, 28, "Failures", "rate limits, tool calls, long inputs, refusals: what breaks that does not break today"),
    (28, 40, "Shadow", "the new model beside the present one on live traffic, answers not used"),
    (
        40,
        46,
        "Replay",
        "the routing policy with the new model on last month's log: dollars, moves, quality with its tier",
    ),
    (46, 48, "Recommendation", "one page: adopt, adopt for part of the work, or skip; with the rollback"),
)


class Step(NamedTuple):
    """One step with its clock times and whether the triage has already settled it."""

    start: datetime
    end: datetime
    title: str
    what: str
    settled: bool


def checklist(started: datetime, decision: str) -> list[Step]:
    """The protocol from `started`; after a SKIP nothing beyond the triage is left to do."""
    steps = []
    for begin, end, title, what in STEPS:
        if decision == "SKIP" and begin >= 6:
            break
        steps.append(
            Step(started + timedelta(hours=begin), started + timedelta(hours=end), title, what, settled=end <= 6)
        )
    return steps


def letter(result: dict[str, Any], current: str, candidate: str, due: datetime) -> str:
    """The email to the chief executive, in plain text."""
    saving = result["projected_savings_usd"]
    money = f"saves {wording.usd(saving)} a year" if saving >= 0 else f"costs {wording.usd(-saving)} a year more"
    delta = result["capability_delta"]
    behind = (
        f"on {result['samples']} samples ({result['tier']})" if result["samples"] else "as stated, without own samples"
    )
    capability = (
        "capability is not yet known"
        if delta is None
        else f"capability is {wording.share_change(delta)} against {current} {behind}"
    )
    opening = {
        "SKIP": f"We should not move from {current} to {candidate} now.",
        "EVALUATE": f"{candidate} is worth two days of evaluation; the recommendation follows by {due:%A %H:%M}.",
        "ADOPT": f"We recommend moving from {current} to {candidate}.",
    }[result["decision"]]
    reasons = "\n".join(f"- {reason}" for reason in result["reasons"])
    return (
        f"Subject: {candidate}: {result['decision'].lower()}\n\n{opening}\n\n"
        f"At today's volume it {money} ({wording.usd(result['current_annual_cost_usd'])} now, "
        f"{wording.usd(result['candidate_annual_cost_usd'])} then); {capability}.\n\n"
        f"Why:\n{reasons}\n\n"
        + (
            "What would change our mind: another figure in a reason above. We look again when one of them changes.\n"
            if result["decision"] == "SKIP"
            else (
                "What could still change this: own tasks, failure behaviour under load, output length (it moves the "
                "cost directly).\n"
            )
        )
    )
