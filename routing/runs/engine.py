"""The engine of a live run: plan, approval, execution, checkpoints, kill switch, end.

A run lives in the state file. The engine may die at any moment and be started again: finished
tasks are not repeated, and attempts whose end nobody saw count as spent. What people want of it
(stop, approve, change) they write into the same file; it looks five times a second.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter, deque
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from data.errors import BatonError
from data.facts.models import current
from data.state import State
from routing.calling.attempts import CallBudget, Context
from routing.calling.calls import Request
from routing.calling.endpoints import Fleet
from routing.calling.router import Router
from routing.calling.spend_cap import SpendCap
from routing.grading.graders import Measured, Verdict, grade
from routing.grading.tasks import Task
from routing.policies.choice import resolve
from routing.policies.policy import Policy
from routing.runs.answering import Answerer, Outcome
from routing.runs.journal import RunJournal
from routing.runs.judge import judge_rubrics, prefer
from routing.runs.recording import Recorder, Replayer
from routing.runs.reviews import open_review, review, reviews
from routing.runs.spec import RunSpec, checked_spec, expected_usd, prepared
from routing.runs.store import beat, claim_run, end_run, money, recordings, results

LOOK_S = 0.2
Item = tuple[int, Task, int]


def execute(
    state: State,
    run_id: str,
    on_progress: Callable[[dict[str, Any]], None] | None = None,
    environ: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Carry a planned or interrupted run to its end in this process; returns the last progress, with `status` and `ended`."""
    run = claim_run(state, run_id)
    try:
        spec = checked_spec(run["spec"])
        return asyncio.run(_Engine(state, run_id, run, spec, on_progress, environ).run())
    except BatonError as error:
        end_run(state, run_id, "failed", str(error), run["progress"])
        raise


