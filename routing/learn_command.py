"""`python -m routing learn`: a difficulty score from own grades, as part of a policy, or why there is none."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from data import wording
from data.console import Commands, emit_json, emit_table, say, write_file
from data.errors import BadInput, Refused
from data.state import State
from routing.grading.difficulty_training import GradedTask, Learned, learn, policy_of
from routing.grading.point_table import LOG_FEATURES
from routing.policies.conditions import WORDS_OF_PROMPT
from routing.policies.policy import Policy
from routing.policies.saved_policies import POLICIES
from routing.policies.table import score_rows
from routing.policies.text import write_policy
from routing.runs.graded_answers import allowed_only, graded_tasks, only, pair_to_learn

FEATURES = {"log": LOG_FEATURES, "all": (*LOG_FEATURES, *WORDS_OF_PROMPT)}


def register(commands: Commands) -> None:
    """Add `learn`."""
    sub = commands.add("learn", _learn)
    sub.add_argument("run_id", nargs="+", help="runs whose graded answers are learned from")
    sub.add_argument("--cheap", metavar="MODEL", help="the model for easy tasks; default: the cheapest graded one")
    sub.add_argument("--dear", metavar="MODEL", help="the model for hard tasks; default: the best of the others")
    sub.add_argument(
        "--features",
        choices=FEATURES,
        default="log",
        help="log: columns a ledger has, so that the policy can be replayed; all: the words of prompts too",
    )
    sub.add_argument("--margin", type=float, default=0.05, help="how much worse than the best single model it may be")
    sub.add_argument("--name", default="learned difficulty", help="the name of the policy")
    sub.add_argument("--out", metavar="FILE", help="write the policy as YAML")
    sub.add_argument("--save", action="store_true", help="keep the policy in the store")


def learn_from(
    state: State,
    run_ids: list[str],
    cheap: str | None = None,
    dear: str | None = None,
    features: str = "log",
    margin: float = 0.05,
) -> tuple[Learned, list[str]]:
    """(what these runs teach, the models left out by the policy kept to with the reason). Refused where nothing can
    be learned.
    """
    if not 0 < margin < 1:
        raise BadInput(f"--margin {margin:g}: give a share above 0 and below 1, such as 0.05.")
    tasks, left_out = allowed_only(state, graded_tasks(state, run_ids))
    pair = pair_to_learn(tasks, cheap, dear)
    return learn(_with_enough(tasks, pair), *pair, FEATURES[features], margin), left_out


def _with_enough(tasks: list[GradedTask], pair: tuple[str, str]) -> list[GradedTask]:
    """The tasks of both models; of the others, those that answered all of these stay as single models to beat."""
    both = [task for task in tasks if set(pair) <= set(task.passed)]
    models = set.intersection(*(set(task.passed) for task in both)) if both else set()
    return [only(task, models) for task in both]


def learned_json(found: Learned, left_out: list[str], policy: Policy) -> dict[str, Any]:
    """The JSON of what was learned; shares from 0 to 1, USD a task."""
    body = asdict(found) | {"difficulty": found.difficulty.model_dump(mode="json")}
    told = {"worth_it": found.worth_it, "words": found.words, "left_out": left_out}
    return told | body | {"policy": policy.model_dump(mode="json", exclude_defaults=True)}


def learned_rows(found: Learned) -> list[tuple[str, str]]:
    """The score as a small table: what a request is, and the points it gets."""
    return [*score_rows(found.difficulty), (f"{found.dear} answers from", str(found.threshold))]


def _learn(args: argparse.Namespace) -> None:
    state = State.open(args.home)
    found, left_out = learn_from(state, args.run_id, args.cheap, args.dear, args.features, args.margin)
    policy = policy_of(found, args.name)
    if args.json:
        emit_json(learned_json(found, left_out, policy))
    else:
        _print(found, left_out)
    if not found.worth_it:
        raise Refused(f"No policy was made: {'; '.join(found.reasons)}.")
    if args.out:
        write_file(args.out, write_policy(policy))
    if args.save:
        POLICIES.save(state, policy.name, policy)
    if not args.json:
        kept = [f"written to {args.out}"] * bool(args.out) + [f"kept as “{policy.name}”"] * args.save
        say(f"The policy is {' and '.join(kept)}." if kept else "Keep the policy with --save, or --out FILE.")


def _print(found: Learned, left_out: list[str]) -> None:
    rows = [
        (model, wording.share(rated.quality), wording.usd(rated.usd))
        for model, rated in [*found.singles.items(), ("the score, on tasks it had not seen", found.router)]
    ]
    emit_table(("answered by", "passes", "USD a task"), rows, title=f"{found.tasks} tasks that all answered")
    emit_table(("a request", "points"), learned_rows(found), title="Difficulty, held between 0 and 100")
    say(f"{found.words[0].upper()}{found.words[1:]}.")
    say(found.test_words)
    for reason in left_out:
        say(f"{reason}.")
