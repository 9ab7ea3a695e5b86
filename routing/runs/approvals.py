"""Whether a run works, waits for a person, or is to end; and the people it waits for."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

from data.state import State
from routing.calling.spend_cap import SpendCap
from routing.runs.reviews import CLOSED, open_review, review, reviews
from routing.runs.tally import Tally

LOOK_S = 0.2


class Control:
    """`open` while work may begin, `stopping` once the run is to end; `ended` says how and why, the first reason
    stands.
    """

    def __init__(self) -> None:
        self.status = "running"
        self.ended = ("done", "every task is finished")
        self.open, self.stopping = asyncio.Event(), asyncio.Event()

    def finish(self, status: str, reason: str) -> None:
        """End the run: nothing new begins, and what waits at the gate goes home."""
        if not self.stopping.is_set():
            self.ended = (status, reason)
            self.stopping.set()
            self.open.set()


class Approvals:
    """Questions a run asks of people: its plan and its checkpoints."""

    def __init__(self, state: State, run_id: str, control: Control, tally: Tally, cap: SpendCap) -> None:
        self._state, self._run_id = state, run_id
        self._control, self._tally, self._cap = control, tally, cap
        self._asking: asyncio.Task[None] | None = None

    def hold_if_due(self) -> None:
        """Close the gate at a checkpoint that has come, and ask."""
        due, control = self._tally.checkpoint(), self._control
        if due and control.open.is_set() and not control.stopping.is_set():
            control.open.clear()
            body = self._tally.progress(self._cap)
            self._asking = asyncio.create_task(self.ask(due, "checkpoint", f"checkpoint at {due}", body))

    async def ask(self, name: str, kind: str, reason: str, body: dict[str, Any]) -> None:
        """Hold the run until the item is decided; a rejection ends it. One opened before a restart is used again."""
        self._control.open.clear()
        self._control.status = "waiting"
        item = await asyncio.to_thread(self._opened, name, kind, reason, body)
        while item["decision"] is None:
            if self._control.stopping.is_set():
                return
            await asyncio.sleep(LOOK_S)
            item = await asyncio.to_thread(review, self._state, item["review_id"])
        if item["decision"] == CLOSED:
            return
        self._control.status = "running"
        self._tally.passed.append(name)
        if item["decision"] == "rejected":
            self._control.finish("rejected", f"{item['decided_by']} rejected the {kind}")
            return
        if item["decision"] == "edited":
            self._apply(json.loads(item["answer"]))
        self._control.open.set()

    def _opened(self, name: str, kind: str, reason: str, body: dict[str, Any]) -> dict[str, Any]:
        waiting = [i for i in reviews(self._state, self._run_id, open_only=True) if i["body"].get("checkpoint") == name]
        if waiting:
            return waiting[0]
        return review(self._state, open_review(self._state, self._run_id, kind, reason, {**body, "checkpoint": name}))

    def _apply(self, changes: dict[str, Any]) -> None:
        """A person's edit of the plan; a cap can only be lowered."""
        if "max_usd" in changes:
            lower = Decimal(str(changes["max_usd"]))
            self._cap.limit_usd = lower if self._cap.limit_usd is None else min(lower, self._cap.limit_usd)
        self._tally.drop(changes.get("drop_tasks", []))