class _Engine:
    """One execution of a run."""

    def __init__(
        self,
        state: State,
        run_id: str,
        run: dict[str, Any],
        spec: RunSpec,
        on_progress: Any,
        environ: dict[str, str] | None,
    ) -> None:
        self.state, self.run_id, self.spec, self._on_progress = state, run_id, spec, on_progress
        self._catalog = current(state)
        providers = prepared(
            spec,
            self._catalog,
            {p.key_env: "replay-key" for p in spec.providers if p.key_env} if spec.replay_of else environ,
        )
        self._environ = {p.key_env: "replay-key" for p in providers if p.key_env} if spec.replay_of else environ
        self._providers = providers
        self._finished = results(state, run_id)
        before = run["progress"]
        self._elapsed_before = float(before.get("elapsed_s", 0.0))
        self._passed: list[str] = list(before.get("checkpoints_passed", []))
        self._dropped: set[str] = set(before.get("dropped", []))
        self._cap_usd = min(
            (Decimal(str(c)) for c in (spec.cap_usd, before.get("cap_usd")) if c is not None), default=None
        )
        self._counts = Counter(result["status"] for result in self._finished)
        self._per_model = Counter(result["model"] for result in self._finished if result.get("model"))
        self._status, self._end = "running", ("done", "every task is finished")
        self._gate = asyncio.Event()
        self._stopping = asyncio.Event()

    async def run(self) -> dict[str, Any]:
        spent, held = money(self.state, self.run_id)
        self._cap = SpendCap(self._cap_usd, spent, held)
        self._journal = RunJournal(self.state, self.run_id)
        self._fleet = Fleet(
            self._providers, self._catalog, clock=time.monotonic, strategy=self.spec.strategy, environ=self._environ
        )
        self._tape()
        self._router = Router(self._fleet, self._cap, self._journal)
        self._answerers = [
            Answerer(
                self._router,
                policy,
                self._catalog,
                task_seconds=self.spec.task_seconds,
                task_usd=self.spec.max_usd_per_task,
            )
            for policy in self.spec.policies
        ]
        self._todo = deque(self._items())
        self._total = len(self._todo) + len(self._finished)
        self._started = time.monotonic()
        workers: list[asyncio.Task] = []
        watcher = asyncio.create_task(self._watch())
        try:
            await self._plan()
            if not self._stopping.is_set():
                self._gate.set()
                workers = [asyncio.create_task(self._work()) for _ in range(self.spec.concurrency)]
                stopping = asyncio.create_task(self._stopping.wait())
                everyone = asyncio.gather(*workers)
                await asyncio.wait({everyone, stopping}, return_when=asyncio.FIRST_COMPLETED)
                stopping.cancel()
                if self._stopping.is_set():
                    for worker in workers:
                        worker.cancel()
                await asyncio.gather(everyone, return_exceptions=self._stopping.is_set())
        finally:
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)
            await self._fleet.close()
            await self._journal.close()
        status, ended = self._end
        progress = self._progress()
        end_run(self.state, self.run_id, status, ended, progress)
        self._tell(progress | {"status": status, "ended": ended})
        return progress | {"status": status, "ended": ended}

    def _items(self) -> list[Item]:
        """What is left to do, task by task, so that the policies meet the same circumstances."""
        finished = {(r["policy"], r["task_id"], r["repeat"]) for r in self._finished}
        return [
            (index, task, repeat)
            for repeat in range(self.spec.repeats)
            for task in self.spec.tasks.tasks
            for index, policy in enumerate(self.spec.policies)
            if (policy.name, task.id, repeat) not in finished and task.id not in self._dropped
        ]

    def _tape(self) -> None:
        """Put the recorder, or the recording, between the router and the providers."""
        recorded = recordings(self.state, self.spec.replay_of) if self.spec.replay_of else {}
        stand_ins: dict[int, Any] = {}
        for endpoint in self._fleet.endpoints:
            if self.spec.replay_of or self.spec.record:
                make = (
                    (lambda c: Replayer(c.provider.name, recorded))
                    if self.spec.replay_of
                    else (lambda c: Recorder(c, self._journal))
                )
                endpoint.client = stand_ins.setdefault(id(endpoint.client), make(endpoint.client))

    # -- plan and checkpoints -------------------------------------------------------------------

    async def _plan(self) -> None:
        """Write the plan down; where a policy asks for it a person approves it before anything runs."""
        worst = expected_usd(self.spec, self._fleet)
        plan = {
            "tasks": len(self.spec.tasks.tasks),
            "task_set": self.spec.tasks.digest,
            "policies": [p.name for p in self.spec.policies],
            "repeats": self.spec.repeats,
            "cap_usd": self._cap_usd,
            "worst_case_usd": worst,
            "max_minutes": self.spec.minutes,
            "constraints": sum(len(p.constraints) for p in self.spec.policies),
        }
        self._journal.note("plan", plan)
        planners = [policy for policy in self.spec.policies if policy.planner]
        if "plan" in self._passed or not (planners or any(0.0 in p.limits.checkpoints for p in self.spec.policies)):
            return
        for policy in planners:
            plan[f"plan of {policy.name}"] = await self._planned_by(policy)
        await self._ask_a_person("plan", "plan", "the policy asks for approval before anything runs", plan)

    async def _planned_by(self, policy: Policy) -> str:
        """The planner's own words on how to go about these tasks; a planner that fails does not stop the run."""
        lines = "\n".join(
            f"- {task.id} ({task.task_type}, {task.criticality}): {task.prompt[:160]}"
            for task in self.spec.tasks.tasks[:60]
        )
        request = Request(
            (
                {
                    "role": "user",
                    "content": f"Plan in at most ten lines how to do these tasks, riskiest first:\n{lines}",
                },
            ),
            max_tokens=400,
        )
        budget = CallBudget(policy.limits.max_attempts, time.monotonic() + self.spec.task_seconds)
        # A plan sees every task, so the strictest of their labels counts.
        attributes = {
            "data_class": max(
                (t.data_class for t in self.spec.tasks.tasks),
                key=["public", "internal", "unknown", "customer", "regulated"].index,
            )
        }
        context = Context(policy, attributes, f"plan/{policy.name}", budget, random.Random(self.spec.seed), "plan", [])
        reply = await self._router.call([resolve(policy.planner, attributes, self._catalog)], request, context)
        return reply.answer.text if reply.answer else f"no plan: {reply.refused or reply.failure}"

    async def _ask_a_person(self, name: str, kind: str, reason: str, body: dict[str, Any]) -> None:
        """Hold the run until the item is decided; a rejection ends it. An item opened before a restart is used again."""
        self._gate.clear()
        waiting = [i for i in reviews(self.state, self.run_id, open_only=True) if i["body"].get("checkpoint") == name]
        number = (
            waiting[0]["review_id"]
            if waiting
            else open_review(self.state, self.run_id, kind, reason, {**body, "checkpoint": name})
        )
        self._status = "waiting"
        while (item := await asyncio.to_thread(review, self.state, number))["decision"] is None:
            if self._stopping.is_set():
                return
            await asyncio.sleep(LOOK_S)
        self._status = "running"
        self._passed.append(name)
        if item["decision"] == "rejected":
            self._finish("rejected", f"{item['decided_by']} rejected the {kind}")
            return
        if item["decision"] == "edited":
            self._change(item["answer"])
        self._gate.set()

    def _change(self, answer: str) -> None:
        """Apply a person's edit of the plan; a cap can only be lowered."""
        changes = json.loads(answer)
        if "max_usd" in changes:
            lower = Decimal(str(changes["max_usd"]))
            self._cap.limit_usd = lower if self._cap.limit_usd is None else min(lower, self._cap.limit_usd)
        self._dropped |= set(changes.get("drop_tasks", []))
        kept = [item for item in self._todo if item[1].id not in self._dropped]
        self._total -= len(self._todo) - len(kept)
        self._todo = deque(kept)

    def _due(self) -> str | None:
        """The next checkpoint that has come, by hours or by share of the tasks."""
        hours, share = self._elapsed_s() / 3600, len(self._finished) / max(1, self._total)
        due = [f"{at:g}h" for p in self.spec.policies for at in p.limits.checkpoints if 0 < at <= hours]
        due += [f"{100 * at:g}%" for p in self.spec.policies for at in p.limits.checkpoint_shares if at <= share]
        return next((name for name in due if name not in self._passed), None)

    # -- work -----------------------------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            await self._gate.wait()
            if self._stopping.is_set() or not self._todo:
                return
            policy_index, task, repeat = self._todo.popleft()
            await self._one(policy_index, task, repeat)

    async def _one(self, policy_index: int, task: Task, repeat: int) -> None:
        policy = self.spec.policies[policy_index]
        call_id = f"{self.run_id}/{policy_index}/{task.id}/{repeat}"
        rng = random.Random(f"{self.spec.seed}/{policy.name}/{task.id}/{repeat}")
        outcome = await self._answerers[policy_index].answer(task, call_id, rng)
        measured = Measured(outcome.latency_ms, float(outcome.cost_usd))
        judged = (
            await judge_rubrics(self._router, policy, self.spec.judge, task, outcome, call_id, rng)
            if outcome.status == "done"
            else None
        )
        preferred = [
            await prefer(self._router, policy, self.spec.judge, task, outcome, other, call_id, rng)
            for _, other, _ in outcome.shadows
        ]
        verdict = (
            grade(task, outcome.answer, measured, judged)
            if outcome.status == "done"
            else Verdict(False, 0.0, outcome.reason)
        )
        body = _body(outcome, verdict, call_id, task, preferred) | {"judged": bool(judged)}
        await self._journal.result(
            policy.name,
            task.id,
            repeat,
            outcome.status,
            body,
            {
                "call": call_id,
                "model": outcome.model,
                "confidence": outcome.confidence,
                "cost_usd": str(outcome.cost_usd),
                "passed": verdict.passed if outcome.status == "done" else None,
                "reason": outcome.reason,
            },
        )
        for reason in outcome.review:
            await asyncio.to_thread(open_review, self.state, self.run_id, "answer", reason, body, policy.name, task.id)
        self._finished.append(
            {"policy": policy.name, "task_id": task.id, "repeat": repeat, "status": outcome.status, **body}
        )
        self._counts[outcome.status] += 1
        self._per_model[outcome.model or "none"] += 1
        below = policy.limits.halt_below_confidence
        if (
            below is not None
            and outcome.confidence is not None
            and outcome.confidence < below
            and not self._stopping.is_set()
        ):
            reason = f"{task.id}: confidence {100 * outcome.confidence:.0f}% is below the halt of {100 * below:.0f}%"
            await asyncio.to_thread(open_review, self.state, self.run_id, "halt", reason, body, policy.name, task.id)
            self._finish("halted", reason)

    # -- watching -------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Five times a second: say what is done, learn what is wanted, mind the time and the checkpoints."""
        asking: asyncio.Task | None = None
        while True:
            progress = self._progress()
            wanted = await asyncio.to_thread(beat, self.state, self.run_id, self._status, progress)
            self._tell(progress | {"status": self._status})
            if wanted == "stop":
                self._finish("stopped", "the kill switch was used")
            minutes = self.spec.minutes
            if minutes is not None and self._elapsed_s() > 60 * minutes:
                self._finish("stopped", f"the time limit of {minutes:g} minutes is over")
            due = self._due()
            if due and self._gate.is_set() and (asking is None or asking.done()) and len(self._finished) < self._total:
                self._gate.clear()
                asking = asyncio.create_task(self._ask_a_person(due, "checkpoint", f"checkpoint at {due}", progress))
            await asyncio.sleep(LOOK_S)

    def _finish(self, status: str, reason: str) -> None:
        if not self._stopping.is_set():
            self._end = (status, reason)
            self._stopping.set()
            self._gate.set()

    def _elapsed_s(self) -> float:
        return self._elapsed_before + time.monotonic() - self._started

    def _progress(self) -> dict[str, Any]:
        return {
            "tasks": self._total,
            "finished": len(self._finished),
            "done": self._counts["done"],
            "failed": self._counts["failed"],
            "refused": self._counts["refused"],
            "blocked": self._counts["blocked"],
            "spent_usd": float(self._cap.spent_usd),
            "held_usd": float(self._cap.held_usd),
            "cap_usd": None if self._cap.limit_usd is None else float(self._cap.limit_usd),
            "elapsed_s": round(self._elapsed_s(), 1),
            "by_model": dict(self._per_model),
            "checkpoints_passed": self._passed,
            "dropped": sorted(self._dropped),
        }

    def _tell(self, progress: dict[str, Any]) -> None:
        if self._on_progress:
            self._on_progress(progress)


