"""Live runs in the state file: what was asked for, how far it is, its attempts, results and recordings.

The engine writes through a `RunJournal` (routing/runs/journal.py); everybody reads here.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from data import people
from data.audit_trail import append as append_audit
from data.errors import BadInput, Refused
from data.state import State

STALE_S = 10.0
STARTING_S = 30.0
COLUMNS = ("run_id", "created_at", "name", "status", "wanted", "heartbeat_at", "progress", "ended")
OPEN_STATUSES = ("planned", "running", "waiting", "interrupted")


def now() -> str:
    """This instant, UTC, ISO 8601 to the microsecond."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def create_run(state: State, name: str, spec: dict[str, Any], actor: str) -> str:
    """Write down a run that is asked for and return its id."""
    people.require("runs")
    run_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid4().hex[:6]}"
    with state.transaction() as db:
        db.execute(
            "INSERT INTO live_runs (run_id, created_at, name, spec, status) VALUES (?, ?, ?, ?, 'planned')",
            (run_id, now(), name, _json(spec)),
        )
        append_audit(
            db,
            "run asked for",
            {
                "run": run_id,
                "name": name,
                "max_usd": spec.get("max_usd"),
                "policies": [p["name"] for p in spec["policies"]],
            },
            actor,
        )
    return run_id


def read_run(state: State, run_id: str, with_spec: bool = True) -> dict[str, Any]:
    """A run: run_id, created_at, name, status, wanted, heartbeat_at, progress, ended, and its spec when asked. A dead
    engine shows as interrupted.
    """
    with state.transaction(durable=False) as db:
        row = db.execute(
            f"SELECT {', '.join(COLUMNS)}{', spec' if with_spec else ''} FROM live_runs WHERE run_id = ?", (run_id,)
        ).fetchone()
    if row is None:
        known = ", ".join(list(list_runs(state))[:3]) or "none yet"
        raise BadInput(f"There is no run `{run_id}`; the latest are: {known}.")
    return _run(row)


def list_runs(state: State, limit: int = 50) -> dict[str, dict[str, Any]]:
    """The latest runs by id, newest first, without their specs."""
    with state.transaction(durable=False) as db:
        rows = db.execute(
            f"SELECT {', '.join(COLUMNS)} FROM live_runs ORDER BY created_at DESC LIMIT ?", (limit,)
        ).fetchall()
    return {row[0]: _run(row) for row in rows}


def _run(row: tuple) -> dict[str, Any]:
    run = dict(zip((*COLUMNS, "spec"), row, strict=False))
    run |= {key: json.loads(run[key]) for key in ("progress", "spec") if key in run}
    heard_at = (
        run["heartbeat_at"]
        if run["heartbeat_at"] is not None
        else datetime.fromisoformat(run["created_at"]).timestamp()
    )
    silent_s = time.time() - heard_at
    if silent_s > {"running": STALE_S, "waiting": STALE_S, "planned": STARTING_S}.get(run["status"], silent_s):
        run["status"] = "interrupted"
    return run


def refuse_second(state: State) -> None:
    """Refused while a run is being executed or is about to be."""
    busy = next((run for run in list_runs(state).values() if run["status"] in ("planned", "running", "waiting")), None)
    if busy:
        raise Refused(
            f"“{busy['name']}” is being executed; two runs at once would share rate limits blindly. Wait for its "
            "end, or stop it."
        )


def claim_run(state: State, run_id: str) -> dict[str, Any]:
    """Take a run for execution. Refused while another engine executes this or any other run, or when it has ended."""
    run = read_run(state, run_id)
    if run["status"] not in OPEN_STATUSES:
        raise Refused(f"The run {run_id} has ended ({run['status']}); start a new one.")
    with state.transaction() as db:
        busy = db.execute(
            "SELECT run_id FROM live_runs WHERE status IN ('running', 'waiting') AND heartbeat_at > ?",
            (time.time() - STALE_S,),
        ).fetchone()
        if busy:
            raise Refused(
                f"The run {busy[0]} is being executed; two at once would share rate limits blindly. Wait for it, or "
                "stop it in the lab."
            )
        db.execute(
            "UPDATE live_runs SET status = 'running', wanted = 'run', heartbeat_at = ? WHERE run_id = ?",
            (time.time(), run_id),
        )
    return run


