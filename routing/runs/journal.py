"""A live run written down as it happens, by one thread that gathers what comes at the same moment into one transaction.

Entries are committed in the order they were made. Only two things wait for the disk: an attempt
that is about to start, so that its reservation and every decision before it are written before the
request leaves, and a finished task. What a `kill -9` can take is the last few milliseconds of the
rest; an attempt whose end was lost counts at its worst cost, so the cap holds in the run that goes
on. An audit entry stands or falls with its transaction, so the chain is whole at any instant.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from data.audit_trail import append as append_audit
from data.state import State
from routing.calling.attempts import Attempt
from routing.runs.store import attempts

Write = Callable[[Any], object]


class RunJournal:
    """Used within one event loop; `close` writes what is left."""

    def __init__(self, state: State, run_id: str) -> None:
        self._state, self.run_id = state, run_id
        self._db = state.connection(durable=False)
        self._thread = ThreadPoolExecutor(1, "journal")
        self._waiting: list[tuple[Write, asyncio.Future | None]] = []
        self._writer: asyncio.Task | None = None
        self._broken: Exception | None = None
        self._numbers: Counter[str] = Counter()
        self._earlier_usd: dict[str, Decimal] = {}
        for attempt in attempts(state, run_id):
            call_id, cost = attempt["call_id"], attempt["cost_usd"]
            self._numbers[call_id] = max(self._numbers[call_id], attempt["number"])
            if attempt["purpose"] != "shadow":
                paid = Decimal(attempt["reserved_usd"] if cost is None else cost)
                self._earlier_usd[call_id] = self.earlier_usd(call_id) + paid

    def next_number(self, call_id: str) -> int:
        """The number of a call's next attempt; it goes on from what an engine before this one wrote."""
        self._numbers[call_id] += 1
        return self._numbers[call_id]

    def earlier_usd(self, call_id: str) -> Decimal:
        """What a call's attempts of an earlier engine cost, at their worst where nobody knows."""
        return self._earlier_usd.get(call_id, Decimal(0))

    async def begin(self, attempt: Attempt) -> None:
        """An attempt is about to start; returns when that is committed."""
        row = (self.run_id, attempt.attempt_id, *_columns(attempt))
        await self._committed(lambda db: db.execute("INSERT INTO live_attempts VALUES (?, ?, ?, ?, ?, ?)", row))

    def end(self, attempt: Attempt) -> None:
        """An attempt ended."""
        row = (*_columns(attempt), self.run_id, attempt.attempt_id)
        self._write(
            lambda db: db.execute(
                "UPDATE live_attempts SET status = ?, reserved_usd = ?, cost_usd = ?, body = ?"
                " WHERE run_id = ? AND attempt_id = ?",
                row,
            )
        )

    def note(self, event: str, detail: dict[str, Any]) -> None:
        """A decision, for the audit trail."""
        self._write(lambda db: append_audit(db, event, {"run": self.run_id, **detail}))

    def record(self, key: str, body: dict[str, Any]) -> None:
        """A response, so that the run can be replayed."""
        self._write(
            lambda db: db.execute(
                "INSERT INTO live_recordings VALUES (?, ?, ?)"
                " ON CONFLICT (run_id, call_key) DO UPDATE SET body = excluded.body",
                (self.run_id, key, _json(body)),
            )
        )

    async def result(
        self, policy: str, task_id: str, repeat: int, status: str, body: dict[str, Any], audit: dict[str, Any]
    ) -> None:
        """A task is finished, with the audit entry that says so; returns when both are committed."""

        def write(db: Any) -> None:
            db.execute(
                "INSERT INTO live_results VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (run_id, policy, task_id, repeat)"
                " DO UPDATE SET status = excluded.status, body = excluded.body",
                (self.run_id, policy, task_id, repeat, status, _json(body)),
            )
            append_audit(
                db,
                "task finished",
                {"run": self.run_id, "policy": policy, "task": task_id, "repeat": repeat, "status": status, **audit},
            )

        await self._committed(write)

    async def pair(self, policy: str, baseline: str, task_id: str, repeat: int, body: dict[str, Any]) -> None:
        """The judge has compared two policies' answers; returns when that and its audit entry are committed."""

        def write(db: Any) -> None:
            db.execute(
                "INSERT INTO live_pairs VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (run_id, policy, baseline, task_id, repeat) DO UPDATE SET body = excluded.body",
                (self.run_id, policy, baseline, task_id, repeat, _json(body)),
            )
            detail = {"run": self.run_id, "policy": policy, "baseline": baseline, "task": task_id, "repeat": repeat}
            append_audit(db, "pair judged", detail | body)

        await self._committed(write)

    async def close(self) -> None:
        """Write what is left and close the file; raises what kept an entry from being written."""
        if self._writer is not None:
            await self._writer
        self._thread.shutdown()
        self._db.close()
        if self._broken is not None:
            raise self._broken

    async def _committed(self, write: Write) -> None:
        done = asyncio.get_running_loop().create_future()
        self._write(write, done)
        await done

    def _write(self, write: Write, done: asyncio.Future | None = None) -> None:
        self._waiting.append((write, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            if self._broken is None:
                self._broken = await loop.run_in_executor(self._thread, self._commit, [write for write, _ in batch])
            for _, done in batch:
                if done is not None and not done.done():
                    done.set_result(None) if self._broken is None else done.set_exception(self._broken)

    def _commit(self, writes: list[Write]) -> Exception | None:
        try:
            with self._state.transaction(kept=self._db) as db:
                for write in writes:
                    write(db)
        except Exception as error:
            return error
        return None


def _columns(attempt: Attempt) -> tuple[str, str, str | None, str]:
    """status, reserved_usd, cost_usd and body, as the table has them."""
    cost = None if attempt.cost_usd is None else str(attempt.cost_usd)
    return attempt.status, str(attempt.reserved_usd), cost, _json(asdict(attempt))


def _json(value: Any) -> str:
    return json.dumps(value, default=str, sort_keys=True)
