"""The review queue: plans and checkpoints to approve, doubtful answers, conflicts, halts.

Every decision names a person and is in the audit trail. A decided item stays decided.
"""

from __future__ import annotations

import json
from typing import Any

from data import people
from data.audit_trail import append as append_audit
from data.errors import BadInput, Refused
from data.state import State
from routing.runs.store import now, read_run

RUN_KINDS = ("plan", "checkpoint", "halt")
HOLDING = ("plan", "checkpoint")  # a run waits for these
CLOSED = "closed"  # of an item nobody has to decide any more, because its run is over
DECISIONS = {
    "plan": ("approved", "edited", "rejected"),
    "checkpoint": ("approved", "edited", "rejected"),
    "halt": ("approved", "rejected"),
    "answer": ("approved", "edited", "rejected"),
}
COLUMNS = (
    "review_id",
    "run_id",
    "policy",
    "task_id",
    "kind",
    "reason",
    "body",
    "opened_at",
    "decision",
    "decided_by",
    "decided_at",
    "answer",
)


def open_review(
    state: State,
    run_id: str,
    kind: str,
    reason: str,
    body: dict[str, Any],
    policy: str | None = None,
    task_id: str | None = None,
) -> int:
    """Put an item into the queue and return its number."""
    with state.transaction() as db:
        (review_id,) = db.execute(
            "INSERT INTO live_reviews (run_id, policy, task_id, kind, reason, body, opened_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING review_id",
            (run_id, policy, task_id, kind, reason, json.dumps(body, default=str), now()),
        ).fetchone()
        append_audit(
            db,
            "review asked for",
            {
                "run": run_id,
                "review": review_id,
                "kind": kind,
                "reason": reason,
                "policy": policy,
                "task": task_id,
            },
        )
        return int(review_id)


def reviews(state: State, run_id: str | None = None, open_only: bool = False) -> list[dict[str, Any]]:
    """Items of the queue, oldest first."""
    where = [clause for clause, used in (("run_id = ?", run_id), ("decision IS NULL", open_only)) if used]
    with state.transaction() as db:
        rows = db.execute(
            f"SELECT {', '.join(COLUMNS)} FROM live_reviews {'WHERE ' + ' AND '.join(where) if where else ''} ORDER "
            "BY review_id",
            (run_id,) if run_id else (),
        ).fetchall()
    return [{**dict(zip(COLUMNS, row, strict=True)), "body": json.loads(row[6])} for row in rows]


def review(state: State, review_id: int) -> dict[str, Any]:
    """One item; BadInput when there is none of this number."""
    found = next((item for item in reviews(state) if item["review_id"] == review_id), None)
    if found is None:
        raise BadInput(f"There is no review {review_id}; `python -m routing reviews` lists them.")
    return found


def decide(state: State, review_id: int, decision: str, person: str, answer: str | None = None) -> dict[str, Any]:
    """Decide an item: approved, edited (with `answer`: the corrected answer, or the changes as JSON) or rejected."""
    people.require("reviews")
    item = review(state, review_id)
    if not person.strip():
        raise BadInput("A decision needs the name of the person who takes it; give one.")
    if decision not in DECISIONS[item["kind"]]:
        raise BadInput(
            f"`{decision}` is no decision on a {item['kind']}; use one of: {', '.join(DECISIONS[item['kind']])}."
        )
    if decision == "edited" and not (answer or "").strip():
        raise BadInput("An edit needs its text: the corrected answer, or the changes.")
    if decision == "edited" and item["kind"] != "answer":
        _checked_changes(answer)
    if item["kind"] in HOLDING and decision != "rejected" and not _enough(state, item, decision, person.strip()):
        return review(state, review_id)
    with state.transaction() as db:
        changed = db.execute(
            "UPDATE live_reviews SET decision = ?, decided_by = ?, decided_at = ?, answer = ? WHERE review_id = ? "
            "AND decision IS NULL",
            (decision, person, now(), answer, review_id),
        ).rowcount
        if not changed:
            raise Refused(
                f"Review {review_id} was already decided ({item['decision']} by {item['decided_by']}); nothing was "
                "changed."
            )
        append_audit(
            db,
            "review decided",
            {"run": item["run_id"], "review": review_id, "kind": item["kind"], "decision": decision},
            person,
        )
    return review(state, review_id)


def _checked_changes(answer: str | None) -> dict[str, Any]:
    """The changes a person makes to a plan: a lower cap, or tasks to leave out."""
    try:
        changes = json.loads(answer or "")
    except ValueError as error:
        raise BadInput('An edit of a plan is JSON such as {"max_usd": 5, "drop_tasks": ["task-7"]}.') from error
    unknown = set(changes) - {"max_usd", "drop_tasks"} if isinstance(changes, dict) else {"not an object"}
    if unknown:
        raise BadInput(f"An edit of a plan may change max_usd and drop_tasks; found {', '.join(sorted(unknown))}.")
    return changes


def close_items_of_ended_runs(state: State) -> int:
    """Close what a run waited for that waits no more; returns how many items. Answers and halts stay for people."""
    marks = ", ".join("?" for _ in HOLDING)
    with state.transaction() as db:
        over = db.execute(
            f"""SELECT r.review_id, r.run_id, r.kind, l.status FROM live_reviews r JOIN live_runs l USING (run_id)
                WHERE r.decision IS NULL AND l.ended IS NOT NULL AND r.kind IN ({marks})""",
            HOLDING,
        ).fetchall()
        for review_id, run_id, kind, status in over:
            db.execute(
                "UPDATE live_reviews SET decision = ?, decided_by = 'Baton', decided_at = ? WHERE review_id = ?",
                (CLOSED, now(), review_id),
            )
            told = {"run": run_id, "review": review_id, "kind": kind, "reason": f"the run is {status}"}
            append_audit(db, "review closed", told)
    return len(over)


def approvers_needed(state: State, item: dict[str, Any]) -> int:
    """How many people must approve an item: the most that a policy of its run asks for."""
    policies = read_run(state, item["run_id"])["spec"]["policies"]
    return max((policy.get("limits", {}).get("approvers", 1) for policy in policies), default=1)


def _enough(state: State, item: dict[str, Any], decision: str, person: str) -> bool:
    """Whether this approval is the last that is needed; one that is not is written down as a signature."""
    needed = approvers_needed(state, item)
    if needed == 1 or item["decision"]:
        return True
    signed = item["body"].get("signed", [])
    if decision == "edited":
        raise Refused(f"{needed} people must approve this; a change is one person's: reject it and ask anew.")
    if people.plain_name(person) == people.plain_name(_asked_by(state, item["run_id"]) or ""):
        raise Refused(f"{person} asked for this run, and {needed} others must approve it.")
    if people.plain_name(person) in [people.plain_name(one["by"]) for one in signed]:
        raise Refused(f"{person} has approved this already; {needed} different people must.")
    if len(signed) + 1 >= needed:
        return True
    body = {**item["body"], "signed": [*signed, {"by": person, "at": now()}]}
    with state.transaction() as db:
        db.execute(
            "UPDATE live_reviews SET body = ? WHERE review_id = ? AND decision IS NULL",
            (json.dumps(body, default=str), item["review_id"]),
        )
        told = {"run": item["run_id"], "review": item["review_id"], "kind": item["kind"], "of": needed}
        append_audit(db, "review signed", told, person)
    return False


def _asked_by(state: State, run_id: str) -> str | None:
    """Who asked for a run, as the audit trail has it."""
    asked = (e for e in state.audit() if e.event == "run asked for" and e.detail.get("run") == run_id)
    return next((entry.actor for entry in asked), None)
