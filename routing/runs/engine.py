"""The engine of a live run: plan, approval, execution, checkpoints, pairs for the judge, kill switch, end.

A run lives in the state file. The engine may die at any moment and be started again: finished
tasks are not repeated, and attempts whose end nobody saw count as spent. What people want of it
(stop, approve, change) they write into the same file; it looks five times a second.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from decimal import Decimal
from typing import Any

from data import owner
from data.errors import BatonError
from data.facts.models import Catalog, current
from data.state import State
from routing.calling.endpoints import Fleet
from routing.calling.router import Router
from routing.calling.spend_cap import SpendCap
from routing.runs.answering import Answerer
from routing.runs.approvals import LOOK_S, Approvals, Control
from routing.runs.journal import RunJournal
from routing.runs.pair_judging import PairJudging
from routing.runs.plan import needs_approval, plan_in_figures, planners_words
from routing.runs.recording import put_on_tape
from routing.runs.spec import RunSpec, checked_spec, providers_of_run
from routing.runs.store import beat, claim_run, end_run, money, results
from routing.runs.tally import Tally
from routing.runs.task_result import TaskRunner

Progress = dict[str, Any]


def execute(
    state: State,
    run_id: str,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    environ: Mapping[str, str] | None = None,
) -> Progress:
    """Carry a planned or interrupted run to its end in this process; the last progress, with `status` and `ended`."""
    run = claim_run(state, run_id)
    try:
        spec = checked_spec(run["spec"])
        return asyncio.run(_carried_out(state, run_id, spec, run["progress"], on_progress, environ))
    except BatonError as error:
        end_run(state, run_id, "failed", str(error), run["progress"])
        raise


async def _carried_out(
    state: State,
    run_id: str,
    spec: RunSpec,
    before: Progress,
    on_progress: Callable[[Progress], None],
    environ: Mapping[str, str] | None,
) -> Progress:
    """Put the engine of a run together, and let it work."""
    catalog = current(state)
    if spec.replay_of:
        # Nothing is sent, so any variable may stand for a key.
        environ = {owner.KEYS: "*"} | {p.key_env: "replay-key" for p in spec.providers if p.key_env}
    fleet = Fleet(
        providers_of_run(spec, catalog, environ), catalog, clock=time.monotonic, strategy=spec.strategy, environ=environ
    )
    caps = [Decimal(str(usd)) for usd in (spec.cap_usd, before.get("cap_usd")) if usd is not None]
    cap = SpendCap(min(caps, default=None), *money(state, run_id))
    journal = RunJournal(state, run_id)
    put_on_tape(fleet, journal, state, spec)
    router = Router(fleet, cap, journal)
    return await _Engine(state, run_id, spec, catalog, router, journal, before, on_progress).run()


class _Engine:
    """One execution of a run."""

    def __init__(
        self,
        state: State,
        run_id: str,
        spec: RunSpec,
        catalog: Catalog,
        router: Router,
        journal: RunJournal,
        before: Progress,
        on_progress: Callable[[Progress], None],
    ) -> None:
        self._state, self._run_id, self._spec, self._catalog = state, run_id, spec, catalog
        self._router, self._journal, self._on_progress = router, journal, on_progress
        self._cap, self._control = router.cap, Control()
        self._tally = Tally(spec, results(state, run_id), before)
        self._approvals = Approvals(state, run_id, self._control, self._tally, router.cap)
        answerers = [
            Answerer(router, policy, catalog, task_seconds=spec.task_seconds, task_usd=spec.max_usd_per_task)
            for policy in spec.policies
        ]
        self._runner = TaskRunner(state, run_id, spec, answerers, journal)

    async def run(self) -> Progress:
        """Plan, work, end; the last progress, with `status` and `ended`."""
        watcher = asyncio.create_task(self._watch())
        try:
            await self._plan()
            if not self._control.stopping.is_set():
                self._control.open.set()
                await self._work(self._worker)
            if not self._control.stopping.is_set():
                await self._judge_pairs()
        finally:
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)
            await self._router.fleet.close()
            await self._journal.close()
        status, ended = self._control.ended
        progress = self._tally.progress(self._cap)
        end_run(self._state, self._run_id, status, ended, progress)
        last = progress | {"status": status, "ended": ended}
        self._on_progress(last)
        return last

    async def _plan(self) -> None:
        """Write the plan down; where a policy asks for it a person approves it before anything runs."""
        plan = plan_in_figures(self._spec, self._router, self._cap.limit_usd)
        self._journal.note("plan", plan)
        if needs_approval(self._spec) and "plan" not in self._tally.passed:
            plan |= await planners_words(self._spec, self._router, self._catalog)
            await self._approvals.ask("plan", "plan", "the policy asks for approval before anything runs", plan)

    async def _judge_pairs(self) -> None:
        """The judge compares the answers that are there, where the run asks for it."""
        judging = PairJudging(self._state, self._run_id, self._spec, self._router, self._journal, self._tally.finished)
        self._tally.pairs = judging

        async def worker() -> None:
            while not self._control.stopping.is_set() and (pair := judging.take()):
                await judging.judge(pair)

        await self._work(worker)

    async def _work(self, worker: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Workers until everything is finished or the run is to end; then those still at work are cancelled."""
        workers = [asyncio.create_task(worker()) for _ in range(self._spec.concurrency)]
        stopping: asyncio.Future[Any] = asyncio.create_task(self._control.stopping.wait())
        everyone: asyncio.Future[Any] = asyncio.gather(*workers)
        await asyncio.wait({everyone, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        stopped = self._control.stopping.is_set()
        if stopped:
            for each in workers:
                each.cancel()
        await asyncio.gather(everyone, return_exceptions=stopped)

    async def _worker(self) -> None:
        while True:
            await self._control.open.wait()
            item = None if self._control.stopping.is_set() else self._tally.take()
            if item is None:
                return
            result, halt = await self._runner.run(item)
            self._tally.add(result)
            halt = halt or self._tally.broken_limit(item[0])
            if halt and not self._control.stopping.is_set():
                await self._runner.ask_a_person("halt", halt, result, result["policy"], result["task_id"])
                self._control.finish("halted", halt)
            self._approvals.hold_if_due()

    async def _watch(self) -> None:
        """Five times a second: say what is done, learn what is wanted, mind the time and the checkpoints."""
        minutes = self._spec.minutes
        while True:
            progress = self._tally.progress(self._cap)
            wanted = await asyncio.to_thread(beat, self._state, self._run_id, self._control.status, progress)
            self._on_progress(progress | {"status": self._control.status})
            if wanted == "stop":
                self._control.finish("stopped", "the kill switch was used")
            if minutes is not None and self._tally.elapsed_s > 60 * minutes:
                self._control.finish("stopped", f"the time limit of {minutes:g} minutes is over")
            self._approvals.hold_if_due()
            await asyncio.sleep(LOOK_S)
