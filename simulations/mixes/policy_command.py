"""A mix as a routing policy at the command line: written to a file, kept in the store, and what it cannot say."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

import numpy as np

from data import wording
from data.console import emit_table, say, write_file
from data.errors import BadInput
from data.facts.models import Catalog
from data.state import State
from routing.policies.saved_policies import keep_new
from routing.policies.text import write_policy
from simulations.mixes.as_policy import Compiled, as_policy
from simulations.mixes.problem_from_log import Programme


def add_options(sub: argparse.ArgumentParser) -> None:
    """How a mix becomes a policy."""
    sub.add_argument(
        "--save-policy", metavar="NAME", help="with --floor: keep the mix as a routing policy of this name"
    )
    sub.add_argument("--policy-out", metavar="FILE", help="with --floor: write the mix as a routing policy (YAML)")
    sub.add_argument("--rules", type=int, metavar="N", help="a policy of at most N rules; what fewer cost is told")


def check_options(args: argparse.Namespace, *, one_mix: bool) -> None:
    """BadInput where a policy is asked for that nobody can write."""
    asked = args.save_policy is not None or args.policy_out is not None
    if asked and not one_mix:
        raise BadInput("A policy is made of one mix; say which with --floor Q, such as --floor 0.9.")
    if args.rules is not None and (args.rules < 1 or not asked):
        raise BadInput(f"--rules {args.rules}: give a number from 1, with --save-policy NAME or --policy-out FILE.")


def kept_policy(args: argparse.Namespace, made: Programme, shares: np.ndarray, catalog: Catalog) -> Compiled | None:
    """The mix as rules, written and kept as the options ask; None where they do not."""
    if args.save_policy is None and args.policy_out is None:
        return None
    compiled = as_policy(made, shares, catalog, "mix of the log", args.rules)
    if args.save_policy is not None:
        named = compiled.policy.model_copy(update={"name": args.save_policy.strip()})
        compiled = replace(compiled, policy=named)
        keep_new(State.open(args.home), compiled.policy)
    if args.policy_out:
        write_file(args.policy_out, write_policy(compiled.policy))
    return compiled


def compiled_json(compiled: Compiled) -> dict[str, Any]:
    """The policy, what its rules cannot say, and what fewer of them would cost."""
    return {
        "policy": compiled.policy.model_dump(mode="json", exclude_defaults=True),
        "unsaid_usd": compiled.unsaid_usd,
        "simpler": [step._asdict() for step in compiled.simpler],
        "words": compiled.words,
    }


def say_policy(args: argparse.Namespace, compiled: Compiled) -> None:
    """The same for people."""
    rows = [(step.rules, wording.usd(step.cost_usd), wording.quality(step.quality)) for step in compiled.simpler]
    emit_table(("rules", "USD a year", "quality"), rows, right=("rules", "USD a year", "quality"))
    say(compiled.words)
    kept = [f"kept as “{compiled.policy.name}”"] * (args.save_policy is not None)
    kept += [f"written to {args.policy_out}"] * bool(args.policy_out)
    say(f"The policy is {' and '.join(kept)}.")
