"""The result of a run in one sentence: what the tasks show first, dollars second, what more tasks would show last.

Written from the paired comparisons (`routing.grading.comparison`), never from two rates side by side. What stopped
a run stands before everything else.
"""

from __future__ import annotations

from typing import Any

from data import wording
from routing.grading.comparison import SIGNIFICANT
from routing.grading.statistics import tasks_for_margin

LONGEST = 36  # characters of a policy's name in a title
RIVALS_NAMED = 2  # rivals a sentence names; the table has them all


def verdict(found: dict[str, Any]) -> str:
    """The sentence for a summary of `routing.runs.results`."""
    parts = [_ending(found), _compared(found) if found["comparisons"] else _alone(found), _judged(found)]
    text = "; ".join(part for part in parts if part)
    return text[0].upper() + text[1:]


def _ending(found: dict[str, Any]) -> str:
    """What stopped a run that did not do all that was asked; empty for one that did."""
    if found["whole"]:
        return ""
    word = {"done": "ended"}.get(found["status"], found["status"])
    finished = found["tasks"] - found["not_started"]
    one = "s" * (found["common_tasks"] == 1)
    common = f"only the {_tasks(found['common_tasks'])} that all finished count{one}" if found["common_tasks"] else ""
    return f"{word} after {finished} of {found['tasks']} answers" + (f": {common}" if common else "")


def _compared(found: dict[str, Any]) -> str:
    told, rated = found["comparisons"], found["by_policy"]
    differ = sorted((c for c in told if c["p_value"] < SIGNIFICANT), key=lambda c: -abs(c["difference"]))
    if differ:
        words = [
            f"{_named(c['a'])} is {100 * abs(c['difference']):.1f} points "
            f"{'better' if c['difference'] > 0 else 'worse'} than {_named(c['b'])} on {_tasks(c['tasks'])}"
            + _and(_cost(rated, c, "it"))
            for c in differ
        ]
        return "; ".join(words[:RIVALS_NAMED]) + (
            f"; {len(words) - RIVALS_NAMED} more differ" if len(words) > RIVALS_NAMED else ""
        )
    fewest, most = tasks_for_margin(found["margin"], 1 - SIGNIFICANT / len(told)), max(c["tasks"] for c in told)
    margin, good = f"{100 * found['margin']:g} points", all(c["not_worse"] for c in told)
    text = "no difference shown" + (f", and at most {margin} worse," if good else "") + f" on {_tasks(most)}"
    cheapest = min(told, key=lambda c: rated[c["a"]]["cost_per_task_usd"] or 0.0)
    cost = _cost(rated, cheapest, _named(cheapest["b"]))
    text += f"; {_named(cheapest['a'])} {cost}" if cost else ""
    return text if good or most >= fewest else f"{text}; {fewest} tasks would show {margin}"


def _judged(found: dict[str, Any]) -> str:
    """What a judge of pairs prefers; nothing where it follows the order of the answers, but that it does."""
    words = []
    for p in (p for p in found["preferences"] if p["asked"]):
        if not p["reliable"]:
            words.append(f"the judge's two orders agree on {p['agreed']} of {p['asked']} pairs, as chance may")
        elif p["p_value"] >= SIGNIFICANT:
            words.append(f"the judge shows no preference on {_tasks(p['tasks'])}")
        else:
            better, worse = (p["a"], p["b"]) if p["net"] > 0 else (p["b"], p["a"])
            counts = sorted((p["wins"], p["losses"]), reverse=True)
            words.append(
                f"the judge prefers {_named(better)} to {_named(worse)} ({counts[0]} to {counts[1]} on "
                f"{_tasks(p['tasks'])})"
            )
    return "; ".join(dict.fromkeys(words[:RIVALS_NAMED]))


def _cost(rated: dict[str, Any], compared: dict[str, Any], other_words: str) -> str:
    """What one policy costs a task against another; empty where nobody knows or nothing was paid."""
    mine, other = (rated[compared[side]]["cost_per_task_usd"] for side in ("a", "b"))
    if not other or mine is None:
        return ""
    return (
        "costs the same" if abs(mine / other - 1) < 0.005 else f"costs {wording.share(mine / other)} of {other_words}"
    )


def _and(words: str) -> str:
    return f" and {words}" if words else ""


def _alone(found: dict[str, Any]) -> str:
    """One policy, or several without a graded task in common."""
    rated = {name: p for name, p in found["by_policy"].items() if p["quality"] is not None}
    if not rated:
        return f"“{found['name']}” has no graded answer ({found['ended'] or found['status']})"
    words = []
    for name, p in list(rated.items())[:RIVALS_NAMED]:
        span = f"{wording.share(p['quality_low'])} to {wording.share(p['quality_high'])}"
        words.append(f"{_named(name)} passes {wording.share(p['quality'])} of {_tasks(p['graded_tasks'])} ({span})")
    return "; ".join(words) + ("; no graded task in common" if len(found["by_policy"]) > 1 else "")


def _tasks(count: int) -> str:
    return wording.count_of(count, "task")


def _named(policy: str) -> str:
    return f"“{policy if len(policy) <= LONGEST else policy[: LONGEST - 2] + '…'}”"
