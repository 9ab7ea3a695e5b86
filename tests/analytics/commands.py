"""Runs one module's subcommands in this process, as `python -m analytics` does."""

from __future__ import annotations

from types import ModuleType

from data import console


def run(module: ModuleType, *argv: object) -> int:
    top, subparsers = console.parser("analytics", "under test")
    module.register(subparsers)
    return console.run(top, [str(word) for word in argv])
