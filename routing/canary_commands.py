"""`python -m routing canary`: a rollout planned, judged by the gateway's log, moved on or rolled back; its config."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from data.console import Commands, emit_json, emit_table, say, write_file
from data.errors import BadInput
from data.facts.models import current
from data.ledger import Ledger
from data.state import State
from routing.calling.declarations import saved_providers
from routing.policies.saved_policies import known_policies
from routing.rollout.decision import WORDS, Decision, decide
from routing.rollout.evidence import evidence, usual_traffic
from routing.rollout.moves import advance, begin, roll_back
from routing.rollout.plan import ROLLOUTS, Rollout, usual_plan
from routing.rollout_config import stage_config


def register(commands: Commands) -> None:
    """Add `canary`."""
    sub = commands.add("canary", _canary)
    sub.add_argument(
        "what",
        choices=("plan", "begin", "status", "advance", "rollback", "config"),
        help="plan it; begin the first stage; say go on, hold or roll back; go to the next stage; go back; the "
        "stage's LiteLLM config",
    )
    sub.add_argument("name", help="the rollout")
    sub.add_argument("--control", metavar="POLICY", help="with plan: the policy that answers now")
    sub.add_argument("--candidate", metavar="POLICY", help="with plan: the policy to take over")
    sub.add_argument("--file", metavar="F.yaml", help="with plan: stages and guardrails of one's own")
    sub.add_argument("--because", default="", metavar="WHY", help="with advance: why, where the status is not `go on`")
    sub.add_argument("--out", metavar="FILE", help="with config: where to write; default: the terminal")


def _canary(args: argparse.Namespace) -> None:
    state = State.open(args.home)
    if args.what == "plan":
        _plan(args, state)
        return
    plan = ROLLOUTS.find(state, args.name)
    if args.what == "config":
        _config(args, state, plan)
        return
    ledger = Ledger.open(args.home)
    if args.what == "begin":
        plan = begin(state, args.name, plan)
    elif args.what == "rollback":
        plan = roll_back(state, args.name, plan)
    elif args.what == "advance":
        plan = advance(state, args.name, plan, decide(plan, evidence(ledger, plan), datetime.now(UTC)), args.because)
    found = decide(plan, evidence(ledger, plan), datetime.now(UTC))
    if args.json:
        emit_json(_status_json(args.name, plan, found))
        return
    say(f"{_sentence(args.name, plan, found)}.")
    emit_table(("guardrail", "state", "seen"), [(WORDS[one.rail], one.state, one.words) for one in found.judged])


def _status_json(name: str, plan: Rollout, found: Decision) -> dict[str, Any]:
    """The JSON of a rollout's status."""
    return {
        "rollout": name,
        "control": plan.control,
        "candidate": plan.candidate,
        "stage": plan.stage + 1,
        "stages": len(plan.stages),
        "share": plan.now.share,
        "since": plan.since,
        "ended": plan.ended,
        "decision": None if plan.ended else found.word,
        "reasons": list(found.reasons),
        "guardrails": [{"name": one.rail, "state": one.state, "seen": one.words} for one in found.judged],
    }


def _sentence(name: str, plan: Rollout, found: Decision) -> str:
    """What to do with a rollout and why, in a sentence without its full stop."""
    if plan.ended:
        return f"“{name}” is over: {plan.ended}"
    where = f"stage {plan.stage + 1} of {len(plan.stages)}, {plan.now.name}"
    return f"{found.word.capitalize()} ({where}): {'; '.join(found.reasons)}"


def _plan(args: argparse.Namespace, state: State) -> None:
    if not args.control or not args.candidate:
        raise BadInput("A plan needs --control and --candidate, the names of two policies.")
    known = known_policies(state)
    for name in (args.control, args.candidate):
        if name not in known:
            raise BadInput(f"There is no policy “{name}”; use one of: {', '.join(known)}.")
    if args.file:
        try:
            body = yaml.safe_load(Path(args.file).read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise BadInput(f"{args.file} cannot be read as YAML; write `stages:` and `guardrails:`.") from error
        if not isinstance(body, dict):
            raise BadInput(f"{args.file} holds no plan; write `stages:` and `guardrails:`.")
        plan = ROLLOUTS.read(args.name, {"control": args.control, "candidate": args.candidate, **body})
    else:
        plan = usual_plan(args.control, args.candidate, usual_traffic(Ledger.open(args.home)))
    held = ROLLOUTS.get(state, args.name)
    if held is not None and held.since is not None and not held.ended:
        raise BadInput(f"“{args.name}” is under way; roll it back first, or give the new plan another name.")
    ROLLOUTS.save(state, args.name, plan)
    if args.json:
        emit_json({"rollout": args.name, **plan.model_dump(mode="json")})
        return
    rows = [(at + 1, stage.name, f"{stage.requests:,}", f"{stage.days:g}") for at, stage in enumerate(plan.stages)]
    emit_table(("stage", "share", "requests", "days"), rows, right=("requests", "days"))
    say(f"Kept as “{args.name}”. Load its config into the gateway (`canary config`), then `canary begin`.")


def _config(args: argparse.Namespace, state: State, plan: Rollout) -> None:
    text, notes = stage_config(args.name, plan, known_policies(state), saved_providers(state), current(state))
    if args.out:
        write_file(args.out, text)
    if args.json:
        emit_json({"rollout": args.name, "config": yaml.safe_load(text), "notes": notes, "out": args.out})
    elif args.out:
        say(f"Written to {args.out}; {len(notes)} notes are at its head.")
    else:
        print(text, end="")
