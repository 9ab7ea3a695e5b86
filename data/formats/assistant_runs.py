"""Runs of OpenAI's Assistants and their steps: a run's usage is the sum of its steps', so that one of the two counts.

A step names its run and no model. Where the run is in no log, its steps stand in for it; a run that is still going on
has no usage, and one that ended without any leaves its steps be.
Source: openai 3.57.0, `types/beta/threads/run.py`, `runs/run_step.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

from data.formats import StandIn

STRUCTURE = dict.fromkeys(("run_id", "thread_id", "started_at", "completed_at"), "VARCHAR")

OBJECTS = ("thread.run", "thread.run.step")
IS_RUN, IS_STEP = (f"coalesce(b.object = '{name}', FALSE)" for name in OBJECTS)
IS_EITHER = f"({IS_RUN} OR {IS_STEP})"
ITS_ID = f"CASE WHEN {IS_EITHER} THEN text_of(b.id) END"
# The id of the run that a record tells of, where it says what the run used.
RUN = f"CASE WHEN {IS_STEP} THEN text_of(b.run_id) WHEN {IS_RUN} AND b.usage IS NOT NULL THEN text_of(b.id) END"
UNFINISHED = f"""{IS_EITHER} AND b.usage IS NULL
    AND b.status IN ('queued', 'in_progress', 'requires_action', 'cancelling')"""
EXPIRED = f"{IS_EITHER} AND b.status = 'expired'"

STEPS = StandIn(
    is_one="starts_with({r}event_id, '{family}:step_') AND starts_with({r}call_id, 'run_')",
    stands_for="{r}call_id",
    tells="CASE WHEN starts_with({r}event_id, '{family}:run_') THEN {r}call_id END",
)


def columns(others: Mapping[str, str]) -> dict[str, str]:
    """The columns of an answer that runs and steps have words of their own for; those of `others` otherwise."""
    took = "1000 * (number(b.completed_at) - number(coalesce(b.started_at, b.created_at)))"
    return {
        **others,
        "call_id": f"coalesce({RUN}, {others['call_id']})",
        "attempt": f"CASE WHEN {IS_STEP} THEN 1 ELSE {others['attempt']} END",
        "session_id": f"coalesce({others['session_id']}, text_of(b.thread_id))",
        "latency_ms": f"coalesce({others['latency_ms']}, CASE WHEN {IS_EITHER} THEN {took} END)",
    }