def _body(outcome: Outcome, verdict: Verdict, call_id: str, task: Task, preferred: list[int | None]) -> dict[str, Any]:
    """A result as it is kept: what was answered, by whom, how sure, at what cost, and why it passed or failed."""
    done = outcome.status == "done"
    return {
        "call_id": call_id,
        "reason": outcome.reason,
        "failure": outcome.failure,
        "model": outcome.model,
        "provider": outcome.provider,
        "way": outcome.way,
        "rule": outcome.rule,
        "answer": outcome.answer.text,
        "tool_calls": list(outcome.answer.tool_calls),
        "finish": outcome.answer.finish,
        "passed": verdict.passed if done else None,
        "score": verdict.score if done else None,
        "verdict": verdict.reason,
        "no_answer": verdict.no_answer,
        "confidence": outcome.confidence,
        "propensity": outcome.propensity,
        "explored": outcome.explored,
        "stages": outcome.stages,
        "review": outcome.review,
        "cost_usd": float(outcome.cost_usd),
        "held_usd": float(outcome.held_usd),
        "latency_ms": outcome.latency_ms,
        "attempts": len(outcome.attempts),
        "task_type": task.task_type,
        "group": task.group,
        "shadows": [_shadow(task, *shadow, better) for shadow, better in zip(outcome.shadows, preferred, strict=True)],
    }


def _shadow(task: Task, target: str, answer: Any, why: str, better: int | None) -> dict[str, Any]:
    """A shadow's answer is graded, compared by the judge if there is one, and goes nowhere else."""
    preferred = {0: "answer", 1: "shadow"}.get(better)
    return {
        "target": target,
        "reason": why,
        "passed": grade(task, answer).passed if answer else None,
        "judge_prefers": preferred,
    }
