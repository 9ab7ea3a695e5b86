"""Review queue: what needs a person, oldest first."""

from __future__ import annotations

import json

import pandas as pd
import streamlit as st

from data import people
from pages.parts.review import plan_card
from pages.ui import exports, shell, sign_in
from pages.ui import format as fmt
from routing.runs.judge_check import BY_HAND
from routing.runs.reviews import DECISIONS, HOLDING, RUN_KINDS, close_items_of_ended_runs, decide, reviews
from routing.runs.store import list_runs, read_run

LONGEST_QUESTION = 1200
NAMES = {
    "cap_usd": "spend cap, USD",
    "worst_case_usd": "at most, one answer a task, USD",
    "spent_usd": "spent, USD",
    "held_usd": "held, USD",
    "max_minutes": "time limit, minutes",
    "elapsed_s": "seconds so far",
    "blocked": "withheld",
    "task_set": "task set (digest)",
}
WORDS = {
    "plan": "Plan to approve",
    "checkpoint": "Checkpoint",
    "halt": "The run was halted",
    "answer": "Answer to check",
}
DOES = {
    "plan": "Approve lets the run begin as it is; with a change, under it; Reject ends it before a call is made.",
    "checkpoint": "Approve lets the run go on; with a change, under it; Reject ends it and keeps what is finished.",
    "halt": "The run has ended. Approve says that the halt was right, Reject that it was not; neither starts it again.",
    "answer": "Approve says that the answer is right, Reject that it is wrong; the right answer may be written down.",
}
BUTTONS = {
    "approved": ("Approve", ":material/check:"),
    "edited": ("Approve with this change", ":material/edit:"),
    "rejected": ("Reject", ":material/close:"),
}


@st.cache_data(max_entries=20, show_spinner=False)
def tasks_of(home: str, run_id: str) -> dict[str, str]:
    """What each task of a run asks; a run's tasks never change."""
    tasks = read_run(shell.state(), run_id)["spec"]["tasks"]["tasks"]
    return {
        task["id"]: task.get("prompt")
        or "\n".join(str(message.get("content", "")) for message in task.get("messages", ()))
        for task in tasks
    }


def tasks_of_item(item: dict) -> dict[str, str]:
    return tasks_of(str(shell.state().path), item["run_id"])


def changes(item: dict) -> str:
    """What the person changes: the right answer, or a lower cap and tasks to leave out; else empty."""
    number = item["review_id"]
    if item["kind"] not in RUN_KINDS:
        return st.text_input("The right answer", key=f"change-{number}")
    left, right = st.columns(2)
    cap = left.number_input(
        "Lower the spend cap to, USD",
        min_value=0.0,
        value=None,
        step=0.01,
        format="%.4f",
        placeholder="as it is",
        key=f"cap-{number}",
    )
    dropped = right.multiselect("Leave out tasks", list(tasks_of_item(item)), key=f"drop-{number}", placeholder="none")
    return (
        json.dumps({**({} if cap is None else {"max_usd": cap}), **({"drop_tasks": dropped} if dropped else {})})
        if cap is not None or dropped
        else ""
    )


def item_card(item: dict, person: str) -> None:
    """One item with what a person needs to decide it."""
    with st.container(border=True):
        where = " · ".join(
            part
            for part in (
                item["policy"] if item["reason"] != BY_HAND else None,
                item["task_id"],
                f"run {item['run_id']}",
                item["opened_at"][:16].replace("T", " ") + " UTC",
            )
            if part
        )
        st.markdown(f"**{WORDS[item['kind']]}**: {fmt.md(item['reason'])}")
        st.caption(fmt.md(where))
        if item["kind"] == "answer":
            _answer(item)
        else:
            _facts(item["body"])
        if item["kind"] in HOLDING:
            plan_card.plan_card(item)
        st.caption(DOES[item["kind"]])
        change = changes(item) if "edited" in DECISIONS[item["kind"]] else ""
        _buttons(item, person, change)


