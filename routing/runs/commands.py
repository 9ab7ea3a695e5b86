"""`python -m routing runs | stop | reviews | decide`: what is running, the kill switch, the queue of decisions."""

from __future__ import annotations

import argparse

from data.console import Commands, emit_json, emit_table, say
from data.people import owner
from data.state import State
from routing.runs.reviews import DECISIONS, close_items_of_ended_runs, decide, reviews
from routing.runs.store import list_runs, want


def register(commands: Commands) -> None:
    """Add what looks at runs and decides; none of it waits for what a run itself needs."""
    commands.add("runs", _runs)
    stop = commands.add("stop", _stop)
    stop.add_argument("run_id")
    queue = commands.add("reviews", _reviews)
    queue.add_argument("--all", action="store_true", help="decided items too")
    rule = commands.add("decide", _decide)
    rule.add_argument("review_id", type=int)
    rule.add_argument("decision", choices=sorted({d for options in DECISIONS.values() for d in options}))
    rule.add_argument("--by", default=owner().name, help="who decides")
    rule.add_argument("--answer", help="the corrected answer, or the changes of a plan as JSON")


def _runs(args: argparse.Namespace) -> None:
    found = list_runs(State.open(args.home))
    if args.json:
        emit_json(
            {
                "runs": [
                    {k: run[k] for k in ("run_id", "name", "created_at", "status", "ended", "progress")}
                    for run in found.values()
                ]
            }
        )
        return
    rows = [
        (
            r["run_id"],
            r["name"],
            r["status"],
            r["progress"].get("finished", 0),
            r["progress"].get("tasks", ""),
            r["ended"],
        )
        for r in found.values()
    ]
    emit_table(("run", "name", "status", "finished", "of", "ended"), rows, right=("finished", "of"))


def _stop(args: argparse.Namespace) -> None:
    state = State.open(args.home)
    want(state, args.run_id, "stop", state.actor)
    emit_json({"run_id": args.run_id, "wanted": "stop"}) if args.json else say(
        f"The run {args.run_id} was told to stop."
    )


def _reviews(args: argparse.Namespace) -> None:
    state = State.open(args.home)
    close_items_of_ended_runs(state)
    found = reviews(state, open_only=not args.all)
    if args.json:
        emit_json({"reviews": found})
        return
    emit_table(
        ("review", "run", "kind", "task", "reason", "decision"),
        [(r["review_id"], r["run_id"], r["kind"], r["task_id"], r["reason"], r["decision"]) for r in found],
    )


def _decide(args: argparse.Namespace) -> None:
    item = decide(State.open(args.home), args.review_id, args.decision, args.by, args.answer)
    if args.json:
        emit_json(item)
    elif item["decision"] is None:
        say(f"Review {item['review_id']} is signed by {args.by}; it takes more people to approve it.")
    else:
        say(f"Review {item['review_id']} is {item['decision']} by {item['decided_by']}.")
