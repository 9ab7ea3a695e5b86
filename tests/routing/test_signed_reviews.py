"""Reviews that are signed: two people where the policy asks for them, never who asked; items of ended runs close."""

from __future__ import annotations

import pytest

from data.errors import Refused
from routing.runs.reviews import approvers_needed, close_items_of_ended_runs, decide, open_review, review, reviews
from routing.runs.store import create_run, end_run
from tests.routing.test_runs import GOOD, spec

URL = "http://127.0.0.1:9/v1"


def test_two_people_approve_and_who_asked_is_none_of_them(state):
    made = create_run(state, "t", spec(URL, GOOD + "\nlimits: {approvers: 2}"), "Ada")
    number = open_review(state, made, "plan", "asks for approval", {"checkpoint": "plan"})
    assert approvers_needed(state, review(state, number)) == 2
    with pytest.raises(Refused, match="Ada asked for this run"):
        decide(state, number, "approved", "Ada")
    with pytest.raises(Refused, match="asked for this run"):
        decide(state, number, "approved", " ADA ")
    assert decide(state, number, "approved", "Bo")["decision"] is None
    with pytest.raises(Refused, match="bo has approved this already"):
        decide(state, number, "approved", " bo ")
    with pytest.raises(Refused, match="a change is one person's"):
        decide(state, number, "edited", "Cy", '{"max_usd": 1}')
    done = decide(state, number, "approved", "Cy")
    assert done["decision"] == "approved" and [one["by"] for one in done["body"]["signed"]] == ["Bo"]
    told = [(e.event, e.actor) for e in state.audit() if e.event in ("review signed", "review decided")]
    assert told == [("review decided", "Cy"), ("review signed", "Bo")] and state.verify_audit()[0]


def test_one_rejection_is_enough_and_one_approver_is_the_default(state):
    made = create_run(state, "t", spec(URL, GOOD + "\nlimits: {approvers: 3}"), "Ada")
    number = open_review(state, made, "checkpoint", "at 8h", {"checkpoint": "8h"})
    assert decide(state, number, "rejected", "Ada")["decision"] == "rejected"
    alone = create_run(state, "t", spec(URL, GOOD), "Ada")
    number = open_review(state, alone, "plan", "asks for approval", {"checkpoint": "plan"})
    assert decide(state, number, "approved", "Ada")["decision"] == "approved"


def test_items_of_an_ended_run_close_by_themselves(state):
    dead, alive = (create_run(state, name, spec(URL, GOOD), "Ada") for name in ("dead", "alive"))
    for made in (dead, alive):
        for kind in ("plan", "answer", "halt"):
            open_review(state, made, kind, "why", {"checkpoint": "plan"})
    end_run(state, dead, "stopped", "the kill switch was used", {})
    assert close_items_of_ended_runs(state) == 1 and close_items_of_ended_runs(state) == 0
    left = [(item["run_id"] == dead, item["kind"]) for item in reviews(state, open_only=True)]
    assert (True, "plan") not in left and len(left) == 5
    closed = next(item for item in reviews(state) if item["decision"])
    assert (closed["decision"], closed["decided_by"]) == ("closed", "Baton")
    with pytest.raises(Refused, match="already decided"):
        decide(state, closed["review_id"], "approved", "Ada")
