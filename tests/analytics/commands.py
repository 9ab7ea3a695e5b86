"""Runs one module's subcommands in this process, as `python -m analytics` does."""

from __future__ import annotations

from types import ModuleType

from data import console
from routing.policies.in_force import forbidden


def run(module: ModuleType, *argv: object) -> int:
    top, _ = console.parser("analytics", "under test", {str(argv[0]): (module.__name__, "under test")})
    top.set_defaults(forbidden=forbidden)
    return console.run(top, [str(word) for word in argv])
