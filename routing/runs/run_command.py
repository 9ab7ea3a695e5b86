"""`python -m routing run`: a live run from the command line."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from data import wording
from data.console import Commands, emit_json, emit_table, say
from data.errors import BadInput
from data.state import State
from routing.calling.declarations import Provider, read_providers, saved_providers
from routing.grading.saved_task_sets import SETS
from routing.grading.tasks import TaskSet, join_task_sets, read_tasks, shipped_tasks
from routing.policies.in_force import under
from routing.policies.policy import Policy
from routing.policies.text import examples, read_policy_file
from routing.runs.engine import execute
from routing.runs.results import summary
from routing.runs.spec import checked_spec, refuse_judging_oneself
from routing.runs.store import create_run, refuse_second


def register(commands: Commands) -> None:
    """Add `run`."""
    run = commands.add("run", _run)
    run.add_argument(
        "--policy",
        action="append",
        default=[],
        metavar="P.yaml",
        help="a policy file or the name of an example; may be repeated",
    )
    run.add_argument(
        "--local-policies", action="store_true", help="the three shipped policies for the model of `make local-models`"
    )
    run.add_argument(
        "--tasks",
        action="append",
        default=[],
        metavar="T.yaml",
        help="a task file (YAML, JSON, JSONL) or the name of a set kept in the lab; default: Baton's 60 tasks",
    )
    run.add_argument("--providers", metavar="P.toml", help="provider declarations; default: those saved in the app")
    _add_limits(run)
    run.add_argument("--judge", metavar="MODEL", help="the model that grades llm-rubric checks")
    run.add_argument(
        "--judge-pairs",
        action="store_true",
        help="the judge also compares every policy's answers with the baseline's, blind and in both orders",
    )
    run.add_argument("--record", action="store_true", help="keep every response, so that the run can be replayed")
    run.add_argument("--replay", metavar="RUN_ID", help="answer from the recording of an earlier run; nothing is sent")
    run.add_argument("--resume", metavar="RUN_ID", help="go on with a planned or interrupted run")
    run.add_argument("--name", default="run", help="a name for the run")


def _add_limits(run: argparse.ArgumentParser) -> None:
    """What a run may spend, how many tasks it asks at a time, and what its policies are held against."""
    run.add_argument("--max-usd", metavar="X", help="the spend cap; 0 allows free models only")
    run.add_argument("--max-usd-per-task", metavar="X", help="the most one task may cost")
    run.add_argument("--max-minutes", type=float, metavar="M", help="stop after this time")
    run.add_argument("--repeats", type=int, default=1, help="how often each task is asked")
    run.add_argument("--concurrency", type=int, default=4, help="tasks at a time")
    run.add_argument("--limit", type=int, metavar="N", help="only the first N tasks")
    run.add_argument("--seed", type=int, default=0, help="seed of every random choice")
    run.add_argument(
        "--strategy",
        default="fixed",
        help="how to pick an endpoint: fixed, shuffle, inverse_price, cheapest, least_busy, latency",
    )
    run.add_argument("--baseline", help="the policy the others are compared with; default: the first")
    run.add_argument("--margin", type=float, default=0.05, help="non-inferiority margin, stated before the run")
    run.add_argument(
        "--predicted",
        metavar="P.json",
        help="what the replay said, to be held against the result: {policy: {cost_usd, quality}}",
    )


def _run(args: argparse.Namespace) -> None:
    state = State.open(args.home)
    if not args.resume:
        refuse_second(state)  # before anything is written down
    run_id = args.resume or create_run(state, args.name, _spec(args, state), state.actor)
    with _Bar(args.json) as bar:
        execute(state, run_id, bar.show)
    found = summary(state, run_id)
    emit_json(found) if args.json else _print(found)
    if found["status"] == "failed":
        raise BadInput(found["ended"])


def _spec(args: argparse.Namespace, state: State) -> dict[str, Any]:
    policies = [_policy(name) for name in args.policy] + (local_policies() if args.local_policies else [])
    if not policies:
        raise BadInput("A run needs a policy; give --policy FILE, or --local-policies after `make local-models`.")
    if args.max_usd is None and not any(p.limits.max_usd for p in policies) and not args.replay:
        raise BadInput(
            "A run needs a spend cap; give --max-usd (0 allows free models only), or limits.max_usd in the policy."
        )
    kept = SETS.all(state)
    sets = [kept[t] if t in kept else read_tasks(t) for t in args.tasks]
    tasks = join_task_sets("+".join(s.name for s in sets), sets) if sets else shipped_tasks()
    for reason in [r for s in sets for r in s.left_out][:3]:
        print(f"left out: {reason}", file=sys.stderr)
    providers = read_providers(args.providers) if args.providers else saved_providers(state)
    return build_spec(
        [under(state, policy) for policy in policies],
        tasks.model_copy(update={"tasks": tasks.tasks[: args.limit]}) if args.limit else tasks,
        providers,
        name=args.name,
        max_usd=args.max_usd,
        max_usd_per_task=args.max_usd_per_task,
        max_minutes=args.max_minutes,
        repeats=args.repeats,
        concurrency=args.concurrency,
        seed=args.seed,
        strategy=args.strategy,
        baseline=args.baseline,
        margin=args.margin,
        judge=args.judge,
        judge_pairs=args.judge_pairs,
        record=args.record,
        replay_of=args.replay,
        predicted=_predicted(args.predicted) if args.predicted else {},
    )


def _predicted(path: str) -> Any:
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(
            f'{path} is no prediction; write JSON such as {{"policy name": {{"cost_usd": 1.5, "quality": 0.9}}}}.'
        ) from error


def build_spec(
    policies: list[Policy], tasks: TaskSet, providers: tuple[Provider, ...], **settings: Any
) -> dict[str, Any]:
    """A checked run spec as plain data, from parts that are already read."""
    if not providers:
        raise BadInput(
            "No provider is declared; run `make local-models` for a free local one, declare one in the lab, or give "
            "--providers FILE.toml."
        )
    body = {
        "policies": [p.model_dump(mode="json") for p in policies],
        "tasks": tasks.model_dump(mode="json", by_alias=True),
        "providers": [p.model_dump(mode="json") for p in providers],
        **settings,
    }
    spec = checked_spec(body)
    refuse_judging_oneself(spec, {})
    return spec.model_dump(mode="json", by_alias=True)


def _policy(name: str) -> Policy:
    shipped = examples()
    return shipped[name] if name in shipped else read_policy_file(name)


def local_policies() -> list[Policy]:
    """Each tier of the local model alone, and the cascade from one to the other on agreement."""
    return [read_policy_file(path) for path in sorted((Path(__file__).parent / "local_policies").glob("*.yaml"))]


def _print(found: dict[str, Any]) -> None:
    rows = [
        (
            name,
            f"{p['passed']}/{p['graded']}",
            _share(p["quality"]),
            f"{_share(p['quality_low'])} to {_share(p['quality_high'])}",
            wording.usd(p["cost_usd"]),
            p["failed"],
            p["refused"],
            p["blocked"],
        )
        for name, p in found["by_policy"].items()
    ]
    emit_table(
        ("policy", "passed", "quality", "95% interval", "cost", "failed", "refused", "blocked"),
        rows,
        title=f"Run {found['run_id']}: {found['status']} ({found['ended']})",
    )
    say(found["verdict"] + ".")
    for c in found["comparisons"]:
        say(f"{c['a']} against {c['b']}: {c['words']} Cost {wording.usd_change(c['cost_difference_usd'])}.")
    for p in found["preferences"]:
        say(p["words"])
    say(
        f"Cost {wording.usd(found['cost_usd'])} ({wording.usd(found['held_usd'])} held) of a cap of "
        f"{found['cap_usd']}; audit trail {'verified' if found['audit_ok'] else 'BROKEN'}."
    )


def _share(value: float | None) -> str:
    return "none" if value is None else wording.share(value)


class _Bar:
    """A progress bar on stderr; silent for machines."""

    def __init__(self, silent: bool) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("${task.fields[usd]:.4f}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            disable=silent or not sys.stderr.isatty(),
        )

    def __enter__(self) -> _Bar:
        self._progress.start()
        self._bar = self._progress.add_task("starting", total=None, usd=0.0)
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, progress: dict[str, Any]) -> None:
        """Draw the engine's progress."""
        self._progress.update(
            self._bar,
            description=progress["status"],
            completed=progress["finished"],
            total=progress["tasks"],
            usd=progress["spent_usd"],
        )
