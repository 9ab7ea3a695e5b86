"""What is announced and will change the bill: price changes and ends of models, in dollars of one's own work."""

from __future__ import annotations

import argparse

from analytics.command_options import view_of
from analytics.forecasts import price_changes, retirements
from analytics.scope import Scope
from data import console
from data.errors import BadInput
from data.prices.model_lives import SUCCESSORS
from data.state import State


def name_successor(state: State, model: str, heir: str) -> None:
    """Keep who takes over a model's work; "" forgets it. BadInput where it would take over from itself."""
    if not heir.strip():
        SUCCESSORS.forget(state, model)
    elif heir.strip() == model:
        raise BadInput(f"{model} cannot take over its own work; name another model.")
    else:
        provider, _, name = heir.strip().rpartition("/")
        SUCCESSORS.save(state, model, {"model": name, "provider": provider})


def register(commands: console.Commands) -> None:
    """`python -m analytics ahead`."""
    sub = commands.add("ahead", _command)
    sub.add_argument("--team", action="append", default=[], help="only this team (repeatable)")
    sub.add_argument(
        "--successor",
        action="append",
        default=[],
        metavar="MODEL=OTHER",
        help="who takes over when MODEL ends: a model, or provider/model; empty forgets it (repeatable)",
    )


def _command(args: argparse.Namespace) -> None:
    view, state = view_of(args), State.open(args.home)
    for text in args.successor:
        model, given, heir = text.partition("=")
        if not (given and model.strip()):
            raise BadInput(f"--successor {text} names no two models; write it as gpt-4.1=gpt-5.2.")
        name_successor(state, model.strip(), heir)
    scope = Scope.of(view, None, None, team=args.team)
    changes, ends = price_changes.announced_changes(view, state, scope), retirements.endings(view, state, scope)
    if args.json:
        console.emit_json(
            {
                "price_changes": [price_changes.json_form(change) for change in changes],
                "retirements": [retirements.json_form(ending) for ending in ends],
                "snapshot": view.snapshot(),
            }
        )
        return
    told = [(change.on, change.text) for change in changes if not change.successor]
    told += [(ending.on, ending.text) for ending in ends]
    for _, text in sorted(told):
        console.say(f"{text}.")
    if not told:
        console.say("No price change and no end of a model in use is announced.")
