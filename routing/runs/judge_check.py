"""Is the judge to be trusted? People grade the same answers, blind, and the agreement is shown beside the judge's
grades.
"""

from __future__ import annotations

import random

from data.errors import NoData
from data.state import State
from routing.runs.judge import Agreement, agreement
from routing.runs.reviews import open_review, reviews
from routing.runs.store import results

BY_HAND = "grade this answer by hand, to check the judge"


def judge_agreement(state: State, run_id: str | None = None) -> Agreement | None:
    """How often the judge agreed with the people who reviewed the same answers: approved is right, anything else
    wrong.
    """
    decided = [
        i
        for i in reviews(state, run_id)
        if i["kind"] == "answer" and i["decision"] and i["body"].get("judged") and i["body"]["passed"] is not None
    ]
    return agreement([bool(i["body"]["passed"]) for i in decided], [i["decision"] == "approved" for i in decided])


def ask_people(state: State, run_id: str, count: int = 10) -> int:
    """Put up to `count` answers the judge graded into the review queue, drawn at random; returns how many."""
    asked = {(i["policy"], i["body"].get("call_id")) for i in reviews(state, run_id)}
    open_ = [
        r
        for r in results(state, run_id)
        if r.get("judged") and r["passed"] is not None and (r["policy"], r["call_id"]) not in asked
    ]
    if not open_:
        raise NoData("Every answer the judge graded in this run is in the review queue already, or it graded none.")
    chosen = random.Random(run_id).sample(open_, min(count, len(open_)))
    for result in chosen:
        body = {key: value for key, value in result.items() if key not in ("policy", "task_id", "repeat", "status")}
        open_review(state, run_id, "answer", BY_HAND, body, result["policy"], result["task_id"])
    return len(chosen)
