"""`python -m analytics silent-changes`: models that answer otherwise than before, and whose change that is."""

from __future__ import annotations

import argparse

from analytics.anomalies.silent_changes import json_form, none_found, silent_changes
from analytics.command_options import view_of
from data import console
from data.state import State


def register(commands: console.Commands) -> None:
    """Add `silent-changes` to `python -m analytics`."""
    sub = commands.add("silent-changes", _command)
    sub.add_argument("--as-of", type=int, metavar="N", help="data version to read (default: the newest)")


def _command(args: argparse.Namespace) -> None:
    view = view_of(args)
    found = silent_changes(view, State.open(args.home))
    if args.json:
        told = "" if found else none_found(view)
        console.emit_json({"changes": [json_form(one) for one in found], "note": told, "snapshot": view.snapshot()})
        return
    for one in found:
        console.say(f"{one.title} ({one.why}).")
    if not found:
        console.say(none_found(view))