def want(state: State, run_id: str, wanted: str, actor: str) -> None:
    """Ask the engine for something: `stop` is the kill switch. A run no engine has ends at once."""
    people.require("runs")
    run = read_run(state, run_id, with_spec=False)
    with state.transaction(durable=False) as db:
        db.execute("UPDATE live_runs SET wanted = ? WHERE run_id = ?", (wanted, run_id))
        if wanted == "stop" and run["status"] in ("planned", "interrupted"):
            db.execute(
                "UPDATE live_runs SET status = 'stopped', ended = ? WHERE run_id = ?",
                (f"stopped by {actor or 'the operator'}", run_id),
            )
        append_audit(db, "kill switch" if wanted == "stop" else f"run asked to {wanted}", {"run": run_id}, actor)


def beat(state: State, run_id: str, status: str, progress: dict[str, Any]) -> str:
    """The engine is alive; returns what is wanted of it. A beat that comes after the run's end changes nothing."""
    with state.transaction(durable=False) as db:
        db.execute(
            "UPDATE live_runs SET heartbeat_at = ?, status = ?, progress = ? WHERE run_id = ? AND ended IS NULL",
            (time.time(), status, _json(progress), run_id),
        )
        return db.execute("SELECT wanted FROM live_runs WHERE run_id = ?", (run_id,)).fetchone()[0]


def end_run(state: State, run_id: str, status: str, ended: str, progress: dict[str, Any]) -> None:
    """The run is over: done, stopped, halted, rejected or failed, and why."""
    with state.transaction() as db:
        db.execute(
            "UPDATE live_runs SET status = ?, ended = ?, progress = ? WHERE run_id = ?",
            (status, ended, _json(progress), run_id),
        )
        append_audit(db, "run ended", {"run": run_id, "status": status, "reason": ended, "progress": progress})


def attempts(state: State, run_id: str) -> list[dict[str, Any]]:
    """Every attempt of a run in the order of their start; an attempt still `running` after a crash has an unknown
    cost.
    """
    with state.transaction() as db:
        rows = db.execute("SELECT body FROM live_attempts WHERE run_id = ?", (run_id,)).fetchall()
    return sorted((json.loads(body) for (body,) in rows), key=lambda attempt: attempt.get("started_at") or "")


def money(state: State, run_id: str) -> tuple[Decimal, Decimal]:
    """(spent, held) USD of a run so far: what a resumed run starts from. Attempts that never ended are held."""
    with state.transaction() as db:
        rows = db.execute("SELECT reserved_usd, cost_usd FROM live_attempts WHERE run_id = ?", (run_id,)).fetchall()
    spent = sum((Decimal(cost) for _, cost in rows if cost is not None), Decimal(0))
    return spent, sum((Decimal(reserved) for reserved, cost in rows if cost is None), Decimal(0))


def results(state: State, run_id: str) -> list[dict[str, Any]]:
    """Every result of a run: policy, task_id, repeat, status and the body the engine wrote."""
    with state.transaction() as db:
        rows = db.execute(
            "SELECT policy, task_id, repeat, status, body FROM live_results WHERE run_id = ? ORDER BY rowid", (run_id,)
        ).fetchall()
    return [{"policy": p, "task_id": t, "repeat": r, "status": s, **json.loads(body)} for p, t, r, s, body in rows]


def judged_pairs(state: State, run_id: str) -> list[dict[str, Any]]:
    """What the judge said of two policies' answers to one task: policy, baseline, task_id, repeat, `better` (policy,
    baseline or None), `agree` (both orders gave the same; None where it was not asked or gave no verdict), `why`.
    """
    with state.transaction() as db:
        rows = db.execute(
            "SELECT policy, baseline, task_id, repeat, body FROM live_pairs WHERE run_id = ? ORDER BY rowid", (run_id,)
        ).fetchall()
    return [{"policy": p, "baseline": b, "task_id": t, "repeat": r, **json.loads(body)} for p, b, t, r, body in rows]


def count_recordings(state: State, run_id: str) -> int:
    """How many responses of a run are kept."""
    with state.transaction(durable=False) as db:
        return db.execute("SELECT count(*) FROM live_recordings WHERE run_id = ?", (run_id,)).fetchone()[0]


def recordings(state: State, run_id: str) -> dict[str, dict[str, Any]]:
    """The recorded responses of a run by call key."""
    with state.transaction() as db:
        rows = db.execute("SELECT call_key, body FROM live_recordings WHERE run_id = ?", (run_id,)).fetchall()
    return {key: json.loads(body) for key, body in rows}


def _json(value: Any) -> str:
    return json.dumps(value, default=str, sort_keys=True)
