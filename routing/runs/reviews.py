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
from routing.runs.store import now

RUN_KINDS = ("plan", "checkpoint", "halt")
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
    where = [clause for clause, used in (("run_id = :run", run_id), ("decision IS NULL", open_only)) if used]
    with state.transaction() as db:
        rows = db.execute(
            f"SELECT {', '.join(COLUMNS)} FROM live_reviews {'WHERE ' + ' AND '.join(where) if where else ''} ORDER "
            "BY review_id",
            {"run": run_id},
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