def _answer(item: dict) -> None:
    """A question, the answer that was given, and who gave it where that may be known."""
    body = item["body"]
    question = tasks_of_item(item).get(item["task_id"], "")
    st.text(
        question
        if len(question) <= LONGEST_QUESTION
        else f"{question[:LONGEST_QUESTION]} … ({len(question):,} characters in all)"
    )
    st.code(body.get("answer") or json.dumps(body.get("tool_calls")) or "no answer", language=None, wrap_lines=True)
    confidence = f", confidence {fmt.share(body['confidence'])}" if body.get("confidence") is not None else ""
    # A person who checks the judge must not know what it said, nor who answered.
    st.caption(
        "Approve when the answer is right. Model and grade are hidden."
        if item["reason"] == BY_HAND
        else fmt.md(f"{body.get('model') or 'no model'}{confidence}. Grader: {body.get('verdict')}")
    )


def _facts(body: dict) -> None:
    shown = {
        (name := NAMES.get(k, k.replace("_", " ")))[:1].upper() + name[1:]: str(v)
        for k, v in body.items()
        if k not in ("checkpoint", "constraints") and not isinstance(v, dict | list)
    }
    st.dataframe(
        pd.DataFrame(shown.items(), columns=["What", "Value"]),
        hide_index=True,
        width="stretch",
        alt="What is to be decided",
    )


def _buttons(item: dict, person: str, change: str) -> None:
    with st.container(horizontal=True):
        for decision in DECISIONS[item["kind"]]:
            label, icon = BUTTONS[decision]
            if st.button(
                label,
                icon=icon,
                key=f"{decision}-{item['review_id']}",
                disabled=decision == "edited" and not change.strip(),
            ):
                with shell.errors():
                    decide(shell.state(), item["review_id"], decision, person, change or None)
                    st.rerun()


view = shell.view()
close_items_of_ended_runs(shell.state())
queue = reviews(shell.state())
waiting = [item for item in queue if item["decision"] is None]
holding = sum(item["kind"] in HOLDING for item in waiting)
if waiting:
    held = f"; {holding} hold{'s' if holding == 1 else ''} a run" if holding else ""
    shell.header(f"{len(waiting)} item{'s' * (len(waiting) != 1)} need{'s' * (len(waiting) == 1)} a person{held}", view)
else:
    shell.header("Nothing waits for a person", view)
    st.write("Plans, checkpoints, disagreeing models and doubtful answers of live runs appear here.")
    st.page_link("pages/lab.py", label="Open the live lab", icon=":material/science:")
person = (
    st.text_input(
        "Who decides",
        people.acting().name,
        key="person",
        placeholder="your name",
        help="Stands beside each decision in the audit trail.",
        disabled=sign_in.settings() is not None,
    )
    if waiting
    else ""
)
runs = list_runs(shell.state(), limit=500)
of_run = ""
for item in sorted(waiting, key=lambda item: (item["run_id"], item["review_id"]))[:20]:
    if item["run_id"] != of_run:
        of_run = item["run_id"]
        run = runs.get(of_run)
        st.subheader(fmt.md(f"{run['name']}, {run['status']}" if run else of_run), anchor=False)
    item_card(item, person)
if len(waiting) > 20:
    st.caption(f"{len(waiting) - 20} more follow once these are decided.")
decided = [item for item in queue if item["decision"]]
if decided:
    with st.expander(f"Decided ({len(decided)})", icon=":material/history:"):
        columns = ["review_id", "kind", "task_id", "reason", "decision", "decided_by", "decided_at", "answer"]
        frame = pd.DataFrame(decided[::-1])[columns]
        frame = frame.assign(decided_at=frame["decided_at"].str[:16].str.replace("T", " "))
        exports.table(
            frame,
            name="decided-reviews",
            labels={"review_id": "Review", "task_id": "Task", "decided_by": "By", "decided_at": "Decided (UTC)"},
        )
